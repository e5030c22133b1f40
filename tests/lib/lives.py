"""Lives in which one disease makes another more common, as event rows and as a timeline."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from lifecourse.timeline.unstored import timeline_from_events

if TYPE_CHECKING:
    from lifecourse.timeline.access import Timeline

BORN = datetime(1950, 1, 1)
SCHEMA = {"subject_id": pl.Int64, "time": pl.Datetime("us"), "code": pl.String}
Row = tuple[int, datetime | None, str]


def lives(n: int, seed: int = 0) -> list[Row]:
    """n people to the age of 60: hypertension makes strokes five times as common; nothing else says anything."""
    random = np.random.default_rng(seed)
    rows: list[Row] = []

    def add(person: int, age: float, code: str) -> None:
        if age < 60:
            rows.append((person, BORN + timedelta(days=age * 365.25), code))

    for person in range(1, n + 1):
        sex, half = ("female", "male")[person % 2], ("one", "two")[person % 3 == 0]
        rows += [
            (person, None, f"SEX//{sex}"),
            (person, BORN, "MEDS_BIRTH"),
            (person, None, f"HALF//{half}"),
        ]
        add(person, 1 + random.random(), "VISIT//outpatient")
        pressure = random.exponential(80.0)
        add(person, pressure, "ICD10//I10")
        slow, fast = random.exponential(150.0), random.exponential(30.0)
        add(person, slow if slow < pressure else pressure + fast, "ICD10//I63")
        for code in ("ICD10//L30", "ICD10//K21"):
            add(person, random.exponential(90.0), code)
        add(person, random.exponential(4_000.0), "ICD10//Q99")
        add(person, 59.9, "VISIT//outpatient")
    return rows


def timeline_of(rows: list[Row]) -> Timeline:
    return timeline_from_events(pl.DataFrame(rows, schema=SCHEMA, orient="row"))


def asked(extra: list[tuple[int, str]]) -> Timeline:
    """A woman of 40, and what she had at which age."""
    mine: list[Row] = [(7, None, "SEX//female"), (7, BORN, "MEDS_BIRTH")]
    told = [(7, BORN + timedelta(days=age * 365.25), code) for age, code in extra]
    return timeline_of([*mine, *told, (7, BORN + timedelta(days=40 * 365.25), "VISIT//outpatient")])
