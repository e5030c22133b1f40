"""A rule and the facts give exactly one of five answers, with what decided it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lifecourse.care.rules.conditions import Judgement, Reason
from lifecourse.care.rules.wording import needed

if TYPE_CHECKING:
    from lifecourse.care.rules.definition import Rule
    from lifecourse.care.rules.questions import Facts, Question


class Answer(StrEnum):
    """The five answers."""

    FIRES = "fires"
    MISSING_DATA = "missing_data"
    ALREADY_DONE = "already_done"
    EXCLUDED = "excluded"
    NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """An input that is not known, and what to order to know it."""

    name: str
    title: str
    order: str


@dataclass(frozen=True, kw_only=True)
class Decision:
    """One rule's answer for one person at one moment.

    reasons : what decided
    excluded_by : the name of the exclusion that holds
    missing : what is not known, where the answer is ``missing_data``
    """

    answer: Answer
    reasons: tuple[Reason, ...] = ()
    excluded_by: str | None = None
    missing: tuple[Missing, ...] = ()

    @cached_property
    def asked(self) -> tuple[Question, ...]:
        """The questions whose answers decided, each once."""
        return tuple(dict.fromkeys(q for reason in self.reasons for q in reason.questions))

    @cached_property
    def reason(self) -> str:
        """Why this answer, in a sentence."""
        said = _sentence("; ".join(reason.text for reason in self.reasons))
        if self.answer == Answer.MISSING_DATA:
            names = ", ".join(dict.fromkeys(m.title for m in self.missing))
            known = f" So far: {said}" if said else ""
            return f"Not known: {names}.{known}"
        return said

    @cached_property
    def said(self) -> dict[str, Any]:
        """What every plan in which it stands says of it, JSON-ready; not to be changed."""
        return {
            "answer": str(self.answer),
            "reason": self.reason,
            "why": [reason.text for reason in self.reasons],
            "excluded_by": self.excluded_by,
            "missing": [
                {"name": m.name, "title": m.title, "order": m.order, "text": m.order}
                for m in self.missing
            ],
        }

    def __str__(self) -> str:
        """As cases write it."""
        if self.excluded_by is not None:
            return f"{self.answer}:{self.excluded_by}"
        names = ",".join(missing.name for missing in self.missing)
        return f"{self.answer}:{names}" if names else str(self.answer)


def decide(rule: Rule, facts: Facts) -> Decision:
    """The answer of `rule`.

    In order: not applicable; excluded, and already done, each as soon as it is certain, even where other
    inputs are missing, so that nobody is sent for a test whose result would change nothing; then missing
    data, where any of applicability, an exclusion or a needed input is not known; else it fires.
    """
    applies = rule.applies.judge(facts, rule.points)
    # Where a score gives no number because the person is not one it is for (disease already there), the
    # rule's own exclusion says more than that.
    barred = any(facts[q].inapplicable for reason in applies.because for q in reason.questions)
    if applies.truth is False and not barred:
        return Decision(answer=Answer.NOT_APPLICABLE, reasons=applies.because)
    open_names = list(applies.missing if applies.truth is None else ())
    for name, exclusion in rule.exclude.items():
        judged = exclusion.judge(facts, rule.points)
        if judged.truth is True:
            return Decision(answer=Answer.EXCLUDED, reasons=judged.because, excluded_by=name)
        if judged.truth is None and exclusion.unknown == "missing":
            open_names += judged.missing
    if applies.truth is False:
        return Decision(answer=Answer.NOT_APPLICABLE, reasons=applies.because)
    known = list(applies.because)
    if rule.already_done is not None:
        done = rule.already_done.judge(facts, rule.points)
        if done.truth is True:
            return Decision(answer=Answer.ALREADY_DONE, reasons=done.because)
        open_names += done.missing
        known += done.because
    open_names += _needed_but_unknown(rule, facts)
    if open_names:
        missing = tuple(_missing(name) for name in dict.fromkeys(open_names))
        return Decision(answer=Answer.MISSING_DATA, reasons=tuple(known), missing=missing)
    return Decision(answer=Answer.FIRES, reasons=tuple(known))


def _needed_but_unknown(rule: Rule, facts: Facts) -> list[str]:
    found: list[str] = []
    for name in rule.needs:
        fact = facts[rule.questions_by_key[name]]
        if fact.value is None and fact.inapplicable is None:
            found += fact.missing or (name,)
    return found


def _missing(name: str) -> Missing:
    found = needed(name)
    return Missing(name=name, title=found.title, order=found.order)


def points_of(rule: Rule, name: str, facts: Facts) -> float:
    """The certain points of `rule`'s score `name`."""
    judged: list[tuple[float, Judgement]] = [
        (item.add, item.when.judge(facts, rule.points)) for item in rule.points[name]
    ]
    return sum(add for add, judgement in judged if judgement.truth is True)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text else ""
