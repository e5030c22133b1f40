"""Series of devices against a hand computation, and everything that goes wrong with clocks, units and files."""

from __future__ import annotations

import gzip
import json
import math
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from lifecourse.base.errors import SourceError
from lifecourse.records.registry import detect, open_source
from lifecourse.records.wearables import source as series
from lifecourse.schema.actor import Actor, Identifiability, Purpose
from lifecourse.timeline.access import open_timeline
from lifecourse.timeline.ingestion import ingest
from lifecourse.timeline.origin import origin

VIENNA = "Europe/Vienna"


def told(path: Path, timezone: str = "UTC") -> tuple[pl.DataFrame, pl.DataFrame, dict[str, int]]:
    opened = open_source(path, timezone=timezone)
    assert opened.kind == "series"
    batches = [batch for unit in opened.units() for batch in opened.read(unit)]
    events = pl.concat([b.events for b in batches if b.events is not None], how="diagonal")
    rejects = pl.concat([b.rejects for b in batches if b.rejects is not None])
    counts: dict[str, int] = {}
    for batch in batches:
        for what, n in batch.counts.items():
            counts[what] = counts.get(what, 0) + n
    rows = sum(b.rows_read for b in batches)
    references = sum(sum(b.reference_rows.values()) for b in batches)
    event_rows = events.select("source_file", "source_row").unique().height
    assert rows == references + event_rows + rejects.height, "every row is accounted for once"
    return events, rejects, counts


def days(events: pl.DataFrame, subject: str = "7") -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    rows = events.filter(pl.col("subject_key") == subject)
    for source_id, code, value in rows.select("source_id", "code", "numeric_value").iter_rows():
        found.setdefault(source_id.split("/")[1], {})[code] = value
    return found


def generic(folder: Path, rows: list[tuple[object, ...]], name: str = "readings.csv") -> Path:
    path = folder / name
    lines = ["subject,time,measure,value,unit", *(",".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


def sensor(
    start: datetime, values: list[object], minutes: int = 5, unit: str = "mg/dL"
) -> list[tuple[object, ...]]:
    step = timedelta(minutes=minutes)
    return [
        (7, (start + n * step).isoformat(), "glucose", value, unit)
        for n, value in enumerate(values)
    ]


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


# -- files ---------------------------------------------------------------------------------------------------

CLARITY = "Index,Timestamp (YYYY-MM-DDThh:mm:ss),Event Type,Event Subtype,Patient Info,Device Info,Source Device ID,Glucose Value (mg/dL),Insulin Value (u),Carb Value (grams),Duration (hh:mm:ss),Glucose Rate of Change (mg/dL/min),Transmitter Time (Long Integer),Transmitter ID"
LIBRE = "Device,Serial Number,Device Timestamp,Record Type,Historic Glucose mg/dL,Scan Glucose mg/dL,Notes"


def test_an_export_of_clarity(tmp_path: Path) -> None:
    start = datetime(2024, 3, 1)
    lines = [CLARITY, "1,,FirstName,,Canary,,,,,,,,,", "2,,Device,,,Dexcom G6,D1,,,,,,,"]
    for n in range(288):
        moment = (start + timedelta(minutes=5 * n)).isoformat()
        lines.append(f"{n + 3},{moment},EGV,,,,D1,{'Low' if n == 0 else 120},,,,,5,8XYZ")
    lines.append("292,2024-03-01T10:00:00,Insulin,Fast-Acting,,,D1,,5,,,,,")
    folder = tmp_path / "exports"
    folder.mkdir()
    (folder / "a.csv").write_text("\ufeff" + "\n".join(lines) + "\n", encoding="utf-8")
    (folder / "people.csv").write_text("file,person\na.csv,p-7\n")
    events, rejects, _ = told(folder)
    day = days(events, "p-7")["2024-03-01"]
    assert day["CGM//mean"] == pytest.approx((40 + 287 * 120) / 288, rel=1e-7)
    assert rejects.is_empty()
    assert "Canary" not in str(events.rows())


@pytest.mark.parametrize(
    "form",
    [
        "%m-%d-%Y %I:%M %p",
        "%d-%m-%Y %I:%M %p",
        "%d-%m-%Y %H:%M",
        "%d/%m/%Y %H:%M",
        "%Y/%m/%d %H:%M",
    ],
)
def test_an_export_of_libreview_in_any_order_of_dates(tmp_path: Path, form: str) -> None:
    start = datetime(2024, 3, 1)
    lines = ["Glucose Data,Generated on,03-20-2024 10:00 AM UTC,Generated by,Canary", LIBRE]
    for n in range(96 * 3):
        moment = (start + timedelta(minutes=15 * n)).strftime(form)
        lines.append(f"FreeStyle LibreLink,S1,{moment},0,{100 + n // 96},,")
    lines.append(f'FreeStyle LibreLink,S1,{start.strftime(form)},1,,300,"a, b"')
    path = tmp_path / "p7.csv"
    path.write_text("\n".join(lines) + "\n")
    events, rejects, _ = told(path)
    assert rejects.is_empty()
    found = days(events, "p7")
    assert sorted(found) == ["2024-03-01", "2024-03-02", "2024-03-03"]
    assert [found[day]["CGM//mean"] for day in sorted(found)] == [100, 101, 102]
    assert found["2024-03-02"]["CGM//coverage"] == 100


def point(body: dict[str, object], user: str = "7", source: str = "watch") -> dict[str, object]:
    header = {
        "schema_id": {"namespace": "omh", "name": "x", "version": "1.0"},
        "user_id": user,
        "acquisition_provenance": {"source_name": source},
    }
    return {"header": header, "body": body}


def interval(start: str, end: str) -> dict[str, object]:
    return {"time_interval": {"start_date_time": start, "end_date_time": end}}


def test_open_mhealth_data_points(tmp_path: Path) -> None:
    instant = {"date_time": "2024-03-01T07:00:00Z"}
    walk = interval("2024-03-01T10:00:00Z", "2024-03-01T11:00:00Z")
    later = interval("2024-03-01T12:00:00Z", "2024-03-01T13:00:00Z")
    night = interval("2024-02-29T22:00:00Z", "2024-03-01T06:00:00Z")
    points = [
        point({"step_count": 4000, "effective_time_frame": walk}),
        point({"step_count": {"value": 2000, "unit": "steps"}, "effective_time_frame": later}),
        point({"step_count": 3500, "effective_time_frame": walk}, source="phone"),
        point({"sleep_duration": {"value": 7.5, "unit": "h"}, "effective_time_frame": night}),
        point({"heart_rate": {"value": 52, "unit": "beats/min"}, "effective_time_frame": instant,
               "temporal_relationship_to_physical_activity": "at rest"}),
        point({"heart_rate": {"value": 90, "unit": "beats/min"}, "effective_time_frame": instant}),
        point({"blood_glucose": {"value": 5.5, "unit": "mmol/L"}, "effective_time_frame": instant}),
        point({"minutes_moderate_activity": {"value": 30, "unit": "min"}, "effective_time_frame": walk}),
        {**point({}), "body": [{"step_count": 10, "effective_time_frame": {"date_time": "2024-03-02T10:00:00Z"}}]},
        point({"body_weight": {"value": 70, "unit": "kg"}, "effective_time_frame": instant}),
    ]  # fmt: skip
    path = tmp_path / "points.ndjson"
    path.write_text("\n".join(map(json.dumps, points)) + "\nnot json\n")
    events, rejects, _ = told(path)
    found = days(events)
    assert found["2024-03-01"]["SERIES//steps"] == 6000  # the watch's, not both devices' sum
    assert found["2024-03-01"]["SERIES//sleep_minutes"] == 450
    assert found["2024-03-01"]["SERIES//resting_heart_rate"] == 52
    assert found["2024-03-01"]["SERIES//heart_rate"] == 90
    assert found["2024-03-01"]["SERIES//activity_minutes"] == 30
    assert found["2024-03-02"]["SERIES//steps"] == 10
    assert rejects["row"].to_list() == [10, 11]
    whole = tmp_path / "list.json"
    whole.write_text(json.dumps(points, indent=1))
    assert days(told(whole)[0]) == found


def test_rows_that_are_no_readings_are_laid_aside_with_the_reason(tmp_path: Path) -> None:
    rows: list[tuple[object, ...]] = [
        (7, "2024-03-01T10:00:00", "steps", 100, ""),
        ("", "2024-03-01T10:00:00", "steps", 1, ""),
        (7, "yesterday", "steps", 1, ""),
        (7, "2024-03-01T10:00:00", "mood", 1, ""),
        (7, "2024-03-01T10:00:00", "steps", 1, "miles"),
        (7, "2024-03-01T10:00:00", "steps", "", ""),
        (7, "2024-03-01T10:00:00", "steps", "NaN", ""),
        (7, "2024-03-01T10:00:00", "steps", "many", ""),
        (7, "2024-03-01T10:00:00", "glucose", 5.5, "mg/dL"),
        (7, "2024-03-01T10:00:00", "steps", '"1,234"', ""),
        (7, "2024-03-01T10:00:00", "steps"),
    ]
    _, rejects, _ = told(generic(tmp_path, rows))
    assert dict(rejects.sort("row").select("row", "reason").iter_rows()) == {
        2: "no subject",
        3: "no time, or none that can be read",
        4: "a measure that is not known",
        5: "a unit that is not one of the measure's",
        6: "no value",
        7: "a value that is not a number",
        8: "a value that is not a number",
        9: "a value that no device gives",
        10: "a value that is not a number",
        11: "malformed row",
    }


def test_what_lies_beside_readings_does_not_hide_them(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("Subject;Time;Measure;Value\n7;2024-03-01T10:00:00;steps;12\n")
    (tmp_path / ".DS_Store").write_bytes(b"\x00")
    (tmp_path / "README.txt").write_text("from the watch")
    events, rejects, _ = told(tmp_path)
    assert rejects.is_empty()
    assert events["numeric_value"].to_list() == [12.0]
    (tmp_path / "patients.csv").write_text("id,name\n7,x\n")
    with pytest.raises(SourceError):
        open_source(tmp_path)


def test_a_damaged_file_is_one_clear_error(tmp_path: Path) -> None:
    whole = gzip.compress(
        ("subject,time,measure,value,unit\n" + "7,2024-03-01T10:00:00,steps,1,\n" * 5000).encode()
    )
    (tmp_path / "x.csv.gz").write_bytes(whole[:-20])
    with pytest.raises(SourceError, match=r"x\.csv\.gz"):
        told(tmp_path)


def test_a_lacking_person_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(CLARITY + "\n")
    (tmp_path / "people.csv").write_text("file,person\nb.csv,7\n")
    with pytest.raises(SourceError, match=r"a\.csv"):
        told(tmp_path)


def test_people_read_in_classes_are_the_same_people(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        (subject, f"2024-03-{day:02}T{hour:02}:00:00", "steps", subject * day + hour, "")
        for day in range(1, 8)
        for hour in range(24)
        for subject in range(20)
    ]
    rows.append(("", "2024-03-01T10:00:00", "steps", 1, ""))
    generic(tmp_path, rows)
    at_once, rejects, _ = told(tmp_path)
    monkeypatch.setattr(series, "CLASS_BYTES", 20_000)
    in_classes, rejects_again, _ = told(tmp_path)
    order = ["subject_key", "time"]
    assert at_once.sort(order).equals(in_classes.sort(order))
    assert rejects.equals(rejects_again)
    assert at_once.height == 20 * 7


# -- the store ---------------------------------------------------------------------------------------------


def test_days_in_the_store_lead_back_to_their_rows_and_a_fuller_export_replaces_them(
    tmp_path: Path,
) -> None:
    first, store = tmp_path / "first", tmp_path / "store"
    first.mkdir()
    generic(first, sensor(datetime(2024, 3, 1), [100] * 210))
    ingest(first, store, identifiability=Identifiability.SYNTHETIC)
    second = tmp_path / "second"
    second.mkdir()
    generic(second, sensor(datetime(2024, 3, 1), [100] * 210 + [200] * 78), "later.csv")
    report = ingest(second, store)
    assert report.subjects == 1
    actor, purpose = Actor(name="t"), Purpose.RESEARCH
    timeline = open_timeline(store, actor=actor, purpose=purpose)
    subject = int(timeline.subject_ids()[0])
    means = timeline.chart(subject).events.filter(pl.col("code") == "CGM//mean")
    assert means["numeric_value"].to_list() == [
        pytest.approx((100 * 210 + 200 * 78) / 288, rel=1e-6)
    ]
    place = timeline.chart(subject).events["code"].to_list().index("CGM//mean")
    table = timeline.codes
    assert table.descriptions[table.codes.index("CGM//mean")].startswith("Mean sensor glucose")
    shown = origin(store, subject, place, source=second, actor=actor, purpose=purpose)
    assert shown["source"]["part"] == "rows 1-288"
    assert shown["source"]["raw"] == "7,2024-03-01T00:00:00,glucose,100,mg/dL"


def test_people_named_anew_take_the_days_with_them(tmp_path: Path) -> None:
    folder, store = tmp_path / "exports", tmp_path / "store"
    folder.mkdir()
    lines = [LIBRE]
    for n in range(96):
        moment = (datetime(2024, 3, 13) + timedelta(minutes=15 * n)).strftime("%d-%m-%Y %H:%M")
        lines.append(f"Libre,S1,{moment},0,100,,")
    (folder / "a.csv").write_text("\n".join(lines) + "\n")
    (folder / "people.csv").write_text("file,person\na.csv,p-7\n")
    ingest(folder, store, identifiability=Identifiability.SYNTHETIC)
    (folder / "people.csv").write_text("file,person\na.csv,p-8\n")
    assert ingest(folder, store, snapshot=True).subjects == 1


def test_single_readings_are_kept_only_when_asked_for(tmp_path: Path) -> None:
    generic(tmp_path, sensor(datetime(2024, 3, 1), [100] * 288))
    without = told(tmp_path)[0]
    (tmp_path / "keep-readings").touch()
    every = told(tmp_path)[0]
    assert without.height == 9
    assert len(open_source(tmp_path).files()) == 2  # so that asking for them is something new
    assert every.height == 9 + 288
    assert every.filter(pl.col("code") == "LOINC//99504-3").height == 288
    assert detect(tmp_path) == "series"
