"""A recommendation as its file has it: for whom, for whom not, what to do, how sure, and its worked cases."""

from __future__ import annotations

import calendar
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from lifecourse.base.yaml import Document
from lifecourse.care.rules.conditions import Condition, Item
from lifecourse.care.rules.questions import CLOSED_WORLD, Kind, Question

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_SUMMARY = 139

# Native grades on one display scale. Nothing is added to a grade: this only says which reader's word it is near.
STRENGTHS: dict[str, dict[str, str]] = {
    "uspstf": {"A": "strong", "B": "moderate", "C": "weak"},
    "acc_aha": {"1": "strong", "2a": "moderate", "2b": "weak"},
    "kdigo": {"1A": "strong", "1B": "strong", "1C": "moderate", "1D": "moderate", "2A": "weak",
              "2B": "weak", "2C": "weak", "2D": "weak", "practice point": "weak"},
    "grade": {"strong": "strong", "conditional": "weak"},
    "ada": {"A": "strong", "B": "moderate", "C": "weak", "E": "weak"},
    "acip": {"recommended": "strong", "shared decision": "weak"},
    "gold": {"A": "strong", "B": "moderate", "C": "weak", "D": "weak"},
    "stopp_start": {"consensus": "moderate"},
    "onc": {"high priority": "strong"},
    "cpic": {"strong": "strong", "moderate": "moderate", "optional": "weak"},
    "label": {"contraindicated": "strong", "not recommended": "moderate", "dose": "moderate", "warning": "moderate"},
    "who": {"strong": "strong", "conditional": "weak"},
    "practice_parameter": {"strong": "strong", "conditional": "weak"},
}  # fmt: skip
SYSTEM_NAMES = {
    "uspstf": "USPSTF", "acc_aha": "ACC/AHA class", "kdigo": "KDIGO", "grade": "GRADE", "ada": "ADA",
    "acip": "ACIP", "gold": "GOLD evidence", "stopp_start": "STOPP/START",
    "onc": "ONC", "cpic": "CPIC", "label": "FDA label:", "who": "WHO", "practice_parameter": "Practice parameter",
}  # fmt: skip


def _word(value: Any) -> Any:
    """A grade that is a number, as the word it is."""
    return f"{value:g}" if isinstance(value, float) else value


class Grade(Document):
    """The grade in the guideline's own system; `level` is the level of evidence where it has one."""

    system: str
    code: Annotated[str, BeforeValidator(_word)]
    level: str | None = None

    @model_validator(mode="after")
    def _known(self) -> Grade:
        if self.system not in STRENGTHS:
            raise ValueError(f"unknown grading system; known are {', '.join(STRENGTHS)}")
        if self.code not in STRENGTHS[self.system]:
            known = ", ".join(STRENGTHS[self.system])
            raise ValueError(f"grade '{self.code}' is not one of {self.system}'s: {known}")
        return self

    @property
    def strength(self) -> str:
        """``strong``, ``moderate`` or ``weak``, for display and order alone."""
        return STRENGTHS[self.system][self.code]

    @property
    def words(self) -> str:
        """As a reader says it."""
        level = f", level of evidence {self.level}" if self.level else ""
        return f"{SYSTEM_NAMES[self.system]} {self.code}{level}"


class Baseline(Document):
    """The person's own risk without treatment: a score's output, or the rate that belongs to points.

    by_points : yearly rate for 0, 1, 2 ... points; more points than entries take the last
    """

    model: str | None = None
    outcome: str | None = None
    years: int = Field(ge=1)
    points: str | None = None
    by_points: tuple[float, ...] = ()
    citation: str | None = None
    doi: str | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Baseline:
        if (self.model is None) == (self.points is None):
            raise ValueError("a baseline comes from a score's model or from points")
        if self.model is not None and self.outcome is None:
            raise ValueError("name the outcome of the score")
        if self.points is not None and not self.by_points:
            raise ValueError("give the rate by_points")
        return self

    @property
    def question(self) -> Question | None:
        """The score to ask for; None where the baseline comes from points."""
        if self.model is None:
            return None
        return Question(
            kind=Kind.SCORE, name=self.model, outcome=self.outcome or "", years=self.years
        )


class Effect(Document):
    """A published relative effect on `outcome`, its 95 % interval, and the risk that it acts on.

    `baseline` is left out where no risk of the same outcome can be computed; then no absolute benefit is stated.
    """

    measure: Literal["RR", "HR", "OR"]
    value: float = Field(gt=0)
    ci: tuple[float, float]
    outcome: str
    per: str | None = None
    baseline: Baseline | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Effect:
        low, high = self.ci
        if not 0 < low <= self.value <= high:
            raise ValueError("the interval does not hold the value")
        if self.baseline is not None and self.measure == "OR":
            raise ValueError("an odds ratio gives no absolute benefit here; state RR or HR")
        return self


class Evidence(Document):
    """Where it says so."""

    citation: str
    doi: str | None = None
    url: str | None = None
    note: str | None = None
    effect: Effect | None = None

    @property
    def address(self) -> str | None:
        """Where it can be read."""
        return f"https://doi.org/{self.doi}" if self.doi else self.url


class Action(Document):
    """What is proposed; a proposal, never an order."""

    kind: Literal[
        "medication", "stop_medication", "adjust_medication", "measurement", "procedure", "counselling", "referral",
        "immunisation",
    ]  # fmt: skip
    what: str
    codelist: str | None = None
    intent: Literal["proposal"] = "proposal"


class Text(Document):
    """Own wording: a card's summary, what to do, why, and what to mind."""

    summary: str = Field(max_length=LONGEST_SUMMARY)
    why: str
    cautions: tuple[str, ...] = ()


class Interaction(Document):
    """What is known of two drugs taken together.

    The items of W3C's minimal information model (doi 10.3389/fphar.2020.608068) that a rule does not have already as
    `applies`, `do` and `evidence`.

    object, precipitant : codelists of the drug that is changed and of the drug that changes it
    """

    object: str
    precipitant: str
    clinical_consequences: str
    seriousness: Literal["serious", "not serious"]
    classification: Literal["contraindicated", "avoid together", "adjust or monitor"]
    mechanism: str
    modifying_factors: str
    frequency_of_exposure: str
    frequency_of_harm: str


class Exclusion(Condition):
    """A condition under which the advice does not stand.

    `unknown`: what follows where it cannot be known; ``missing`` asks for it, ``ignore`` goes on.
    """

    unknown: Literal["missing", "ignore"] = "missing"

    @model_validator(mode="before")
    @classmethod
    def _operator_beside_unknown(cls, given: Any) -> Any:
        return given

    @model_validator(mode="after")
    def _exactly_one_operator(self) -> Exclusion:
        if len(self.model_fields_set - {"unknown"}) != 1:
            raise ValueError("an exclusion has exactly one operator, and perhaps `unknown`")
        return self


class Case(Document):
    """A worked case: facts, and the answer that the rule must give.

    expect : ``fires | not_applicable | excluded:<name> | already_done | missing_data:<input>[,<input>]``
    """

    title: str | None = None
    given: dict[str, bool | float | str]
    expect: str


def _month(value: Any) -> Any:
    """The last day of a month written ``2027-03``."""
    if isinstance(value, str) and len(value) == 7:
        year, month = int(value[:4]), int(value[5:])
        return date(year, month, calendar.monthrange(year, month)[1])
    return value


class Rule(Document):
    """One recommendation."""

    name: str = Field(pattern=r"^[a-z0-9_]+$")
    version: str
    title: str
    topic: str
    applies: Condition
    exclude: dict[str, Exclusion] = Field(default_factory=dict)
    already_done: Condition | None = None
    needs: list[str] = Field(default_factory=list)
    points: dict[str, list[Item]] = Field(default_factory=dict)
    do: Action
    text: Text
    grade: Grade
    evidence: list[Evidence] = Field(min_length=1)
    interaction: Interaction | None = None
    override: list[str] = Field(min_length=1)
    review_by: Annotated[date, BeforeValidator(_month)]
    cases: list[Case] = Field(min_length=4)

    @model_validator(mode="after")
    def _consistent(self) -> Rule:
        keys = self.questions_by_key
        used = {name for part in self.conditions() for name in part.points_named()}
        if used - set(self.points):
            raise ValueError(f"there are no points '{sorted(used - set(self.points))[0]}'")
        for name in self.needs:
            if name not in keys:
                raise ValueError(f"needs '{name}', which no condition of the rule asks")
            if keys[name].kind in CLOSED_WORLD:
                raise ValueError(f"needs '{name}', which is known to be absent when not recorded")
        for number, case in enumerate(self.cases, start=1):
            unknown = set(case.given) - set(keys)
            if unknown:
                raise ValueError(
                    f"case {number} gives '{sorted(unknown)[0]}', which the rule never asks; "
                    f"it asks {', '.join(sorted(keys))}"
                )
        return self

    def conditions(self) -> Iterator[Condition]:
        """Every condition of the rule."""
        yield self.applies
        yield from self.exclude.values()
        if self.already_done is not None:
            yield self.already_done
        for items in self.points.values():
            yield from (item.when for item in items)

    def baselines(self) -> Iterator[Baseline]:
        """The baselines of its effects."""
        for evidence in self.evidence:
            if evidence.effect is not None and evidence.effect.baseline is not None:
                yield evidence.effect.baseline

    @cached_property
    def said_of_all(self) -> dict[str, Any]:
        """What every plan says of it, whoever the plan is for, JSON-ready; not to be changed."""
        source = self.evidence[0]
        return {
            "title": self.title,
            "topic": self.topic,
            "summary": self.text.summary,
            "action": {"kind": self.do.kind, "text": self.do.what, "intent": self.do.intent},
            "rationale": self.text.why,
            "strength": self.grade.strength,
            "grade": {
                "system": self.grade.system,
                "code": self.grade.code,
                "level": self.grade.level,
                "text": self.grade.words,
            },
            "evidence": [each.model_dump(mode="json", exclude_none=True) for each in self.evidence],
            "source": {"title": source.citation, "url": source.address},
            "override_reasons": list(self.override),
            "version": self.version,
            "review_by": self.review_by.isoformat(),
        }

    @cached_property
    def questions(self) -> tuple[Question, ...]:
        """All the rule asks, each once."""
        asked = [question for part in self.conditions() for question in part.questions()]
        asked += [b.question for b in self.baselines() if b.question is not None]
        return tuple(dict.fromkeys(asked))

    @cached_property
    def questions_by_key(self) -> dict[str, Question]:
        """The rule's questions by what its cases call them.

        Raises
        ------
        ValueError
            Two different questions of the rule have one key, so that a case could not tell them apart.
        """
        found: dict[str, Question] = {}
        for question in self.questions:
            if question.key in found:
                raise ValueError(
                    f"the rule asks '{question.key}' in two ways; use one look-back throughout"
                )
            found[question.key] = question
        return found

    def is_expired(self, today: date) -> bool:
        """Whether the date of review has passed."""
        return today > self.review_by
