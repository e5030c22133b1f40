"""What rules ask of a person: questions that do not depend on the rule that asks, and their answers.

A question names a codelist, a phenotype or a score, never a code. The same question asked by several
rules is the same object, so that one person's questions go to the kernel once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


class Kind(StrEnum):
    """The kinds of question; with `all`, `any`, `not` and `points` they are the operators of rules."""

    AGE = "age"
    SEX = "sex"
    SMOKING = "smoking"
    CONDITION = "condition"
    PHENOTYPE = "phenotype"
    DRUG = "drug"
    EVENT = "event"
    LAB = "lab"
    SCORE = "score"
    GENE = "gene"
    DERIVED = "derived"


# Absence of a record of these is an answer (no); absence of the others is a question left open.
CLOSED_WORLD = frozenset({Kind.CONDITION, Kind.PHENOTYPE, Kind.DRUG, Kind.EVENT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One thing to know about a person at a moment.

    name : codelist, phenotype, score model, gene or what is derived; empty for age, sex and smoking
    within_days : how far back the record counts; None = all of it
    ongoing : whether a condition with an end in the past does not count
    take : ``last mean highest lowest`` of a measurement
    times : measurements needed for an answer
    outcome, years : which output of a score model
    """

    kind: Kind
    name: str = ""
    within_days: int | None = None
    ongoing: bool = False
    take: str = "last"
    times: int = 1
    outcome: str = ""
    years: int | None = None
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Hash once: a plan looks answers up by question a thousand times."""
        parts = (self.kind, self.name, self.within_days, self.ongoing, self.take, self.times)
        object.__setattr__(self, "_hash", hash((*parts, self.outcome, self.years)))

    def __hash__(self) -> int:
        """Of all that is asked."""
        return self._hash

    @property
    def key(self) -> str:
        """What cases and missing-data answers call it."""
        if self.kind == Kind.SCORE:
            horizon = "" if self.years is None else f".{self.years}y"
            return f"{self.name}.{self.outcome}{horizon}"
        return self.name or self.kind.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """The answer to a question.

    value : years, ``female``, ``current``, True/False, a number in the canonical unit, what a gene makes of its carrier
        (``Poor Metabolizer``; several joined by ``or`` where the genotypes leave them open); None = not known
    missing : names of the inputs that are missing, for a score; the question's own key otherwise
    inapplicable : why a score gives no number though nothing is missing (outside its range)
    note : what is known though it does not answer, in words
    """

    value: float | str | bool | None = None
    missing: tuple[str, ...] = ()
    inapplicable: str | None = None
    note: str | None = None


class Facts(Protocol):
    """Answers to questions."""

    def __getitem__(self, question: Question, /) -> Fact: ...


UNKNOWN = Fact()


def facts_of_case(
    questions: Mapping[str, Question], given: Mapping[str, object]
) -> dict[Question, Fact]:
    """Facts as a worked case states them: what it leaves out is absent (conditions, drugs) or not known."""
    return {question: _stated(question, given) for question in questions.values()}


def _stated(question: Question, given: Mapping[str, object]) -> Fact:
    value = given.get(question.key)
    if value is None:
        return Fact(value=False) if question.kind in CLOSED_WORLD else UNKNOWN
    if question.kind == Kind.SCORE and value == "not_applicable":
        return Fact(inapplicable="outside the range of the equation")
    if question.kind == Kind.DRUG and value == "unclear":
        return Fact(note="an old prescription without an end")
    if isinstance(value, bool | str):
        return Fact(value=value)
    return Fact(value=float(str(value)))
