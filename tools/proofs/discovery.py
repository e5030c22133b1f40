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
    "depression",
    "heart_failure",
    "hypertension",
    "type_2_diabetes",
)


def _phenotypes() -> tuple[bool, str]:
    """Kept where each of the eight is sensitive enough of the ill who are followed, and right enough of everyone.

    Beside it is told the sensitivity of all who are truly ill, and of those of them in care with what is attainable
    there: the share in whose records anything at all speaks of the illness.
    """
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
        rows[name]["sensitivity_followed"] >= SENSITIVITY and rows[name]["ppv"] >= PPV
        for name in MAIN
    )
    told = "; ".join(
        f"{name} {rows[name]['sensitivity_followed']:.3f} "
        f"(of all {rows[name]['sensitivity']:.3f}; in care {rows[name]['sensitivity_in_care']:.3f} of at most "
        f"{rows[name]['attainable_in_care']:.3f}) / {rows[name]['ppv']:.3f}"
        for name in MAIN
    )
    of_all, in_care = (
        sum(rows[name][of] >= SENSITIVITY for name in MAIN)
        for of in ("sensitivity", "sensitivity_in_care")
    )
    return (
        kept,
        f"sensitivity if followed (of all truly ill; of those in care and what is attainable there) / PPV: {told}; "
        f"{SENSITIVITY} is reached of all by {of_all}, in care by {in_care} of 8",
    )


PROOFS = (
    Proof(
        name="phenotypes",
        promise="phenotypes against the truth of 50,000 simulated people: for the eight main ones a sensitivity of "
        "0.85 or more of those who fell ill within their records and were seen twice or more in a year or more after "
        "it, and a positive predictive value of 0.90 or more of everyone",
        measure=_phenotypes,
    ),
)
