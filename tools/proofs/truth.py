"""Models against the truth of the synthetic hospital."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from proofs.measuring import PYTHON, Proof, run
from proofs.speed import BENCH

CHAPTER = "The synthetic hospital"
OTHER_SEEDS = ("111", "222")
LEAST_MEAN, LEAST_EACH, ENOUGH_EVENTS = 0.90, 0.88, 400


@cache
def _measured(name: str, seeds: tuple[str, ...]) -> tuple[list[dict[str, Any]], str]:
    """The lines of the benchmark, run once for all proofs of the same seeds; and what went wrong."""
    folder = BENCH / name
    folder.mkdir(parents=True, exist_ok=True)
    written = folder / "oracle.json"
    written.unlink(missing_ok=True)  # of another day
    answer = run([str(PYTHON), "-m", "benchmarks.oracle", str(folder), *seeds])
    if not written.is_file():
        return [], f"benchmarks.oracle failed: {answer.stderr.strip().splitlines()[-1:]}"
    lines: list[dict[str, Any]] = json.loads(written.read_bytes())
    return lines, ""


def _shares(name: str, *seeds: str) -> tuple[bool, str]:
    lines, failure = _measured(name, seeds)
    if failure:
        return False, failure
    means = [line for line in lines if "mean_share" in line]
    each = [line for line in lines if "learner" in line and "outcome" in line]
    kept = all(line["mean_share"] >= LEAST_MEAN for line in means) and all(
        line["share"] >= LEAST_EACH for line in each if line["events"] >= ENOUGH_EVENTS
    )
    said = [f"{line['learner']} mean {line['mean_share']}" for line in means]
    said += [
        f"{line['outcome']} {line['learner']} {line['share']} (latent {line['share_of_latent']})"
        for line in each
    ]
    return kept and bool(each), "; ".join(said)


def _worth(name: str, *seeds: str) -> tuple[bool, str]:
    lines, failure = _measured(name, seeds)
    if failure:
        return False, failure
    worth = [line for line in lines if "without" in line]
    said = (
        f"{line['outcome']} without {line['without']} {line['loss_of_model']} "
        f"(truth {line['loss_by_the_truth']})" + ("" if line["agrees"] else " DISAGREES")
        for line in worth
    )
    plain = sum(_holds(line) for line in worth)
    kept = bool(worth) and all(line["agrees"] for line in worth)
    return kept, f"{plain} of {len(worth)} plain 95 % intervals hold: " + "; ".join(said)


def _holds(line: dict[str, Any]) -> bool:
    """Whether the interval of one comparison by itself holds what the truth says."""
    low, high = line["interval"]
    return bool(low <= line["loss_by_the_truth"] <= high)


PROOFS = (
    Proof(
        name="models-oracle",
        promise="logistic and XGBoost trained on 20,000 and judged on a fresh 50,000 of another seed: mean at least "
        "0.90 of the records oracle's gain over chance over the main outcomes at 5 years, each with 400 or more "
        "training events at least 0.88",
        measure=lambda: _shares("oracle"),
    ),
    Proof(
        name="models-worth",
        promise="dropping each of genes, lifestyle and environment lowers AUROC by what the truth says within its "
        "interval (95 % for all fifteen comparisons together)",
        measure=lambda: _worth("oracle"),
    ),
    Proof(
        name="models-oracle-again",
        promise="the same on people of other seeds, chosen with everything that is asked before they were looked at",
        measure=lambda: _shares("oracle-again", *OTHER_SEEDS),
    ),
    Proof(
        name="models-worth-again",
        promise="the same on people of other seeds, chosen with everything that is asked before they were looked at",
        measure=lambda: _worth("oracle-again", *OTHER_SEEDS),
    ),
)
