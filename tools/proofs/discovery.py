"""Patterns and phenotypes, judged by the truth of a simulated hospital."""

from __future__ import annotations

import json
import tempfile
from functools import partial
from pathlib import Path

from proofs.measuring import PYTHON, Proof, run

CHAPTER = "Patterns and phenotypes"
PEOPLE, SEED = "50000", "20261125"
FRESH_SEED = "20261231"
"""Named here, with everything that is asked, before anybody looked at its people."""
SENSITIVITY, PPV = 0.85, 0.90
MAIN = (
    "ascvd",
    "atrial_fibrillation",
    "ckd",
    "copd",
    "depression",
    "heart_failure",
    "hypertension",
    "type_2_diabetes",
)


def _phenotypes(seed: str) -> tuple[bool, str]:
    """Kept where each of the eight is sensitive enough of the ill who are followed, and right enough of everyone.

    The sensitivity of all who are truly ill, whom no phenotype of records can find, is told beside it.
    """
    with tempfile.TemporaryDirectory() as scratch:
        hospital, store = Path(scratch) / "hospital", Path(scratch) / "store"
        made = ["simulate", "--subjects", PEOPLE, "--seed", seed, "--format", "meds"]
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
        rows[name]["sensitivity_followed"] >= SENSITIVITY and rows[name]["ppv"] >= PPV
        for name in MAIN
    )
    told = "; ".join(
        f"{name} {rows[name]['sensitivity_followed']:.3f} "
        f"(of all {rows[name]['sensitivity']:.3f}) / {rows[name]['ppv']:.3f}"
        for name in MAIN
    )
    of_all = sum(rows[name]["sensitivity"] >= SENSITIVITY for name in MAIN)
    return (
        kept,
        f"sensitivity if followed (of all truly ill) / PPV: {told}; of all, {of_all} of 8 reach {SENSITIVITY}",
    )


PROOFS = (
    Proof(
        name="phenotypes",
        promise="phenotypes against the truth of 50,000 simulated people: for the eight main ones a sensitivity of "
        "0.85 or more of those who fell ill within their records and were seen twice or more in a year or more after "
        "it, and a positive predictive value of 0.90 or more of everyone",
        measure=partial(_phenotypes, SEED),
    ),
    Proof(
        name="phenotypes-again",
        promise="the same on 50,000 people of another seed, named with everything that is asked before they were "
        "looked at",
        measure=partial(_phenotypes, FRESH_SEED),
    ),
)
