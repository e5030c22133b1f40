"""What to do for this person: every recommendation's answer, ranked, each line with its reasons and events.

A plan is a function of the record up to `at`, of the versions of rules and scores, and of which rules
are in force today; the same inputs give the same bytes, and `content_hash` says which inputs they were.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache, cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import orjson

from lifecourse.base.clock import from_microseconds, now
from lifecourse.base.errors import UserError
from lifecourse.care.assessment import assess, assess_together, completed_years
from lifecourse.care.benefit import Benefit, benefit_of
from lifecourse.care.conflicts import checked, joined, words_of
from lifecourse.care.duties import due_of, goal_of, patient_words, who_acts
from lifecourse.care.priority import MOST_LINES, ranked, standing, urgency
from lifecourse.care.rules.evaluate import Answer, Decision
from lifecourse.care.rules.gathering import ChartFacts
from lifecourse.care.rules.loading import Library, library
from lifecourse.care.rules.memory import memory_of
from lifecourse.care.rules.scores import score_facts
from lifecourse.care.rules.together import FactColumns, RememberingFacts

if TYPE_CHECKING:
    from lifecourse.care.rules.definition import Rule
    from lifecourse.care.rules.questions import Question
    from lifecourse.care.safety.alerts import SafetyAlert
    from lifecourse.care.scored import Assessment
    from lifecourse.timeline.chart import Chart
    from lifecourse.timeline.together import Together

ADULT_YEARS = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """One line of a plan.

    facts : what is known of the person; `events` are looked up there when somebody reads them
    safety : what was found about the drug that is proposed
    same_as : the name of an earlier line that proposes the same drug
    why : the sentences of the decision; `reason` is them in one
    """

    rule: Rule
    decision: Decision
    facts: ChartFacts = field(repr=False, compare=False)
    benefit: Benefit | None
    safety: tuple[SafetyAlert, ...] = ()
    same_as: str | None = None
    as_of: date

    @property
    def answer(self) -> Answer:
        """One of the five."""
        return self.decision.answer

    @property
    def events(self) -> tuple[dict[str, Any], ...]:
        """What decided, in the order of the reasons; each with code, time, value, unit and source id."""
        return self.facts.cited(self.decision.asked)

    @property
    def reason(self) -> str:
        """Why this answer, in a sentence."""
        return self.decision.reason

    @property
    def key(self) -> str:
        """What an answer to this line is about: the rule's version and the drugs that decided; new drugs, a new key."""
        return _key_of(self.rule, self.events)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        rule = self.rule
        fires = self.answer == Answer.FIRES
        events = self.events
        goal = goal_of(rule, self.as_of) if fires else None
        return {
            "name": rule.name,
            "key": _key_of(rule, events),
            "urgent": urgency(rule) == 0,
            "same_as": self.same_as,
            **self.decision.said,
            "events": list(events),
            "who": who_acts(rule),
            "due": due_of(rule, self.as_of).isoformat() if fires else None,
            "goal": None if goal is None else goal.to_dict(),
            "patient": patient_words(rule, self.benefit) if fires else None,
            "cautions": [*(words_of(alert) for alert in self.safety), *rule.text.cautions],
            "safety": [alert.rule.name for alert in self.safety],
            "benefit": None if self.benefit is None else self.benefit.to_dict(),
            **rule.said_of_all,
        }


def _key_of(rule: Rule, events: Sequence[Mapping[str, Any]]) -> str:
    drugs = sorted({event["code"] for event in events if event.get("is_drug")})
    return _short_hash("|".join([rule.name, rule.version, *drugs]))


@lru_cache(maxsize=1024)
def _short_hash(said: str) -> str:
    return hashlib.sha256(said.encode()).hexdigest()[:16]


@dataclass(frozen=True, kw_only=True)
class CarePlan:
    """The plan of one person at one moment.

    recommendations : all rules in force, what fires first, strongest and most beneficial first
    reason : why there are none, where there are none
    switched_off : rules whose date of review has passed
    facts, rules : what is known of the person, and the library that was asked
    """

    subject_id: int
    age: int | None
    sex: str | None
    as_of: str
    assessment: Assessment | None
    predictions: tuple[dict[str, Any], ...]
    recommendations: tuple[Recommendation, ...]
    switched_off: tuple[Rule, ...]
    reason: str | None
    versions: dict[str, str]
    facts: ChartFacts = field(repr=False, compare=False)
    rules: Library = field(repr=False, compare=False)

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of everything the plan follows from: the answers to its questions, versions and estimates."""
        has_lines = self.reason is None
        names, answers = (_names(self.rules), self.facts.facts.values()) if has_lines else ((), ())
        inputs = {
            "subject_id": self.facts.chart.subject_id,
            "at": self.facts.at,
            "facts": {
                name: [fact.value, fact.missing, fact.inapplicable]
                for name, fact in zip(names, answers, strict=True)
            },
            "versions": dict(self.versions),
            "predictions": [dict(each) for each in self.predictions],
        }
        return hashlib.sha256(
            orjson.dumps(inputs, option=orjson.OPT_SORT_KEYS, default=str)
        ).hexdigest()

    def explain(self, name: str) -> dict[str, Any]:
        """The line of the rule `name`, from what it says down to its events and sources, and what it was made from.

        Raises
        ------
        UserError
            The plan has no such line.
        """
        for place, line in enumerate(self.recommendations, start=1):
            if line.rule.name == name:
                return {
                    "place": place,
                    **line.to_dict(),
                    "made_from": {
                        "as_of": self.as_of,
                        "versions": dict(self.versions),
                        "content_hash": self.content_hash,
                    },
                }
        raise UserError(
            f"the plan has no line '{name}'. It has: {', '.join(r.rule.name for r in self.recommendations[:10])} ..."
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; the same plan gives the same bytes."""
        scores = [] if self.assessment is None else self.assessment.to_dict()["scores"]
        return {
            "patient": {"subject_id": self.subject_id, "age": self.age, "sex": self.sex},
            "as_of": self.as_of,
            "reason": self.reason,
            "recommendations": [each.to_dict() for each in self.recommendations],
            "most_shown": MOST_LINES,
            "scores": scores,
            "predictions": list(self.predictions),
            "switched_off": [
                {
                    "name": rule.name,
                    "title": rule.title,
                    "review_by": rule.review_by.isoformat(),
                    "reason": "its date of review has passed; it is not evaluated",
                }
                for rule in self.switched_off
            ],
            "versions": dict(self.versions),
            "content_hash": self.content_hash,
        }


def plan(
    chart: Chart,
    at: int,
    *,
    predictions: Sequence[Mapping[str, Any]] = (),
    rules: Library | None = None,
    today: date | None = None,
    assessment: Assessment | None = None,
) -> CarePlan:
    """The care plan of a person at `at` (microseconds UTC).

    Parameters
    ----------
    chart, at
        Only what was known at or before `at` counts.
    predictions : estimates of the site's models, carried along as they are
    rules : instead of those of the package
    today : decides which rules are past their date of review; the present day if not given
    assessment : the scores at `at`, where they were computed before

    Returns
    -------
    CarePlan
        Recommendations are for adults who are alive; anyone else has a plan that says so and has none.
    """
    known = library() if rules is None else rules
    day = now().date() if today is None else today
    why_not = _reason_for_none(chart, at)
    scores = None if why_not is not None else assessment or assess(chart, at)
    facts = RememberingFacts(
        chart=chart,
        at=at,
        questions=known.questions,
        scores=score_facts(scores),
        memory=memory_of(known.questions),
    )
    estimates = tuple(dict(each) for each in predictions)
    return _drawn_up(scores, facts, why_not, known, day, estimates)


def plans(
    together: Together, *, rules: Library | None = None, today: date | None = None
) -> Iterator[CarePlan]:
    """`plan` of each of those who are looked at together, at their own moments; who has no dated record has none."""
    known = library() if rules is None else rules
    day = now().date() if today is None else today
    charts = [chart for chart in together.charts() if chart.as_of is not None]
    why_not = {chart.person: _reason_for_none(chart, chart.moment) for chart in charts}
    columns = FactColumns(together, known.questions)
    assessments = assess_together(together, [c for c in charts if why_not[c.person] is None])
    for chart in charts:
        reason = why_not[chart.person]
        assessment = next(assessments) if reason is None else None
        facts = columns.of(chart, score_facts(assessment))
        yield _drawn_up(assessment, facts, reason, known, day, ())


def _drawn_up(
    assessment: Assessment | None,
    facts: ChartFacts,
    reason: str | None,
    rules: Library,
    day: date,
    estimates: tuple[dict[str, Any], ...],
) -> CarePlan:
    chart, at = facts.chart, facts.at
    moment = from_microseconds(at)
    in_force, switched_off = _sorted_out(rules, day)
    wanted = in_force if reason is None else ()
    lines = ranked([_line(rule, facts, rules, day, moment.date()) for rule in wanted])
    versions = {"rules": rules.version, **_versions()}
    return CarePlan(
        subject_id=chart.subject_id,
        age=completed_years(chart.birth, moment),
        sex=chart.sex,
        as_of=moment.isoformat(),
        assessment=assessment,
        predictions=estimates,
        recommendations=tuple(joined(lines)),
        switched_off=switched_off,
        reason=reason,
        versions=versions,
        facts=facts,
        rules=rules,
    )


@lru_cache(maxsize=4)
def _sorted_out(rules: Library, day: date) -> tuple[tuple[Rule, ...], tuple[Rule, ...]]:
    """The rules in force on a day, in the order of lines that are worth nothing, and those past their review."""
    return tuple(sorted(rules.in_force(day), key=standing)), rules.switched_off(day)


def _reason_for_none(chart: Chart, at: int) -> str | None:
    age = completed_years(chart.birth, from_microseconds(at))
    if chart.death is not None and chart.death <= from_microseconds(at):
        return "The record ends with death: there is nothing to plan."
    if age is None:
        return "The date of birth is not known, and recommendations depend on age."
    if age < ADULT_YEARS:
        return (
            "Recommendations are for adults (18 years and over); there are none for children yet."
        )
    return None


def _line(rule: Rule, facts: ChartFacts, rules: Library, day: date, as_of: date) -> Recommendation:
    decision = facts.decide(rule)
    safety: tuple[SafetyAlert, ...] = ()
    if decision.answer == Answer.FIRES:
        decision, safety = checked(rule, decision, facts, rules, day)
    fires = decision.answer == Answer.FIRES
    return Recommendation(
        rule=rule,
        decision=decision,
        facts=facts,
        benefit=benefit_of(rule, facts) if fires else None,
        safety=safety,
        as_of=as_of,
    )


@cache
def _names(rules: Library) -> tuple[str, ...]:
    return tuple(_said(question) for question in rules.questions)


def _said(question: Question) -> str:
    parts = (question.kind, question.key, question.within_days, question.ongoing, question.take)
    return ":".join(str(part) for part in parts)


def _versions() -> dict[str, str]:
    from lifecourse import __version__

    return {"lifecourse": __version__}
