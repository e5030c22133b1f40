"""Where in a shard events of one meaning are, and whose they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lifecourse.timeline.kernel import inclusive_range
from lifecourse.timeline.shard import STATIC

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.schema.code import Codelist
    from lifecourse.schema.covariate import ValueRange
    from lifecourse.timeline.shard import Shard


def occurrences(
    shard: Shard, codelist: Codelist, values: ValueRange | None = None
) -> npt.NDArray[np.int64]:
    """int64 places in the shard of the dated events that `codelist` and `values` mean, in order."""
    meant = np.zeros(len(shard.codes), dtype=np.bool_)
    meant[shard.codes.ids(codelist)] = True
    places = np.flatnonzero(meant[shard.code]) if meant.any() else np.zeros(0, dtype=np.int64)
    places = places[shard.time[places] != STATIC]
    found: npt.NDArray[np.int64] = within(shard, places, values).astype(np.int64)
    return found


def within(
    shard: Shard, places: npt.NDArray[np.int64], values: ValueRange | None
) -> npt.NDArray[np.int64]:
    """Those of the places whose value is in the range; all where there is none."""
    if values is None:
        return places
    low, high = inclusive_range(values)
    number = shard.value[places]
    return places[(number >= np.float32(low)) & (number <= np.float32(high))]
