"""Days of sensors on random series, against a plain loop over readings with the standard library's clocks."""

from __future__ import annotations

import statistics
from collections import defaultdict
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from lifecourse.records.registry import open_source

Reading = tuple[str, datetime, float]  # person, instant (UTC), mg/dL


def drawn(random: np.random.Generator, zone: str) -> list[Reading]:
    """Three weeks around a change of clocks for a few people, whose sensors have gaps and tell some moments twice."""
    told: list[Reading] = []
    for person in range(3):
        minutes = int(random.choice([1, 5, 15])) if person else 5
        begin = datetime(2024, 10, 20, tzinfo=ZoneInfo("UTC")) + timedelta(
            minutes=int(random.integers(0, 5))
        )
        for n in range(20 * 1440 // minutes if minutes > 1 else 3 * 1440):
            moment = begin + timedelta(minutes=n * minutes)
            if random.random() < 0.12 or (person == 1 and moment.day % 4 == 0 and moment.hour < 9):
                continue
            told.append((f"p{person}", moment, float(random.integers(41, 400))))
    return told


def day_of(moment: datetime, zone: str) -> date:
    return moment.astimezone(ZoneInfo(zone)).date()


def minutes_of(day: date, zone: str) -> float:
    start = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
    after = day + timedelta(days=1)
    end = datetime(after.year, after.month, after.day, tzinfo=ZoneInfo(zone))
    return (end.timestamp() - start.timestamp()) / 60


def interval_of(moments: list[datetime], usual: float) -> float:
    gaps = [(b - a).total_seconds() / 60 for a, b in pairwise(moments)]
    gap = statistics.median(gaps) if len(moments) >= 3 else usual
    return min((1.0, 5.0, 10.0, 15.0), key=lambda known: (abs(known - gap), known))


def slowly(told: list[Reading], zone: str) -> dict[tuple[str, str, str], float]:
    """What `day_events` promises, a person and a day at a time."""
    found: dict[tuple[str, str, str], float] = {}
    by_person: dict[str, dict[date, list[tuple[datetime, float]]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for person, moment, value in told:
        by_person[person][day_of(moment, zone)].append((moment, value))
    for person, days in by_person.items():
        known: dict[date, tuple[list[float], float, float]] = {}
        medians = []
        for readings in days.values():
            moments = [moment for moment, _ in sorted(readings)]
            gaps = [(b - a).total_seconds() / 60 for a, b in pairwise(moments)]
            if gaps:
                medians.append(statistics.median(gaps))
        usual = statistics.median(medians) if medians else 5.0
        for day, readings in days.items():
            readings.sort()
            interval = interval_of([moment for moment, _ in readings], usual)
            known[day] = (
                [value for _, value in readings],
                minutes_of(day, zone) / interval,
                interval,
            )
        for day, (values, expected, interval) in known.items():
            coverage = min(100 * len(values) / expected, 100)
            told_of = {"coverage": coverage}
            if coverage >= 70:
                mean, n = statistics.fmean(values), len(values)
                told_of |= {
                    "mean": mean,
                    "sd": statistics.stdev(values),
                    "cv": 100 * statistics.stdev(values) / mean,
                    "in_range": 100 * sum(70 <= v <= 180 for v in values) / n,
                    "below_70": 100 * sum(v < 70 for v in values) / n,
                    "below_54": 100 * sum(v < 54 for v in values) / n,
                    "above_180": 100 * sum(v > 180 for v in values) / n,
                    "above_250": 100 * sum(v > 250 for v in values) / n,
                }
            window = [day - timedelta(days=back) for back in range(14)]
            here = [v for each in window if each in known for v in known[each][0]]
            wanted = sum(known[each][1] if each in known else 1440 / interval for each in window)
            if 100 * len(here) / wanted >= 70:
                told_of["gmi"] = 3.31 + 0.02392 * statistics.fmean(here)
                told_of["in_range_14_days"] = 100 * sum(70 <= v <= 180 for v in here) / len(here)
            found |= {(person, day.isoformat(), f"CGM//{name}"): v for name, v in told_of.items()}
    return found


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("zone", ["Europe/Vienna", "America/New_York", "UTC"])
def test_days_are_those_of_a_plain_loop(tmp_path: Path, seed: int, zone: str) -> None:
    random = np.random.default_rng(seed)
    told = drawn(random, zone)
    written = [*told, *(told[place] for place in random.integers(0, len(told), 200).tolist())]
    with_offset = bool(seed % 2)
    lines = []
    for person, moment, value in written if with_offset else told:
        local = moment.astimezone(ZoneInfo(zone))
        time = local.isoformat() if with_offset else local.replace(tzinfo=None).isoformat()
        lines.append(f"{person},{time},glucose,{value:g},mg/dL")
    if with_offset:
        random.shuffle(lines)
    (tmp_path / "t.csv").write_text("\n".join(["subject,time,measure,value,unit", *lines]) + "\n")
    source = open_source(tmp_path, timezone=zone)
    fast: dict[tuple[str, str, str], float] = {}
    for unit in source.units():
        for batch in source.read(unit):
            if batch.events is not None and batch.events.height:
                rows = batch.events.select("subject_key", "source_id", "code", "numeric_value")
                fast |= {(p, s.split("/")[1], c): v for p, s, c, v in rows.iter_rows()}
    slow = slowly(told, zone)
    assert fast.keys() == slow.keys()
    assert len(slow) > 150
    for key, value in slow.items():
        assert fast[key] == pytest.approx(value, rel=2e-7, abs=1e-9), key
