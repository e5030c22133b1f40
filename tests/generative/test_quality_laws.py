"""The counts of one clever pass are those of a plain loop, and do not depend on how people are cut into shards."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl
import pytest
from quality_records import DAY, MADE_AT, START, timeline_of

from lifecourse.base.clock import to_microseconds
from lifecourse.base.progress import SILENT
from lifecourse.insights.quality.counting import count
from lifecourse.insights.quality.lookups import VISITS
from lifecourse.insights.quality.marks import EVERY_SOURCE
from lifecourse.schema.event import BIRTH, DEATH
from lifecourse.vocab.damage import Damage, damages_in
from lifecourse.vocab.units import canonical_unit, possible_range

CODES = (
    *(
        "LOINC//2160-0",
        "LOINC//6690-2",
        "LOINC//2160-1",
        "ICD9CM//8.45",
        "ICD9CM//008.45",
        "NDC//2345678",
    ),
    *("ICD10CM//O80", "ICD10CM//N40.1", "ICD10CM//bad one", "OWN//1", "LOINC//2160-0//UNIT:mV"),
    *("VISIT//inpatient", "VISIT//outpatient", "SEX//female", "SEX//male", BIRTH, DEATH),
)


def random_records(seed: int, people: int = 40, events: int = 900) -> pl.DataFrame:
    """Anything at all, on few days, so that ties, overlaps and impossible values are common."""
    rng = np.random.default_rng(seed)
    code = rng.choice(np.array(CODES), events)
    time = START + rng.integers(-30, 400, events) * DAY
    time = np.where(rng.random(events) < 0.05, MADE_AT + 50 * DAY, time)
    static = (rng.random(events) < 0.05) | np.char.startswith(code, "SEX//")
    valued = np.char.startswith(code, "LOINC") & (rng.random(events) < 0.8)
    value = rng.choice(np.array([0.01, 0.05, 1.0, 7.5, 66.0, 700.0]), events)
    end = time + rng.integers(-4, 9, events) * DAY
    return pl.DataFrame(
        {
            "subject_id": rng.integers(1, people + 1, events),
            "time": _moments(time, missing=static),
            "code": code.tolist(),
            "numeric_value": _missing(pl.Series(value, dtype=pl.Float32), ~valued),
            "unit": _missing(pl.Series(["mg/dL"] * events), rng.random(events) < 0.5),
            "end_time": _moments(end, missing=rng.random(events) < 0.5),
            "source_file": rng.integers(0, 2, events).astype(np.uint32),
        }
    )


def _moments(time: np.ndarray, *, missing: np.ndarray) -> pl.Series:
    return _missing(pl.Series(time.astype(np.int64)).cast(pl.Datetime("us")), missing)


def _missing(series: pl.Series, missing: np.ndarray) -> pl.Series:
    return pl.select(pl.when(pl.Series(~missing)).then(series)).to_series()


def in_a_loop(events: pl.DataFrame) -> dict[str, tuple[int, int]]:
    """Of each mark the events and people it is of, one event at a time."""
    rows = [
        {**row, "at": None if row["time"] is None else to_microseconds(row["time"])}
        for row in events.iter_rows(named=True)
    ]
    of_person: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        of_person[row["subject_id"]].append(row)
    found: dict[str, list[int]] = defaultdict(list)
    for subject, record in of_person.items():
        for name in (name for row in _sorted(record) for name in _marks_of(row, record)):
            found[name].append(subject)
    return {name: (len(subjects), len(set(subjects))) for name, subjects in found.items()}


def _sorted(record: list[dict[str, Any]]) -> list[dict[str, Any]]:
    seen: dict[str, set[Any]] = defaultdict(set)
    for row in record:
        key = (row["at"], row["code"], row["numeric_value"])
        row["again"] = key in seen["rows"]
        visit = (row["at"], row["code"])
        row["visit_again"] = visit in seen["visits"]
        seen["rows"].add(key)
        seen["visits"].add(visit)
    return record


def _marks_of(row: dict[str, Any], record: list[dict[str, Any]]) -> list[str]:
    code, at, value = row["code"], row["at"], row["numeric_value"]
    births = [r["at"] for r in record if r["code"] == BIRTH and r["at"] is not None]
    deaths = [r["at"] for r in record if r["code"] == DEATH and r["at"] is not None]
    sexes = {r["code"] for r in record if r["code"].startswith("SEX//")}
    damage = {what for _, what in damages_in(code)}
    bounds = possible_range(code)
    end = None if row["end_time"] is None else to_microseconds(row["end_time"])
    visit = code.startswith("VISIT//") and code.split("//")[1] in VISITS
    told = {
        "lost-zeros": Damage.LOST_ZEROS in damage,
        "check-digits": Damage.CHECK_DIGIT in damage,
        "malformed-codes": Damage.FORM in damage,
        "unknown-codes": code == "OWN//1",
        "inconvertible-units": "//UNIT:" in code and value is not None,
        "units-missing": canonical_unit(code) is not None
        and value is not None
        and row["unit"] is None,
        "impossible-values": bounds is not None
        and value is not None
        and not np.float32(bounds[0]) <= np.float32(value) <= np.float32(bounds[1]),
        "times-missing": at is None
        and code.split("//")[0] in ("LOINC", "ICD9CM", "NDC", "ICD10CM"),
        "before-birth": at is not None and code != BIRTH and bool(births) and at < min(births),
        "after-death": at is not None and bool(deaths) and at > min(deaths) + 60 * DAY,
        "end-before-start": visit and at is not None and end is not None and end + DAY < at,
        "future-events": at is not None and at > MADE_AT + DAY,
        "duplicated-visits": visit and at is not None and row["visit_again"],
        "duplicated-results": value is not None and at is not None and row["again"],
        "two-sexes": code.startswith("SEX//") and code != min(sexes),
        "two-births": code == BIRTH and at is not None and at != min(births),
        "overlapping-stays": code == "VISIT//inpatient"
        and at is not None
        and _overlaps(at, record),
        "wrong-sex": bool(sexes)
        and code.startswith("ICD10CM//O" if min(sexes) == "SEX//male" else "ICD10CM//N40"),
    }
    return [name for name, holds in told.items() if holds]


def _overlaps(at: int, record: list[dict[str, Any]]) -> bool:
    stays = [
        (r["at"], r["at"] if r["end_time"] is None else to_microseconds(r["end_time"]))
        for r in record
        if r["code"] == "VISIT//inpatient" and r["at"] is not None
    ]
    return any(start < at < until for start, until in stays)


@pytest.mark.parametrize("seed", range(6))
def test_marks_are_those_of_a_plain_loop_over_the_events(seed: int) -> None:
    events = random_records(seed)
    # Two births, two stays at one moment: which of them is the second is a matter of order.
    events = events.unique(["subject_id", "time", "code"], keep="first", maintain_order=True)
    again = events.filter(
        pl.col("code").str.starts_with("LOINC") | (pl.col("code") == "VISIT//outpatient")
    )
    events = pl.concat([events, again.head(25)])
    tables, _ = count(timeline_of(events, n_shards=4), SILENT)
    totals = tables["totals"].filter(pl.col("source") == EVERY_SOURCE)
    quick = {
        row["mark"]: (row["events"], row["people"])
        for row in totals.iter_rows(named=True)
        if row["events"] and row["mark"] not in ("too-old", "default-dates")
    }
    assert quick == in_a_loop(events)


@pytest.mark.parametrize("seed", range(3))
def test_counts_do_not_depend_on_how_people_are_cut_into_shards(seed: int) -> None:
    events = random_records(seed)
    whole, _ = count(timeline_of(events, n_shards=1), SILENT)
    parts, _ = count(timeline_of(events, n_shards=7), SILENT)
    assert whole.keys() == parts.keys()
    for name, table in whole.items():
        assert table.equals(parts[name]), name


def test_people_by_code_and_year_are_those_of_a_plain_loop() -> None:
    events = random_records(11)
    tables, _ = count(timeline_of(events, n_shards=3), SILENT)
    seen: dict[tuple[int, str, int], list[int]] = defaultdict(list)
    months: dict[tuple[int, str, int], set[int]] = defaultdict(set)
    for row in events.filter(pl.col("time").is_not_null()).iter_rows(named=True):
        when: datetime = row["time"]
        seen[row["source_file"], row["code"], when.year].append(row["subject_id"])
        family = row["code"].split("//")[0]
        months[row["source_file"], family, when.year * 12 + when.month - 1].add(row["subject_id"])
    codes = sorted(set(events["code"]))
    quick = {
        (row["source"], codes[row["code"]], row["year"]): (row["events"], row["people"])
        for row in tables["codes"].iter_rows(named=True)
    }
    assert quick == {key: (len(who), len(set(who))) for key, who in seen.items()}
    assert sorted(row["people"] for row in tables["months"].iter_rows(named=True)) == sorted(
        len(who) for who in months.values()
    )


def test_a_median_of_a_histogram_is_within_one_percent() -> None:
    from lifecourse.insights.quality.counting import bin_of, middle_of

    rng = np.random.default_rng(3)
    numbers = pl.DataFrame(
        {"value": np.concatenate([rng.lognormal(3, 2, 5_000), -rng.random(500), [0.0]])}
    )
    binned = numbers.with_columns(middle=middle_of(bin_of(pl.col("value"))))
    wrong = (binned["middle"] - binned["value"]).abs() > 0.0101 * binned["value"].abs()
    assert not wrong.any()
