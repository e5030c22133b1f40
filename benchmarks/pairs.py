"""All ordered pairs of first occurrences: ``python -m benchmarks.pairs FOLDER [SIZE]``.

A million people with 60 facts each out of 2,000 (Zipf, seeded), 1.77 thousand million ordered pairs, counted on every
core; against DuckDB's join of the same table with itself on 1M's first 20,000 people, which must give the same counts.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from benchmarks.workload import ROOT, Result, report

from lifecourse.insights.occurrences import FirstOccurrences
from lifecourse.insights.search import ordered_pairs

PEOPLE = {"M": 20_000, "1M": 1_000_000}
FACTS, EACH, BLOCK = 2_000, 60, 50_000
MOST_SECONDS, MOST_MB = 60.0, 4_096.0


def main(size: str) -> None:
    """Measure each side in a process of its own and report both lines."""
    joined = {side: _side(side, "M") for side in ("ours", "duckdb")}
    if joined["ours"]["sum"] != joined["duckdb"]["sum"]:
        raise SystemExit("DuckDB and lifecourse count different pairs.")
    report(
        Result(
            work="ordered pairs of first occurrences",
            size=f"{PEOPLE['M']:,} people x {EACH}",
            peer="DuckDB self-join",
            ours=joined["ours"]["seconds"],
            theirs=joined["duckdb"]["seconds"],
            peak_mb=joined["ours"]["peak_mb"],
            peer_peak_mb=joined["duckdb"]["peak_mb"],
            checked="every count equal",
            command="python -m benchmarks.pairs FOLDER",
        )
    )
    whole = _side("ours", size)
    report(
        Result(
            work=f"ordered pairs of first occurrences, {whole['pairs']:,} counted",
            size=f"{PEOPLE[size]:,} people x {EACH}",
            peer="",
            ours=whole["seconds"],
            theirs=None,
            target=MOST_SECONDS,
            peak_mb=whole["peak_mb"],
            checked="sum over all pairs",
            command="python -m benchmarks.pairs FOLDER",
        )
    )
    if whole["peak_mb"] > MOST_MB or whole["pairs"] != whole["expected"]:
        raise SystemExit(f"peak {whole['peak_mb']:.0f} MB, {whole['pairs']:,} pairs")


def occurrences(people: int) -> FirstOccurrences:
    """Sixty distinct facts of everyone at distinct moments, sorted by person and time; made block by block."""
    fact = np.empty(people * EACH, dtype=np.int32)
    random = np.random.default_rng(20261125)
    popularity = np.log(1.0 / np.arange(1, FACTS + 1))
    for begin in range(0, people, BLOCK // 10):
        n = min(BLOCK // 10, people - begin)
        drawn = popularity + random.gumbel(size=(n, FACTS))
        chosen = np.argpartition(drawn, -EACH, axis=1)[:, -EACH:].astype(np.int32)
        fact[begin * EACH : (begin + n) * EACH] = random.permuted(chosen, axis=1).ravel()
    return FirstOccurrences(
        person=np.repeat(np.arange(people, dtype=np.int64), EACH),
        fact=fact,
        time=np.tile(np.arange(EACH, dtype=np.int64), people),
        names=[str(number) for number in range(FACTS)],
        descriptions=[],
        fact_of_code=np.zeros(0, dtype=np.int32),
    )


def _side(side: str, size: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.pairs", "--side", side, size]
    answer = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    told: dict[str, float] = json.loads(answer.stdout)
    return told


def _ours(size: str) -> dict[str, float]:
    given, chosen = occurrences(PEOPLE[size]), np.ones(PEOPLE[size], dtype=np.bool_)
    ordered_pairs(occurrences(10), chosen[:10])
    began = time.perf_counter()
    counts = ordered_pairs(given, chosen)
    seconds = time.perf_counter() - began
    return {
        "seconds": seconds,
        "pairs": int(counts.sum()),
        "expected": PEOPLE[size] * EACH * (EACH - 1) // 2,
        "sum": _checksum(counts),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _duckdb(size: str) -> dict[str, float]:
    import duckdb
    import polars as pl

    given = occurrences(PEOPLE[size])
    table = pl.DataFrame({"person": given.person, "fact": given.fact, "time": given.time})
    with duckdb.connect() as connection:
        connection.register("facts", table.to_arrow())
        connection.execute("create table t as select * from facts")
        began = time.perf_counter()
        found = connection.execute(
            "select a.fact, b.fact, count(*) from t a join t b on a.person = b.person and a.time < b.time "
            "group by all"
        ).fetchnumpy()
        seconds = time.perf_counter() - began
    first, then, n = found.values()
    counts = np.zeros((FACTS, FACTS), dtype=np.int64)
    counts[first, then] = n
    return {
        "seconds": seconds,
        "sum": _checksum(counts),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _checksum(counts: np.ndarray) -> int:
    """Depends on every count and on its place."""
    places = np.arange(1, counts.size + 1, dtype=np.int64) % 1_000_003
    return int((counts.ravel() * places % 1_000_000_007).sum())


if __name__ == "__main__":
    if sys.argv[1] == "--side":
        side = {"ours": _ours, "duckdb": _duckdb}[sys.argv[2]]
        sys.stdout.write(json.dumps(side(sys.argv[3])))
    else:
        Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
        main(sys.argv[2] if len(sys.argv) > 2 else "1M")
