"""Safety of the drugs taken, and of a drug before it is proposed: the rules about harm, asked of one person."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from lifecourse.base.clock import now
from lifecourse.base.errors import UserError
from lifecourse.care.assessment import assess
from lifecourse.care.rules.evaluate import Answer
from lifecourse.care.rules.gathering import ChartFacts
from lifecourse.care.rules.loading import library
from lifecourse.care.rules.questions import Kind
from lifecourse.care.rules.scores import score_facts
from lifecourse.care.safety.alerts import MOST_ALERTS, SafetyAlert, SafetyReport, ranked
from lifecourse.care.safety.medications import State, medication_list
from lifecourse.vocab.codelists import is_known, members

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from lifecourse.care.rules.definition import Rule
    from lifecourse.care.rules.evaluate import Decision
    from lifecourse.care.rules.loading import Library
    from lifecourse.care.rules.questions import Facts
    from lifecourse.care.safety.overrides import Override
    from lifecourse.timeline.chart import Chart

HARMS = ("stop_medication", "adjust_medication")
"""Kinds of action of the rules that are about harm."""


def check_safety(
    chart: Chart,
    at: int | None = None,
    *,
    rules: Library | None = None,
    facts: ChartFacts | None = None,
    overrides: Sequence[Override] = (),
    today: date | None = None,
    limit: int = MOST_ALERTS,
) -> SafetyReport:
    """What is wrong with the drugs a person takes, gravest first.

    Parameters
    ----------
    at : microseconds UTC; the chart's own moment (`Chart.as_of`) if not given
    rules : instead of those of the package
    facts : the answers to the rules' questions where they were gathered before
    overrides : alerts that were answered; those with a lasting reason are not repeated while the drugs are the same
    today : decides which rules are past their date of review; the present day if not given
    limit : how many alerts are shown; how many more there are is told
    """
    known, moment = library() if rules is None else rules, _moment(chart, at)
    asked = _gathered(chart, moment, known) if facts is None else facts
    medications = medication_list(chart, moment)
    taken = tuple(each.ingredient for each in medications if each.state == State.ACTIVE)
    decisions = [(rule, asked.decide(rule)) for rule in _about_harm(known, today)]
    alerts = [
        _alert(rule, decision, asked, _concerned(rule, asked, taken))
        for rule, decision in decisions
        if decision.answer == Answer.FIRES
    ]
    shown, more, suppressed = ranked(alerts, overrides, limit)
    return SafetyReport(
        medications=medications,
        alerts=shown,
        more=more,
        suppressed=suppressed,
        missing=_missing(decision for _, decision in decisions),
    )


def check_planned(
    chart: Chart,
    drug: str,
    at: int | None = None,
    *,
    rules: Library | None = None,
    facts: ChartFacts | None = None,
    overrides: Sequence[Override] = (),
    today: date | None = None,
) -> tuple[SafetyAlert, ...]:
    """What would be wrong with giving `drug`, a codelist or an ingredient, on top of what is taken; gravest first.

    Of a class every ingredient is tried: an alert that ``concerns`` all of them forbids the class, one that concerns
    some names those in `drugs`, and the others remain.

    Parameters
    ----------
    at : microseconds UTC; the chart's own moment (`Chart.as_of`) if not given
    rules, facts, overrides, today : as `check_safety` takes them

    Raises
    ------
    UserError
        There is no such drug, or the chart has no dated event and no moment was given.
    """
    if not is_known(drug) or not members(drug):
        raise UserError(f"'{drug}' is no drug. Give an ingredient, or a codelist of ingredients.")
    known, moment = library() if rules is None else rules, _moment(chart, at)
    asked = _gathered(chart, moment, known) if facts is None else facts
    tried = {name: _alerts_of_one(name, known, asked, today) for name in members(drug)}
    found: dict[str, SafetyAlert] = {}
    for alerts in tried.values():
        found |= {name: alert for name, alert in alerts.items() if name not in found}
    merged = [
        _merged(alert, drug, [name for name in tried if rule in tried[name]], len(tried))
        for rule, alert in found.items()
    ]
    return ranked(merged, overrides, len(merged))[0]


def _moment(chart: Chart, at: int | None) -> int:
    moment = chart.as_of if at is None else at
    if moment is None:
        raise UserError("the chart has no dated event. Say at which moment to look.")
    return moment


def _gathered(chart: Chart, at: int, rules: Library) -> ChartFacts:
    return ChartFacts(
        chart=chart,
        at=at,
        questions=rules.questions,
        scores=score_facts(assess(chart, at)),
    )


def _about_harm(rules: Library, today: date | None) -> list[Rule]:
    day = now().date() if today is None else today
    return [rule for rule in rules.in_force(day) if rule.do.kind in HARMS]


def _alert(
    rule: Rule, decision: Decision, facts: ChartFacts, drugs: tuple[str, ...]
) -> SafetyAlert:
    events = facts.cited(decision.asked)
    return SafetyAlert(rule=rule, decision=decision, drugs=drugs, events=events)


def _concerned(rule: Rule, facts: Facts, taken: Iterable[str]) -> tuple[str, ...]:
    """Those of the drugs taken that the rule is about."""
    asked = [q for q in rule.questions if q.kind == Kind.DRUG and facts[q].value is True]
    return tuple(name for name in taken if any(name in members(q.name) for q in asked))


def _missing(decisions: Iterable[Decision]) -> dict[str, str]:
    return {
        each.name: each.order
        for decision in decisions
        if decision.answer == Answer.MISSING_DATA
        for each in decision.missing
    }


def _alerts_of_one(
    ingredient: str, rules: Library, facts: ChartFacts, today: date | None
) -> dict[str, SafetyAlert]:
    found = {}
    for rule in _by_ingredient(rules, today).get(ingredient, ()):
        decision = facts.decide_with(rule, ingredient)
        if decision.answer == Answer.FIRES:
            found[rule.name] = _alert(rule, decision, facts, (ingredient,))
    return found


@cache
def _by_ingredient(rules: Library, today: date | None) -> dict[str, tuple[Rule, ...]]:
    found: dict[str, list[Rule]] = {}
    for rule in _about_harm(rules, today):
        asked = (q.name for q in rule.questions if q.kind == Kind.DRUG)
        for ingredient in dict.fromkeys(each for name in asked for each in members(name)):
            found.setdefault(ingredient, []).append(rule)
    return {name: tuple(each) for name, each in found.items()}


def _merged(alert: SafetyAlert, drug: str, drugs: list[str], tried: int) -> SafetyAlert:
    return SafetyAlert(
        rule=alert.rule,
        decision=alert.decision,
        drugs=tuple(drugs),
        events=alert.events,
        planned=drug,
        concerns="all" if len(drugs) == tried else "some",
    )
