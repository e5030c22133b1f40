"""Every score of everyone in a timeline, in one sweep a shard; the same answers as `assess` gives one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from lifecourse.care.gathering import (
    Known,
    assessed_models,
    condition_covariate,
    fixed_columns,
    score_covariates,
)
from lifecourse.care.risk.evaluate import evaluate_columns
from lifecourse.care.scored import COMPUTED, MISSING, NOT_APPLICABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from lifecourse.care.risk.model import Run, ScoreModel
    from lifecourse.timeline.access import Timeline
    from lifecourse.timeline.shard import Shard

    Flags = npt.NDArray[np.bool_]

SCHEMA = {
    "subject_id": pl.Int64,
    "name": pl.String,
    "outcome": pl.String,
    "horizon_years": pl.Float64,
    "status": pl.String,
    "value": pl.Float64,
}


def assess_panel(timeline: Timeline, at: int | None = None) -> pl.DataFrame:
    """Every assessed score of every subject.

    Parameters
    ----------
    timeline : Timeline
    at : microseconds UTC, the same moment for all; None: each person's own last record

    Returns
    -------
    table of subject_id, name, outcome, horizon_years, status, value (null unless computed)
        Sorted by subject, in the order of `assess`. People without a dated record are absent.
    """
    persons = timeline.persons().filter(pl.col("as_of").is_not_null())
    tables = [_assess_shard(shard, persons, at) for shard in timeline.shards()]
    found = pl.concat([pl.DataFrame(schema=SCHEMA), *tables])
    return found.sort("subject_id", maintain_order=True)


def _assess_shard(shard: Shard, persons: pl.DataFrame, at: int | None) -> pl.DataFrame:
    from lifecourse.timeline.kernel import compile_covariates, evaluate

    here = persons.filter(pl.col("subject_id").is_in(shard.subject_ids.tolist()))
    if here.is_empty():
        return pl.DataFrame(schema=SCHEMA)
    moment = pl.col("as_of") if at is None else pl.lit(at).cast(pl.Datetime("us"))
    here = here.with_columns(at=moment)
    covariates = score_covariates()
    answered = evaluate(
        shard,
        compile_covariates(covariates, shard.codes),
        shard.index_of(here["subject_id"].to_numpy()),
        here["at"].cast(pl.Int64).to_numpy(),
    )
    known = Known(
        answers={each.name: answered[:, place] for place, each in enumerate(covariates)},
        age=completed_years_column(here),
        sex=_sex(here),
    )
    return pl.concat(
        [_assess_run(model, run, here, known) for model in assessed_models() for run in model.runs]
    )


def _assess_run(
    model: ScoreModel,
    run: Run,
    people: pl.DataFrame,
    known: Known,
) -> pl.DataFrame:
    n = people.height
    columns = known.inputs_of(model) | fixed_columns(model, run.set, n)
    evaluation = evaluate_columns(model, columns, n)
    barred = _barred(model, run, people, known.age, known.answers) | _any(
        evaluation.out_of_range, n
    )
    missing = _any(evaluation.missing, n)
    status = np.where(barred, NOT_APPLICABLE, np.where(missing, MISSING, COMPUTED))
    tables = [
        pl.DataFrame(
            {
                "subject_id": people["subject_id"],
                "name": model.id,
                "outcome": name,
                "horizon_years": run.horizon_years or output.horizon_years,
                "status": status.tolist(),
                "value": np.where(barred, np.nan, evaluation.outputs[name]),
            },
            schema_overrides=SCHEMA,
        ).with_columns(pl.col("value").fill_nan(None))
        for name, output in model.outputs.items()
    ]
    return pl.concat(tables)


def _barred(
    model: ScoreModel,
    run: Run,
    people: pl.DataFrame,
    age: npt.NDArray[np.float64],
    answers: Mapping[str, npt.NDArray[np.float64]],
) -> Flags:
    barred = (people["death"] <= people["at"]).fill_null(value=False).to_numpy().copy()
    for name in model.population.exclude:
        barred |= answers[condition_covariate(name).name] > 0
    for name in model.population.require:
        barred |= ~(answers[condition_covariate(name).name] > 0)
    if run.ages is not None:
        low, high = run.ages
        barred |= (age < (-np.inf if low is None else low)) | (
            age > (np.inf if high is None else high)
        )
    return np.asarray(barred, dtype=bool)


def completed_years_column(people: pl.DataFrame) -> npt.NDArray[np.float64]:
    """Birthdays reached at ``at``; NaN where the birth is unknown or lies ahead."""
    birth, at = pl.col("birth"), pl.col("at")
    before_birthday = _day_of_year(at) < _day_of_year(birth)
    years = at.dt.year() - birth.dt.year() - before_birthday.cast(pl.Int32)
    known = pl.when(birth <= at).then(years.cast(pl.Float64))
    return people.select(known.alias("age"))["age"].fill_null(np.nan).to_numpy()


def _day_of_year(time: pl.Expr) -> pl.Expr:
    return time.dt.month().cast(pl.Int32) * 100 + time.dt.day().cast(pl.Int32)


def _sex(people: pl.DataFrame) -> npt.NDArray[Any]:
    known = [sex if sex in ("female", "male") else None for sex in people["sex"].to_list()]
    return np.array(known, dtype=object)


def _any(flags: Mapping[str, Flags], n: int) -> Flags:
    found = np.zeros(n, dtype=bool)
    for each in flags.values():
        found |= each
    return found
