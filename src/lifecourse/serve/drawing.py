"""A record drawn: its lanes over one axis, and the latest of what is measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lifecourse.base.clock import DAYS_PER_YEAR, MICROSECONDS_PER_DAY
from lifecourse.figures.lanes import (
    Bar,
    BarRow,
    Lane,
    Point,
    PointRow,
    day,
    lanes,
    number,
    standing,
)
from lifecourse.figures.sparkline import sparkline
from lifecourse.serve.measurements import measurements
from lifecourse.timeline.shard import STATIC

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lifecourse.figures.svg import Figure
    from lifecourse.serve.measurements import Measurement
    from lifecourse.serve.record import Fact, Record

RANGES = ("1", "2", "5", "10", "all")
MOST_ROWS = {"problem": 9, "medicine": 9}
MOST_COURSES = 7
YEAR = MICROSECONDS_PER_DAY * DAYS_PER_YEAR


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """The lanes over the last `years` (or ``all``), and how many rows there was no room for."""

    figure: Figure | None
    years: str
    left_out: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """The values of one measurement up to a moment, oldest first."""

    measurement: Measurement
    points: list[Point]
    last_place: int


def courses(record: Record, at: int) -> list[Course]:
    """The measurements that were ever taken, in the order they are drawn."""
    found = []
    shard = record.chart.shard
    for measurement in measurements():
        keep = np.isin(shard.code, shard.codes.ids(measurement.codes))
        keep &= ~np.isnan(shard.value) & (shard.time != STATIC) & (shard.time <= at)
        places = np.flatnonzero(keep)
        if len(places):
            points = [Point(time=int(shard.time[p]), value=float(shard.value[p])) for p in places]
            found.append(Course(measurement=measurement, points=points, last_place=int(places[-1])))
    return found


def latest(found: Sequence[Course]) -> list[dict[str, Any]]:
    """The last value of each course in US and SI units, with its course no larger than a word."""
    return [_latest(course) for course in found]


def _latest(course: Course) -> dict[str, Any]:
    measurement, last = course.measurement, course.points[-1]
    spark = sparkline(
        course.points[-24:],
        name=f"{measurement.title}, course",
        unit=measurement.unit,
        band=measurement.limits,
    )
    return {
        "title": measurement.title,
        "us": measurement.in_us(last.value),
        "si": measurement.in_si(last.value),
        "value": last.value,
        "unit": measurement.unit,
        "when": day(last.time),
        "standing": standing(last.value, measurement.limits) or None,
        "previous": number(course.points[-2].value) if len(course.points) > 1 else None,
        "n": len(course.points),
        "event": course.last_place,
        "svg": spark.svg,
        "source": measurement.source,
    }


def draw(record: Record, found: Sequence[Course], at: int, years: str | None) -> Drawing:
    """The record in lanes up to `at`; `years` is one of RANGES, by default what fits the record."""
    first = _first(record, at)
    if first is None:
        return Drawing(figure=None, years="all", left_out=0)
    chosen = years if years in RANGES else ("all" if at - first <= 12 * YEAR else "10")
    start = first if chosen == "all" else at - int(float(chosen) * YEAR)
    margin = max(int((at - start) * 0.01), MICROSECONDS_PER_DAY // 2)
    rows = {
        "Visits": _visits(record, at),
        "Problems": _named(record.of("problem"), [], start, at),
        "Medicines": _named(record.of("medicine"), record.of("end of medicine"), start, at),
    }
    content, left_out = [], 0
    for (title, bars), kind in zip(rows.items(), ("visit", "problem", "medicine"), strict=True):
        most = MOST_ROWS.get(kind, len(bars))
        left_out += max(0, len(bars) - most)
        if bars:
            content.append(Lane(title=title, rows=bars[:most]))
    points = [_course_row(course) for course in found if course.points[-1].time >= start]
    if points:
        content.append(Lane(title="Measurements", rows=points[:MOST_COURSES]))
        left_out += max(0, len(points) - MOST_COURSES)
    if not content:
        return Drawing(figure=None, years=chosen, left_out=0)
    figure = lanes(content, start=start - margin, end=at + margin, title="What happened")
    return Drawing(figure=figure, years=chosen, left_out=left_out)


def _first(record: Record, at: int) -> int | None:
    """When the record starts: what is known of birth alone would leave the drawing empty."""
    kinds = ("visit", "problem", "medicine", "measurement", "procedure")
    times = [f.began for f in record.of(*kinds) if f.began is not None and f.began <= at]
    return min(times) if times else None


def _visits(record: Record, at: int) -> list[BarRow]:
    """A row a kind of visit; a visit without a stated end is a moment."""
    ends = [f for f in record.of("end of visit") if f.code.startswith("HOSPITAL_DISCHARGE")]
    rows: dict[str, list[Bar]] = {}
    for fact in record.of("visit"):
        if fact.began is None or fact.began > at:
            continue
        end = fact.end
        if end is None and fact.code.startswith("HOSPITAL_ADMISSION"):
            end = _next(ends, fact.began)
        end = fact.began if end is None else min(end, at)
        rows.setdefault(fact.name, []).append(Bar(start=fact.began, end=end, name=fact.name))
    return [BarRow(name=name, bars=bars) for name, bars in sorted(rows.items())]


def _next(ends: Sequence[Fact], start: int) -> int | None:
    return next((e.time for e in ends if e.time is not None and e.time > start), None)


def _named(facts: Sequence[Fact], ends: Sequence[Fact], start: int, at: int) -> list[BarRow]:
    """A row a name, those still going on first, then the most recent."""
    rows: dict[str, list[Fact]] = {}
    for fact in facts:
        if fact.time is not None and fact.time <= at:
            rows.setdefault(fact.name, []).append(fact)
    stops: dict[str, list[Fact]] = {}
    for fact in ends:
        stops.setdefault(fact.name, []).append(fact)
    found = [
        BarRow(name=name, bars=_courses_of(same, stops.get(name, []), at))
        for name, same in rows.items()
    ]
    shown = [r for r in found if any(bar.end is None or bar.end >= start for bar in r.bars)]
    return sorted(shown, key=lambda row: (row.bars[-1].end is not None, -row.bars[-1].start))


def _courses_of(same: list[Fact], ends: Sequence[Fact], at: int) -> list[Bar]:
    """Bars of one name: each ends where it says, else where it is stopped or begins again.

    Of those that say nothing only the last is left open.
    """
    same = sorted(same, key=lambda fact: fact.began or 0)
    bars = []
    for fact, after in zip(same, [*same[1:], None], strict=True):
        begin, end = fact.began or 0, fact.end
        if end is None and fact.is_dose:
            end = begin
        elif end is None:
            nearest = (_next(ends, begin), after.began if after else None)
            end = min((n for n in nearest if n is not None), default=None)
        bars.append(Bar(start=begin, end=None if end is None or end > at else end, name=fact.name))
    return bars


def _course_row(course: Course) -> PointRow:
    measurement = course.measurement
    return PointRow(
        name=measurement.title,
        unit=measurement.unit,
        points=course.points,
        band=measurement.limits,
    )
