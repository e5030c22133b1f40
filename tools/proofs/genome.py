"""Genomes: fast, and nothing that is thrown at them ends in more than one error."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from proofs.measuring import PYTHON, ROOT, Proof, run, tests

BENCH = Path(os.environ.get("LIFECOURSE_BENCH", ROOT / "build" / "bench"))


def vcf_speed() -> tuple[bool, str]:
    """Whether each VCF of the benchmark is taken in at its promised rate."""
    with tempfile.TemporaryDirectory() as folder:
        handed = Path(folder) / "lines.jsonl"
        os.environ["LIFECOURSE_BENCH_RESULTS"] = str(handed)
        try:
            answer = run([str(PYTHON), "-m", "benchmarks.genome", str(BENCH)])
        finally:
            del os.environ["LIFECOURSE_BENCH_RESULTS"]
        if answer.returncode or not handed.is_file():
            return False, f"benchmarks.genome failed: {answer.stderr.strip().splitlines()[-1:]}"
        lines = [json.loads(line) for line in handed.read_text().splitlines()]
    kept = [line["target"] is None or line["ours"] >= line["target"] for line in lines]
    words = [f"{line['work']}: {line['ours']:,.0f} {line['unit']}" for line in lines]
    return bool(lines) and all(kept), "; ".join(words)


CHAPTER = "Every record"
PROOFS = (
    Proof(
        name="vcf-speed",
        promise="a VCF of 3,000 people x 5,000 sites into a store at 200,000 genotypes/s, every needed one an event",
        measure=vcf_speed,
    ),
    Proof(
        name="vcf-hostile",
        promise="a line of 2 GB, bombs of 10 GB, cut bgzip, headers that lie: one clear error in bounded time and "
        "memory",
        measure=tests("tests/unit/records/genome/test_hostile.py", "-m", "prove or not prove"),
    ),
)
