"""Facts from a chart: all questions of all rules in one request to the kernel, each traceable to its events."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from lifecourse.care.pgx.calling import NOT_TESTED
from lifecourse.care.pgx.reading import are_tested, call_events, calls_of_chart
from lifecourse.care.rules.evaluate import decide
from lifecourse.care.rules.questions import Fact, Kind, Question
from lifecourse.care.rules.wording import unended
from lifecourse.schema.code import codes
from lifecourse.schema.covariate import Covariate, Summary
from lifecourse.schema.event import BIRTH
from lifecourse.schema.window import before, static
from lifecourse.tasks.derived import derived_columns, evidence_of
from lifecourse.tasks.smoking import (
    deciding_covariate,
    smoking_covariates,
    smoking_status,
    words_of,
)
from lifecourse.vocab.codelists import members

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import polars as pl

    from lifecourse.care.pgx.calling import Call
    from lifecourse.care.rules.definition import Rule
    from lifecourse.care.rules.evaluate import Decision
    from lifecourse.care.scored import InputFact
    from lifecourse.schema.code import Codelist
    from lifecourse.timeline.chart import Chart

TAKES = {
    "last": Summary.LAST,
    "mean": Summary.MEAN,
    "highest": Summary.MAX,
    "lowest": Summary.MIN,
}
MOST_EVENTS = 3

_Cited = tuple[str, str | None, str | None]
"""By what an event is known among those that are cited: code, time, source id."""

ELSEWHERE = frozenset({Kind.AGE, Kind.SEX, Kind.PHENOTYPE, Kind.SCORE, Kind.GENE, Kind.DERIVED})
"""Kinds that the kernel is not asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreFact:
    """What an assessment says of one output of one score, and the inputs that it comes from."""

    fact: Fact
    inputs: Sequence[InputFact] = ()

    @property
    def events(self) -> tuple[dict[str, Any], ...]:
        """The latest event of each input, as a plan cites it."""
        return tuple(
            {
                "code": event.code,
                "description": item.title,
                "time": None if event.time is None else f"{event.time}Z",
                "value": None if event.value is None else float(f"{event.value:.7g}"),
                "text": event.text,
                "unit": event.unit,
                "source_id": event.source_id,
            }
            for item in self.inputs
            for event in item.events[-1:]
        )


@dataclass(frozen=True, kw_only=True)
class ChartFacts:
    """Answers about one person at one moment.

    scores : by the question's key (``prevent.ascvd.10y``); a score that is not there is not known
    """

    chart: Chart
    at: int
    questions: tuple[Question, ...]
    scores: Mapping[str, ScoreFact] = field(default_factory=dict)

    def __getitem__(self, question: Question) -> Fact:
        """The answer to `question`."""
        return self.facts[question]

    @cached_property
    def facts(self) -> dict[Question, Fact]:
        """The answers to all questions."""
        return {question: self._fact(question) for question in self.questions}

    def decide(self, rule: Rule) -> Decision:
        """The answer of `rule`."""
        return decide(rule, self)

    def decide_with(self, rule: Rule, ingredient: str) -> Decision:
        """The answer of `rule` if `ingredient` were taken too."""
        return decide(rule, _AsIfTaken(facts=self, ingredient=ingredient))

    def events(self, question: Question) -> tuple[dict[str, Any], ...]:
        """The events behind an answer, at most three, latest last; none where nothing was found."""
        if question not in self._traced:
            self._traced[question] = self._trace(question)
        return self._traced[question]

    def cited(self, asked: Iterable[Question]) -> tuple[dict[str, Any], ...]:
        """The events behind the answers to `asked`, each once, `for` the first that it answers."""
        found: dict[_Cited, dict[str, Any]] = {}
        for question in asked:
            for which, event in self._citations(question):
                found.setdefault(which, event)
        return tuple(found.values())

    def _citations(self, question: Question) -> list[tuple[_Cited, dict[str, Any]]]:
        known = self._cited_for.get(question)
        if known is None:
            told = {"for": question.key, "is_drug": question.kind == Kind.DRUG}
            known = self._cited_for[question] = [
                ((event["code"], event["time"], event["source_id"]), {**event, **told})
                for event in self.events(question)
            ]
        return known

    @cached_property
    def _cited_for(self) -> dict[Question, list[tuple[_Cited, dict[str, Any]]]]:
        return {}

    @cached_property
    def _traced(self) -> dict[Question, tuple[dict[str, Any], ...]]:
        return {}

    @cached_property
    def _answers(self) -> dict[str, float]:
        return self.chart.ask(covariates_of(self.questions), self.at)

    def _fact(self, question: Question) -> Fact:
        if question.kind == Kind.AGE:
            return Fact(value=self._age())
        if question.kind == Kind.SEX:
            sex = self.chart.sex
            return Fact(value=sex if sex in ("female", "male") else None)
        if question.kind == Kind.SMOKING:
            return Fact(value=self._smoking())
        if question.kind == Kind.PHENOTYPE:
            return Fact(value=self._onset(question) is not None)
        if question.kind == Kind.SCORE:
            found = self.scores.get(question.key)
            return found.fact if found else Fact(missing=(question.key,))
        if question.kind == Kind.LAB:
            return Fact(value=self._measured(question))
        if question.kind == Kind.DERIVED:
            value = self._derived[question.name]
            return Fact(value=None if math.isnan(value) else value)
        if question.kind == Kind.GENE:
            call = self._genes.get(question.name)
            return Fact(
                value=None if call is None or call.phenotype == NOT_TESTED else call.phenotype
            )
        if question.kind == Kind.DRUG:
            return self._taken(question)
        return Fact(value=self._answers[name_of(question)] > 0)

    @cached_property
    def _derived(self) -> dict[str, float]:
        names = [question.name for question in self.questions if question.kind == Kind.DERIVED]
        subject, moment = np.zeros(1, dtype=np.int64), np.array([self.at], dtype=np.int64)
        told = derived_columns(names, self.chart.shard, subject, moment)[0]
        return dict(zip(names, told.tolist(), strict=True))

    @cached_property
    def _genes(self) -> dict[str, Call]:
        asked = {question.name for question in self.questions if question.kind == Kind.GENE}
        return calls_of_chart(self.chart, only=asked) if asked else {}

    def _has_genes(self) -> bool:
        return bool(are_tested(self.chart.shard)[0])

    def _age(self) -> float | None:
        from lifecourse.base.clock import from_microseconds
        from lifecourse.care.assessment import completed_years

        years = completed_years(self.chart.birth, from_microseconds(self.at))
        return None if years is None else float(years)

    def _measured(self, question: Question) -> float | None:
        name = name_of(question)
        if question.times > 1 and self._answers[f"{name}:times"] < question.times:
            return None
        value = self._answers[name]
        return None if math.isnan(value) else value

    def _taken(self, question: Question) -> Fact:
        name = name_of(question)
        if self._answers[name] > 0:
            return Fact(value=True)
        if self._answers[f"{name}:open"] > 0:
            return Fact(note=unended(question))
        return Fact(value=False)

    def _smoking(self) -> str | None:
        return words_of(smoking_status(self._answers)[0])

    def _onset(self, question: Question) -> int | None:
        if question.name not in self._onsets:
            from lifecourse.tasks.phenotypes import phenotype

            places = phenotype(question.name).onset_places(self.chart.shard)
            known = [int(p) for p in places if self.chart.shard.time[p] <= self.at]
            self._onsets[question.name] = known[0] if known else None
        return self._onsets[question.name]

    @cached_property
    def _onsets(self) -> dict[str, int | None]:
        return {}

    def _trace(self, question: Question) -> tuple[dict[str, Any], ...]:
        if question.kind == Kind.SCORE:
            found = self.scores.get(question.key)
            return found.events if found else ()
        if question.kind == Kind.GENE:
            if not self._has_genes():
                return ()
            return self._described(call_events(self.chart, question.name))
        if question.kind == Kind.PHENOTYPE:
            place = self._onset(question)
            return () if place is None else self._events_of([self.chart.row(place)])
        fact = self.facts[question]
        if fact.note is not None:
            return self._deciding(_covariates(question)[1])
        if fact.value is None or fact.value is False:
            return ()
        return self._deciding(self._tracing(question))

    def _tracing(self, question: Question) -> Covariate:
        if question.kind == Kind.AGE:
            return _BIRTH
        if question.kind == Kind.SEX:
            return _sex(str(self.facts[question].value))
        if question.kind == Kind.DERIVED:
            return evidence_of(question.name)
        if question.kind == Kind.SMOKING:
            decides = deciding_covariate(self._answers)
            assert decides is not None  # noqa: S101 -- a status that is known was decided by something
            return decides
        return _covariates(question)[0]

    def _deciding(self, covariate: Covariate) -> tuple[dict[str, Any], ...]:
        return self._events_of(self.chart.deciding(covariate, self.at, MOST_EVENTS))

    def _described(self, events: pl.DataFrame) -> tuple[dict[str, Any], ...]:
        return self._events_of(events.tail(MOST_EVENTS).iter_rows(named=True))

    def _events_of(self, rows: Iterable[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
        codes = self.chart.shard.codes
        return tuple(event_of(row, codes.description(row["code"])) for row in rows)


_BIRTH = Covariate(
    name="birth", codelist=codes("birth", BIRTH), window=before(), summary=Summary.TIME_FIRST
)


@cache
def _sex(name: str) -> Covariate:
    return Covariate(name="sex", codelist=_codelist(name), window=static(), summary=Summary.EXISTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class _AsIfTaken:
    """The facts, but that an ingredient is taken."""

    facts: ChartFacts
    ingredient: str

    def __getitem__(self, question: Question) -> Fact:
        if is_about(question, self.ingredient):
            return Fact(value=True)
        return self.facts[question]


def is_about(question: Question, ingredient: str) -> bool:
    """Whether a question asks for a drug that `ingredient` is."""
    return question.kind == Kind.DRUG and ingredient in members(question.name)


def event_of(row: dict[str, Any], description: str | None) -> dict[str, Any]:
    """One event as a plan cites it; times are ISO 8601 in UTC."""
    value = row["numeric_value"]
    return {
        "code": row["code"],
        "description": description,
        "time": _iso(row["time"]),
        "onset_time": _iso(row["onset_time"]),
        "precision": row["precision"],
        "value": None if value is None else float(f"{value:.7g}"),
        "text": row["text_value"],
        "unit": row["unit"],
        "source_id": row["source_id"],
    }


def _iso(moment: Any) -> str | None:
    return None if moment is None else f"{moment.isoformat()}Z"


@cache
def covariates_of(questions: tuple[Question, ...]) -> tuple[Covariate, ...]:
    """What the kernel is asked for `questions`: each covariate once."""
    asked = [covariate for question in questions for covariate in _covariates(question)]
    return tuple({covariate.name: covariate for covariate in asked}.values())


@cache
def _covariates(question: Question) -> Sequence[Covariate]:
    if question.kind == Kind.SMOKING:
        return smoking_covariates()
    if question.kind in ELSEWHERE:
        return []
    days = question.within_days
    window = before() if days is None else before(timedelta(days=days))
    codelist, name = _codelist(question.name), name_of(question)
    if question.kind == Kind.DRUG:
        asked = ((name, window), (f"{name}:open", before()))
        return [
            Covariate(name=each, codelist=codelist, window=span, summary=Summary.ACTIVE)
            for each, span in asked
        ]
    if question.kind != Kind.LAB:
        summary = Summary.ACTIVE if question.ongoing else Summary.EXISTS
        return [Covariate(name=name, codelist=codelist, window=window, summary=summary)]
    summary = TAKES[question.take]
    value = Covariate(name=name, codelist=codelist, window=window, summary=summary)
    if question.times == 1:
        return [value]
    times = Covariate(
        name=f"{name}:times", codelist=codelist, window=window, summary=Summary.COUNT_VALUES
    )
    return [value, times]


@cache
def name_of(question: Question) -> str:
    """What a question of the kernel is called."""
    parts = (question.kind, question.name, question.within_days, question.ongoing, question.take)
    return ":".join(str(part) for part in parts)


def _codelist(name: str) -> Codelist:
    from lifecourse.vocab.codelists import codelist

    return codelist(name)
