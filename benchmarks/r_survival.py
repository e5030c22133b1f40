"""Sets of R's package survival (Debian's r-cran-survival), exported by Rscript and never committed.

``python -m benchmarks.r_survival FOLDER`` compares the cumulative incidence of plasma-cell malignancy in ``mgus2`` with
R's Aalen-Johansen, and learns on ``rotterdam`` what it judges on ``gbsg``: recurrence-free survival within six years,
as published for this pair (Royston & Altman 2013, doi 10.1186/1471-2288-13-33), before and after recalibration there.
Ends with 1 where a promise is broken.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from scipy import sparse

from lifecourse.features import FeatureMatrix
from lifecourse.models.evaluation import (
    Followed,
    calibration_errors,
    calibration_slope,
    concordance,
    cumulative_incidence,
    integrated_brier,
    observed_over_expected,
)
from lifecourse.models.hazards import CurveCalibrator, fit_hazards

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

YEARS = (10, 20, 25)
HORIZONS = np.array([1, 2, 3, 4, 5, 6]) * 365.25
LEAST_C = 0.670

EXPORT = """
suppressMessages(library(survival))
for (name in c("mgus2", "rotterdam", "gbsg")) write.csv(get(name), paste0(name, ".csv"), row.names=FALSE)
time <- with(mgus2, ifelse(pstat == 0, futime, ptime))
event <- with(mgus2, factor(ifelse(pstat == 0, 2 * death, 1), 0:2, labels=c("none", "pcm", "death")))
curve <- survfit(Surv(time, event) ~ 1)
found <- summary(curve, times=c(10, 20, 25) * 12)$pstate[, which(curve$states == "pcm")]
write.csv(data.frame(pcm=found), "mgus2_by_r.csv", row.names=FALSE)
"""


def main(folder: Path) -> int:
    """Compare; returns 1 where a promise is broken."""
    exported(folder)
    ours, theirs = progression(folder)
    print(json.dumps({"mgus2": ours.round(5).tolist(), "by R": theirs.round(5).tolist()}))
    told = external(folder)
    print(json.dumps(told))
    same = np.array_equal(ours.round(3), theirs.round(3))
    return int(not (same and told["before"]["c"] >= LEAST_C))


def exported(folder: Path) -> None:
    """Leave R's tables in `folder`, once."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "mgus2_by_r.csv").is_file():
        run = ["Rscript", "-e", EXPORT]
        subprocess.run(run, cwd=folder, check=True, capture_output=True)


def progression(folder: Path) -> tuple[Floats, Floats]:
    """The incidence of plasma-cell malignancy at 10, 20 and 25 years, death competing: ours and R's."""
    table = pl.read_csv(folder / "mgus2.csv", null_values="NA")
    became = table["pstat"] == 1
    months = table["ptime"].to_numpy()
    event = np.where(became, 1, np.where(table["death"] == 1, 2, 0))
    months = np.where(became, months, table["futime"].to_numpy()).astype(float)
    followed = Followed(duration_days=np.maximum(months, 0.01), event=event.astype(np.int64))
    ours = cumulative_incidence(followed, np.array(YEARS) * 12.0).value
    return ours, pl.read_csv(folder / "mgus2_by_r.csv")["pcm"].to_numpy()


def external(folder: Path) -> dict[str, Any]:
    """Learned on Rotterdam's women, judged on the German trial's: before and after recalibration there."""
    learned, outcome = rotterdam(folder)
    judged, followed = gbsg(folder)
    fit = fit_hazards(learned, outcome, np.arange(len(outcome)), horizons_days=HORIZONS)
    before = fit.incidence(judged)
    told: dict[str, Any] = {"learner": fit.learner.kind, "before": _scores(followed, before)}
    for method in ("intercept", "slope"):
        after = CurveCalibrator.fit(before, followed, HORIZONS, slopes=method == "slope")
        told[method] = _scores(followed, after.apply(before, HORIZONS))
    return told


def rotterdam(folder: Path) -> tuple[FeatureMatrix, Followed]:
    """2,982 women with node-positive and -negative cancer; recurrence or death, whichever came first."""
    table = pl.read_csv(folder / "rotterdam.csv", null_values="NA")
    recurred = (table["recur"] == 1).to_numpy()
    days = np.where(recurred, table["rtime"].to_numpy(), table["dtime"].to_numpy())
    event = recurred | (table["death"] == 1).to_numpy()
    size = table["size"].to_numpy()
    return _women(table, size == "20-50", size == ">50"), _followed(days, event)


def gbsg(folder: Path) -> tuple[FeatureMatrix, Followed]:
    """686 women with node-positive cancer of the German Breast Cancer Study Group's trial."""
    table = pl.read_csv(folder / "gbsg.csv", null_values="NA")
    size = table["size"].to_numpy()
    event = (table["status"] == 1).to_numpy()
    women = _women(table, (size > 20) & (size <= 50), size > 50)
    return women, _followed(table["rfstime"].to_numpy(), event)


def _followed(days: npt.NDArray[Any], event: npt.NDArray[np.bool_]) -> Followed:
    return Followed(duration_days=np.maximum(days.astype(float), 0.5), event=event.astype(np.int64))


def _women(
    table: pl.DataFrame, middle: npt.NDArray[np.bool_], large: npt.NDArray[np.bool_]
) -> FeatureMatrix:
    numbers = ["age", "nodes", "pgr", "er"]
    marks = {
        "postmenopausal": table["meno"].to_numpy() == 1,
        "20 to 50 mm": middle,
        "over 50 mm": large,
        "grade 3": table["grade"].to_numpy() == 3,
        "hormone therapy": table["hormon"].to_numpy() == 1,
    }
    n = table.height
    return FeatureMatrix(
        rows=pl.DataFrame({"subject_id": np.arange(n), "prediction_time": np.zeros(n)}),
        dense=table.select(numbers).cast(pl.Float64).to_numpy(),
        dense_names=numbers,
        codes=sparse.csr_matrix(np.column_stack(list(marks.values())).astype(np.float32)),
        code_names=list(marks),
        vocabulary=list(marks),
    )


def _scores(followed: Followed, incidence: Floats) -> dict[str, float]:
    risk = incidence[:, 0]
    middle = 4  # five years
    happened, weight = followed.known_at(HORIZONS[middle])
    at_five = risk[:, middle]
    return {
        "c": round(concordance(followed, risk.mean(axis=1), weighted=False), 4),
        "ibs": round(integrated_brier(followed, risk, HORIZONS), 4),
        "observed_over_expected": round(observed_over_expected(happened, at_five, weight), 3),
        "calibration_slope": round(calibration_slope(happened, at_five, weight), 3),
        "ici": round(calibration_errors(happened, at_five, weight)["ici"], 4),
    }


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
