"""What published scores say of one person at one moment, each number with the events that decided it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from lifecourse.base.clock import from_microseconds
from lifecourse.care.gathering import (
    assessed_models,
    condition_covariate,
    covariates_of,
    fixed_columns,
    input_columns,
    score_covariates,
)
from lifecourse.care.risk.evaluate import evaluate_columns
from lifecourse.care.risk.library import outcome as outcome_of
from lifecourse.care.risk.library import score_model
from lifecourse.care.scored import (
    COMPUTED,
    NOT_APPLICABLE,
    Assessment,
    DecidingEvent,
    InputFact,
    ScoreResult,
)
from lifecourse.schema.code import codes
from lifecourse.schema.covariate import Covariate, Summary
from lifecourse.schema.event import BIRTH
from lifecourse.schema.window import before
from lifecourse.tasks.smoking import deciding_covariate, smoking_status, words_of
from lifecourse.vocab.codelists import describe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from lifecourse.care.risk.model import Input, Output, Run, ScoreModel
    from lifecourse.timeline.chart import Chart

    Answers = Mapping[str, npt.NDArray[np.float64]]

# An answer that many events decide (forty diagnoses of hypertension) names the latest of them.
MOST_EVENTS = 5


def assess(chart: Chart, at: int) -> Assessment:
    """Every score of the library that can be asked of a chart, at one moment.

    Parameters
    ----------
    chart : Chart
    at : microseconds UTC; only what was known at or before it counts

    Returns
    -------
    Assessment
        A score without a number says why: not applicable (age, exclusion, range) or what is missing.
    """
    person = _Person.of(chart, at)
    results: list[ScoreResult] = []
    for model in assessed_models():
        inputs = _facts(model, person)
        for run in model.runs:
            results += _run(model, run, person, inputs)
    return Assessment(
        subject_id=chart.subject_id,
        as_of=person.as_of,
        age=person.age,
        sex=chart.sex,
        scores=tuple(results),
    )


def columns_at(chart: Chart, at: int, model: ScoreModel) -> dict[str, npt.NDArray[Any]]:
    """The inputs of `model` for one person at `at`, as columns of one row; missing stays missing."""
    person = _Person.of(chart, at)
    return input_columns(model, person.answers, person.age_column, person.sex_column)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Person:
    chart: Chart
    at: int
    as_of: str
    age: int | None
    answers: Answers

    @classmethod
    def of(cls, chart: Chart, at: int) -> _Person:
        answers = chart.ask(score_covariates(), at)
        moment = from_microseconds(at)
        return cls(
            chart=chart,
            at=at,
            as_of=moment.isoformat(),
            age=completed_years(chart.birth, moment),
            answers={name: np.array([value]) for name, value in answers.items()},
        )

    @property
    def age_column(self) -> npt.NDArray[np.float64]:
        return np.array([np.nan if self.age is None else float(self.age)])

    @property
    def sex_column(self) -> npt.NDArray[Any]:
        known = self.chart.sex if self.chart.sex in ("female", "male") else None
        return np.array([known], dtype=object)

    @property
    def has_died(self) -> bool:
        death = self.chart.death
        return death is not None and death <= from_microseconds(self.at)


def completed_years(birth: datetime | None, at: datetime) -> int | None:
    """Birthdays reached at `at`; None where the birth is unknown or lies ahead."""
    if birth is None or birth > at:
        return None
    had_birthday = (at.month, at.day) >= (birth.month, birth.day)
    return at.year - birth.year - (not had_birthday)


def _run(
    model: ScoreModel, run: Run, person: _Person, inputs: tuple[InputFact, ...]
) -> list[ScoreResult]:
    columns = input_columns(model, person.answers, person.age_column, person.sex_column)
    columns |= fixed_columns(model, run.set)
    found = outcome_of(model, evaluate_columns(model, columns, 1), 0)
    barrier = _barrier(model, run, person)
    if barrier is not None:
        found |= {"status": NOT_APPLICABLE, "reason": barrier[0], "missing": []}
        inputs = (*barrier[1], *inputs)
    computed = found["status"] == COMPUTED
    comparison = _comparison(model, columns) if computed else {}
    return [
        _result(model, run, person, inputs, found, name, comparison.get(name))
        for name in model.outputs
    ]


def _result(
    model: ScoreModel,
    run: Run,
    person: _Person,
    inputs: tuple[InputFact, ...],
    found: Mapping[str, Any],
    name: str,
    comparator: dict[str, Any] | None,
) -> ScoreResult:
    output = model.outputs[name]
    value = found[name] if found["status"] == COMPUTED else None
    return ScoreResult(
        name=model.id,
        title=_title(model, output, run),
        outcome=name,
        horizon_years=run.horizon_years or output.horizon_years,
        value=value,
        unit=output.unit,
        status=found["status"],
        reason=found["reason"],
        equation=model.equation_name,
        version=str(model.version),
        as_of=person.as_of,
        applies_to=model.population.text,
        interval_reason=model.interval,
        band=_band(output, value, run.horizon_years or output.horizon_years),
        comparator=comparator,
        missing=tuple(_needed(model, name) for name in found["missing"]),
        warnings=tuple(found["warnings"]),
        inputs=inputs,
        source=model.evidence[0].citation,
        doi=model.evidence[0].doi,
    )


def _barrier(
    model: ScoreModel, run: Run, person: _Person
) -> tuple[str, tuple[InputFact, ...]] | None:
    """Why the person is not one the score is for, and the events that say so."""
    if person.has_died:
        return "the person had died", ()
    for name in model.population.exclude:
        if _is_recorded(name, person):
            title = describe(name)["title"]
            return f"not for people with {title[0].lower()}{title[1:]}", (_condition(name, person),)
    for name in model.population.require:
        if not _is_recorded(name, person):
            title = describe(name)["title"]
            return f"only for people with {title[0].lower()}{title[1:]}", ()
    if run.ages is not None and person.age is not None:
        low, high = run.ages
        if (low is not None and person.age < low) or (high is not None and person.age > high):
            return f"{run.title} is for ages {low:g} to {high:g}", ()
    return None


def _is_recorded(name: str, person: _Person) -> bool:
    return bool(person.answers[condition_covariate(name).name][0] > 0)


def _condition(name: str, person: _Person) -> InputFact:
    return InputFact(
        name=name,
        title=describe(name)["title"],
        value=True,
        events=_events(person, condition_covariate(name)),
    )


def _comparison(
    model: ScoreModel, columns: Mapping[str, npt.NDArray[Any]]
) -> dict[str, dict[str, Any]]:
    if model.comparator is None:
        return {}
    optimal = {**columns, **fixed_columns(model, model.comparator.set)}
    evaluation = evaluate_columns(model, optimal, 1)
    return {
        name: {"name": model.comparator.title, "value": float(column[0])}
        for name, column in evaluation.outputs.items()
        if not np.isnan(column[0])
    }


def _facts(model: ScoreModel, person: _Person) -> tuple[InputFact, ...]:
    columns = input_columns(model, person.answers, person.age_column, person.sex_column)
    return tuple(
        _fact(name, each, columns[name][0], person)
        for name, each in model.inputs.items()
        if name in columns and each.when is None
    )


def _fact(name: str, each: Input, value: Any, person: _Person) -> InputFact:
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


def _behind(each: Input, person: _Person) -> tuple[tuple[DecidingEvent, ...], str | None]:
    if each.kind == "age":
        return _events(person, _BIRTH), None
    if each.kind == "smoking":
        asked = deciding_covariate(person.answers)
        if asked is None:
            return (), None
        status = words_of(smoking_status(person.answers)[0])
        return _events(person, asked), f"{status} smoker"
    events = tuple(
        event for covariate in covariates_of(each) for event in _events(person, covariate)
    )
    if events or each.otherwise is None:
        return events, None
    return _computed_from(each.otherwise, person)


def _computed_from(source: str, person: _Person) -> tuple[tuple[DecidingEvent, ...], str | None]:
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


def _events(person: _Person, covariate: Covariate) -> tuple[DecidingEvent, ...]:
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


def _needed(model: ScoreModel, name: str) -> str:
    each = model.inputs[name]
    if each.otherwise is not None and each.codelist is not None:
        return each.codelist
    return {"smoking": "smoking_status"}.get(each.kind) or each.codelist or name


def _band(output: Output, value: float | None, years: float | None) -> str | None:
    if value is None:
        return None
    bands = [band for band in output.bands if band.years in (None, years)]
    named = [band.name for band in bands if value >= band.at_least]
    return named[-1] if named else None


def _title(model: ScoreModel, output: Output, run: Run) -> str:
    horizon = run.horizon_years or output.horizon_years
    years = "" if horizon is None else f", {horizon:g} years"
    short: Sequence[str] = (f"{output.title[0].upper()}{output.title[1:]}", years, f" ({model.id})")
    return "".join(short)
