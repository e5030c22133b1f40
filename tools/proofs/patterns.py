"""Patterns found in the synthetic hospital: what was planted, what was not, and how fast."""

from __future__ import annotations

import json
import re
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

from proofs.measuring import PYTHON, ROOT, Proof, run
from proofs.speed import benchmark

CHAPTER = "Patterns and phenotypes"
PEOPLE, SEED = "50000", "20261201"
TRAJECTORY = ["ICD10CM//G56", "ICD10CM//M48", "ICD10CM//E85"]
DRUGS, OUTCOME = {"RxNorm//7646", "RxNorm//36437"}, "ICD10CM//E87"
CONFOUNDED = ("ICD10CM//H25", "ICD10CM//S72")
LARGEST_SHARE = 0.05


def _found(*options: tuple[str, ...]) -> list[dict[str, Any]]:
    """What `discover` says of a fresh hospital, with each of the `options`."""
    with tempfile.TemporaryDirectory() as scratch:
        hospital, store = Path(scratch) / "hospital", Path(scratch) / "store"
        made = ["simulate", "--subjects", PEOPLE, "--seed", SEED, "--format", "meds"]
        _called([*made, "--out", str(hospital)])
        _called(["ingest", str(hospital), "--store", str(store)])
        asked = ["discover", str(store), "--json"]
        return [json.loads(_called([*asked, *each])) for each in options]


def _called(words: list[str]) -> str:
    answer = run([str(PYTHON), "-m", "lifecourse.cli", *words])
    if answer.returncode:
        raise RuntimeError(f"{words[0]} failed: {answer.stderr.strip().splitlines()[-1:]}")
    return answer.stdout


def _planted() -> tuple[bool, str]:
    """Kept where the trajectory and the drug pair are confirmed and the confounded pair does not stand."""
    (found,) = _found(())
    pairs = {(row["first"], row["then"]): row for row in found["findings"]}
    steps = [pairs.get((a, b)) for a, b in pairwise(TRAJECTORY)]
    trail = next((row for row in found["trajectories"] if row["steps"] == TRAJECTORY), None)
    signal = next(
        (
            row
            for row in found["drug_signals"]
            if set(row["drugs"]) == DRUGS and row["outcome"] == OUTCOME
        ),
        None,
    )
    explained = {(row["first"], row["then"]): row for row in found["explained"]}
    confounded = explained.get(CONFOUNDED)
    kept = None not in (*steps, trail, signal, confounded) and CONFOUNDED not in pairs
    said = [
        f"{found['pairs_tested']} pairs tested, {found['pairs_found']} found, {found['pairs_confirmed']} confirmed, "
        f"{found['confirmed_by_chance']} with dates dealt out anew",
        *(
            f"step {number}: {row['ratio']:.1f}, again {row['confirmed_ratio']:.1f}"
            if row
            else f"step {number}: not confirmed"
            for number, row in enumerate(steps, start=1)
        ),
        f"{trail['people']} people went all three" if trail else "no trajectory",
        f"drug pair {signal['ratio']:.1f}, again {signal['confirmed_ratio']:.1f}, of "
        f"{len(found['drug_signals'])} signals"
        if signal
        else "no drug signal",
        f"confounded pair {confounded['crude_ratio']:.2f} crude, {confounded['ratio']:.2f} adjusted"
        if confounded
        else "confounded pair not flagged",
    ]
    return kept, "; ".join(said)


def _shuffled() -> tuple[bool, str]:
    """Kept where copies whose facts are dealt out anew confirm at most 5 % of what the records confirm."""
    real, *copies = _found((), *(("--shuffle", seed) for seed in ("1", "2", "3")))
    false = [len(copy["findings"]) + len(copy["drug_signals"]) for copy in copies]
    true = len(real["findings"]) + len(real["drug_signals"])
    kept = true > 0 and max(false) <= LARGEST_SHARE * true
    return kept, f"{true} confirmed in the records; in three shuffled copies {false}"


def _delphi() -> tuple[bool, str]:
    """Kept where the search runs end to end and the page in the docs is what it says."""
    with tempfile.TemporaryDirectory() as scratch:
        answer = run([str(PYTHON), str(ROOT / "tools" / "delphi_page.py"), scratch])
        if answer.returncode:
            return False, answer.stderr.strip().splitlines()[-1]
        written = sorted(path for path in Path(scratch).rglob("*") if path.is_file())
        stale = [
            path.name
            for path in written
            if path.read_bytes() != (ROOT / "docs" / path.relative_to(scratch)).read_bytes()
        ]
        page = (Path(scratch) / "explanation" / "delphi-findings.md").read_text(encoding="utf-8")
    counts = re.search(r"(\S+) pairs\s+tested, (\S+) found on one half,\s+(\S+) confirmed", page)
    said = (
        "{} pairs tested, {} found, {} confirmed".format(*counts.groups()) if counts else "no page"
    )
    return counts is not None and not stale, said + (f"; out of date: {stale}" if stale else "")


PROOFS = (
    Proof(
        name="discover-planted",
        promise="discover on 50,000 people confirms the planted trajectory and the drug-drug signal and flags the "
        "confounded association as not standing after adjustment",
        measure=_planted,
    ),
    Proof(
        name="discover-shuffled",
        promise="discover confirms at most 5 % false findings on label-shuffled copies of 50,000 people",
        measure=_shuffled,
    ),
    Proof(
        name="pairs-million",
        promise="a million people x 60 codes: all ordered pairs in under 60 s on 2 cores and 4 GB",
        measure=benchmark("pairs", "1M"),
    ),
    Proof(
        name="delphi-findings",
        promise="on delphi-simulated discover runs end to end and its top findings are listed with pictures "
        "(docs/explanation/delphi-findings.md is what it writes)",
        measure=_delphi,
    ),
)
