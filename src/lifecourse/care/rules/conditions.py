"""Conditions of rules: a closed set of operators, each answering yes, no or not known, with its reasons.

Logic is Kleene's: `all` is no as soon as one part is no and not known before it is yes; `any` is the
mirror image; `not` leaves not known alone. So a rule never fires on what nobody measured, and never
asks for a measurement that could not change its answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from lifecourse.base.yaml import Document
from lifecourse.care.pgx.calling import ALSO
from lifecourse.care.rules.questions import Fact, Kind, Question
from lifecourse.care.rules.wording import comparison, presence, score_words, title_of
from lifecourse.tasks.allergies import DRUG_ACTIVE_DAYS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lifecourse.care.rules.questions import Facts

OR = " or "


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One thing that decided: the questions behind it and a sentence."""

    questions: tuple[Question, ...]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Yes, no or not known (None), the reasons for yes or no, and what would settle not known."""

    truth: bool | None
    because: tuple[Reason, ...] = ()
    missing: tuple[str, ...] = ()


class Limits(Document):
    """Limits of a number, in `unit`."""

    at_least: float | None = None
    at_most: float | None = None
    above: float | None = None
    below: float | None = None

    @model_validator(mode="after")
    def _one_limit_a_side(self) -> Limits:
        if self.at_least is not None and self.above is not None:
            raise ValueError("give at_least or above, not both")
        if self.at_most is not None and self.below is not None:
            raise ValueError("give at_most or below, not both")
        return self

    @cached_property
    def stated(self) -> dict[str, float]:
        """The limits there are, by name."""
        names = ("at_least", "at_most", "above", "below")
        return {name: value for name in names if (value := getattr(self, name)) is not None}

    def hold(self, value: float) -> bool:
        """Whether `value` is inside; 5.7 recorded as float32 is at least 5.7."""
        slack = 1e-6 * max(1.0, abs(value))
        return (
            (self.at_least is None or value >= self.at_least - slack)
            and (self.above is None or value > self.above + slack)
            and (self.at_most is None or value <= self.at_most + slack)
            and (self.below is None or value < self.below - slack)
        )


def _age_range(value: Any) -> Any:
    if isinstance(value, str) and ".." in value:
        low, _, high = value.partition("..")
        return {"at_least": float(low) if low else None, "at_most": float(high) if high else None}
    return value


def _named(value: Any) -> Any:
    return {"codelist": value} if isinstance(value, str) else value


class Recorded(Document):
    """A codelist in the record, in the last `within_days` days or ever; `ongoing`: not yet ended."""

    codelist: str
    within_days: int | None = Field(default=None, ge=1)
    ongoing: bool = False


class ActiveDrug(Document):
    """A drug that is being taken: not ended, or started in the last `within_days` where no end is stated.

    Not known where all there is is an older start without an end: a list that nobody has tidied, or a
    source that states no ends.
    """

    codelist: str
    within_days: int = Field(default=DRUG_ACTIVE_DAYS, ge=1)


class Lab(Limits):
    """A measurement in the last `within_days` days, compared in `unit`; without limits: whether it is known."""

    codelist: str
    unit: str
    within_days: int = Field(ge=1)
    take: Literal["last", "mean", "highest", "lowest"] = "last"
    times: int = Field(default=1, ge=1)

    @model_validator(mode="after")
    def _in_the_canonical_unit(self) -> Lab:
        from lifecourse.vocab.units import quantities

        quantity = quantities().get(self.codelist)
        if quantity is None:
            raise ValueError(f"'{self.codelist}' is no quantity of vocab/units.yaml")
        if self.unit != quantity.unit:
            raise ValueError(
                f"state limits of '{self.codelist}' in {quantity.unit}, its canonical unit"
            )
        return self


class Score(Limits):
    """The output `outcome` of a score model, over `years` where it is a risk."""

    model: str
    outcome: str
    years: int | None = None


class Gene(Document):
    """What a pharmacogene's alleles make of their carrier: any of `phenotype`, in the words of CPIC's tables.

    Not known where it was not tested, or where the genotypes leave open what is asked; ``Indeterminate`` is none of
    them. `untested`: what follows where it was not tested; ``missing`` asks for the test, where the drug's label does,
    ``no`` says that nothing is known against the drug, where guidelines say how to use a result and not to look for
    one.
    """

    name: str
    untested: Literal["missing", "no"] = "missing"
    phenotype: list[str] = Field(min_length=1)


class Derived(Limits):
    """What several records together tell, such as ``smoking.pack_years`` (`lifecourse.tasks.derived`)."""

    name: str


class Points(Limits):
    """The sum of a rule's own points."""

    name: str


Named = Annotated[Recorded, BeforeValidator(_named)]
Drug = Annotated[ActiveDrug, BeforeValidator(_named)]
Ages = Annotated[Limits, BeforeValidator(_age_range)]


class Condition(Document):
    """Exactly one operator."""

    age: Ages | None = None
    sex: Literal["female", "male"] | None = None
    smoking: Literal["current", "former", "never"] | None = None
    condition: Named | None = None
    phenotype: str | None = None
    drug: Drug | None = None
    event: Named | None = None
    lab: Lab | None = None
    score: Score | None = None
    gene: Gene | None = None
    derived: Derived | None = None
    points: Points | None = None
    all: list[Condition] | None = Field(default=None, min_length=1)
    any: list[Condition] | None = Field(default=None, min_length=1)
    negation: Condition | None = Field(default=None, alias="not")

    @model_validator(mode="after")
    def _exactly_one_operator(self) -> Condition:
        if len(self.model_fields_set) != 1:
            raise ValueError(
                "a condition has exactly one operator; combine several with all or any"
            )
        if self.negation is not None and any(
            question.kind == Kind.SCORE for question in self.negation.questions()
        ):
            # "No score" would turn into yes: outside an equation's range nothing may follow from it.
            raise ValueError("a score may not stand under not; turn its limit around")
        return self

    @property
    def parts(self) -> list[Condition]:
        """The conditions inside."""
        inside = self.all or self.any or ([] if self.negation is None else [self.negation])
        return list(inside)

    @cached_property
    def question(self) -> Question | None:
        """What a condition without parts asks; None for `points` and the others."""
        return _question(self)

    def questions(self) -> Iterator[Question]:
        """All that is asked, points aside."""
        if self.question is not None:
            yield self.question
        for part in self.parts:
            yield from part.questions()

    def points_named(self) -> Iterator[str]:
        """The names of points used."""
        if self.points is not None:
            yield self.points.name
        for part in self.parts:
            yield from part.points_named()

    def judge(self, facts: Facts, points: dict[str, list[Item]]) -> Judgement:
        """The answer with these facts."""
        if self.all is not None:
            return _every(self.all, facts, points)
        if self.any is not None:
            return _some([part.judge(facts, points) for part in self.any])
        if self.negation is not None:
            inner = self.negation.judge(facts, points)
            truth = None if inner.truth is None else not inner.truth
            return Judgement(truth=truth, because=inner.because, missing=inner.missing)
        if self.points is not None:
            return _judge_points(self.points, points[self.points.name], facts, points)
        return _judge_leaf(self, facts)


class Item(Document):
    """`add` points when `when` holds; written as a codelist's name alone, one point where a drug of it is taken."""

    add: float
    when: Condition

    @model_validator(mode="before")
    @classmethod
    def _of_a_drug(cls, given: Any) -> Any:
        return {"add": 1, "when": {"drug": given}} if isinstance(given, str) else given


def _question(condition: Condition) -> Question | None:
    for kind in (Kind.AGE, Kind.SEX, Kind.SMOKING):
        if getattr(condition, kind.value) is not None:
            return Question(kind=kind)
    if (drug := condition.drug) is not None:
        return Question(kind=Kind.DRUG, name=drug.codelist, within_days=drug.within_days)
    for kind in (Kind.CONDITION, Kind.EVENT):
        recorded: Recorded | None = getattr(condition, kind.value)
        if recorded is not None:
            return Question(
                kind=kind,
                name=recorded.codelist,
                within_days=recorded.within_days,
                ongoing=recorded.ongoing,
            )
    if (lab := condition.lab) is not None:
        return Question(
            kind=Kind.LAB,
            name=lab.codelist,
            within_days=lab.within_days,
            take=lab.take,
            times=lab.times,
        )
    return _named_question(condition)


def _named_question(condition: Condition) -> Question | None:
    """What is known of a person under a name that is no codelist's."""
    if condition.phenotype is not None:
        return Question(kind=Kind.PHENOTYPE, name=condition.phenotype)
    for kind in (Kind.GENE, Kind.DERIVED):
        named: Gene | Derived | None = getattr(condition, kind.value)
        if named is not None:
            return Question(kind=kind, name=named.name)
    if (score := condition.score) is not None:
        return Question(kind=Kind.SCORE, name=score.model, outcome=score.outcome, years=score.years)
    return None


def _judge_leaf(condition: Condition, facts: Facts) -> Judgement:
    question = condition.question
    assert question is not None  # noqa: S101 -- the operators with parts were handled before
    fact = facts[question]
    if fact.inapplicable is not None:
        text = score_words(question, fact)
        return Judgement(truth=False, because=(Reason(questions=(question,), text=text),))
    if fact.value is None and condition.gene is not None and condition.gene.untested == "no":
        text = f"{condition.gene.name} was not tested"
        return Judgement(truth=False, because=(Reason(questions=(question,), text=text),))
    if fact.value is None:
        noted = (Reason(questions=(question,), text=fact.note),) if fact.note else ()
        return Judgement(truth=None, because=noted, missing=fact.missing or (question.key,))
    truth, text = _compared(condition, question, fact)
    if truth is None:
        reason = Reason(questions=(question,), text=text)
        return Judgement(truth=None, because=(reason,), missing=(question.key,))
    return Judgement(truth=truth, because=(Reason(questions=(question,), text=text),))


def _compared(condition: Condition, question: Question, fact: Fact) -> tuple[bool | None, str]:
    if condition.gene is not None:
        wanted = set(condition.gene.phenotype)
        possible = [bool(wanted & set(each.split(ALSO))) for each in str(fact.value).split(OR)]
        truth = possible[0] if len(set(possible)) == 1 else None
        return truth, presence(question, present=True, said=str(fact.value))
    if isinstance(fact.value, bool):
        return fact.value, presence(question, present=fact.value)
    if isinstance(fact.value, str):
        stated = condition.sex or condition.smoking
        return fact.value == stated, presence(question, present=True, said=fact.value)
    assert fact.value is not None  # noqa: S101 -- not known was handled before
    limits = condition.age or condition.lab or condition.score or condition.derived or Limits()
    value = float(int(fact.value)) if question.kind == Kind.AGE else float(fact.value)
    truth = limits.hold(value)
    return truth, comparison(question, value, limits.stated, holds=truth)


def _judge_points(
    wanted: Points, items: list[Item], facts: Facts, points: dict[str, list[Item]]
) -> Judgement:
    """Between the points that are certain and those still possible; not known only where that matters."""
    judged = [(item.add, item.when.judge(facts, points)) for item in items]
    certain = sum(add for add, judgement in judged if judgement.truth is True)
    open_ones = [(add, judgement) for add, judgement in judged if judgement.truth is None]
    lowest = certain + sum(min(add, 0.0) for add, _ in open_ones)
    highest = certain + sum(max(add, 0.0) for add, _ in open_ones)
    if wanted.hold(lowest) != wanted.hold(highest):
        missing = tuple(dict.fromkeys(m for _, judgement in open_ones for m in judgement.missing))
        return Judgement(truth=None, missing=missing)
    because = tuple(
        reason for _, judgement in judged if judgement.truth is True for reason in judgement.because
    )
    questions = tuple(dict.fromkeys(q for reason in because for q in reason.questions))
    said = f"{certain:g}" if not open_ones else f"{lowest:g} to {highest:g}"
    parts = "; ".join(reason.text for reason in because)
    text = f"{title_of(wanted.name)} is {said}" + (f" ({parts})" if parts else "")
    return Judgement(truth=wanted.hold(lowest), because=(Reason(questions=questions, text=text),))


def _every(conditions: list[Condition], facts: Facts, points: dict[str, list[Item]]) -> Judgement:
    parts = []
    for condition in conditions:
        part = condition.judge(facts, points)
        if part.truth is False:
            # One no is enough; rules put what is most basic first, and a reader wants that one.
            return Judgement(truth=False, because=part.because)
        parts.append(part)
    unknown = [part for part in parts if part.truth is None]
    if unknown:
        return Judgement(truth=None, because=_reasons(parts), missing=_missing(unknown))
    return Judgement(truth=True, because=_reasons(parts))


def _some(parts: list[Judgement]) -> Judgement:
    holding = [part for part in parts if part.truth is True]
    if holding:
        return Judgement(truth=True, because=_reasons(holding))
    unknown = [part for part in parts if part.truth is None]
    if unknown:
        return Judgement(truth=None, because=_reasons(parts), missing=_missing(unknown))
    return Judgement(truth=False, because=_reasons(parts))


def _reasons(parts: list[Judgement]) -> tuple[Reason, ...]:
    return tuple(dict.fromkeys(reason for part in parts for reason in part.because))


def _missing(parts: list[Judgement]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for part in parts for name in part.missing))
