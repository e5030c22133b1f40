"""Lung cancer screening on records: pack-years are put together from what was told, and every answer shows the records."""

from __future__ import annotations

from datetime import datetime

import polars as pl
import pytest

from lifecourse.base.clock import to_microseconds
from lifecourse.care import plan
from lifecourse.timeline.unstored import timeline_from_events

CURRENT, FORMER = "LOINC//72166-2//SNOMED//449868002", "LOINC//72166-2//SNOMED//8517006"
NEVER, CIGARETTES, START = "LOINC//72166-2//SNOMED//266919005", "LOINC//64218-1", "LOINC//63609-2"
AT = datetime(2024, 1, 1)


def answer(*told: tuple[int, str, float | None]) -> tuple[str, list[str]]:
    """The outcome of the rule in 2024 for somebody born in 1960, and the codes of the events behind it."""
    rows = [(datetime(1960, 1, 1), "MEDS_BIRTH", None), (None, "SEX//female", None)]
    rows += [(datetime(year, 1, 1), code, value) for year, code, value in told]
    rows.append((datetime(2023, 12, 1), "VISIT//outpatient", None))
    schema = {
        "subject_id": pl.Int64,
        "time": pl.Datetime("us"),
        "code": pl.String,
        "numeric_value": pl.Float32,
    }
    events = pl.DataFrame([(1, *row) for row in rows], schema=schema, orient="row")
    chart = timeline_from_events(events).chart(1)
    made = plan(chart, to_microseconds(AT)).to_dict()
    found = next(r for r in made["recommendations"] if r["name"] == "lung_cancer_screening")
    return found["answer"], [event["code"] for event in found["events"]]


@pytest.mark.parametrize(
    ("told", "outcome"),
    [
        ([(2000, CURRENT, None), (2000, CIGARETTES, 20.0)], "fires"),
        ([(2010, CURRENT, None), (2010, CIGARETTES, 20.0)], "not_applicable"),
        ([(2010, CURRENT, None), (2010, CIGARETTES, 20.0), (2010, START, 18.0)], "fires"),
        ([(1980, CURRENT, None), (1980, CIGARETTES, 20.0), (2006, FORMER, None)], "not_applicable"),
        # they smoked in 2012 and had stopped by 2018, whatever that record called it
        (
            [
                (1980, CURRENT, None),
                (1980, CIGARETTES, 20.0),
                (2012, CURRENT, None),
                (2018, NEVER, None),
            ],
            "fires",
        ),
        ([(2010, CURRENT, None)], "missing_data"),
        ([(2010, NEVER, None)], "not_applicable"),
    ],
)
def test_who_is_offered_screening(told: list[tuple[int, str, float | None]], outcome: str) -> None:
    assert answer(*told)[0] == outcome


def test_the_records_behind_pack_years_are_shown() -> None:
    _, behind = answer((2000, CURRENT, None), (2000, CIGARETTES, 20.0))
    assert CIGARETTES in behind
