"""Named columns in which nothing was found of anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lifecourse.features.extraction import ALWAYS
from lifecourse.models.diagnostics.concern import Concern

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lifecourse.features import FeatureMatrix

MOST_NAMED = 5


def emptiness(features: FeatureMatrix) -> Iterator[Concern]:
    """A concern where columns of the recipe are missing or 0 in everybody."""
    says = (np.isfinite(features.dense) & (features.dense != 0)).any(axis=0)
    asked = [
        (name, bool(one))
        for name, one in zip(features.dense_names, says, strict=True)
        if name not in ALWAYS
    ]
    empty = [name for name, one in asked if not one]
    if not empty:
        return
    named = ", ".join(f"'{name}'" for name in empty[:MOST_NAMED])
    more = f" and {len(empty) - MOST_NAMED:,} more" if len(empty) > MOST_NAMED else ""
    yield Concern(
        kind="nothing found",
        grave=False,
        said=(
            f"in {len(empty):,} of {len(asked):,} named columns everybody is missing or 0: {named}{more}. Look whether "
            "the store has their codes, written so; a prefix ends in *."
        ),
        measured={"columns": float(len(empty)), "of": float(len(asked))},
    )
