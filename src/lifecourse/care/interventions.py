"""What can be done about a risk, as data: each intervention with the relative effect that a trial found."""

from __future__ import annotations

import math
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from lifecourse.base.errors import KnowledgeError
from lifecourse.base.yaml import Document, load_document
from lifecourse.care.rules.conditions import Condition
from lifecourse.care.rules.definition import Baseline, Effect
from lifecourse.care.rules.loading import library

if TYPE_CHECKING:
    from lifecourse.care.rules.definition import Rule
    from lifecourse.care.rules.questions import Question

FILE = Path(__file__).parent / "interventions.yaml"


class Amount(Document):
    """How much of it: the effect holds for each `each` of `unit`, and multiplies for more.

    most : the largest amount that is offered
    measured : what it lowers; nobody is lowered by more than `share` of the value, nor below `floor`
    """

    unit: str
    what: str
    each: float = Field(gt=0)
    usual: float = Field(gt=0)
    most: float = Field(gt=0)
    step: float = Field(gt=0)
    measured: str
    share: float | None = Field(default=None, gt=0, lt=1)
    floor: float | None = None


class Control(Document):
    """What happened in the control arm of the trial: a risk over `years`, or a yearly rate."""

    years: float = Field(gt=0)
    risk: float | None = Field(default=None, gt=0, lt=1)
    yearly_rate: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _one_of_them(self) -> Control:
        if (self.risk is None) == (self.yearly_rate is None):
            raise ValueError("give the control arm's risk or its yearly_rate")
        return self

    @property
    def probability(self) -> float:
        """The risk over `years`."""
        if self.risk is not None:
            return self.risk
        assert self.yearly_rate is not None  # noqa: S101 -- checked when the file was read
        return 1.0 - math.exp(-self.yearly_rate * self.years)


class Intervention(Document):
    """One thing that can be done, for whom, and what it did to others.

    taken : a codelist of drugs; who takes one has the effect in the baseline already
    rule : a recommendation whose effect and baseline are used instead of `on`, `control` and `effect`
    """

    name: str = Field(pattern=r"^[a-z0-9_]+$")
    title: str
    kind: Literal["trial", "cohort"]
    applies: Condition
    taken: str | None = None
    on: tuple[Baseline, ...] = ()
    control: Control | None = None
    effect: Effect | None = None
    rule: str | None = None
    amount: Amount | None = None
    citation: str | None = None
    doi: str | None = None

    @model_validator(mode="after")
    def _one_baseline(self) -> Intervention:
        if sum((bool(self.on), self.control is not None, self.rule is not None)) != 1:
            raise ValueError("give one of on, control and rule")
        if self.rule is None and (self.effect is None or self.citation is None):
            raise ValueError("state the effect and its citation")
        if self.on and (self.effect is None or self.effect.measure != "HR"):
            raise ValueError("effects on a score are combined, and stand as HR")
        return self

    @cached_property
    def is_taken(self) -> Condition | None:
        """Whether the person has it already."""
        return None if self.taken is None else Condition.model_validate({"drug": self.taken})

    @property
    def source_rule(self) -> Rule | None:
        """The recommendation that `rule` names."""
        return next((r for r in library().rules if r.name == self.rule), None)

    @cached_property
    def questions(self) -> tuple[Question, ...]:
        """All it asks of a person."""
        asked = list(self.applies.questions())
        asked += [] if self.is_taken is None else self.is_taken.questions()
        asked += [each.question for each in self.on if each.question is not None]
        asked += [] if self.source_rule is None else self.source_rule.questions
        return tuple(dict.fromkeys(asked))


class Cap(Document):
    """The least that a combination may leave of a risk, and who measured that."""

    relative: float = Field(gt=0, lt=1)
    citation: str
    doi: str | None = None


class Interventions(Document):
    """The file."""

    cap: Cap
    interventions: list[Intervention]

    def named(self, name: str) -> Intervention | None:
        """The intervention called `name`."""
        return next((each for each in self.interventions if each.name == name), None)


@cache
def interventions() -> Interventions:
    """The interventions that come with the package.

    Raises
    ------
    KnowledgeError
        The file does not fit, or names a rule that is not there.
    """
    found = load_document(FILE, Interventions, error=KnowledgeError)
    for each in found.interventions:
        if each.rule is not None and each.source_rule is None:
            raise KnowledgeError(f"{FILE.name}: there is no rule '{each.rule}'. Name another.")
    return found
