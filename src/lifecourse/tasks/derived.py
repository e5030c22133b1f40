"""What is known of somebody at a moment by more than one look at their record, as columns a recipe can name."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from lifecourse.schema.covariate import Covariate, Summary
from lifecourse.schema.window import before
from lifecourse.tasks.allergies import allergies_taken, recorded_allergies
from lifecourse.tasks.packyears import smoking_at
from lifecourse.tasks.screening import totals_at
from lifecourse.tasks.smoking import Smoking, united
from lifecourse.vocab.codelists import codelist
from lifecourse.vocab.scales import scales

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from lifecourse.schema.code import Codelist
    from lifecourse.timeline.shard import Shard

    Ints = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]

TITLES = {
    "smoking.status": "Smoking status: 0 never, 1 former, 2 current",
    "smoking.pack_years": "Pack-years smoked",
    "smoking.years_since_quitting": "Years since smoking was stopped",
    "allergy.taken": "Drugs taken to which an allergy is recorded",
    **{f"screening.{name}": scale.title for name, scale in scales().items()},
}
"""The columns there are, and what to call them."""
AMOUNTS = (
    "cigarettes_per_day",
    "packs_per_day",
    "pack_years",
    "smoking_quit_date",
    "smoking_start_age",
)


@cache
def evidence_of(name: str) -> Covariate:
    """The question whose events are the records that `name` is derived from."""
    return Covariate(
        name=f"{name}.records", codelist=_records(name), window=before(), summary=Summary.EXISTS
    )


def _records(name: str) -> Codelist:
    about, _, rest = name.partition(".")
    if about == "allergy":
        return recorded_allergies()
    if about == "screening":
        return codelist(scales()[rest].total)
    return united("current_smoker", "former_smoker", "never_smoker", *AMOUNTS)


def derived_columns(
    names: Sequence[str],
    shard: Shard,
    subject_index: Ints,
    prediction_time: Ints,
) -> Floats:
    """float64[r, len(names)]: each of `names` for r subjects (places in `shard`) at their times; NaN: not known."""
    columns = {
        f"screening.{name}": totals_at(scale, shard, subject_index, prediction_time)
        for name, scale in scales().items()
        if f"screening.{name}" in names
    }
    if "allergy.taken" in names:
        columns["allergy.taken"] = allergies_taken(shard, subject_index, prediction_time)
    if any(name.startswith("smoking.") for name in names):
        columns |= _smoking(shard, subject_index, prediction_time)
    return np.column_stack([columns[name] for name in names] or [np.empty((len(subject_index), 0))])


def _smoking(shard: Shard, subject_index: Ints, prediction_time: Ints) -> dict[str, Floats]:
    smoking = smoking_at(shard, subject_index, prediction_time)
    status = smoking.status.astype(np.float64)
    return {
        "smoking.status": np.where(status == Smoking.UNKNOWN, np.nan, status),
        "smoking.pack_years": smoking.pack_years,
        "smoking.years_since_quitting": smoking.years_since_quitting,
    }
