"""3 windows x 5 summaries of every code at every label: ``python -m benchmarks.features FOLDER [SIZE]``.

Against the DuckDB query one would write by hand, which joins every label with its whole history. Counts in
the three windows are summed on both sides and compared exactly. ``ours`` and ``duckdb`` as a third argument
run one side alone, as a process of its own.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.workload import ROOT, emit, generated, stored, tasks

WINDOW_DAYS = (30, 365, None)


def main(folder: Path, size: str) -> None:
    """Measure both sides, each in its own process, and print their ratio."""
    stored(folder, size)
    labels = labelled(folder, size)
    found = {}
    for side in ("ours", "duckdb"):
        command = [sys.executable, "-m", "benchmarks.features", str(folder), size, side]
        answer = subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
        found[side] = json.loads(answer.stdout.splitlines()[-1])
        print(f"{size} {labels:,} labels, {side:<7} {found[side]}")
    if found["ours"]["counts"] != found["duckdb"]["counts"]:
        raise SystemExit("the counts differ from those of the query written by hand")
    print(f"{found['duckdb']['seconds'] / found['ours']['seconds']:.1f} x faster")


def labelled(folder: Path, size: str) -> int:
    """Label with the first outpatient task; the number of rows."""
    import polars as pl

    from lifecourse.cli import main as lifecourse

    out = folder / f"{size}.labels.parquet"
    task = next(task for task in tasks() if task.stem == "t2d_1y")
    store = str(stored(folder, size))
    lifecourse(["label", store, str(task), "--out", str(out), "--json"])
    return pl.read_parquet(out).height


def ours(folder: Path, size: str) -> None:
    """The kernel, shard by shard."""
    import numpy as np
    import polars as pl

    from lifecourse.schema.actor import Actor, Purpose
    from lifecourse.schema.covariate import Summary
    from lifecourse.timeline.access import open_timeline
    from lifecourse.timeline.everycode import evaluate_every_code

    summaries = [
        Summary.COUNT, Summary.COUNT_VALUES, Summary.SUM, Summary.MIN, Summary.MAX,
    ]  # fmt: skip
    started = time.perf_counter()
    labels = pl.read_parquet(folder / f"{size}.labels.parquet")
    subjects = labels["subject_id"].to_numpy()
    moments = labels["prediction_time"].cast(pl.Int64).to_numpy()
    timeline = open_timeline(
        folder / f"{size}.store", actor=Actor(name="benchmark"), purpose=Purpose.OPERATIONS
    )
    counts, cells = np.zeros(len(WINDOW_DAYS)), 0
    for shard in timeline.shards():
        index = shard.index_of(subjects)
        here = index >= 0
        matrix = evaluate_every_code(shard, windows(), summaries, index[here], moments[here])
        cells += matrix.nnz
        block = matrix.indices // len(shard.codes)
        for place in range(len(WINDOW_DAYS)):
            counts[place] += matrix.data[block == place * len(summaries)].sum(dtype=np.float64)
    report(started, [int(count) for count in counts], cells)


def windows() -> list[object]:
    """30 days, a year, all history."""
    from datetime import timedelta

    from lifecourse.schema.window import before

    return [before(None if days is None else timedelta(days=days)) for days in WINDOW_DAYS]


def duckdb(folder: Path, size: str) -> None:
    """The same by hand: one join, then conditional aggregates."""
    import duckdb as engine
    import polars as pl

    started = time.perf_counter()
    labels = pl.read_parquet(folder / f"{size}.labels.parquet").with_row_index("row")
    connection = engine.connect()
    connection.execute("SET threads=2; SET preserve_insertion_order=false")
    connection.register("labels", labels.select("row", "subject_id", "prediction_time").to_arrow())
    wanted = []
    for days in WINDOW_DAYS:
        inside = "true" if days is None else f"time > prediction_time - interval {days} day"
        wanted.append(f"count(*) filter ({inside}) as n{days}")
        for make in ("count", "sum", "min", "max"):
            wanted.append(f"{make}(numeric_value) filter ({inside}) as {make}{days}")
    files = generated(folder, size) / "data" / "*" / "*.parquet"
    # Names and numbers of this file alone go into the text.
    query = (
        f"create temp table cells as select row, code, {', '.join(wanted)} "  # noqa: S608
        f"from read_parquet('{files}') join labels using (subject_id) "
        "where time <= prediction_time group by 1, 2"
    )
    connection.execute(query)
    totals = ", ".join(f"sum(n{days})" for days in WINDOW_DAYS)
    found = connection.execute(f"select {totals}, count(*) from cells").fetchone()  # noqa: S608
    *counts, rows = found
    report(started, [int(count) for count in counts], rows)


def report(started: float, counts: list[int], cells: int) -> None:
    """Seconds from the first import of data to the last number, and the peak of memory."""
    emit(
        {
            "seconds": round(time.perf_counter() - started, 2),
            "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
            "counts": counts,
            "cells": cells,
        }
    )


if __name__ == "__main__":
    size = sys.argv[2] if len(sys.argv) > 2 else "M"
    sides = {"ours": ours, "duckdb": duckdb}
    work = sides.get(sys.argv[3]) if len(sys.argv) > 3 else main
    work(Path(sys.argv[1]), size)
