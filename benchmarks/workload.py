"""What the benchmarks have in common: generated MEDS data, a store of it, and timed programs."""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("LIFECOURSE_DATA", ROOT.parent / "shared" / "data")).parent
SUBJECTS = {"S": 2_000, "M": 20_000, "L": 100_000}


def generated(folder: Path, size: str) -> Path:
    """MEDS data of `SUBJECTS[size]` people, made on first use by the shared generator."""
    out = folder / size
    if not out.is_dir():
        tool = SHARED / "tools" / "make_meds.py"
        command = [sys.executable, str(tool), str(out), "--subjects", str(SUBJECTS[size])]
        subprocess.run(command, check=True, capture_output=True)
    return out


def stored(folder: Path, size: str) -> Path:
    """A plain store of `generated` data, made on first use."""
    from lifecourse.cli import main

    store = folder / f"{size}.store"
    if not store.is_dir():
        source = str(generated(folder, size))
        main(["ingest", source, "--as", "meds", "--store", str(store), "--plain", "--json"])
    return store


def tasks() -> list[Path]:
    """The three ACES tasks of the yardstick."""
    return sorted((SHARED / "data" / "aces-tasks" / "bench").glob("*.yaml"))


def measured(command: list[str], *, times: int = 3) -> dict[str, float]:
    """Median wall and processor seconds, and the largest memory in MB, of a whole process."""
    walls, processors = [], []
    for _ in range(times):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
        walls.append(time.perf_counter() - started)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        processors.append(used)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return {
        "wall": statistics.median(walls),
        "processor": statistics.median(processors),
        "peak_mb": peak,
    }


def line(what: str, ours: dict[str, float], theirs: dict[str, float]) -> str:
    """One row of a results table: both, and how many times faster ours is."""
    ratio = theirs["wall"] / ours["wall"]
    return (
        f"{what:<34}{ours['wall']:8.2f} s ({ours['processor']:.2f} processor)"
        f"{theirs['wall']:9.2f} s ({theirs['processor']:.2f}){ratio:8.1f} x"
    )


def emit(result: dict[str, object]) -> None:
    """What a measured part found, for the process that measures it."""
    sys.stdout.write(json.dumps(result) + "\n")
