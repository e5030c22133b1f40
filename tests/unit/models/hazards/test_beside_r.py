"""R's package survival gives the same, on its own sets; they are exported here and never committed."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(scope="module")
def exported(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("Rscript") is None:
        pytest.skip("Rscript is not here (Debian: r-base-core, r-cran-survival)")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(repository))
        from benchmarks.r_survival import exported

        folder = tmp_path_factory.mktemp("r")
        exported(folder)
    return folder


def test_progression_of_mgus_with_death_competing_is_rs(exported: Path) -> None:
    from benchmarks.r_survival import progression

    ours, theirs = progression(exported)
    assert ours == pytest.approx(theirs, abs=1e-9)
    assert ours.round(3).tolist() == [0.064, 0.1, 0.109]


def test_learned_in_rotterdam_judged_in_germany_before_and_after_recalibration(
    exported: Path,
) -> None:
    from benchmarks.r_survival import external

    told = external(exported)
    assert told["before"]["c"] >= 0.670
    off = {
        method: abs(np.log(told[method]["observed_over_expected"]))
        for method in ("before", "intercept", "slope")
    }
    assert off["intercept"] < off["before"]
    assert abs(told["slope"]["calibration_slope"] - 1) < abs(
        told["before"]["calibration_slope"] - 1
    )
    assert told["slope"]["ici"] < told["before"]["ici"]
