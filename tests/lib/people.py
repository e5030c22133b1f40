"""Made-up people for tests of plans: a few dated facts as a chart."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from lifecourse.base.clock import to_microseconds
from lifecourse.timeline.unstored import timeline_from_events

if TYPE_CHECKING:
    from lifecourse.timeline.chart import Chart

# When, code, value, unit; `when` None = static.
Entry = tuple[datetime | None, str, float | None, str | None]

AT = to_microseconds(datetime(2023, 6, 1))
SCHEMA: dict[str, Any] = {
    "subject_id": pl.Int64,
    "time": pl.Datetime("us"),
    "code": pl.String,
    "numeric_value": pl.Float32,
    "unit": pl.String,
    "source_id": pl.String,
}

SBP, DBP = "LOINC//8480-6", "LOINC//8462-4"
TOTAL, HDL, BMI, CREATININE = "LOINC//2093-3", "LOINC//2085-9", "LOINC//39156-5", "LOINC//2160-0"
CURRENT_SMOKER = "LOINC//72166-2//SNOMED//449868002"
NEVER_SMOKER = "LOINC//72166-2//SNOMED//266919005"
ATRIAL_FIBRILLATION = "SNOMED//49436004"
APIXABAN = "RxNorm//1364430"


def person(
    *entries: Entry, born: datetime | None = datetime(1960, 5, 1), sex: str = "male"
) -> Chart:
    """The chart of one person with these facts; source ids are ``Observation/1``, ``Observation/2`` ..."""
    facts: list[Entry] = [(None, f"SEX//{sex}", None, None), *entries]
    if born is not None:
        facts.append((born, "MEDS_BIRTH", None, None))
    rows = [(1, *entry, f"Observation/{place}") for place, entry in enumerate(facts)]
    events = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    return timeline_from_events(events).chart(1)


def measured(year: int, **changed: float) -> list[Entry]:
    """All that PREVENT needs, on the first of March of `year`; `changed` replaces values."""
    day = datetime(year, 3, 1)
    values = {
        "sbp": 148.0,
        "dbp": 85.0,
        "total": 240.0,
        "hdl": 38.0,
        "bmi": 31.0,
        "creatinine": 1.1,
    }
    values |= changed
    codes = {
        "sbp": (SBP, "mm[Hg]"),
        "dbp": (DBP, "mm[Hg]"),
        "total": (TOTAL, "mg/dL"),
        "hdl": (HDL, "mg/dL"),
        "bmi": (BMI, "kg/m2"),
        "creatinine": (CREATININE, "mg/dL"),
    }
    return [(day, codes[name][0], value, codes[name][1]) for name, value in values.items()]


def smoker(year: int = 2022) -> Entry:
    """A coded answer: smokes daily."""
    return (datetime(year, 3, 1), CURRENT_SMOKER, None, None)
