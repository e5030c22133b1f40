"""What published scores say of people at a moment, each number with the events that decided it.

Scores are computed by columns, one row a person; one person is a column of one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from lifecourse.base.clock import from_microseconds
from lifecourse.care.gathering import (
    Known,
    assessed_models,
    condition_covariate,
    fixed_columns,
    score_covariates,
)
from lifecourse.care.risk.evaluate import evaluate_columns
from lifecourse.care.risk.library import outcome as outcome_of
from lifecourse.care.score_inputs import Assessed, after_condition, facts_of
from lifecourse.care.scored import (
    COMPUTED,
    NOT_APPLICABLE,
    Assessment,
    InputFact,
    Inputs,
    ScoreResult,
)
from lifecourse.tasks.smoking import words_of
from lifecourse.vocab.codelists import describe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from lifecourse.care.risk.evaluate import Evaluation
    from lifecourse.care.risk.model import Output, Run, ScoreModel
    from lifecourse.timeline.chart import Chart
    from lifecourse.timeline.together import Member, Together

    Answers = Mapping[str, npt.NDArray[np.float64]]
    Columns = dict[str, npt.NDArray[Any]]


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
    return next(_assessments(_People.of_one(chart, at)))


def assess_together(together: Together, charts: Sequence[Member]) -> Iterator[Assessment]:
    """`assess` of each of `charts`, who are some of `together`, at their own moments."""
    covariates = score_covariates()
    persons = [chart.person for chart in charts]
    answered = together.answers(covariates)[persons]
    answers = {each.name: answered[:, place] for place, each in enumerate(covariates)}
    return _assessments(_People(charts, together.moments[persons].tolist(), answers))


def columns_at(chart: Chart, at: int, model: ScoreModel) -> Columns:
    """The inputs of `model` for one person at `at`, as columns of one row; missing stays missing."""
    return _People.of_one(chart, at).known.inputs_of(model)


class _People:
    """Those who are assessed together: charts, moments, and the answers to `score_covariates` as columns."""

    def __init__(self, charts: Sequence[Chart], moments: Sequence[int], answers: Answers) -> None:
        self.charts = charts
        at = [from_microseconds(moment) for moment in moments]
        ages = [completed_years(c.birth, day) for c, day in zip(charts, at, strict=True)]
        sexes = [chart.sex if chart.sex in ("female", "male") else None for chart in charts]
        self.n = len(charts)
        self.known = Known(
            answers=answers,
            age=np.array([np.nan if age is None else float(age) for age in ages]),
            sex=np.array(sexes, dtype=object),
        )
        smoking, decides = self.known.smoking
        self.each = [
            Assessed(
                chart=chart,
                place=place,
                at=moments[place],
                as_of=at[place].isoformat(),
                age=ages[place],
                has_died=chart.death is not None and chart.death <= at[place],
                smoking=words_of(smoking[place]),
                told_by=int(decides[place]),
            )
            for place, chart in enumerate(charts)
        ]

    @classmethod
    def of_one(cls, chart: Chart, at: int) -> _People:
        answers = chart.ask(score_covariates(), at)
        return cls([chart], [at], {name: np.array([value]) for name, value in answers.items()})

    def recorded(self, name: str) -> list[bool]:
        """Whether each has the condition on record."""
        return [bool(each > 0) for each in self.known.answers[condition_covariate(name).name]]


def completed_years(birth: datetime | None, at: datetime) -> int | None:
    """Birthdays reached at `at`; None where the birth is unknown or lies ahead."""
    if birth is None or birth > at:
        return None
    had_birthday = (at.month, at.day) >= (birth.month, birth.day)
    return at.year - birth.year - (not had_birthday)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Evaluated:
    """One run of a score for all: its numbers and those of the comparator."""

    run: Run
    evaluation: Evaluation
    optimal: Evaluation | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A score as it was asked of all: its inputs as columns, who has what bars it or what it needs, its runs."""

    model: ScoreModel
    columns: Columns
    excluding: dict[str, list[bool]]
    required: dict[str, list[bool]]
    runs: tuple[_Evaluated, ...]


def _assessments(people: _People) -> Iterator[Assessment]:
    asked = [_asked(model, people) for model in assessed_models()]
    return (_assessment(person, asked) for person in people.each)


def _asked(model: ScoreModel, people: _People) -> _Asked:
    columns = people.known.inputs_of(model)
    return _Asked(
        model=model,
        columns=columns,
        excluding={name: people.recorded(name) for name in model.population.exclude},
        required={name: people.recorded(name) for name in model.population.require},
        runs=tuple(_runs(model, columns, people.n)),
    )


def _runs(model: ScoreModel, inputs: Columns, n: int) -> Iterator[_Evaluated]:
    """Every run of `model` and what it is compared with, evaluated at once: each a block of n rows."""
    choices = [run.set for run in model.runs]
    if model.comparator is not None:
        choices += [run.set | model.comparator.set for run in model.runs]
    blocks = [inputs | fixed_columns(model, each, n) for each in choices]
    absent = fixed_columns(model, dict.fromkeys(name for block in blocks for name in block), n)
    columns = {
        name: np.concatenate([block.get(name, missing) for block in blocks])
        for name, missing in absent.items()
    }
    found = evaluate_columns(model, columns, n * len(blocks))
    for place, run in enumerate(model.runs):
        other = place + len(model.runs)
        yield _Evaluated(
            run=run,
            evaluation=found.rows(n * place, n * (place + 1)),
            optimal=found.rows(n * other, n * (other + 1)) if model.comparator else None,
        )


def _assessment(person: Assessed, asked: Sequence[_Asked]) -> Assessment:
    results: list[ScoreResult] = []
    for each in asked:
        inputs = Inputs(partial(facts_of, each.model, each.columns, person))
        for run in each.runs:
            results += _results(each, run, person, inputs)
    return Assessment(
        subject_id=person.chart.subject_id,
        as_of=person.as_of,
        age=person.age,
        sex=person.chart.sex,
        scores=tuple(results),
    )


def _results(
    asked: _Asked, evaluated: _Evaluated, person: Assessed, inputs: Sequence[InputFact]
) -> list[ScoreResult]:
    model, run = asked.model, evaluated.run
    found = outcome_of(model, evaluated.evaluation, person.place)
    barrier = _barrier(asked, run, person)
    if barrier is not None:
        reason, condition = barrier
        found |= {"status": NOT_APPLICABLE, "reason": reason, "missing": []}
        if condition is not None:
            inputs = Inputs(partial(after_condition, condition, person, inputs))
    computed = found["status"] == COMPUTED
    comparison = _comparison(model, evaluated.optimal, person.place) if computed else {}
    return [
        _result(model, run, person, inputs, found, name, comparison.get(name))
        for name in model.outputs
    ]


def _result(
    model: ScoreModel,
    run: Run,
    person: Assessed,
    inputs: Sequence[InputFact],
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


def _barrier(asked: _Asked, run: Run, person: Assessed) -> tuple[str, str | None] | None:
    """Why the person is not one the score is for, and the condition on record that says so."""
    if person.has_died:
        return "the person had died", None
    for name, has in asked.excluding.items():
        if has[person.place]:
            title = describe(name)["title"]
            return f"not for people with {title[0].lower()}{title[1:]}", name
    for name, has in asked.required.items():
        if not has[person.place]:
            title = describe(name)["title"]
            return f"only for people with {title[0].lower()}{title[1:]}", None
    if run.ages is not None and person.age is not None:
        low, high = run.ages
        if (low is not None and person.age < low) or (high is not None and person.age > high):
            return f"{run.title} is for ages {low:g} to {high:g}", None
    return None


def _comparison(
    model: ScoreModel, optimal: Evaluation | None, place: int
) -> dict[str, dict[str, Any]]:
    if model.comparator is None or optimal is None:
        return {}
    return {
        name: {"name": model.comparator.title, "value": float(column[place])}
        for name, column in optimal.outputs.items()
        if not np.isnan(column[place])
    }


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
