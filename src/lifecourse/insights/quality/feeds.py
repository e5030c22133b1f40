"""Feeds: what one source gives of one kind of fact, over time."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from lifecourse.insights.quality.verdicts import Measure
from lifecourse.schema.event import BACKGROUND, BIRTH, DEATH

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.insights.quality.definitions import Definition
    from lifecourse.insights.quality.verdicts import Sight

FAR_BELOW = 0.3
NEIGHBOURS = 6
FEWEST_EVENTS = 200
FEWEST_PEOPLE = 30
"""People in a usual month: of fewer, one who moves away looks like a gap."""
GONE = 0.05
# Not fed by care: births go back a century, addresses and exposures come once a year.
NOT_FED = (BIRTH, DEATH, *(start.removesuffix("//") for start in BACKGROUND))


def gaps(sight: Sight, name: str, definition: Definition) -> Measure | None:
    """Months, and weeks of other months, that lie far below both sides."""
    del name, definition
    judged, details = 0, []
    people = {
        (row["source"], row["family"], row["month"]): row["people"]
        for row in sight.tables["months"].iter_rows(named=True)
    }
    for source, family, first, counts in _feeds(sight):
        places, low = _far_below(counts)
        judged += places
        bad_months = [first + int(place) for place, _ in low]
        for place, expected in low:
            month = first + int(place)
            told = people.get((source, family, month), 0)
            details.append(
                _gap(sight, source, family, _month(month), counts[place], expected, told)
            )
        weeks = _weeks(sight, source, family)
        if weeks is None:
            continue
        judged_weeks, low_weeks = _far_below(weeks[1])
        judged += judged_weeks
        for place, expected in low_weeks:
            opens = date(1970, 1, 1) + timedelta(weeks=weeks[0] + int(place))
            months = {day.year * 12 + day.month - 1 for day in (opens, opens + timedelta(days=6))}
            if months & set(bad_months):
                continue
            events = weeks[1][place]
            # Who they are is not counted by week: as many people as events, at most.
            detail = _gap(sight, source, family, f"week of {opens}", events, expected, int(events))
            details.append(detail)
    if not judged:
        return None
    details.sort(key=lambda row: row["events"] - row["expected"])
    return Measure(amiss=len(details), of=judged, details=details)


def _gap(
    sight: Sight, source: int, family: int, period: str, events: float, expected: float, people: int
) -> dict[str, Any]:
    return {
        "source": sight.sources[source],
        "kind": sight.family(family),
        "period": period,
        "people": people,
        "events": int(events),
        "expected": round(float(expected)),
    }


def _far_below(counts: npt.NDArray[np.float64]) -> tuple[int, list[tuple[int, float]]]:
    """How many periods have enough on both sides to be judged; those far below both, with what was expected."""
    judged, low = 0, []
    # The first and the last period are cut short by where the data begin and end.
    for place in range(1, len(counts) - 1):
        before = counts[max(1, place - NEIGHBOURS) : place]
        after = counts[place + 1 : place + 1 + NEIGHBOURS][: max(0, len(counts) - 2 - place)]
        if len(before) < 2 or len(after) < 2:
            continue
        expected = min(float(np.median(before)), float(np.median(after)))
        if expected < FEWEST_EVENTS:
            continue
        judged += 1
        if counts[place] < FAR_BELOW * expected:
            low.append((place, expected))
    return judged, low


def _feeds(sight: Sight) -> list[tuple[int, int, int, npt.NDArray[np.float64]]]:
    """Each feed of enough people: source, family, first month and events by month, without holes."""
    found = []
    table = sight.tables["months"].sort("source", "family", "month")
    for (source, family), part in table.group_by("source", "family", maintain_order=True):
        if sight.family(family) in NOT_FED:
            continue
        first, counts = _without_holes(part["month"].to_numpy(), part["events"].to_numpy())
        people = np.zeros(len(counts))
        people[part["month"].to_numpy() - first] = part["people"].to_numpy()
        if np.median(people) < FEWEST_PEOPLE:
            continue
        found.append((int(source), int(family), first, counts))
    return found


def _weeks(sight: Sight, source: int, family: int) -> tuple[int, npt.NDArray[np.float64]] | None:
    part = sight.tables["weeks"].filter((pl.col("source") == source) & (pl.col("family") == family))
    if part["events"].sum() < FEWEST_EVENTS * 2 * NEIGHBOURS:
        return None
    return _without_holes(part["week"].to_numpy(), part["events"].to_numpy())


def _without_holes(
    periods: npt.NDArray[np.int64], events: npt.NDArray[np.int64]
) -> tuple[int, npt.NDArray[np.float64]]:
    first = int(periods.min())
    counts = np.zeros(int(periods.max()) - first + 1)
    counts[periods - first] = events
    return first, counts


def _month(month: int) -> str:
    return f"{month // 12}-{month % 12 + 1:02d}"


def ends(sight: Sight, name: str, definition: Definition) -> Measure | None:
    """Feeds of which the last full year of their source holds next to nothing."""
    del name, definition
    judged, details = 0, []
    for source, family, year, events, expected in _last_years(sight):
        judged += 1
        if events < GONE * expected:
            details.append(
                {
                    "source": sight.sources[source],
                    "kind": sight.family(family),
                    "period": str(year),
                    "people": 0 if events == 0 else int(events),
                    "events": int(events),
                    "expected": round(expected),
                }
            )
    return Measure(amiss=len(details), of=judged, details=details) if judged else None


def ended(sight: Sight) -> set[tuple[int, int]]:
    """Source and family of the feeds that `ends` finds."""
    return {
        (source, family)
        for source, family, _, events, expected in _last_years(sight)
        if events < GONE * expected
    }


def _last_years(sight: Sight) -> list[tuple[int, int, int, float, float]]:
    """Of each feed with enough before: source, family, the source's last full year, its events and those expected."""
    by_year = (
        sight.tables["months"]
        .with_columns(year=pl.col("month") // 12)
        .group_by("source", "family", "year")
        .agg(pl.col("events").sum())
    )
    found = []
    for source, last in _last_full_years(sight).items():
        mine = by_year.filter((pl.col("source") == source) & (pl.col("year") <= last))
        whole = mine.group_by("year").agg(pl.col("events").sum())
        of_last = int(whole.filter(pl.col("year") == last)["events"].sum())
        recent = whole.filter(pl.col("year").is_between(last - 3, last - 1))["events"].sum()
        if not recent:
            continue
        for (family,), part in mine.group_by("family", maintain_order=True):
            if sight.family(family) in NOT_FED:
                continue
            before = part.filter(pl.col("year").is_between(last - 3, last - 1))["events"].sum()
            expected = float(before) / float(recent) * of_last
            if expected >= FEWEST_EVENTS:
                events = part.filter(pl.col("year") == last)["events"].sum()
                found.append((source, int(family), last, float(events), float(expected)))
    return found


def _last_full_years(sight: Sight) -> dict[int, int]:
    """The year before the last of each source in which much happened: the last one may be cut short."""
    years = sight.tables["years"]
    busy = years.filter(pl.col("people") >= 0.05 * pl.col("people").max().over("source"))
    return {
        row["source"]: row["year"] - 1
        for row in busy.group_by("source").agg(pl.col("year").max()).iter_rows(named=True)
    }
