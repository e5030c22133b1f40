"""Scores of one person at one moment, each with its inputs and the events that decided them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

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


class Inputs(Sequence[InputFact]):
    """The inputs of a score, which are looked up with their events when somebody reads them."""

    __slots__ = ("_find", "_found")

    def __init__(self, find: Callable[[], tuple[InputFact, ...]]) -> None:
        self._find = find
        self._found: tuple[InputFact, ...] | None = None

    @property
    def facts(self) -> tuple[InputFact, ...]:
        """All of them, in the order of the score's file."""
        if self._found is None:
            self._found = self._find()
        return self._found

    @overload
    def __getitem__(self, place: int) -> InputFact: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[InputFact]: ...
    def __getitem__(self, place: int | slice) -> InputFact | Sequence[InputFact]:
        """One, or some."""
        return self.facts[place]

    def __len__(self) -> int:
        """How many."""
        return len(self.facts)

    def __eq__(self, other: object) -> bool:
        """Whether they say the same."""
        return isinstance(other, Sequence) and self.facts == tuple(other)

    def __hash__(self) -> int:
        """As of what they say."""
        return hash(self.facts)


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
    inputs: Sequence[InputFact] = ()
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


def _inputs_as_dicts(facts: Sequence[InputFact]) -> tuple[dict[str, Any], ...]:
    return tuple(
        {**_fields_of(fact), "events": tuple(_fields_of(event) for event in fact.events)}
        for fact in facts
    )


def _fields_of(record: Assessment | ScoreResult | InputFact | DecidingEvent) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__dataclass_fields__}
