"""Patterns and phenotypes, judged by the truth of a simulated hospital."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from proofs.measuring import PYTHON, Proof, run

CHAPTER = "Patterns and phenotypes"
PEOPLE, SEED = "50000", "20261125"
SENSITIVITY, PPV = 0.85, 0.90
MAIN = (
    "ascvd",
    "atrial_fibrillation",
    "ckd",
    "copd",
    "diabetes",
    "heart_failure",
    "hypertension",
    "type_2_diabetes",
)


def _phenotypes() -> tuple[bool, str]:
    """Kept where each of the eight is both sensitive and right enough, of all who are truly ill."""
    with tempfile.TemporaryDirectory() as scratch:
        hospital, store = Path(scratch) / "hospital", Path(scratch) / "store"
        made = ["simulate", "--subjects", PEOPLE, "--seed", SEED, "--format", "meds"]
        steps = (
            [*made, "--out", str(hospital)],
            ["ingest", str(hospital), "--store", str(store)],
            ["phenotypes", str(store), "--truth", str(hospital / "truth"), "--json"],
        )
        for step in steps:
            answer = run([str(PYTHON), "-m", "lifecourse.cli", *step])
            if answer.returncode:
                return False, f"{step[0]} failed: {answer.stderr.strip().splitlines()[-1:]}"
    rows = {row["phenotype"]: row for row in json.loads(answer.stdout)["phenotypes"]}
    kept = all(
        rows[name]["sensitivity"] >= SENSITIVITY and rows[name]["ppv"] >= PPV for name in MAIN
    )
    said = (
        f"{name} {rows[name]['sensitivity']:.2f} "
        f"(followed {rows[name]['sensitivity_followed']:.2f}) / {rows[name]['ppv']:.2f}"
        for name in MAIN
    )
    return kept, "; ".join(said)


PROOFS = (
    Proof(
        name="phenotypes",
        promise="phenotypes against the truth of 50,000 simulated people: sensitivity of 0.85 or more and positive "
        "predictive value of 0.90 or more for the eight main ones",
        measure=_phenotypes,
    ),
)
