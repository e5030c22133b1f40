"""3 windows x 5 summaries of every code at labels: ``python -m benchmarks.features FOLDER [SIZE]``.

Against the DuckDB query one would write by hand, which joins every label with its whole history: at all labels of
S and M, at each subject's last label of L (all of them would take it 25 to 35 GB). Counts in the three windows are
summed on both sides and compared exactly, and so are the numbers of values; sums, minima and maxima agree to
float32's rounding. Seconds are of whole processes, loading their libraries included. On L, the command that writes
features a user can train on is measured as well. ``ours`` or ``duckdb`` as a third argument runs one side alone.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.workload import (
    ROOT,
    Result,
    emit,
    generated,
    measured,
    report,
    stored,
    tasks,
    usual_environment,
)

if TYPE_CHECKING:
    import polars as pl

    from lifecourse.schema.window import Window

WINDOW_DAYS = (30, 365, None)
SUMMARIES = ("count", "count_values", "sum", "min", "max")
TIMES_FASTER = {"M": 10.0, "L": 2.5}
TRAINING_SECONDS, TRAINING_MB = 15.0, 3000.0
RUNS = 3
SUMMED_AT_ONCE = 2**16


def main(folder: Path, size: str) -> None:
    """Measure both sides, each in processes of its own, and report their ratio."""
    labels = labelled(folder, size)
    found = {side: repeated(folder, size, side) for side in ("ours", "duckdb")}
    ours, theirs = found["ours"], found["duckdb"]
    if ours["counts"] != theirs["counts"] or ours["n_values"] != theirs["n_values"]:
        raise SystemExit("the counts differ from those of the query written by hand")
    for name, mine, other in zip(SUMMARIES[2:], ours["totals"], theirs["totals"], strict=True):
        if abs(mine - other) > 1e-5 * max(1.0, abs(other)):
            raise SystemExit(f"the {name} differ from those of the query written by hand")
    rows = ours["rows"]
    which = "all" if size != "L" else "each subject's last of the"
    counts = " / ".join(f"{count:,}" for count in ours["counts"])
    factor = TIMES_FASTER.get(size)
    report(
        Result(
            work=f"3 windows x 5 summaries of every code, {which} {labels:,} labels ({rows:,} rows)",
            size=size,
            peer="DuckDB, the query by hand",
            ours=ours["seconds"],
            theirs=theirs["seconds"],
            target=None if factor is None else theirs["seconds"] / factor,
            peak_mb=ours["peak_mb"],
            peer_peak_mb=theirs["peak_mb"],
            processor=ours["processor"],
            checked=f"counts {counts} equal; values counted equal; sums, minima, maxima to float32",
            command=f"python -m benchmarks.features FOLDER {size}",
        )
    )
    if size == "L":
        trainable(folder, size)


def trainable(folder: Path, size: str) -> None:
    """The command that writes all labels' features, whole process."""
    recipe, out = folder / "features.yaml", folder / f"{size}.features"
    recipe.write_text(
        "name: five\nevery_code:\n  days: [30, 365, null]\n"
        f"  summaries: [{', '.join(SUMMARIES)}]\n  min_count: 1\n  top_k: 1000000\n"
    )
    chosen = ["--labels", str(folder / f"{size}.labels.parquet"), "--recipe", str(recipe)]
    command = ["-m", "lifecourse.cli", "featurize", str(stored(folder, size)), *chosen]
    took = measured([sys.executable, *command, "--out", str(out)])
    shutil.rmtree(out)
    whole = Result(
        work="the same at all labels, written as features to train on",
        size=size,
        peer="",
        ours=took["wall"],
        theirs=None,
        target=TRAINING_SECONDS,
        peak_mb=took["peak_mb"],
        processor=took["processor"],
        command=f"lifecourse featurize {size}.store --labels ... --recipe ... --out ...",
    )
    report(whole)


def labelled(folder: Path, size: str) -> int:
    """Label with the first outpatient task; the number of rows."""
    import polars as pl

    out = folder / f"{size}.labels.parquet"
    task = next(task for task in tasks() if task.stem == "t2d_1y")
    command = ["-m", "lifecourse.cli", "label", str(stored(folder, size)), str(task)]
    measured([sys.executable, *command, "--out", str(out)], times=1)
    return pl.read_parquet(out).height


def repeated(folder: Path, size: str, side: str) -> dict[str, Any]:
    """The median run of a side, each run a whole process, start to end; memory is its largest."""
    command = [sys.executable, "-m", "benchmarks.features", str(folder), size, side]
    found = []
    for _ in range(RUNS):
        started = time.perf_counter()
        answer = subprocess.run(
            command, check=True, capture_output=True, cwd=ROOT, env=usual_environment()
        )
        seconds = round(time.perf_counter() - started, 3)
        found.append({**json.loads(answer.stdout.splitlines()[-1]), "seconds": seconds})
    found.sort(key=lambda one: one["seconds"])
    middle = statistics.median_low(range(RUNS))
    return {**found[middle], "peak_mb": max(one["peak_mb"] for one in found)}


def asked(folder: Path, size: str) -> pl.DataFrame:
    """The labels that are asked about."""
    import polars as pl

    labels = pl.read_parquet(folder / f"{size}.labels.parquet")
    rows = labels.select("subject_id", "prediction_time").sort("subject_id", "prediction_time")
    return rows if size != "L" else rows.unique("subject_id", keep="last", maintain_order=True)


def ours(folder: Path, size: str) -> None:
    """The kernel, some shards for each core at a time."""
    from concurrent.futures import ThreadPoolExecutor

    import numpy as np

    from lifecourse.features.extraction import RowsByShard
    from lifecourse.schema.actor import Actor, Purpose
    from lifecourse.schema.covariate import Summary
    from lifecourse.timeline.access import open_timeline
    from lifecourse.timeline.everycode import CellMemory, evaluate_every_code

    timeline = open_timeline(
        stored(folder, size), actor=Actor(name="benchmark"), purpose=Purpose.OPERATIONS
    )
    rows = asked(folder, size)
    by_shard = RowsByShard(timeline, rows)
    summaries = [Summary(name) for name in SUMMARIES]
    n_blocks = len(WINDOW_DAYS) * len(SUMMARIES)

    passing = threading.local()

    def sums(job: list[int]) -> tuple[Any, int]:
        memory = vars(passing).setdefault("memory", CellMemory())
        shard, subjects, times = by_shard.asked_of(job)
        matrix = evaluate_every_code(shard, windows(), summaries, subjects, times, memory=memory)
        by_column = np.zeros(matrix.n_columns)
        for start in range(0, len(matrix.cells), SUMMED_AT_ONCE):
            some = slice(start, start + SUMMED_AT_ONCE)
            by_column += np.bincount(
                matrix.columns[some], weights=matrix.cells[some], minlength=matrix.n_columns
            )
        return by_column.reshape(n_blocks, -1).sum(axis=1), len(matrix.cells)

    totals, cells = np.zeros(n_blocks), 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for found, stored_cells in pool.map(sums, by_shard.jobs()):
            totals += found
            cells += stored_cells
    table = totals.reshape(len(WINDOW_DAYS), len(SUMMARIES))
    told(table, rows.height, cells)


def windows() -> list[Window]:
    """30 days, a year, all history."""
    from lifecourse.schema.window import before

    return [before(None if days is None else timedelta(days=days)) for days in WINDOW_DAYS]


def duckdb(folder: Path, size: str) -> None:
    """The same by hand: one join, then conditional aggregates."""
    import duckdb as engine
    import numpy as np

    labels = asked(folder, size).with_row_index("row")
    connection = engine.connect()
    connection.execute("SET threads=2; SET preserve_insertion_order=false")
    connection.register("labels", labels.select("row", "subject_id", "prediction_time").to_arrow())
    wanted, totals = [], []
    for days in WINDOW_DAYS:
        inside = "true" if days is None else f"time > prediction_time - interval {days} day"
        wanted.append(f"count(*) filter ({inside}) as n{days}")
        totals.append(f"sum(n{days})")
        for make in ("count", "sum", "min", "max"):
            wanted.append(f"{make}(numeric_value) filter ({inside}) as {make}{days}")
            totals.append(f"coalesce(sum({make}{days}::double), 0)")
    files = generated(folder, size) / "data" / "*" / "*.parquet"
    # Names and numbers of this file alone go into the text.
    query = (
        f"create temp table cells as select row, code, {', '.join(wanted)} "  # noqa: S608 -- names of the benchmark's own
        f"from read_parquet('{files}') join labels using (subject_id) "
        "where time <= prediction_time group by 1, 2"
    )
    connection.execute(query)
    found = connection.execute(
        f"select {', '.join(totals)}, count(*) from cells"  # noqa: S608 -- names of the benchmark's own
    ).fetchall()[0]
    table = np.array(found[:-1], dtype=float).reshape(len(WINDOW_DAYS), len(SUMMARIES))
    told(table, labels.height, found[-1])


def told(table: object, rows: int, cells: int) -> None:
    """The peak of memory, processor seconds, and the sums over all cells."""
    import resource

    import numpy as np

    sums = np.asarray(table)
    used = resource.getrusage(resource.RUSAGE_SELF)
    emit(
        {
            "processor": round(used.ru_utime + used.ru_stime, 2),
            "peak_mb": round(used.ru_maxrss / 1024),
            "counts": [int(count) for count in sums[:, 0]],
            "n_values": [int(count) for count in sums[:, 1]],
            "totals": sums[:, 2:].sum(axis=0).tolist(),
            "rows": rows,
            "cells": cells,
        }
    )


if __name__ == "__main__":
    where, which = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "M"
    sides = {"ours": ours, "duckdb": duckdb}
    (sides[sys.argv[3]] if len(sys.argv) > 3 else main)(where, which)
