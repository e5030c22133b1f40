"""What a score was given of a person, and the events that decided it, read from the chart when asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lifecourse.care.gathering import condition_covariate, covariates_of
from lifecourse.care.risk.library import score_model
from lifecourse.care.scored import DecidingEvent, InputFact
from lifecourse.schema.code import codes
from lifecourse.schema.covariate import Covariate, Summary
from lifecourse.schema.event import BIRTH
from lifecourse.schema.window import before
from lifecourse.tasks.smoking import smoking_covariates
from lifecourse.vocab.codelists import describe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from lifecourse.care.risk.model import Input, ScoreModel
    from lifecourse.timeline.chart import Chart

# An answer that many events decide (forty diagnoses of hypertension) names the latest of them.
MOST_EVENTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessed:
    """One of those who are assessed together.

    place : the row in the columns of scores
    at : microseconds UTC; only what was known at or before it counts
    told_by : which of `smoking_covariates` has the record that decides whether they smoke; -1 for none
    """

    chart: Chart
    place: int
    at: int
    as_of: str
    age: int | None
    has_died: bool
    smoking: str | None
    told_by: int


def facts_of(
    model: ScoreModel, columns: Mapping[str, npt.NDArray[Any]], person: Assessed
) -> tuple[InputFact, ...]:
    """What `model` was given of `person`, each input with the events that decided it."""
    return tuple(
        _fact(name, each, columns[name][person.place], person)
        for name, each in model.inputs.items()
        if name in columns and each.when is None
    )


def _fact(name: str, each: Input, value: Any, person: Assessed) -> InputFact:
    known = value is not None and value == value
    title = each.title or name.replace("_", " ")
    if each.kind in ("condition", "drug", "smoking"):
        shown: Any = bool(value) if known else None
    elif each.kind == "sex":
        shown = value
    else:
        shown = float(value) if known else None
    events, note = _behind(each, person)
    return InputFact(name=name, title=title, value=shown, unit=each.unit, note=note, events=events)


def _behind(each: Input, person: Assessed) -> tuple[tuple[DecidingEvent, ...], str | None]:
    if each.kind == "age":
        return _events(person, _BIRTH), None
    if each.kind == "smoking":
        if person.told_by < 0:
            return (), None
        return _events(person, smoking_covariates()[person.told_by]), f"{person.smoking} smoker"
    events = tuple(
        event for covariate in covariates_of(each) for event in _events(person, covariate)
    )
    if events or each.otherwise is None:
        return events, None
    return _computed_from(each.otherwise, person)


def _computed_from(source: str, person: Assessed) -> tuple[tuple[DecidingEvent, ...], str | None]:
    model = score_model(source.split(".", 1)[0])
    events = [
        event
        for each in model.inputs.values()
        for covariate in covariates_of(each)
        for event in _events(person, covariate)
    ]
    return tuple(events), f"computed by {model.title}" if events else None


_BIRTH = Covariate(
    name="birth", codelist=codes(BIRTH, BIRTH), window=before(), summary=Summary.TIME_FIRST
)


def _events(person: Assessed, covariate: Covariate) -> tuple[DecidingEvent, ...]:
    deciding = person.chart.deciding(covariate, person.at, MOST_EVENTS)
    return tuple(
        DecidingEvent(
            code=row["code"],
            time=None if row["time"] is None else row["time"].isoformat(),
            value=row["numeric_value"],
            unit=row["unit"],
            text=row["text_value"],
            source_id=row["source_id"],
        )
        for row in deciding
    )


def after_condition(
    name: str, person: Assessed, inputs: Sequence[InputFact]
) -> tuple[InputFact, ...]:
    """The condition that bars the score, and then its inputs."""
    condition = InputFact(
        name=name,
        title=describe(name)["title"],
        value=True,
        events=_events(person, condition_covariate(name)),
    )
    return condition, *inputs
