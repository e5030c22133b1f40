"""Risks of everything at once: a line for each person, outcome and horizon, beside the risk by age and sex alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from lifecourse.models.outcomes.catalogue import NEVER, onsets_of
from lifecourse.models.outcomes.landmarks import UNKNOWN_SEX, YEAR
from lifecourse.models.predicting import DEAD, NO_AGE, asked_about, enter

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from lifecourse.models.outcomes.catalogue import Onsets
    from lifecourse.models.outcomes.model import LogRatios, ModelOfOutcomes
    from lifecourse.timeline.access import Timeline

    Floats = npt.NDArray[np.float64]

ROWS_AT_ONCE = 2_048
OTHER_AGE = "the model learned from people of other ages"


def predict_outcomes(
    model: ModelOfOutcomes,
    timeline: Timeline,
    subject_ids: Sequence[int] | None = None,
    at: int | None = None,
    *,
    futures: int = 0,
    seed: int = 0,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The risk of each outcome in each subject (everyone when None) at `at`, at each one's last record when None.

    Parameters
    ----------
    at : microseconds UTC
    futures : of a sequence model, how many futures to draw of each person from `seed` as well

    Returns
    -------
    risks : ``subject_id outcome title horizon_days risk age_sex_risk ratio``
        `risk` is float32, of the outcome by the horizon; `age_sex_risk` that of everyone of the same age and sex. An
        outcome that the person already had has no line. With `futures` also `share_of_futures`, float32, in which
        it came.
    refused : ``subject_id reason``, who got no number

    Raises
    ------
    ModelError
        Futures are asked of a model that draws none.
    """
    asked = asked_about(timeline, subject_ids, at).with_columns(reason=_reason(model))
    refused = asked.drop_nulls("reason").select("subject_id", "reason")
    rows = asked.filter(pl.col("reason").is_null())
    enter(timeline, asked["subject_id"].to_list(), f"outcomes@{model.version}")
    return _risks_of(model, timeline, rows, futures, seed), refused


def risks_at(
    model: ModelOfOutcomes, logs: LogRatios, rows: pl.DataFrame, age: Floats, female: Floats,
    horizons_days: Sequence[int],
) -> tuple[Floats, Floats]:  # fmt: skip
    """float64[r, k, h] each: the risks at rows of (subject, prediction time), and those by age and sex alone.

    `logs` is what `model.log_ratios_in` gave for the timeline.
    """
    return (
        model.incidence(age, female, logs(rows), horizons_days),
        model.incidence(age, female, None, horizons_days),
    )


def _reason(model: ModelOfOutcomes) -> pl.Expr:
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


def _risks_of(
    model: ModelOfOutcomes, timeline: Timeline, rows: pl.DataFrame, futures: int, seed: int
) -> pl.DataFrame:
    time = rows["prediction_time"].cast(pl.Datetime("us")).cast(pl.Int64).to_numpy()
    age = (time - rows["birth"].cast(pl.Int64).to_numpy()) / YEAR if len(rows) else np.zeros(0)
    told = rows["sex"].replace_strict({"female": 1.0, "male": 0.0}, default=UNKNOWN_SEX)
    female = told.cast(pl.Float64).fill_null(UNKNOWN_SEX).to_numpy()
    onsets = onsets_of(timeline)
    logs = model.log_ratios_in(timeline, onsets)
    parts = []
    for start in range(0, max(len(rows), 1), ROWS_AT_ONCE):
        here = slice(start, start + ROWS_AT_ONCE)
        asked = rows[here].select("subject_id", "prediction_time")
        horizons = model.card["horizons_days"]
        risk, alone = risks_at(model, logs, asked, age[here], female[here], horizons)
        had = had_by(model.names, onsets, asked["subject_id"].to_numpy(), time[here])
        columns = {"risk": risk, "age_sex_risk": alone}
        if futures:
            given = asked, horizons, futures, seed
            columns["share_of_futures"] = model.futures_in(timeline, onsets, *given)
        parts.append(_lines(model, asked["subject_id"].to_numpy(), columns, ~had))
    return pl.concat(parts)


def had_by(
    names: Sequence[str],
    onsets: Onsets,
    subjects: npt.NDArray[np.int64],
    time: npt.NDArray[np.int64],
) -> npt.NDArray[np.bool_]:
    """bool[r, k]: who already had each of the named outcomes at a time (int64[r] microseconds)."""
    place = {name: number for number, name in enumerate(onsets.names)}
    nobody = np.full(len(subjects), NEVER)
    first = [onsets.of(place[name], subjects) if name in place else nobody for name in names]
    return np.stack(first, axis=1) <= time[:, None]


def _lines(
    model: ModelOfOutcomes,
    subjects: npt.NDArray[np.int64],
    told: dict[str, Floats],
    free: npt.NDArray[np.bool_],
) -> pl.DataFrame:
    """A line for each person, outcome that the person is free of, and horizon; `told` has float64[r, k, h] each."""
    person, outcome = np.nonzero(free)
    horizons = np.array(model.card["horizons_days"], dtype=np.int32)
    n = len(horizons)
    names, titles = (
        pl.Series(one, dtype=pl.Enum(sorted(set(one))))[outcome.repeat(n)]
        for one in (model.names, model.titles)
    )
    columns = {name: one[person, outcome].ravel() for name, one in told.items()}
    columns["ratio"] = columns["risk"] / np.maximum(columns["age_sex_risk"], 1e-12)
    return pl.DataFrame(
        {
            "subject_id": subjects[person.repeat(n)],
            "outcome": names,
            "title": titles,
            "horizon_days": np.tile(horizons, len(person)),
            **{name: one.astype(np.float32) for name, one in columns.items()},
        }
    )
