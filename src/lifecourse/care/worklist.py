"""Whom to see first: of many plans, who gains most from what fires, with the counts and the first reason."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lifecourse.care.priority import urgency
from lifecourse.care.rules.evaluate import Answer

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from lifecourse.care.careplan import CarePlan

DECIMALS = 2
"""Of events in a hundred people: more says more than a risk knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """What there is to gain from the lines of a plan that fire.

    urgent : lines about harm to be stopped now
    yearly : the sum of the falls in risk a year, each at the unfavourable end of its interval, 0 to 1 each
    gaps : the lines
    """

    urgent: int
    yearly: float
    gaps: int

    @property
    def order(self) -> tuple[int, float, int]:
        """Smaller comes first: urgent lines, falls in risk, lines."""
        return -self.urgent, -self.yearly, -self.gaps

    @property
    def fewer_in_100_a_year(self) -> float:
        """`yearly` in events of a hundred such people, rounded for reading."""
        return round(100 * self.yearly, DECIMALS)


def gain_of(lines: Collection[tuple[bool, float]]) -> Gain:
    """Of lines that fire, whether each is urgent, and its fall in risk a year; one that may be no fall adds none.

    A line that proposes a drug again is none of them.
    """
    return Gain(
        urgent=sum(urgent for urgent, _ in lines),
        yearly=math.fsum(max(yearly, 0.0) for _, yearly in lines),
        gaps=len(lines),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One person with something to do.

    gain : what its lines that fire are worth
    to_measure : lines that wait for something that is not known
    first, why : the first line of the plan, and its reason
    """

    subject_id: int
    age: int | None
    sex: str | None
    gain: Gain
    to_measure: int
    first: str
    why: str

    @property
    def order(self) -> tuple[int | float, ...]:
        """Smaller comes first: the gain, of equals the smaller id."""
        return *self.gain.order, self.subject_id

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "subject_id": self.subject_id,
            "age": self.age,
            "sex": self.sex,
            "urgent": self.gain.urgent,
            "fewer_in_100_a_year": self.gain.fewer_in_100_a_year,
            "gaps": self.gain.gaps,
            "to_measure": self.to_measure,
            "first": self.first,
            "why": self.why,
        }


def entry_of(made: CarePlan) -> Entry | None:
    """The place of a plan in a worklist; None where nothing fires."""
    lines = made.recommendations
    firing = [each for each in lines if each.answer == Answer.FIRES and each.same_as is None]
    if not firing:
        return None
    return Entry(
        subject_id=made.subject_id,
        age=made.age,
        sex=made.sex,
        gain=gain_of(
            [
                (urgency(each.rule) == 0, each.benefit.yearly if each.benefit is not None else 0.0)
                for each in firing
            ]
        ),
        to_measure=sum(each.answer == Answer.MISSING_DATA for each in lines),
        first=firing[0].rule.title,
        why=firing[0].reason,
    )


def worklist(entries: Iterable[Entry]) -> list[Entry]:
    """Who gains most first."""
    return sorted(entries, key=lambda each: each.order)
