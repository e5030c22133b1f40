"""Timelines, labels and features: as fast as claimed, and right."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from proofs.measuring import PYTHON, ROOT, Proof, tests

if TYPE_CHECKING:
    from collections.abc import Callable

CHAPTER = "Speed and correctness"
BENCH = Path(os.environ.get("LIFECOURSE_BENCH", ROOT / "build" / "bench"))


def benchmark(module: str, *sizes: str) -> Callable[[], tuple[bool, str]]:
    """A measure that runs a benchmark: kept where each line that has a promise keeps it, and one line has."""

    def measure() -> tuple[bool, str]:
        lines: list[dict[str, object]] = []
        with tempfile.TemporaryDirectory() as folder:
            handed = Path(folder) / "lines.jsonl"
            environment = {**os.environ, "LIFECOURSE_BENCH_RESULTS": str(handed)}
            for size in sizes:
                command = [str(PYTHON), "-m", f"benchmarks.{module}", str(BENCH), size]
                answer = subprocess.run(
                    command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
                )
                if answer.returncode:
                    said = (answer.stderr.strip() or answer.stdout.strip()).splitlines()
                    return False, f"benchmarks.{module} {size} failed: {said[-1:]}"
            if handed.is_file():
                lines = [json.loads(line) for line in handed.read_text().splitlines()]
        promised = [line for line in lines if line["target"] is not None]
        words = [
            f"{line['size']} {line['work']}: {line['ours']:.3g} {line['unit']}" for line in promised
        ]
        return bool(promised) and all(map(_kept, promised)), "; ".join(words)

    return measure


def _kept(line: dict[str, object]) -> bool:
    """Whether the promise holds; where a peer is named, beside the peer."""
    if line["peer"] and line["theirs"] is None:
        return False
    ours, target = float(str(line["ours"])), float(str(line["target"]))
    return ours >= target if line["higher_is_better"] else ours <= target


PROOFS: tuple[Proof, ...] = (
    Proof(
        name="access",
        promise="one random subject, full history as columns: 5 us hot, 10 ms cold (encrypted); everyone's events as "
        "tuples at 3 M a second, each equal to meds_reader's",
        measure=benchmark("access", "M"),
    ),
    Proof(
        name="labels",
        promise="the three ACES tasks on M, every row ACES's: each in 0.9 s, the three in one command in 1.7 s and "
        "600 MB",
        measure=benchmark("labels", "M"),
    ),
    Proof(
        name="labels-large",
        promise="the three ACES tasks on L, every row ACES's: each, and the three in one command, 30 times faster",
        measure=benchmark("labels", "L"),
    ),
    Proof(
        name="ingest",
        promise="MEDS of L into a store at 2 M events/s, plain and encrypted; every row accounted for",
        measure=benchmark("ingest", "L"),
    ),
    Proof(
        name="ingest-omop",
        promise="OMOP CSV of M into a store at 700 k events/s, plain and encrypted; every row accounted for",
        measure=benchmark("ingest", "M"),
    ),
    Proof(
        name="growth",
        promise="100 M events: a label task, then counts in 60 s and five summaries in 110 s at all labels, 4 GB; time "
        "per event within 1.5 of L's",
        measure=benchmark("growth", "100M"),
    ),
    Proof(
        name="features",
        promise="3 windows x 5 summaries of every code: 10 times faster than DuckDB at all labels of M, 2.5 times at "
        "the last label of each subject of L, the same checksums; all labels of L as features to train on in 15 s",
        measure=benchmark("features", "M", "L"),
    ),
    Proof(
        name="kernel-mutations",
        promise="a mistake at any window edge of the kernel (every comparison, step and extreme, one at a time) makes "
        "an answer differ from the oracle's",
        measure=tests("tests/generative/test_kernel_mutations.py", "-m", "prove or not prove"),
    ),
    Proof(
        name="aces-tasks",
        promise="the tasks of the ACES repository and of MEDS-DEV all parse; on the MIMIC-IV demo every row of each "
        "is that of es-aces 0.7.3, from events and from a store, and so are what predicates mean",
        measure=tests(
            "tests/functional/test_aces_on_records.py",
            "tests/spec/test_aces.py",
            "tests/spec/test_aces_predicates.py",
            "-m",
            "prove or not prove",
        ),
    ),
    Proof(
        name="large-subject",
        promise="2 million events in one subject are stored, looked at, asked, labelled and featurized; readers keep "
        "their version while others write",
        measure=tests(
            "tests/functional/test_large_subject.py",
            "tests/unit/timeline/test_reader.py",
            "-m",
            "prove or not prove",
        ),
    ),
)
