"""Proposals against one another: a drug that would do harm is not proposed, and the same drug is not proposed twice."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lifecourse.care.rules.conditions import Reason
from lifecourse.care.rules.evaluate import Answer, Decision
from lifecourse.care.rules.questions import Kind
from lifecourse.care.safety.checks import check_planned
from lifecourse.vocab.codelists import is_known, members

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from lifecourse.care.careplan import Recommendation
    from lifecourse.care.rules.definition import Rule
    from lifecourse.care.rules.gathering import ChartFacts
    from lifecourse.care.rules.loading import Library
    from lifecourse.care.safety.alerts import SafetyAlert

MOST_NAMED = 4


def checked(
    rule: Rule, decision: Decision, facts: ChartFacts, rules: Library, today: date
) -> tuple[Decision, tuple[SafetyAlert, ...]]:
    """The decision once the drug it proposes was checked, and what was found about that drug.

    Where an alert forbids every drug of the class, the proposal is withheld: the answer is ``excluded``, by the name
    of the rule about harm, and the reasons say what would have been proposed.
    """
    if decision.answer != Answer.FIRES or not _proposes_a_drug(rule):
        return decision, ()
    assert rule.do.codelist is not None  # noqa: S101 -- looked at above
    alerts = check_planned(
        facts.chart, rule.do.codelist, facts.at, rules=rules, facts=facts, today=today
    )
    forbidding = [alert for alert in alerts if _forbids(alert)]
    if not forbidding:
        return decision, alerts
    return _withheld(decision, forbidding[0], facts), alerts


def _proposes_a_drug(rule: Rule) -> bool:
    """Whether it proposes a drug that is not taken; a rule that asks for a drug is about how that one is taken."""
    codelist = rule.do.codelist
    if rule.do.kind != "medication" or codelist is None:
        return False
    asked = {q.name for q in rule.applies.questions() if q.kind == Kind.DRUG}
    return codelist not in asked and is_known(codelist) and bool(members(codelist))


def _forbids(alert: SafetyAlert) -> bool:
    return alert.concerns == "all" and alert.rule.do.kind == "stop_medication"


def _withheld(decision: Decision, alert: SafetyAlert, facts: ChartFacts) -> Decision:
    said = Reason(questions=(), text=f"withheld for safety: {alert.rule.title}")
    true_now = [
        reason
        for reason in alert.decision.reasons
        if not any(q.kind == Kind.DRUG and facts[q].value is not True for q in reason.questions)
    ]
    return Decision(
        answer=Answer.EXCLUDED,
        reasons=(said, *true_now, *decision.reasons),
        excluded_by=alert.rule.name,
    )


def words_of(alert: SafetyAlert) -> str:
    """What to mind about a proposed drug, in a sentence."""
    if alert.concerns == "all":
        return f"{alert.rule.title}: {alert.rule.do.what}"
    named = ", ".join(name.replace("_", " ") for name in alert.drugs[:MOST_NAMED])
    more = len(alert.drugs) - MOST_NAMED
    named += f" and {more} more" if more > 0 else ""
    verb = "Not" if alert.rule.do.kind == "stop_medication" else "With care"
    return f"{verb} {named}: {alert.rule.title}"


def joined(lines: Sequence[Recommendation]) -> list[Recommendation]:
    """The ranked lines, where a drug that an earlier line proposes already points at that line."""
    first: dict[str, str] = {}
    found = []
    for line in lines:
        fires = line.answer == Answer.FIRES
        drug = line.rule.do.codelist if fires and _proposes_a_drug(line.rule) else None
        if drug is not None:
            name = first.setdefault(drug, line.rule.name)
            found.append(line if name == line.rule.name else replace(line, same_as=name))
        else:
            found.append(line)
    return found
