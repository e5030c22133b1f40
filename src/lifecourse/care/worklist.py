"""Whom to see first: of many plans, who gains most from what fires, with the counts and the first reason."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from lifecourse.care.priority import urgency
from lifecourse.care.rules.evaluate import Answer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lifecourse.care.careplan import CarePlan

DECIMALS = 2
"""Of events in a hundred people: more says more than a risk knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One person with something to do.

    urgent : lines about harm to be stopped now
    fewer_in_100_a_year : the sum of the falls in risk a year, in events of a hundred such people
    gaps : lines that fire, those aside that propose a drug again
    to_measure : lines that wait for something that is not known
    first, why : the first line of the plan, and its reason
    """

    subject_id: int
    age: int | None
    sex: str | None
    urgent: int
    fewer_in_100_a_year: float
    gaps: int
    to_measure: int
    first: str
    why: str

    @property
    def order(self) -> tuple[int, float, int, int]:
        """Smaller comes first: urgent lines, falls in risk, gaps, the id."""
        return -self.urgent, -self.fewer_in_100_a_year, -self.gaps, self.subject_id

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


def entry_of(made: CarePlan) -> Entry | None:
    """The place of a plan in a worklist; None where nothing fires."""
    lines = made.recommendations
    firing = [each for each in lines if each.answer == Answer.FIRES and each.same_as is None]
    if not firing:
        return None
    yearly = sum(each.benefit.yearly for each in firing if each.benefit is not None)
    return Entry(
        subject_id=made.subject_id,
        age=made.age,
        sex=made.sex,
        urgent=sum(urgency(each.rule) == 0 for each in firing),
        fewer_in_100_a_year=round(100 * yearly, DECIMALS),
        gaps=len(firing),
        to_measure=sum(each.answer == Answer.MISSING_DATA for each in lines),
        first=firing[0].rule.title,
        why=firing[0].reason,
    )


def worklist(entries: Iterable[Entry]) -> list[Entry]:
    """Who gains most first."""
    return sorted(entries, key=lambda each: each.order)
