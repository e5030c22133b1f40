"""What two peers make of the town of `benchmarks.hazards_million`; run by the Python of their own environment.

``python hazards_peers.py lightgbm|scikit-survival FOLDER`` reads what was laid in FOLDER and leaves ``PEER.npy`` there:
float64[n, 2, 4], the incidence of each cause by each horizon. Prints seconds and the largest memory. Neither has
competing causes of its own: each cause has a model, and both hazards are integrated together.

LightGBM takes sparse columns: a Poisson loss on person-periods that end at the horizons, the exposure as initial score,
100 trees, else its own settings. scikit-survival takes dense columns alone: Coxnet (elastic net, nine tenths lasso),
the middle of its own path of 20 penalties, and Breslow's baseline.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

TREES, PENALTIES, MIX = 100, 20, 0.9


def main(peer: str, folder: Path) -> None:
    """Fit, predict and say what it took."""
    told = dict(np.load(folder / "town.npz"))
    learn, judge = (sparse.load_npz(folder / f"{name}.npz") for name in ("learn", "judge"))
    learned = {"lightgbm": _lightgbm, "scikit-survival": _scikit_survival}[peer]
    started, before = time.monotonic(), time.process_time()
    np.save(folder / f"{peer}.npy", learned(learn, judge, told))
    seconds, processor = time.monotonic() - started, time.process_time() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        json.dumps(
            {
                "seconds": round(seconds, 1),
                "processor": round(processor, 1),
                "peak_mb": round(peak),
            }
        )
    )


def _lightgbm(learn: sparse.csr_matrix, judge: sparse.csr_matrix, told: dict[str, Any]) -> Any:
    import lightgbm

    edges = np.concatenate([[0.0], told["horizons"]])
    rows, periods, exposures, events = [], [], [], []
    for p, (low, high) in enumerate(pairwise(edges)):
        seen = np.flatnonzero(told["days"] > low)
        until = np.minimum(told["days"][seen], high)
        rows.append(seen)
        periods.append(np.full(len(seen), p))
        exposures.append(until - low)
        events.append(np.where(told["days"][seen] <= high, told["event"][seen], 0))
    row, period = np.concatenate(rows), np.concatenate(periods)
    exposure, event = np.concatenate(exposures), np.concatenate(events)
    columns = _with(learn[row], period)
    hazards = np.empty((2, len(edges) - 1, judge.shape[0]))
    for c in range(2):
        came = (event == c + 1).astype(float)
        rate = came.sum() / exposure.sum()
        data = lightgbm.Dataset(columns, came, init_score=np.log(exposure * rate))
        model = lightgbm.train({"objective": "poisson", "verbosity": -1}, data, TREES)
        for p in range(len(edges) - 1):
            asked = _with(judge, np.full(judge.shape[0], p))
            hazards[c, p] = rate * np.exp(model.predict(asked, raw_score=True))
    return _integrated(hazards * np.diff(edges)[None, :, None])


def _scikit_survival(
    learn: sparse.csr_matrix, judge: sparse.csr_matrix, told: dict[str, Any]
) -> Any:
    from sksurv.linear_model import CoxnetSurvivalAnalysis
    from sksurv.util import Surv

    dense = learn.toarray().astype(np.float64)
    centre, spread = np.zeros(dense.shape[1]), np.ones(dense.shape[1])
    # Age and sex alone: a code that one person has would be 40 spreads large, and Coxnet overflows.
    centre[:2], spread[:2] = dense[:, :2].mean(axis=0), dense[:, :2].std(axis=0)
    asked = (judge.toarray() - centre) / spread
    horizons = told["horizons"]
    steps = np.linspace(0, horizons[-1], 61)  # the horizons' hazards change within a period
    fine = np.union1d(steps, horizons)
    gained = np.empty((2, len(fine) - 1, len(asked)))
    for c in range(2):
        outcome = Surv.from_arrays(told["event"] == c + 1, told["days"])
        model = CoxnetSurvivalAnalysis(
            n_alphas=PENALTIES, l1_ratio=MIX, alpha_min_ratio=0.1, fit_baseline_model=True
        ).fit((dense - centre) / spread, outcome)
        alpha = model.alphas_[len(model.alphas_) // 2]
        curves = model.predict_cumulative_hazard_function(asked, alpha=alpha)
        at = np.clip(fine, curves[0].x[0], curves[0].x[-1])
        gained[c] = np.diff(np.stack([curve(at) for curve in curves], axis=1), axis=0)
    found = _integrated(gained)
    return found[:, :, np.searchsorted(fine, horizons) - 1]


def _with(columns: sparse.csr_matrix, period: Any) -> sparse.csr_matrix:
    return sparse.hstack([columns, sparse.csr_matrix(period[:, None].astype(float))], format="csr")


def _integrated(gained: Any) -> Any:
    """float64[n, 2, p] incidence at the end of each period, of what the hazards add up to in it (float64[2, p, n])."""
    total = gained.sum(axis=0)
    alive = np.exp(-np.vstack([np.zeros(total.shape[1]), np.cumsum(total, axis=0)[:-1]]))
    share = gained / np.maximum(total, 1e-300) * alive * -np.expm1(-total)
    return np.moveaxis(np.cumsum(share, axis=1), 2, 0)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
