"""Facts of people who are planned together: each question answered for all of them at once, as a column of facts."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from lifecourse.base.clock import from_microseconds
from lifecourse.care.assessment import completed_years
from lifecourse.care.pgx.reading import are_tested
from lifecourse.care.rules.gathering import ChartFacts, covariates_of, name_of
from lifecourse.care.rules.memory import Memory, memory_of
from lifecourse.care.rules.questions import UNKNOWN, Fact, Kind, Question
from lifecourse.care.rules.wording import unended
from lifecourse.tasks.derived import derived_columns
from lifecourse.tasks.phenotypes import phenotype
from lifecourse.tasks.smoking import smoking_status, words_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from lifecourse.care.rules.definition import Rule
    from lifecourse.care.rules.evaluate import Decision
    from lifecourse.care.rules.gathering import ScoreFact
    from lifecourse.timeline.together import Member, Together

YES, NO = Fact(value=True), Fact(value=False)


@dataclass(frozen=True, kw_only=True)
class RememberingFacts(ChartFacts):
    """`ChartFacts` whose decisions come from what the same facts decided before, this person's or another's."""

    memory: Memory = field(repr=False)

    @cached_property
    def known(self) -> list[int]:
        """The number of the answer to each of `questions`, as `memory` numbers facts."""
        return [self.memory.number(fact) for fact in self.facts.values()]

    def decide(self, rule: Rule) -> Decision:
        """The answer of `rule`."""
        return self.memory.decide(rule, self.known)

    def decide_with(self, rule: Rule, ingredient: str) -> Decision:
        """The answer of `rule` if `ingredient` were taken too."""
        supposed = self._supposed.get(ingredient)
        if supposed is None:
            supposed = self.known.copy()
            yes = self.memory.number(YES)
            for place in self.memory.about(ingredient):
                supposed[place] = yes
            self._supposed[ingredient] = supposed
        return self.memory.decide(rule, supposed)

    @cached_property
    def _supposed(self) -> dict[str, list[int]]:
        return {}


@dataclass(frozen=True, kw_only=True)
class SharedFacts(RememberingFacts):
    """Of one of several people, whose answers come from columns.

    numbers : of the answer to each of `questions`
    onsets : of each phenotype asked for, the place in the chart with which it was known
    is_tested : whether anything is recorded of their genes
    """

    numbers: list[int] = field(repr=False)
    onsets: Mapping[str, int] = field(repr=False)
    is_tested: bool

    @cached_property
    def facts(self) -> dict[Question, Fact]:
        """The answers to all questions."""
        return dict(zip(self.questions, map(self.memory.fact, self.numbers), strict=True))

    @property
    def known(self) -> list[int]:
        """The number of each answer."""
        return self.numbers

    def decide(self, rule: Rule) -> Decision:
        """The answer of `rule`; asked for of everyone, so that a step is spared."""
        return self.memory.decide(rule, self.numbers)

    def answer_alone(self, kind: Kind) -> None:
        """Answer the questions of `kind` for this person alone."""
        for place, question in enumerate(self.questions):
            if question.kind == kind:
                self.numbers[place] = self.memory.number(self._fact(question))

    def _has_genes(self) -> bool:
        return self.is_tested

    def _onset(self, question: Question) -> int | None:
        return self.onsets.get(question.name)


class FactColumns:
    """The answers to `questions` of all people of `together`, each at their own moment."""

    def __init__(self, together: Together, questions: tuple[Question, ...]) -> None:
        self.together, self.questions = together, questions
        self.memory = memory_of(questions)
        covariates = covariates_of(questions)
        answered = together.answers(covariates)
        self._answers = {each.name: answered[:, place] for place, each in enumerate(covariates)}
        self._onsets = {
            question.name: self._onset_places(question.name)
            for question in questions
            if question.kind == Kind.PHENOTYPE
        }
        self._genes = [i for i, each in enumerate(questions) if each.kind == Kind.GENE]
        self._untested: list[int] | None = None
        self._rows = np.stack([self._column(question) for question in questions], axis=1).tolist()

    def of(self, chart: Member, scores: Mapping[str, ScoreFact]) -> SharedFacts:
        """The facts of one of them, asked for once."""
        start = int(self.together.shard.offsets[chart.person])
        facts = SharedFacts(
            chart=chart,
            at=int(self.together.moments[chart.person]),
            questions=self.questions,
            scores=scores,
            memory=self.memory,
            numbers=self._rows[chart.person],
            is_tested=bool(self._tested[chart.person]),
            onsets={
                name: int(places[chart.person]) - start
                for name, places in self._onsets.items()
                if places[chart.person] >= 0
            },
        )
        if scores:
            facts.answer_alone(Kind.SCORE)
        self._call_genes(facts, chart.person)
        return facts

    def _call_genes(self, facts: SharedFacts, person: int) -> None:
        """Of all who have no genotype the same is known of every gene."""
        if self._tested[person] or self._untested is None:
            facts.answer_alone(Kind.GENE)
        if self._tested[person]:
            return
        if self._untested is None:
            self._untested = [facts.numbers[place] for place in self._genes]
        for place, number in zip(self._genes, self._untested, strict=True):
            facts.numbers[place] = number

    @cached_property
    def _tested(self) -> npt.NDArray[np.bool_]:
        return are_tested(self.together.shard)

    def _column(self, question: Question) -> npt.NDArray[np.int64]:
        """int64[n] numbers of the facts that answer `question`; those that are asked of one alone come later."""
        kind = question.kind
        if kind in (Kind.SCORE, Kind.GENE):
            return self._numbered([UNKNOWN] * self.together.shard.n_subjects)
        if kind == Kind.AGE:
            return self._numbered([Fact(value=age) for age in self._ages()])
        if kind == Kind.SEX:
            return self._numbered([Fact(value=sex) for sex in self._sexes()])
        if kind == Kind.SMOKING:
            status = smoking_status(self._answers)
            return self._numbered([Fact(value=words_of(each)) for each in status.tolist()])
        if kind == Kind.PHENOTYPE:
            return self._yes_or_no(self._onsets[question.name] >= 0)
        if kind == Kind.DERIVED:
            return self._values(self._derived[question.name])
        if kind == Kind.LAB:
            return self._values(self._measured(question))
        if kind == Kind.DRUG:
            return self._taken(question)
        return self._yes_or_no(self._answers[name_of(question)] > 0)

    def _numbered(self, facts: Sequence[Fact]) -> npt.NDArray[np.int64]:
        return np.array([self.memory.number(fact) for fact in facts], dtype=np.int64)

    def _yes_or_no(self, holds: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        return np.where(holds, self.memory.number(YES), self.memory.number(NO))

    def _values(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        found = (UNKNOWN if math.isnan(value) else Fact(value=value) for value in values.tolist())
        return self._numbered(list(found))

    def _taken(self, question: Question) -> npt.NDArray[np.int64]:
        name = name_of(question)
        unclear = self.memory.number(Fact(note=unended(question)))
        otherwise = np.where(self._answers[f"{name}:open"] > 0, unclear, self.memory.number(NO))
        return np.where(self._answers[name] > 0, self.memory.number(YES), otherwise)

    def _measured(self, question: Question) -> npt.NDArray[np.float64]:
        name = name_of(question)
        if question.times == 1:
            return self._answers[name]
        often = self._answers[f"{name}:times"] >= question.times
        return np.where(often, self._answers[name], np.nan)

    def _onset_places(self, name: str) -> npt.NDArray[np.int64]:
        """int64[n] place in the shard with which the phenotype was known by each one's moment; -1 where it was not."""
        shard = self.together.shard
        places = phenotype(name).onset_places(shard)
        owner = shard.owners(places)
        known = shard.time[places] <= self.together.moments[owner]
        found = np.full(shard.n_subjects, -1, dtype=np.int64)
        found[owner[known]] = places[known]
        return found

    @cached_property
    def _derived(self) -> dict[str, npt.NDArray[np.float64]]:
        shard, moments = self.together.shard, self.together.moments
        names = [each.name for each in self.questions if each.kind == Kind.DERIVED]
        told = derived_columns(names, shard, np.arange(shard.n_subjects), moments)
        return {name: told[:, place] for place, name in enumerate(names)}

    def _ages(self) -> list[float | None]:
        moments = map(from_microseconds, self.together.moments.tolist())
        years = map(completed_years, self.together.births, moments)
        return [None if age is None else float(age) for age in years]

    def _sexes(self) -> list[str | None]:
        return [sex if sex in ("female", "male") else None for sex in self.together.sexes]
