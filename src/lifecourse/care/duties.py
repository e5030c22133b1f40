"""Who acts on a line of a plan, by when, towards which goal, and how it is said to the patient."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from lifecourse.base.errors import KnowledgeError
from lifecourse.base.yaml import Document, load_document
from lifecourse.care.priority import urgency

if TYPE_CHECKING:
    from lifecourse.care.benefit import Benefit
    from lifecourse.care.rules.definition import Rule

FILE = Path(__file__).parent / "duties.yaml"


class Duty(Document):
    """Who does a kind of action, and in how many days."""

    who: str
    within_days: int = Field(ge=1)


class Target(Document):
    """What a line wants to reach; with `codelist`, a measurement `below` a value in `unit`."""

    rules: list[str]
    title: str
    within_days: int = Field(ge=1)
    codelist: str | None = None
    unit: str | None = None
    below: float | None = None


class Words(Document):
    """What a patient reads: by rule, else by topic, else by kind of action."""

    kinds: dict[str, str]
    topics: dict[str, str]
    rules: dict[str, str]


class Duties(Document):
    """The file."""

    urgent_days: int = Field(ge=1)
    kinds: dict[str, Duty]
    goals: list[Target]
    words: Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What is to be reached by when."""

    title: str
    due: date
    codelist: str | None
    unit: str | None
    below: float | None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        found = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**found, "due": self.due.isoformat()}


@cache
def duties() -> Duties:
    """Who does what by when.

    Raises
    ------
    KnowledgeError
        The file does not fit.
    """
    return load_document(FILE, Duties, error=KnowledgeError)


def who_acts(rule: Rule) -> str:
    """Who does what `rule` proposes."""
    return duties().kinds[rule.do.kind].who


def due_of(rule: Rule, as_of: date) -> date:
    """When it should be done; urgent harm the next day."""
    days = duties().urgent_days if urgency(rule) == 0 else duties().kinds[rule.do.kind].within_days
    return as_of + timedelta(days=days)


def goal_of(rule: Rule, as_of: date) -> Goal | None:
    """What following `rule` should reach; None where nothing measurable was set."""
    for target in duties().goals:
        if rule.name in target.rules:
            return Goal(
                title=target.title,
                due=as_of + timedelta(days=target.within_days),
                codelist=target.codelist,
                unit=target.unit,
                below=target.below,
            )
    return None


def patient_words(rule: Rule, benefit: Benefit | None = None) -> str:
    """What `rule` says to the patient, and in people of a hundred what it is worth."""
    words = duties().words
    said = words.rules.get(rule.name) or words.topics.get(rule.topic) or words.kinds[rule.do.kind]
    if benefit is None:
        return said
    without, treated = (round(share * 100) for share in (benefit.baseline, benefit.treated))
    if without == treated:
        return said
    years = "a year" if benefit.years == 1 else f"{benefit.years:g} years"
    return (
        f"{said} Think of 100 people like you. In {years}, about {without} of them get ill in this way. "
        f"With this, about {treated} do."
    )
