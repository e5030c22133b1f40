"""Integrated risks as the page has them."""

from __future__ import annotations

from datetime import datetime

from people import AT, NEVER_SMOKER, measured, person

from lifecourse.care import assess
from lifecourse.care.integrating import integrated_risks
from lifecourse.serve.modified import modified
from lifecourse.serve.reckoning import plain

DAY = datetime(2022, 6, 1)


def test_a_column_a_risk_and_a_row_a_modifier() -> None:
    chart = person(
        *measured(2023),
        (DAY, NEVER_SMOKER, None, None),
        (DAY, "EXPOSURE//pm25", 13.0, "ug/m3"),
        (DAY, "ICD10CM//Z82.49", None, None),
    )
    found = integrated_risks(chart, AT, assess(chart, AT))
    told = modified([plain(each) for each in found])
    assert told is not None
    assert len(told["columns"]) == sum(each.found.base.years == 10 for each in found)
    rows = {row["title"]: row for row in told["rows"]}
    dust = rows["Fine dust (PM2.5) at home"]
    assert (dust["recorded"], dust["when"]) == ("13 ug/m3", "2022-06-01")
    assert rows["A parent with cardiovascular disease"]["recorded"] == "yes"
    assert None in dust["added"]
    assert all(len(row["added"]) == len(told["columns"]) for row in told["rows"])
    assert "hazard ratio 1.13 (0.98 to 1.30)" in next(
        each["ratio"] for each in told["sources"] if each["title"].startswith("Fine dust")
    )


def test_nothing_added_is_no_section() -> None:
    assert modified([]) is None
