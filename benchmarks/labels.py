"""Labels of the three ACES tasks: ``python -m benchmarks.labels FOLDER [SIZE]``.

Whole processes against es-aces in its own environment, shard by shard as its manual says, and every row (subject,
prediction time, label) compared; and against a Polars query written by hand for one task, which knows the answer's
shape in advance, checks no limits and tells no attrition. On L, ACES runs once.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers import PeerAbsent, peer, version
from benchmarks.workload import Result, generated, measured, report, stored, tasks

if TYPE_CHECKING:
    import polars as pl

PROMISED_SECONDS = {"M": 0.9}
PROMISED_TOGETHER = {"M": 1.7}
PROMISED_MB = 600.0
TIMES_FASTER = {"L": 30.0}
ACES_RUNS = {"L": 1}
ACES_SECONDS = 300
COLUMNS = ("subject_id", "prediction_time", "boolean_value")

BY_HAND = """
import sys, polars as pl
ev = pl.scan_parquet(sys.argv[1] + "/data/*/*.parquet").select("subject_id", "time", "code").filter(
    pl.col("time").is_not_null()
    & (pl.col("code").str.starts_with("VISIT_START//") | pl.col("code").str.starts_with("ICD10CM//E11"))
).collect()
v = ev.filter(pl.col("code").str.starts_with("VISIT_START//"))
e = ev.filter(pl.col("code").str.starts_with("ICD10CM//E11"))
t = v.filter(pl.col("code") == "VISIT_START//OUTPATIENT").select("subject_id", t="time").unique()
t = t.join(v.group_by("subject_id").agg(first=pl.col("time").min()), on="subject_id")
t = t.join(e.group_by("subject_id").agg(e=pl.col("time").min()), on="subject_id", how="left")
t = t.filter((pl.col("first") <= pl.col("t") - pl.duration(days=365))
             & (pl.col("e").is_null() | (pl.col("e") > pl.col("t"))))
t = t.with_columns(y=(pl.col("e") <= pl.col("t") + pl.duration(days=365)).fill_null(False))
t.sort("subject_id", "t").write_parquet(sys.argv[2])
"""


def main(folder: Path, size: str) -> None:
    """Measure each task on both sides, compare every row, report."""
    data, store = generated(folder, size), stored(folder, size)
    found: dict[str, pl.DataFrame] = {}
    aces_seconds: list[float | None] = []
    for task in tasks():
        out = folder / f"{size}.{task.stem}.parquet"
        command = ["-m", "lifecourse.cli", "label", str(store), str(task), "--out", str(out)]
        ours = measured([sys.executable, *command])
        found[task.stem] = rows_of(out)
        line = beside_aces(data, size, task, ours, found[task.stem])
        aces_seconds.append(line.theirs)
        report(line)
    together(store, folder, size, found, aces_seconds)
    other = folder / f"{size}.by_hand.parquet"
    by_hand = measured([sys.executable, "-c", BY_HAND, str(data), str(other)])
    compare(found["t2d_1y"], rows_of(other, ("subject_id", "t", "y")), "the query by hand")
    task = next(task for task in tasks() if task.stem == "t2d_1y")
    out = folder / f"{size}.t2d_1y.parquet"
    command = ["-m", "lifecourse.cli", "label", str(store), str(task), "--out", str(out)]
    ours = measured([sys.executable, *command])
    report(
        Result(
            work="label task t2d_1y",
            size=size,
            peer="Polars, 15 lines by hand",
            ours=ours["wall"],
            theirs=by_hand["wall"],
            peak_mb=ours["peak_mb"],
            peer_peak_mb=by_hand["peak_mb"],
            processor=ours["processor"],
            checked="every row equal",
            command=f"python -m benchmarks.labels FOLDER {size}",
        )
    )


def together(
    store: Path,
    folder: Path,
    size: str,
    found: dict[str, pl.DataFrame],
    aces_seconds: list[float | None],
) -> None:
    """The three tasks in one command: the rows of one by one, beside the sum of what ACES took."""
    out = folder / f"{size}.together"
    files = [str(task) for task in tasks()]
    command = ["-m", "lifecourse.cli", "label", str(store), *files, "--out", str(out)]
    ours = measured([sys.executable, *command])
    for task in tasks():
        compare(rows_of(out / f"{task.stem}.parquet"), found[task.stem], "one task at a time")
    known = [seconds for seconds in aces_seconds if seconds is not None]
    theirs = sum(known) if len(known) == len(aces_seconds) else None
    line = Result(
        work="three label tasks in one command",
        size=size,
        peer="es-aces, the sum of the three",
        ours=ours["wall"],
        theirs=theirs,
        target=promised(PROMISED_TOGETHER, size, theirs),
        peak_mb=ours["peak_mb"],
        processor=ours["processor"],
        checked="every row as from one task at a time",
        command=f"python -m benchmarks.labels FOLDER {size}",
    )
    report(line)
    if size in PROMISED_TOGETHER:
        peak = {"ours": ours["peak_mb"], "unit": "MB", "target": PROMISED_MB, "theirs": None}
        report(replace(line, work=f"{line.work}: peak memory", peer="", **peak))


def promised(seconds: dict[str, float], size: str, theirs: float | None) -> float | None:
    """So many seconds at most; on large data a part of the peer's, where these are known."""
    factor = TIMES_FASTER.get(size)
    return seconds.get(size) if factor is None or theirs is None else theirs / factor


def beside_aces(
    data: Path, size: str, task: Path, ours: dict[str, float], rows: pl.DataFrame
) -> Result:
    """The line of one task; without ACES's number where it cannot be had."""
    runs = ACES_RUNS.get(size, 3)
    name, theirs, checked = "es-aces", None, ""
    try:
        name = f"es-aces {version('es-aces')}" + ("" if runs > 1 else ", one run")
        with tempfile.TemporaryDirectory() as passing:
            theirs = aces(data, task, Path(passing), runs)
            compare(rows, rows_of_aces(Path(passing)), "ACES")
        checked = f"all {rows.height:,} rows equal"
    except (PeerAbsent, subprocess.SubprocessError, OSError) as absent:
        sys.stdout.write(f"ACES was not measured on {task.stem}: {type(absent).__name__}\n")
    return Result(
        work=f"label task {task.stem}",
        size=size,
        peer=name,
        ours=ours["wall"],
        theirs=None if theirs is None else theirs["wall"],
        target=promised(PROMISED_SECONDS, size, None if theirs is None else theirs["wall"]),
        peak_mb=ours["peak_mb"],
        peer_peak_mb=None if theirs is None else theirs["peak_mb"],
        processor=ours["processor"],
        checked=checked,
        command=f"python -m benchmarks.labels FOLDER {size}",
    )


def aces(data: Path, task: Path, folder: Path, runs: int) -> dict[str, float]:
    """ACES on every shard of `data`, its labels left in ``folder/out``."""
    shards = sorted(path.relative_to(data / "data") for path in (data / "data").rglob("*.parquet"))
    names = ",".join(str(shard.with_suffix("")) for shard in shards)
    command = [
        str(peer("es-aces", "aces-cli")),
        "--multirun",
        f"cohort_name={task.stem}",
        f"cohort_dir={task.parent}",
        "data=sharded",
        "data.standard=meds",
        f"data.root={data / 'data'}",
        f"data.shard={names}",
        "output_filepath=out/${data.shard}.parquet",
        f"hydra.sweep.dir={folder}/hydra",
        "hydra.job.chdir=false",
    ]
    return measured(command, times=runs, folder=folder, timeout=ACES_SECONDS)


def rows_of_aces(folder: Path) -> pl.DataFrame:
    """The labels that ACES left, in our order."""
    import polars as pl

    parts = [rows_of(path) for path in sorted((folder / "out").rglob("*.parquet"))]
    return pl.concat(parts).sort("subject_id", "prediction_time")


def rows_of(path: Path, columns: tuple[str, str, str] = COLUMNS) -> pl.DataFrame:
    """Subject, prediction time and label of each row."""
    import polars as pl

    table = pl.read_parquet(path).select(columns).rename(dict(zip(columns, COLUMNS, strict=True)))
    return table.cast({"prediction_time": pl.Datetime("us")})


def compare(ours: pl.DataFrame, theirs: pl.DataFrame, whose: str) -> None:
    """Every row equal, or an end."""
    if not ours.equals(theirs):
        raise SystemExit(f"the labels differ from those of {whose}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "M")
