"""A million people, ten thousand sparse columns, two causes, four horizons.

``python -m benchmarks.hazards_million FOLDER [PEOPLE]`` or ``... FOLDER peers``

Codes are had with frequencies like those of records (a few common ones, thousands of rare ones, about 53 a person); 150
of them, age and sex move the hazard of each cause, age in a curve. Timed is all of `fit_hazards` on a million people
and its prediction for the same number; judged are 100,000 fresh people whose true risk is known. With ``peers`` ours
stands beside LightGBM and scikit-survival (`benchmarks.hazards_peers`), each on as many people as it can bear: the same
people, judged on the same fresh ones. Ends with 1 where a promise is broken.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from benchmarks.peers import peer
from benchmarks.workload import Result, report
from scipy import sparse

from lifecourse.features import FeatureMatrix
from lifecourse.models.evaluation import Followed, auroc, cumulative_incidence
from lifecourse.models.hazards import fit_hazards

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

PEOPLE, JUDGED, COLUMNS, CODES_EACH, MATTERING = 1_000_000, 100_000, 10_000, 53.0, 150
HORIZONS = np.array([365.0, 730.0, 1096.0, 1826.0])
LEVELS = (-10.6, -10.4)
"""Of the two log hazards a day."""
PEERS = {"lightgbm": 10_000, "scikit-survival": 2_000}
"""Who stands beside ours, on how many people."""
JUDGED_BY_PEERS = 20_000
MOST_SECONDS, MOST_MB, MOST_LOST_AREA, MOST_OFF = 90.0, 8_000.0, 0.005, 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """People, what came of them, and their true incidence, float64[n, 2, 4]."""

    features: FeatureMatrix
    followed: Followed
    truth: Floats


def town(n: int, seed: int) -> Town:
    """`n` people; what moves whose hazard is the same for every seed."""
    random = np.random.default_rng(seed)
    codes = _codes(n, random)
    age, female = random.uniform(30, 90, n), random.integers(0, 2, n).astype(float)
    logs = codes.log1p()
    hazard = np.stack(
        [
            np.exp(LEVELS[c] + logs @ _effects(c) + _of_age(age, c) + 0.2 * female * (1 - 2 * c))
            for c in range(2)
        ]
    )
    total = hazard.sum(axis=0)
    came, lost = random.exponential(1 / total), random.exponential(4000, n)
    cause = np.where(random.random(n) < hazard[0] / total, 1, 2)
    followed = Followed(
        duration_days=np.maximum(np.minimum(came, lost), 0.01),
        event=np.where(came <= lost, cause, 0),
    )
    ended = -np.expm1(-total[:, None] * HORIZONS)
    truth = np.stack([(h / total)[:, None] * ended for h in hazard], axis=1)
    names = [f"code{i}" for i in range(COLUMNS)]
    return Town(
        features=FeatureMatrix(
            rows=pl.DataFrame({"subject_id": np.arange(n), "prediction_time": np.zeros(n)}),
            dense=np.column_stack([age, female]),
            dense_names=["age", "female"],
            codes=codes,
            code_names=names,
            vocabulary=names,
        ),
        followed=followed,
        truth=truth,
    )


def _codes(n: int, random: np.random.Generator) -> sparse.csr_matrix:
    """Counts of 1 to 3, how often a column has one falling as one over its rank."""
    share = 1 / (np.arange(COLUMNS) + 12.0)
    share *= CODES_EACH / share.sum()
    share = np.minimum(share, 0.9)
    places, starts = [], [0]
    for p in share:
        # Gaps between those who have it: as good as a draw a person, at the cost of those who have it.
        gaps = random.geometric(p, int(n * p + 6 * np.sqrt(n * p) + 20))
        found = np.cumsum(gaps) - 1
        places.append(found[found < n].astype(np.int32))
        starts.append(starts[-1] + len(places[-1]))
    counts = random.integers(1, 4, starts[-1]).astype(np.float32)
    return sparse.csc_matrix((counts, np.concatenate(places), starts), shape=(n, COLUMNS)).tocsr()


def _effects(cause: int) -> Floats:
    random = np.random.default_rng(1000 + cause)
    effects = np.zeros(COLUMNS)
    effects[random.choice(2000, MATTERING, replace=False)] = random.normal(0.1, 0.25, MATTERING)
    return effects


def _of_age(age: Floats, cause: int) -> Floats:
    return 0.03 * (age - 60) + (0.0008 if cause else 0.0003) * (age - 60) ** 2


def main(folder: Path, people: int) -> int:
    """Measure; returns 1 where a promise is broken."""
    folder.mkdir(parents=True, exist_ok=True)
    here, fresh = town(people, 1), town(min(JUDGED, people), 2)
    started, before = time.monotonic(), time.process_time()
    fit = fit_hazards(
        here.features, here.followed, np.arange(people), horizons_days=HORIZONS, n_causes=2
    )
    fitted = time.monotonic() - started
    fit.incidence(here.features)
    seconds, processor = time.monotonic() - started, time.process_time() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rows = _judged(fresh, fit.incidence(fresh.features))
    for row in rows:
        print(json.dumps(row), flush=True)
    lost = max(row["true_auroc"] - row["auroc"] for row in rows)
    off = max(abs(row["observed_over_expected"] - 1) for row in rows)
    told = {
        "people": people, "stored_cells": int(here.features.codes.nnz), "learner": fit.learner.kind,
        "fit_seconds": round(fitted, 1), "seconds": round(seconds, 1), "processor": round(processor, 1),
        "peak_mb": round(peak), "area_lost": round(lost, 4), "off": round(off, 3),
    }  # fmt: skip
    print(json.dumps(told), flush=True)
    (folder / "hazards_million.json").write_text(json.dumps({**told, "rows": rows}, indent=1))
    report(
        Result(
            work="hazards of 2 causes at 4 horizons, fitted and predicted",
            size=f"{people:,} x {COLUMNS:,}",
            peer="",
            ours=seconds,
            theirs=None,
            target=MOST_SECONDS,
            peak_mb=peak,
            processor=processor,
            checked=f"{lost:.4f} of area lost against the true model, observed over expected off by {off:.3f} at most",
            command=f"python -m benchmarks.hazards_million FOLDER {people}",
        )
    )
    promised = people >= PEOPLE
    kept = seconds < MOST_SECONDS and peak < MOST_MB and lost <= MOST_LOST_AREA and off <= MOST_OFF
    return int(promised and not kept)


def beside(folder: Path) -> int:
    """Ours and each peer on the same people; a line each, with how many times the processor's seconds they take."""
    folder.mkdir(parents=True, exist_ok=True)
    fresh = town(JUDGED_BY_PEERS, 2)
    lines = []
    for name, people in PEERS.items():
        here = town(people, 1)
        _lay(folder, here, fresh)
        script = str(Path(__file__).with_name("hazards_peers.py"))
        answer = subprocess.run(
            [str(peer("hazards")), script, name, str(folder)],
            check=True,
            capture_output=True,
            text=True,
        )
        theirs = _line(fresh, np.load(folder / f"{name}.npy"))
        theirs |= json.loads(answer.stdout.splitlines()[-1])
        started, before = time.monotonic(), time.process_time()
        fit = fit_hazards(
            here.features, here.followed, np.arange(people), horizons_days=HORIZONS, n_causes=2
        )
        told = fit.incidence(fresh.features)
        seconds, processor = time.monotonic() - started, time.process_time() - before
        ours = _line(fresh, told)
        ours |= {"seconds": round(seconds, 1), "processor": round(processor, 1)}
        ratio = round(theirs["processor"] / processor, 2)
        line = {"peer": name, "people": people, "ours": ours, "theirs": theirs}
        lines.append({**line, "processor_ratio": ratio})
        print(json.dumps(lines[-1]), flush=True)
    (folder / "hazards_beside.json").write_text(json.dumps(lines, indent=1))
    return 0


def _lay(folder: Path, here: Town, fresh: Town) -> None:
    """What a peer reads: columns of those who teach and of those who judge, and what came of the first."""
    for name, one in (("learn", here), ("judge", fresh)):
        columns = sparse.hstack([sparse.csr_matrix(one.features.dense), one.features.codes.log1p()])
        sparse.save_npz(folder / f"{name}.npz", columns.tocsr(), compressed=False)
    np.savez(
        folder / "town.npz",
        days=here.followed.duration_days,
        event=here.followed.event,
        horizons=HORIZONS,
    )


def _line(fresh: Town, incidence: Floats) -> dict[str, float]:
    """The mean area over causes and horizons, that of the true model, and the farthest observed over expected."""
    rows = _judged(fresh, incidence)
    return {
        "auroc": round(float(np.mean([row["auroc"] for row in rows])), 4),
        "true_auroc": round(float(np.mean([row["true_auroc"] for row in rows])), 4),
        "off": round(max(abs(row["observed_over_expected"] - 1) for row in rows), 3),
    }


def _judged(fresh: Town, incidence: Floats) -> list[dict[str, float]]:
    rows = []
    for c in range(2):
        observed = cumulative_incidence(fresh.followed, HORIZONS, cause=c + 1).value
        for h, days in enumerate(HORIZONS):
            happened, weight = fresh.followed.known_at(days, cause=c + 1)
            risk, true = incidence[:, c, h], fresh.truth[:, c, h]
            rows.append(
                {
                    "cause": c + 1,
                    "horizon_days": days,
                    "events": int(happened.sum()),
                    "auroc": round(auroc(happened, risk, weight), 4),
                    "true_auroc": round(auroc(happened, true, weight), 4),
                    "observed_over_expected": round(float(observed[h] / risk.mean()), 4),
                    "predicted_over_true": round(float(risk.mean() / true.mean()), 4),
                }
            )
    return rows


if __name__ == "__main__":
    if sys.argv[2:] == ["peers"]:
        sys.exit(beside(Path(sys.argv[1])))
    size = int(sys.argv[2]) if len(sys.argv) > 2 else PEOPLE
    sys.exit(main(Path(sys.argv[1]), size))
