"""The area under the ROC curve within strata: what a risk knows beyond what the strata already say.

Within each stratum every person with the outcome is paired with every one without it; strata count by their pairs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt


def stratified_auroc(
    outcome: npt.NDArray[np.bool_],
    risk: npt.NDArray[np.float64],
    stratum: npt.NDArray[np.int64],
) -> float:
    """The share of pairs of one stratum in which the one with the outcome has the higher risk, ties counted half.

    NaN where no stratum holds both kinds of outcome.
    """
    holding = np.isin(stratum, stratum[outcome])
    outcome, risk, stratum = outcome[holding], risk[holding], stratum[holding]
    order = np.lexsort((risk, stratum))
    outcome, risk, stratum = outcome[order], risk[order], stratum[order]
    if not len(outcome):
        return float("nan")
    begins = np.append(True, stratum[1:] != stratum[:-1])
    tied = np.flatnonzero(begins | np.append(True, risk[1:] != risk[:-1]))
    cases = np.add.reduceat(outcome, tied, dtype=np.int64)
    others = np.add.reduceat(~outcome, tied, dtype=np.int64)
    of = np.cumsum(begins)[tied] - 1
    before = np.cumsum(others) - others
    before -= before[np.searchsorted(of, of)]
    whole = np.bincount(of, weights=cases) * np.bincount(of, weights=others)
    pairs = float(whole.sum())
    return float((cases * (before + others / 2)).sum() / pairs) if pairs else float("nan")
