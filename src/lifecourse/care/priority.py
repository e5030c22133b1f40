"""Which line of a plan comes first: urgent harm, then what is worth most to this person, surest, least burden."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from lifecourse.care.rules.evaluate import Answer
from lifecourse.care.safety.alerts import TOPICS, severity_of
from lifecourse.care.safety.checks import HARMS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lifecourse.care.careplan import Recommendation
    from lifecourse.care.rules.definition import Rule

MOST_LINES = 10
"""Lines of what fires that are shown at once; the others stand behind "more"."""
ANSWER_ORDER = {answer: place for place, answer in enumerate(Answer)}
STRENGTH_ORDER = ("strong", "moderate", "weak")
URGENT = {"high": 0, "moderate": 1, "low": 3}
"""Harm by severity; what is worth doing stands at 2, before harm that is merely possible."""
# Of equal worth treatment comes first, then what asks the least of a person: a shot, a test, a visit, a procedure.
BURDEN = (
    "stop_medication", "adjust_medication", "medication", "counselling", "immunisation", "measurement",
    "referral", "procedure",
)  # fmt: skip

Rank = tuple[int, int, int, float, int, int, str]


def rank(line: Recommendation) -> Rank:
    """The place of a line; smaller comes first.

    The answer; the urgency of harm and, of the same urgency, its kind; the benefit a year at the unfavourable end of
    its interval; the strength of the recommendation; the burden; the name.
    """
    benefit = 0.0 if line.benefit is None else line.benefit.yearly
    harm, kind, _, strength, burden, name = standing(line.rule)
    return (ANSWER_ORDER[line.decision.answer], harm, kind, -benefit, strength, burden, name)


def standing(rule: Rule) -> tuple[int, int, float, int, int, str]:
    """The place of a rule's line among those of the same answer, without a computed benefit."""
    harm, kind, strength, burden = _standing(rule.do.kind, rule.grade.strength, rule.topic)
    return (harm, kind, 0.0, strength, burden, rule.name)


def ranked(lines: Sequence[Recommendation]) -> list[Recommendation]:
    """The lines by `rank`, given in the order of `standing`: then only those that fire need sorting."""
    by_answer: dict[Answer, list[Recommendation]] = {answer: [] for answer in ANSWER_ORDER}
    for line in lines:
        by_answer[line.decision.answer].append(line)
    by_answer[Answer.FIRES].sort(key=rank)
    return [line for same in by_answer.values() for line in same]


def urgency(rule: Rule) -> int:
    """0: harm to be stopped now, 1: harm to be looked at, 2: something worth doing, 3: harm that may be."""
    return _standing(rule.do.kind, rule.grade.strength, rule.topic)[0]


@cache
def _standing(kind: str, strength: str, topic: str) -> tuple[int, int, int, int]:
    """Urgency, kind of harm, strength and burden of what a rule proposes, as places."""
    place, burden = STRENGTH_ORDER.index(strength), BURDEN.index(kind)
    if kind not in HARMS:
        return URGENT["moderate"] + 1, 0, place, burden
    harm = TOPICS.index(topic) if topic in TOPICS else len(TOPICS)
    return URGENT[severity_of(kind, strength)], harm, place, burden
