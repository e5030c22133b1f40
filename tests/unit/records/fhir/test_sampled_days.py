"""SampledData of sensors: the same days as the same readings in a table."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from lifecourse.records.registry import open_source
from lifecourse.timeline.resources import events_of_resources

PATIENT = {"resourceType": "Patient", "id": "7"}


def sampled(
    points: list[Any], *, unit: str = "mg/dL", code: str = "99504-3", **more: Any
) -> dict[str, Any]:
    samples = {
        "origin": {"value": 0, "unit": unit},
        "period": 300_000,
        "dimensions": 1,
        "data": " ".join(map(str, points)),
    }
    return {
        "resourceType": "Observation",
        "id": "s",
        "status": "final",
        "subject": {"reference": "Patient/7"},
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "effectivePeriod": {"start": "2024-03-01T00:00:00Z", "end": "2024-03-02T00:00:00Z"},
        "valueSampledData": {**samples, **more},
    }  # fmt: skip


def days(observation: dict[str, Any]) -> dict[str, float]:
    events = events_of_resources([PATIENT, observation])
    told = events.filter(pl.col("code").str.starts_with("CGM//"))
    return dict(told.select("code", "numeric_value").iter_rows())


def test_a_days_samples_are_the_same_day_as_in_a_table(tmp_path: Path) -> None:
    values = np.random.default_rng(3).integers(45, 390, 288).tolist()
    start = datetime(2024, 3, 1)
    lines = [
        f"7,{(start + timedelta(minutes=5 * n)).isoformat()},glucose,{v},mg/dL"
        for n, v in enumerate(values)
    ]
    (tmp_path / "t.csv").write_text("\n".join(["subject,time,measure,value,unit", *lines]) + "\n")
    source = open_source(tmp_path)
    table = pl.concat(
        b.events for u in source.units() for b in source.read(u) if b.events is not None
    )
    assert days(sampled(values)) == dict(table.select("code", "numeric_value").iter_rows())
    assert days(sampled(values))["CGM//mean"] == pytest.approx(math.fsum(values) / 288, rel=1e-7)


def test_factor_origin_limits_and_errors_are_followed() -> None:
    found = days(
        sampled(
            [50] * 200 + ["L"] * 40 + ["U"] * 40 + ["E"] * 8,
            factor=2,
            lowerLimit=39,
            upperLimit=401,
        )
    )
    assert found["CGM//coverage"] == pytest.approx(100 * 280 / 288, rel=1e-6)
    assert found["CGM//mean"] == pytest.approx((200 * 100 + 40 * 39 + 40 * 401) / 280, rel=1e-6)
    assert found["CGM//below_54"] == pytest.approx(100 * 40 / 280, rel=1e-6)
    mmol = days(sampled([5.5] * 288, unit="mmol/L", code="105272-9"))
    assert mmol["CGM//mean"] == pytest.approx(5.5 * 18.0156, rel=1e-6)


def test_an_hour_of_samples_is_no_day() -> None:
    events = events_of_resources([PATIENT, sampled([100] * 12)])
    assert events["code"].str.starts_with("CGM//").sum() == 0
    mean = events.filter(pl.col("code") == "LOINC//99504-3").row(0, named=True)
    assert mean["numeric_value"] == 100
    assert mean["text_value"].startswith("12 samples")


@pytest.mark.parametrize(
    "wrong",
    [
        {"period": 1e300}, {"period": -1}, {"period": 0}, {"data": "x y"}, {"data": ""}, {"origin": {"value": 0, "unit": "kg"}},
        {"dimensions": -1}, {"data": "L U E"},
    ],
)  # fmt: skip
def test_a_series_that_cannot_be_placed_or_read_gives_no_day(wrong: dict[str, Any]) -> None:
    assert days(sampled([100] * 288, **wrong)) == {}
