"""Scores of one person at one moment, each with its inputs and the events that decided them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

COMPUTED = "computed"
NOT_APPLICABLE = "not_applicable"
MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidingEvent:
    """An event behind an answer, as the chart has it."""

    code: str
    time: str | None
    value: float | None
    unit: str | None
    text: str | None
    source_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InputFact:
    """One input of a score as it was for this person; value None = not known."""

    name: str
    title: str
    value: float | str | bool | None
    unit: str | None = None
    note: str | None = None
    events: tuple[DecidingEvent, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreResult:
    """One output of one score.

    name : the score's id
    outcome : which of its outputs
    value : in `unit` (``probability`` is 0 to 1); None unless `status` is ``computed``
    status : ``computed``, ``not_applicable`` (excluded or out of range) or ``missing``
    missing : what is missing, as codelists (or ``age``, ``sex``, ``smoking_status``)
    comparator : the same equation for the same age and sex with optimal risk factors
    """

    name: str
    title: str
    outcome: str
    horizon_years: float | None
    value: float | None
    unit: str
    status: str
    reason: str | None
    equation: str
    version: str
    as_of: str
    applies_to: str
    interval: tuple[float, float] | None = None
    interval_reason: str | None = None
    band: str | None = None
    comparator: dict[str, Any] | None = None
    missing: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    inputs: tuple[InputFact, ...] = ()
    source: str | None = None
    doi: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """Every score of one person at one moment."""

    subject_id: int
    as_of: str
    age: int | None
    sex: str | None
    scores: tuple[ScoreResult, ...] = field(default=())

    def score(self, name: str, outcome: str, years: float | None = None) -> ScoreResult:
        """The result of one score's output; `years` chooses among horizons."""
        for each in self.scores:
            if (each.name, each.outcome) == (name, outcome) and years in (None, each.horizon_years):
                return each
        raise KeyError(f"no score {name}.{outcome} at {years} years is assessed")

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        # The outputs of a score share their inputs, and `dataclasses.asdict` copies every string.
        shared = {id(each.inputs): each.inputs for each in self.scores}
        inputs = {which: _inputs_as_dicts(facts) for which, facts in shared.items()}
        scores = ({**_fields_of(each), "inputs": inputs[id(each.inputs)]} for each in self.scores)
        return {**_fields_of(self), "scores": tuple(scores)}


def _inputs_as_dicts(facts: tuple[InputFact, ...]) -> tuple[dict[str, Any], ...]:
    return tuple(
        {**_fields_of(fact), "events": tuple(_fields_of(event) for event in fact.events)}
        for fact in facts
    )


def _fields_of(record: Assessment | ScoreResult | InputFact | DecidingEvent) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__dataclass_fields__}
