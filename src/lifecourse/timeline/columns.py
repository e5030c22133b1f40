"""Which columns an event counts in, by its code: its own, and those of the groups of codes that it belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Ids = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """n columns over the codes of a store.

    by_code : int32[layers, codes]
        The columns of code c are ``by_code[:, c]``, -1 for none. A code in as many groups as there are layers is in
        one column of each: levels of a hierarchy are a layer each.
    """

    by_code: Ids
    n: int

    @classmethod
    def of_all(cls, n_codes: int) -> Columns:
        """A column for each code."""
        return cls(by_code=np.arange(n_codes, dtype=np.int32)[None], n=n_codes)

    @classmethod
    def of(cls, members: Sequence[Ids], n_codes: int) -> Columns:
        """A column for each of `members`, the ids of the codes that count in it; an empty one is an empty column."""
        first = np.full(n_codes, -1, dtype=np.int32)
        single = np.array([p for p, ids in enumerate(members) if len(ids) == 1], dtype=np.int32)
        alone: dict[int, None] = {}
        if len(single):
            # Of several columns of one code alone, such as its own and that of a group of one, the first.
            ids, which = np.unique(
                np.concatenate([members[place] for place in single]), return_index=True
            )
            first[ids] = single[which]
            alone = dict.fromkeys(single[which].tolist())
        layers = [first]
        for place, ids in enumerate(members):
            if len(ids) == 0 or place in alone:
                continue
            layer = next((one for one in layers if (one[ids] == -1).all()), None)
            if layer is None:
                layer = np.full(n_codes, -1, dtype=np.int32)
                layers.append(layer)
            layer[ids] = place
        return cls(by_code=np.stack(layers), n=len(members))
