"""Risks of everything at once: a line for each person, outcome and horizon, beside the risk by age and sex alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from lifecourse.features import featurize
from lifecourse.models.outcomes.catalogue import NEVER, onsets_of
from lifecourse.models.outcomes.landmarks import UNKNOWN_SEX, YEAR
from lifecourse.models.predicting import DEAD, NO_AGE, asked_about, enter

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from lifecourse.models.outcomes.catalogue import Onsets
    from lifecourse.models.outcomes.model import OutcomesModel
    from lifecourse.timeline.access import Timeline

    Floats = npt.NDArray[np.float64]

ROWS_AT_ONCE = 2_048
OTHER_AGE = "the model learned from people of other ages"


def predict_outcomes(
    model: OutcomesModel,
    timeline: Timeline,
    subject_ids: Sequence[int] | None = None,
    at: int | None = None,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The risk of each outcome in each subject (everyone when None) at `at`, at each one's last record when None.

    Parameters
    ----------
    at : microseconds UTC

    Returns
    -------
    risks : ``subject_id outcome title horizon_days risk age_sex_risk ratio``
        `risk` is float32, of the outcome by the horizon; `age_sex_risk` that of everyone of the same age and sex. An
        outcome that the person already had has no line.
    refused : ``subject_id reason``, who got no number
    """
    asked = asked_about(timeline, subject_ids, at).with_columns(reason=_reason(model))
    refused = asked.drop_nulls("reason").select("subject_id", "reason")
    rows = asked.filter(pl.col("reason").is_null())
    enter(timeline, asked["subject_id"].to_list(), f"outcomes@{model.version}")
    return _risks_of(model, timeline, rows), refused


def risks_at(
    model: OutcomesModel, timeline: Timeline, rows: pl.DataFrame, age: Floats, female: Floats,
    horizons_days: Sequence[int],
) -> tuple[Floats, Floats]:  # fmt: skip
    """float64[r, k, h] each: the risks at rows of (subject, prediction time), and those by age and sex alone."""
    features = featurize(timeline, rows, model.recipe, vocabulary=model.vocabulary)
    logs = model.ratios.logs(features)
    return (
        model.incidence(age, female, logs, horizons_days),
        model.incidence(age, female, None, horizons_days),
    )


def _reason(model: OutcomesModel) -> pl.Expr:
    """Why somebody gets no number; null where there is no reason."""
    age = (pl.col("prediction_time").cast(pl.Int64) - pl.col("birth").cast(pl.Int64)) / YEAR
    low, high = (model.card["population"][name] for name in ("age_from", "age_to"))
    return (
        pl.when(pl.col("death") <= pl.col("prediction_time"))
        .then(pl.lit(DEAD))
        .when(age.is_null() | (age < 0))
        .then(pl.lit(NO_AGE))
        .when((age < low) | (age > high))
        .then(pl.lit(OTHER_AGE))
    )


def _risks_of(model: OutcomesModel, timeline: Timeline, rows: pl.DataFrame) -> pl.DataFrame:
    time = rows["prediction_time"].cast(pl.Datetime("us")).cast(pl.Int64).to_numpy()
    age = (time - rows["birth"].cast(pl.Int64).to_numpy()) / YEAR if len(rows) else np.zeros(0)
    told = rows["sex"].replace_strict({"female": 1.0, "male": 0.0}, default=UNKNOWN_SEX)
    female = told.cast(pl.Float64).fill_null(UNKNOWN_SEX).to_numpy()
    onsets = onsets_of(timeline)
    parts = []
    for start in range(0, max(len(rows), 1), ROWS_AT_ONCE):
        here = slice(start, start + ROWS_AT_ONCE)
        asked = rows[here].select("subject_id", "prediction_time")
        horizons = model.card["horizons_days"]
        risk, alone = risks_at(model, timeline, asked, age[here], female[here], horizons)
        had = _had(model, onsets, asked["subject_id"].to_numpy(), time[here])
        parts.append(_lines(model, asked["subject_id"].to_numpy(), risk, alone, ~had))
    return pl.concat(parts)


def _had(
    model: OutcomesModel, onsets: Onsets, subjects: npt.NDArray[np.int64], time: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:  # fmt: skip
    """bool[r, k]: who already had each outcome."""
    place = {name: number for number, name in enumerate(onsets.names)}
    nobody = np.full(len(subjects), NEVER)
    first = [onsets.of(place[name], subjects) if name in place else nobody for name in model.names]
    return np.stack(first, axis=1) <= time[:, None]


def _lines(
    model: OutcomesModel,
    subjects: npt.NDArray[np.int64],
    risk: Floats,
    alone: Floats,
    free: npt.NDArray[np.bool_],
) -> pl.DataFrame:
    person, outcome = np.nonzero(free)
    horizons = np.array(model.card["horizons_days"], dtype=np.int32)
    n = len(horizons)
    names, titles = (
        pl.Series(one, dtype=pl.Enum(sorted(set(one))))[outcome.repeat(n)]
        for one in (model.names, model.titles)
    )
    of_person, of_age = (one[person, outcome].ravel() for one in (risk, alone))
    return pl.DataFrame(
        {
            "subject_id": subjects[person.repeat(n)],
            "outcome": names,
            "title": titles,
            "horizon_days": np.tile(horizons, len(person)),
            "risk": of_person.astype(np.float32),
            "age_sex_risk": of_age.astype(np.float32),
            "ratio": (of_person / np.maximum(of_age, 1e-12)).astype(np.float32),
        }
    )
