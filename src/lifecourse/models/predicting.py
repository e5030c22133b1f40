"""Predict: a person's risk with its interval, horizon, comparator and reasons, or a refusal with one."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from lifecourse.base.errors import UserError
from lifecourse.features import featurize
from lifecourse.features.extraction import RowsByShard
from lifecourse.models.evaluation.calibration import wilson
from lifecourse.models.explaining import explain
from lifecourse.models.model import age_band, sex_name
from lifecourse.tasks import Task
from lifecourse.tasks.cohort import had_before

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from lifecourse.models.model import RiskModel
    from lifecourse.timeline.access import Timeline

DEAD = "the person has died"
NO_AGE = "the age is not known, and the model needs it"
INTERVAL = "95 % interval of how often it happened to people of similar risk, out of fold"
INTERVAL_OF_ESTIMATE = (
    "90 % interval of the estimate, had other people of the same kind been learned from"
)
WIDEST_COMPARATOR = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskEstimate:
    """One person's risk of the model's outcome within `horizon_days` of `as_of`.

    value : probability, None where the model does not apply; `reason` says why
    interval : `interval_reason` says of what; widened to hold `value`
    calibrated_between : of a model of yes or no, the two probabilities between which calibration leaves the person
        (`lifecourse.models.venn_abers`): far apart where few people of such a risk were learned from. They have no
        level, and who else could have been learned from is not in them
    comparator : mean risk of people of the same sex and age band
    contributions : the clinical facts that move this risk most from the average, in log-odds, or in log hazards of a
        model of times to events, each with its columns (`lifecourse.models.explaining.explain`)
    not_measured : facts that the model would go by and nobody measured
    curve : of such a model, for each of its horizons the risk, and the chance of each competing cause to come first
    """

    subject_id: int
    value: float | None
    horizon_days: int | None
    as_of: str
    model: str
    model_version: str
    title: str
    interval: tuple[float, float] | None = None
    interval_reason: str = INTERVAL
    calibrated_between: tuple[float, float] | None = None
    comparator: dict[str, Any] | None = None
    contributions: list[dict[str, Any]] = field(default_factory=list)
    not_measured: list[str] = field(default_factory=list)
    curve: list[dict[str, Any]] = field(default_factory=list)
    reason: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


def predict(
    model: RiskModel,
    timeline: Timeline,
    subject_ids: Sequence[int] | None = None,
    at: int | None = None,
) -> list[RiskEstimate]:
    """The risk of each subject (of everyone when None) at `at`, at each one's own last record when None.

    `at` is microseconds UTC. People outside the ages the model learned from, the dead, and those
    who already had what the task washes out get no number, but the reason.

    Raises
    ------
    UserError
        A subject is not in the store.
    """
    rows = asked_about(timeline, subject_ids, at).select("subject_id", "prediction_time", "death")
    if rows.is_empty():
        return []
    features = featurize(timeline, rows, model.recipe, vocabulary=model.vocabulary)
    curves = model.incidence(features)
    ends, between = model.intervals(features), model.calibrated_between(features)
    reasons = explain(model, features)
    had = _had_before(model, timeline, rows)
    enter(timeline, rows["subject_id"].to_list(), f"{model.name}@{model.version}")
    return [
        _estimate(
            model,
            row,
            features.dense[i, :2],
            curves[i],
            None if ends is None else (ends[0][i], ends[1][i]),
            None if between is None else (float(between[0][i]), float(between[1][i])),
            *reasons[i],
            "the person already had it" if had[i] else None,
        )
        for i, row in enumerate(rows.iter_rows(named=True))
    ]


def asked_about(
    timeline: Timeline, subject_ids: Sequence[int] | None, at: int | None
) -> pl.DataFrame:
    """`Timeline.persons` with ``prediction_time``: `at`, or each one's own last record; who has none is left out.

    Raises
    ------
    UserError
        A subject is not in the store.
    """
    persons = timeline.persons()
    if subject_ids is not None:
        known = set(persons["subject_id"].to_list())
        for subject_id in subject_ids:
            if subject_id not in known:
                raise UserError(f"the store has no subject {subject_id}.")
        wanted = pl.DataFrame({"subject_id": list(subject_ids)}, schema={"subject_id": pl.Int64})
        persons = wanted.join(persons, on="subject_id", how="left", maintain_order="left")
    moment = pl.lit(at, pl.Int64).cast(pl.Datetime("us")) if at is not None else pl.col("as_of")
    return persons.with_columns(prediction_time=moment).drop_nulls("prediction_time")


def enter(timeline: Timeline, people: list[int], model: str) -> None:
    """Tell the audit log of whom a model, ``name@version``, was asked."""
    timeline.record(
        "predict",
        f"subject/{people[0]}" if len(people) == 1 else "store",
        people=people if len(people) > 1 else (),
        rows=len(people),
        models=[model],
    )


def _estimate(
    model: RiskModel,
    row: dict[str, Any],
    age_and_sex: npt.NDArray[np.float64],
    curve: npt.NDArray[np.float64],
    ends: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None,
    between: tuple[float, float] | None,
    contributions: list[dict[str, Any]],
    not_measured: list[str],
    not_at_risk: str | None,
) -> RiskEstimate:
    age, female = float(age_and_sex[0]), float(age_and_sex[1])
    refusal = _refusal(model, row, age) or not_at_risk
    risk = float(curve[0, -1])
    return RiskEstimate(
        subject_id=row["subject_id"],
        value=None if refusal else risk,
        horizon_days=model.card["horizon_days"],
        as_of=row["prediction_time"].isoformat(),
        model=model.name,
        model_version=model.version,
        title=model.card["title"],
        interval=None if refusal else _interval(model, risk, ends),
        interval_reason=INTERVAL if ends is None else INTERVAL_OF_ESTIMATE,
        calibrated_between=None if refusal else between,
        comparator=None if refusal else _comparator(model, age, female),
        contributions=[] if refusal else contributions,
        not_measured=[] if refusal else not_measured,
        curve=[] if refusal else _curve(model, curve, ends),
        reason=refusal,
    )


def _curve(
    model: RiskModel,
    curve: npt.NDArray[np.float64],
    ends: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None,
) -> list[dict[str, Any]]:
    """A line a horizon, of a model of times to events."""
    if len(model.causes) == 1 and curve.shape[1] == 1:
        return []
    others = model.causes[1:]
    return [
        {
            "horizon_days": days,
            "value": float(curve[0, h]),
            "interval": None if ends is None else [float(end[0, h]) for end in ends],
            "first": {name: float(curve[c, h]) for c, name in enumerate(others, start=1)},
        }
        for h, days in enumerate(model.horizons_days)
    ]


def _had_before(model: RiskModel, timeline: Timeline, rows: pl.DataFrame) -> npt.NDArray[np.bool_]:
    """bool[r]: those whom the task's washout leaves out; a new disease cannot be foreseen in who has it."""
    had = np.zeros(rows.height, dtype=np.bool_)
    if isinstance(model.task, Task) and model.task.washout is not None:
        for shard, places, subjects, times in RowsByShard(timeline, rows).by_shard():
            had[places] = had_before(shard, model.task, subjects, times)
    return had


def _refusal(model: RiskModel, row: dict[str, Any], age: float) -> str | None:
    if row["death"] is not None and row["death"] <= row["prediction_time"]:
        return DEAD
    population = model.card["population"]
    low, high = population["age_from"], population["age_to"]
    if low is None:
        return None
    if not np.isfinite(age):
        return NO_AGE
    if not low <= age <= high:
        return f"the model learned from people aged {low:.0f} to {high:.0f}"
    return None


def _interval(
    model: RiskModel,
    risk: float,
    ends: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None,
) -> tuple[float, float] | None:
    """None of a model that is not judged by its horizon, and has no members to tell."""
    if ends is not None:
        return min(float(ends[0][0, -1]), risk), max(float(ends[1][0, -1]), risk)
    if model.card.get("judged_at_days", model.card["horizon_days"]) != model.card["horizon_days"]:
        return None
    table = model.card["calibration"]
    nearest = min(table, key=lambda group: abs(group["predicted"] - risk))
    low, high = wilson(round(nearest["observed"] * nearest["people"]), nearest["people"])
    return min(low, risk), max(high, risk)


def _comparator(model: RiskModel, age: float, female: float) -> dict[str, Any] | None:
    name = f"{sex_name(female)}, {age_band(age)}"
    found = model.card["comparators"].get(name)
    if found is None or found["rows"] < WIDEST_COMPARATOR:
        return None
    return {"label": f"people like this ({name})", "value": found["risk"]}
