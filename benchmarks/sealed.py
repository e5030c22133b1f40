"""An encrypted store beside a plain one of the same people: ``python -m benchmarks.sealed FOLDER SIZE``.

One process, the same loops over shards on every core. In every round plain and encrypted are measured one right after
the other, each first in half of the rounds; told is the middle of the rounds' ratios, so that neither a slow moment of
the machine nor a lucky one decides. Both give the same events and the same features. *Hot*: the subject's shard is in
memory, where nothing is sealed.
"""

from __future__ import annotations

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from benchmarks.workload import Result, report, sealed, stored

from lifecourse.features import featurize, load_recipe
from lifecourse.schema.actor import Actor, Purpose
from lifecourse.schema.event import EVENT_COLUMNS
from lifecourse.timeline.access import open_timeline

if TYPE_CHECKING:
    from collections.abc import Callable

    from lifecourse.timeline.access import Timeline

ROUNDS = 20
SCAN_RATIO, FEATURES_RATIO, HOT_RATIO = 1.3, 1.15, 1.25
RANDOM_SUBJECTS = 20_000
LABELLED = 20_000


def main(folder: Path, size: str) -> None:
    """Measure all three and report how many times the plain one's time each takes."""
    plain, closed = (
        open_timeline(path, actor=Actor(name="benchmark"), purpose=Purpose.OPERATIONS)
        for path in (stored(folder, size), sealed(folder, size))
    )
    told = (
        ("full scan, every column, all cores", SCAN_RATIO, scanned),
        ("kernel features of the built-in recipe", FEATURES_RATIO, featured),
        ("one random subject, hot (median)", HOT_RATIO, looked_at),
    )
    for work, target, measure in told:
        ratio = in_turn(measure, plain, closed)
        report(
            Result(
                work=f"{work}: encrypted over plain",
                size=size,
                peer="",
                ours=ratio,
                theirs=None,
                unit="x",
                target=target,
                checked="same events and features from both stores",
                command=f"python -m benchmarks.sealed FOLDER {size}",
            )
        )


def in_turn(
    measure: Callable[[Timeline], tuple[float, object]], plain: Timeline, closed: Timeline
) -> float:
    """How many times as long `measure` takes on the encrypted one, the median of rounds; both must give the same."""
    ratios = []
    for number in range(ROUNDS):
        pair = (plain, closed) if number % 2 else (closed, plain)
        (first, one), (second, other) = (measure(timeline) for timeline in pair)
        if one != other:
            raise SystemExit("the encrypted store gives other answers than the plain one")
        ratios.append(second / first if number % 2 else first / second)
    return median(ratios)


def scanned(timeline: Timeline) -> tuple[float, object]:
    """Every column of every shard, read on every core."""
    started = time.perf_counter()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        heights = list(
            pool.map(
                lambda number: timeline.table([number], EVENT_COLUMNS).height,
                range(timeline.n_shards),
            )
        )
    return time.perf_counter() - started, heights


def featured(timeline: Timeline) -> tuple[float, object]:
    """The built-in recipe's named covariates for a moment of each of many people."""
    recipe = load_recipe().model_copy(update={"every_code": None})
    rows = (
        timeline.persons()
        .filter(pl.col("last_time").is_not_null())
        .head(LABELLED)
        .select("subject_id", prediction_time="last_time")
    )
    started = time.perf_counter()
    found = featurize(timeline, rows, recipe, vocabulary=[])
    seconds = time.perf_counter() - started
    return seconds, float(np.nansum(found.dense))


def looked_at(timeline: Timeline) -> tuple[float, object]:
    """A random subject's columns, once their shard is in memory."""
    reader = timeline.reader(max_bytes=2**31)
    ids = np.random.default_rng(1).permutation(timeline.subject_ids())[:RANDOM_SUBJECTS].tolist()
    events = sum(len(reader.subject(subject)) for subject in ids)
    looks = []
    for subject in ids:
        started = time.perf_counter()
        reader.subject(subject).columns()
        looks.append(time.perf_counter() - started)
    return median(looks), events


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "M")
