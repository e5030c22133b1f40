"""Days of devices' series against a hand computation, and everything that goes wrong with clocks and units."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from devices import days, generic, sensor, told

VIENNA = "Europe/Vienna"


def test_a_day_of_sensor_glucose_is_what_a_hand_computation_gives(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    values = [int(v) for v in random.normal(150, 60, 288).clip(41, 399)]
    values[:5] = [54, 70, 180, 250, 53]
    path = generic(tmp_path, sensor(datetime(2024, 3, 1), values))
    events, rejects, _ = told(path)
    assert rejects.is_empty()
    day = days(events)["2024-03-01"]
    mean = math.fsum(values) / 288
    sd = math.sqrt(math.fsum((v - mean) ** 2 for v in values) / 287)
    hand = {
        "CGM//coverage": 100.0,
        "CGM//mean": mean,
        "CGM//sd": sd,
        "CGM//cv": 100 * sd / mean,
        "CGM//in_range": 100 * sum(70 <= v <= 180 for v in values) / 288,
        "CGM//below_70": 100 * sum(v < 70 for v in values) / 288,
        "CGM//below_54": 100 * sum(v < 54 for v in values) / 288,
        "CGM//above_180": 100 * sum(v > 180 for v in values) / 288,
        "CGM//above_250": 100 * sum(v > 250 for v in values) / 288,
    }
    assert day == {name: float(np.float32(value)) for name, value in hand.items()}
    moment = events.row(0, named=True)
    assert moment["time"] == datetime(2024, 3, 1, 23, 59, 59, 999999)
    assert (moment["onset_time"], moment["precision"]) == (datetime(2024, 3, 1), "day")
    assert (moment["source_row"], moment["source_part"]) == (1, "rows 1-288")


def test_mmol_and_mg_tell_the_same_day(tmp_path: Path) -> None:
    # 10.0 and 3.9 mmol/L are in range, although they are 180.2 and 70.3 mg/dL.
    mmol = [3.8, 3.9, 10.0, 10.1] * 72
    path = generic(tmp_path, sensor(datetime(2024, 3, 1), mmol, unit="mmol/L"))
    day = days(told(path)[0])["2024-03-01"]
    assert day["CGM//in_range"] == 50.0
    assert day["CGM//below_70"] == day["CGM//above_180"] == 25.0
    assert day["CGM//mean"] == pytest.approx(18.0156 * math.fsum(mmol) / 288, rel=1e-7)
    back = day["CGM//mean"] / 18.0156
    assert back == pytest.approx(6.95, abs=1e-6)


def test_low_and_high_count_in_their_ranges_and_as_the_limit(tmp_path: Path) -> None:
    values: list[object] = ["Low"] * 72 + ["High"] * 72 + [100] * 144
    events, rejects, counts = told(generic(tmp_path, sensor(datetime(2024, 3, 1), values)))
    day = days(events)["2024-03-01"]
    assert rejects.is_empty()
    assert day["CGM//below_54"] == day["CGM//above_250"] == 25.0
    assert day["CGM//mean"] == (40 + 400 + 200) / 4
    assert counts["readings told as low or high, taken as the sensor's limit"] == 144


def test_a_day_with_too_few_readings_tells_its_coverage_alone(tmp_path: Path) -> None:
    rows = sensor(datetime(2024, 3, 1), [100] * 201) + sensor(datetime(2024, 3, 2), [100] * 202)
    events, _, counts = told(generic(tmp_path, rows))
    found = days(events)
    assert set(found["2024-03-01"]) == {"CGM//coverage"}
    assert found["2024-03-01"]["CGM//coverage"] == pytest.approx(100 * 201 / 288, rel=1e-6)
    assert found["2024-03-02"]["CGM//mean"] == 100
    assert counts["days of glucose with too few readings, of which only the coverage is told"] == 1


def test_gmi_wants_fourteen_days(tmp_path: Path) -> None:
    rows = sensor(datetime(2024, 3, 1), [150] * 288 * 14)
    found = days(told(generic(tmp_path, rows))[0])
    # 70 % of 14 days are 9.8 days
    assert "CGM//gmi" not in found["2024-03-09"]
    assert found["2024-03-10"]["CGM//gmi"] == pytest.approx(3.31 + 0.02392 * 150, rel=1e-6)
    assert found["2024-03-14"]["CGM//in_range_14_days"] == 100


@pytest.mark.parametrize("minutes", [1, 5, 15])
def test_the_sensors_interval_is_seen(tmp_path: Path, minutes: int) -> None:
    path = generic(tmp_path, sensor(datetime(2024, 3, 1), [100] * (1440 // minutes), minutes))
    assert days(told(path)[0])["2024-03-01"]["CGM//coverage"] == 100


def test_gaps_lower_the_coverage_and_not_the_mean(tmp_path: Path) -> None:
    rows = sensor(datetime(2024, 3, 1), [100] * 120)
    rows += sensor(datetime(2024, 3, 1, 12), [200] * 120)
    day = days(told(generic(tmp_path, rows))[0])["2024-03-01"]
    assert day["CGM//coverage"] == pytest.approx(100 * 240 / 288, rel=1e-6)
    assert day["CGM//mean"] == 150


def test_repeats_are_counted_once_and_differing_ones_told(tmp_path: Path) -> None:
    rows = sensor(datetime(2024, 3, 1), [100] * 288)
    rows += rows[:10]
    rows.append((7, "2024-03-01T00:00:00", "glucose", 300, "mg/dL"))
    events, _, counts = told(generic(tmp_path, rows))
    assert days(events)["2024-03-01"]["CGM//mean"] == 100
    assert days(events)["2024-03-01"]["CGM//coverage"] == 100
    assert counts["readings that were there already, left out"] == 11
    assert counts["moments with readings that differ, the first taken"] == 1


# -- clocks ------------------------------------------------------------------------------------------------


def local_clock(first: datetime, last: datetime) -> list[str]:
    """What a device's clock shows every 5 minutes from `first` to `last` (UTC), in Vienna and without an offset."""
    found, moment = [], first
    while moment < last:
        found.append(moment.astimezone(ZoneInfo(VIENNA)).replace(tzinfo=None).isoformat())
        moment += timedelta(minutes=5)
    return found


@pytest.mark.parametrize(
    ("day", "hours"), [((2024, 3, 31), 23), ((2024, 10, 27), 25), ((2024, 6, 1), 24)]
)
@pytest.mark.parametrize("descending", [False, True])
def test_days_on_which_clocks_change_have_all_their_readings(
    tmp_path: Path, day: tuple[int, int, int], hours: int, descending: bool
) -> None:
    zone = ZoneInfo(VIENNA)
    first = datetime(*day, tzinfo=zone).astimezone(ZoneInfo("UTC"))
    clock = local_clock(first, first + timedelta(hours=hours))
    assert len(clock) == hours * 12
    # The second hour from two to three has other values than the first.
    rows: list[tuple[object, ...]] = [
        (7, text, "glucose", 100 + n, "mg/dL") for n, text in enumerate(clock)
    ]
    if descending:
        rows.reverse()
    events, _, counts = told(generic(tmp_path, rows), VIENNA)
    found = days(events)["-".join(f"{part:02}" for part in day)]
    assert found["CGM//coverage"] == 100
    assert found["CGM//mean"] == pytest.approx(100 + (hours * 12 - 1) / 2, rel=1e-7)
    assert not counts


def test_offsets_are_followed_and_the_day_is_the_persons(tmp_path: Path) -> None:
    # 22:30 UTC on 31 May is half past midnight on 1 June in Vienna.
    rows = [
        (7, "2024-05-31T22:30:00Z", "steps", 10, ""),
        (7, "2024-06-01T09:00:00+02:00", "steps", 5, ""),
    ]
    events, _, _ = told(generic(tmp_path, rows), VIENNA)
    row = events.row(0, named=True)
    assert (row["code"], row["numeric_value"]) == ("SERIES//steps", 15.0)
    assert row["onset_time"] == datetime(2024, 5, 31, 22)
    assert row["time"] == datetime(2024, 6, 1, 21, 59, 59, 999999)
