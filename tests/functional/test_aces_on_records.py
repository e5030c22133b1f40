"""ACES's own tasks on real and generated records: the rows that ACES gives, and those one writes by hand."""

from __future__ import annotations

import csv
import hashlib
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from lifecourse.cli import main
from lifecourse.schema.actor import Actor, Purpose
from lifecourse.tasks import Labels, label, label_all, load_task
from lifecourse.timeline.access import Timeline, open_timeline
from lifecourse.timeline.unstored import timeline_from_events

DATA = Path(__file__).parent.parent / "data"
NO_ROWS = hashlib.sha256(b"").hexdigest()[:16]


@pytest.fixture(scope="module")
def mimic(shared_data: Path) -> Timeline:
    events = pl.read_parquet(
        shared_data / "mimic-iv-demo-meds" / "mimic_iv_demo_meds_events.parquet"
    ).select("subject_id", pl.col("time").cast(pl.Datetime("us")), "code", numeric_value="value")
    return timeline_from_events(events, n_shards=3)


def of_aces() -> list[dict[str, str]]:
    """What es-aces 0.7.3 (polars 1.44) gave on the same file on 2026-11-25, a line for each task and predicates file.

    `digest` is of every row: "subject microseconds label" a line, sorted. The tasks are those of the ACES repository,
    of MEDS-DEV and of the benchmarks; where their codes do not occur in MIMIC, a predicates file says what they are.
    """
    with (DATA / "aces_on_mimic.csv").open(newline="") as lines:
        return list(csv.DictReader(lines))


def told(labels: Labels) -> tuple[int, int, str]:
    """Rows, positives and the digest of every row."""
    table = labels.table.with_columns(
        pl.col("prediction_time").cast(pl.Datetime("us")).cast(pl.Int64)
    )
    rows = table.select("subject_id", "prediction_time", "boolean_value").sort(pl.all()).rows()
    text = "\n".join(f"{subject} {moment} {answer}" for subject, moment, answer in rows)
    return (
        len(rows),
        sum(bool(row[2]) for row in rows),
        hashlib.sha256(text.encode()).hexdigest()[:16],
    )


def assert_rows_of_aces(timeline: Timeline, shared_data: Path) -> None:
    expected = of_aces()
    tasks = [
        load_task(
            shared_data / f"{line['task']}.yaml",
            predicates=DATA / line["predicates"] if line["predicates"] else None,
        )
        for line in expected
    ]
    for line, labels in zip(expected, label_all(timeline, tasks), strict=True):
        found = told(labels)
        assert found == (int(line["rows"]), int(line["positives"]), line["digest"]), line["task"]


def test_tasks_on_mimic_give_every_row_of_aces(mimic: Timeline, shared_data: Path) -> None:
    assert_rows_of_aces(mimic, shared_data)


def test_every_task_there_is_is_compared_and_has_rows_or_a_reason(shared_data: Path) -> None:
    tasks = [
        *shared_data.glob("aces-tasks/**/*.yaml"),
        *shared_data.glob("meds-dev-tasks/**/*.yaml"),
    ]
    there = {str(path.relative_to(shared_data).with_suffix("")) for path in tasks}
    lines = of_aces()
    assert {line["task"] for line in lines} == there
    assert len(there) >= 17
    for line in lines:
        assert (line["rows"] == "0") == bool(line["why_none"]) == (line["digest"] == NO_ROWS)
    with_rows = {line["task"] for line in lines if line["rows"] != "0"}
    assert {task for task in there if "bench" not in task} == with_rows


@pytest.mark.prove
def test_tasks_on_a_store_of_mimic_give_every_row_of_aces(
    shared_data: Path, tmp_path: Path
) -> None:
    source, store = shared_data / "mimic-iv-demo-meds", tmp_path / "store"
    told_whose = ["--identifiability", "pseudonymous", "--plain", "--timezone", "UTC"]
    assert main(["ingest", str(source), "--store", str(store), *told_whose]) == 0
    timeline = open_timeline(store, actor=Actor(name="test"), purpose=Purpose.OPERATIONS)
    assert_rows_of_aces(timeline, shared_data)


@pytest.fixture(scope="module")
def generated(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    tool = shared_data.parent / "tools" / "make_meds.py"
    if not tool.is_file():
        pytest.skip("no generator here: shared/tools/make_meds.py")
    folder = tmp_path_factory.mktemp("meds")
    subprocess.run(
        [sys.executable, str(tool), str(folder), "--subjects", "2000"],
        check=True,
        capture_output=True,
    )
    return pl.read_parquet(f"{folder}/data/*/*.parquet")


def _starts(events: pl.DataFrame, prefix: str) -> pl.DataFrame:
    return events.filter(pl.col("code").str.starts_with(prefix) & pl.col("time").is_not_null())


def _in_window(rows: pl.DataFrame, events: pl.DataFrame, days: int) -> pl.Series:
    """Whether an event lies in (t, t + days], by joining everything with everything."""
    hits = (
        rows.with_row_index()
        .join(events.select("subject_id", "time"), on="subject_id")
        .filter(
            (pl.col("time") > pl.col("prediction_time"))
            & (pl.col("time") <= pl.col("prediction_time") + pl.duration(days=days))
        )["index"]
        .unique()
    )
    return rows.with_row_index()["index"].is_in(hits.implode())


def t2d_1y(events: pl.DataFrame) -> pl.DataFrame:
    visits, e11 = _starts(events, "VISIT_START//"), _starts(events, "ICD10CM//E11")
    t = visits.filter(pl.col("code") == "VISIT_START//OUTPATIENT")
    t = t.select("subject_id", prediction_time="time").unique()
    t = t.join(visits.group_by("subject_id").agg(first=pl.col("time").min()), on="subject_id")
    t = t.join(e11.group_by("subject_id").agg(e=pl.col("time").min()), on="subject_id", how="left")
    t = t.filter(
        (pl.col("first") <= pl.col("prediction_time") - pl.duration(days=365))
        & (pl.col("e").is_null() | (pl.col("e") > pl.col("prediction_time")))
    ).sort("subject_id", "prediction_time")
    return t.select("subject_id", "prediction_time", boolean_value=_in_window(t, e11, 365))


def readmit_30d(events: pl.DataFrame) -> pl.DataFrame:
    t = _starts(events, "VISIT_END//INPATIENT").select("subject_id", prediction_time="time")
    dead = _starts(events, "MEDS_DEATH").select("subject_id", dead="time")
    t = t.unique().join(dead, on="subject_id", how="left")
    t = t.filter(pl.col("dead").is_null() | (pl.col("dead") > pl.col("prediction_time")))
    t = t.sort("subject_id", "prediction_time")
    again = _in_window(t, _starts(events, "VISIT_START//INPATIENT"), 30)
    return t.select("subject_id", "prediction_time", boolean_value=again)


def ihm_24h(events: pl.DataFrame) -> pl.DataFrame:
    dated = events.filter(pl.col("time").is_not_null())
    moments = dated.select("subject_id", "time").unique()
    starts, ends = (
        _starts(events, "VISIT_START//INPATIENT"),
        _starts(events, "VISIT_END//INPATIENT"),
    )
    deaths = _starts(events, "MEDS_DEATH")
    stops = pl.concat([ends, deaths])
    t = starts.select("subject_id", adm="time").unique()
    t = t.with_columns(prediction_time=pl.col("adm") + pl.duration(days=1)).with_row_index()
    known = t.join(moments, on="subject_id").filter(pl.col("time") <= pl.col("prediction_time"))
    enough = known.group_by("index").len().filter(pl.col("len") >= 5)["index"]
    inside = t.join(pl.concat([stops, starts]), on="subject_id").filter(
        (pl.col("time") > pl.col("adm")) & (pl.col("time") <= pl.col("prediction_time"))
    )["index"]
    t = t.filter(pl.col("index").is_in(enough.implode()) & ~pl.col("index").is_in(inside.implode()))
    nxt = t.join(stops, on="subject_id").filter(pl.col("time") > pl.col("prediction_time"))
    first = nxt.group_by("index").agg(stop=pl.col("time").min())
    t = t.join(first, on="index").join(
        deaths.select("subject_id", dead="time"), on="subject_id", how="left"
    )
    t = t.sort("subject_id", "prediction_time")
    return t.select(
        "subject_id",
        "prediction_time",
        boolean_value=(
            (pl.col("dead") > pl.col("prediction_time")) & (pl.col("dead") <= pl.col("stop"))
        ).fill_null(value=False),
    )


@pytest.mark.parametrize(
    ("by_hand", "rows"), [(t2d_1y, 16_451), (readmit_30d, 4_106), (ihm_24h, 3_876)]
)
def test_bench_tasks_equal_the_query_written_by_hand(
    generated: pl.DataFrame, shared_data: Path, by_hand: object, rows: int
) -> None:
    task = load_task(shared_data / "aces-tasks" / "bench" / f"{by_hand.__name__}.yaml")  # type: ignore[attr-defined]  # a function is given
    found = label(timeline_from_events(generated, n_shards=2), task).table
    expected = by_hand(generated)  # type: ignore[operator]  # a function is given
    assert found.height == rows
    assert found.select(expected.columns).equals(expected)
