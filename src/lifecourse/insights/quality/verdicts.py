"""A verdict: what a check found, in counts that may be shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import polars as pl

from lifecourse.privacy.release import ReleasePolicy

if TYPE_CHECKING:
    from lifecourse.insights.quality.counting import Tables
    from lifecourse.insights.quality.definitions import Definition
    from lifecourse.insights.quality.lookups import Lookups

MOST_DETAILS = 20
POLICY = ReleasePolicy()


class Status(StrEnum):
    """What came of a check."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """What a check measured: `amiss` of `of` things are wrong.

    events, people : what is amiss in these; None where that is not what is counted
    details : where it is amiss, the worst first: each with ``people`` and words and numbers of its own
    failed : whether the check fails; None leaves it to the threshold
    """

    amiss: int
    of: int
    events: int | None = None
    people: int | None = None
    details: list[dict[str, Any]] = field(default_factory=list)
    failed: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a check found. Counts of fewer than ten people are None, and `few` says so."""

    name: str
    definition: Definition
    status: Status
    share: float | None
    amiss: int | None
    of: int
    people: int | None
    few: bool
    details: list[dict[str, Any]]
    hidden: int

    def to_dict(self) -> dict[str, Any]:
        """For JSON and pages."""
        told = self.definition
        return {
            "check": self.name,
            "title": told.title,
            "category": told.category,
            "subcategory": told.subcategory,
            "status": str(self.status),
            "amiss": self.amiss,
            "of": self.of,
            "counted_in": told.of,
            "share": self.share,
            "threshold": told.threshold,
            "people": self.people,
            "fewer_than_ten_people": self.few,
            "details": self.details,
            "details_not_shown": self.hidden,
            "says": told.says,
            "do": told.do,
            "anchor": told.anchor,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What the checks look at: the counts, and what codes, families and sources are called."""

    tables: Tables
    lookups: Lookups
    codes: list[str]
    sources: list[str]
    persons: pl.DataFrame
    rows_read: int
    rejected: int
    unitless: int

    def family(self, number: int) -> str:
        """The name of a family of codes."""
        return self.lookups.families[number]


def verdict(name: str, definition: Definition, measure: Measure | None) -> Verdict:
    """The verdict of a check; where nothing was measured it does not apply."""
    if measure is None or measure.of == 0:
        return _verdict(name, definition, Status.NOT_APPLICABLE, Measure(amiss=0, of=0))
    failed = measure.failed
    if failed is None:
        failed = measure.amiss > definition.threshold * measure.of
    return _verdict(name, definition, Status.FAILED if failed else Status.PASSED, measure)


def _verdict(name: str, definition: Definition, status: Status, measure: Measure) -> Verdict:
    people = measure.people if definition.of != "people" else measure.amiss
    few = people is not None and people > 0 and not POLICY.allows(people)
    shown = [row for row in measure.details if _may_show(row)]
    return Verdict(
        name=name,
        definition=definition,
        status=status,
        share=None if few or not measure.of else measure.amiss / measure.of,
        amiss=None if few else measure.amiss,
        of=measure.of,
        people=None if few else people,
        few=few,
        details=shown[:MOST_DETAILS],
        hidden=len(measure.details) - len(shown[:MOST_DETAILS]),
    )


def _may_show(row: dict[str, Any]) -> bool:
    """Nothing of one to nine people; nobody is nothing that could be anybody."""
    people = row.get("people")
    return people is None or people == 0 or POLICY.allows(people)
