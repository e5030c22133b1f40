"""FHIR: fast, whole, and nothing that is thrown at it is an exception."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from proofs.measuring import PYTHON, ROOT, Proof, run, tests

if TYPE_CHECKING:
    from collections.abc import Callable

CHAPTER = "Every record"
BENCH = Path(os.environ.get("LIFECOURSE_BENCH", ROOT / "build" / "bench"))


def speed(*inputs: str) -> Callable[[], tuple[bool, str]]:
    """A measure of the FHIR benchmark at M: kept where each line with a promise keeps it."""

    def measure() -> tuple[bool, str]:
        with tempfile.TemporaryDirectory() as folder:
            handed = Path(folder) / "lines.jsonl"
            os.environ["LIFECOURSE_BENCH_RESULTS"] = str(handed)
            try:
                answer = run([str(PYTHON), "-m", "benchmarks.fhir", str(BENCH), "M", *inputs])
            finally:
                del os.environ["LIFECOURSE_BENCH_RESULTS"]
            if answer.returncode or not handed.is_file():
                return False, f"benchmarks.fhir failed: {answer.stderr.strip().splitlines()[-1:]}"
            lines = [json.loads(line) for line in handed.read_text().splitlines()]
        promised = [line for line in lines if line["target"] is not None]
        words = [f"{line['work']}: {line['ours']:.3g} {line['unit']}" for line in promised]
        kept = all(
            line["ours"] >= line["target"]
            if line["higher_is_better"]
            else line["ours"] <= line["target"]
            for line in promised
        )
        return bool(promised) and kept, "; ".join(words)

    return measure


FHIR_TESTS = "tests/unit/records/fhir"
PROOFS: tuple[Proof, ...] = (
    Proof(
        name="fhir-ndjson-speed",
        promise="FHIR NDJSON of 20,000 simulated people into a store at 120 k resources/s, under 1.5 GB; every row "
        "accounted for",
        measure=speed("hospital"),
    ),
    Proof(
        name="fhir-bundles-speed",
        promise="indented Synthea Bundles into a store at 60 k resources/s, under 1.5 GB; every row accounted for",
        measure=speed("bundles"),
    ),
    Proof(
        name="us-core",
        promise="every clinical statement of the US Core examples is an event or a counted reason",
        measure=tests(f"{FHIR_TESTS}/test_us_core.py"),
    ),
    Proof(
        name="fhir-hostile",
        promise="wrong types, any nesting, NaN, keys that stand twice, a line of 2 GB, bombs of 10 GB: rejects "
        "by type or one clear error, in bounded time and memory, never an exception",
        measure=tests(
            f"{FHIR_TESTS}/test_hostile.py",
            f"{FHIR_TESTS}/test_bounds.py",
            "-m",
            "prove or not prove",
        ),
    ),
)
