"""What a model goes by: how far each column moves its risks, and how sure that is when other people teach it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.features import FeatureMatrix
    from lifecourse.models.linear import Logistic
    from lifecourse.models.trees import Trees

    Flags = npt.NDArray[np.bool_]
    Ids = npt.NDArray[np.int64]

TOP, RESAMPLES, JUDGED = 5, 20, 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Importance:
    """How much a column matters to a model.

    spread : mean distance, in log-odds, of what the column adds to a person's risk from what it adds on average
    stability : of models that learned from other halves of the people, the share that have it among their first `TOP`
    """

    name: str
    spread: float
    stability: float

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


def importance(
    features: FeatureMatrix,
    outcome: Flags,
    subjects: Ids,
    learner: type[Logistic] | type[Trees],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> list[Importance]:
    """Every column of `features`, what moves risks most first.

    The learner is taught once by everyone and `resamples` times by half of the people, drawn without replacement, all
    their rows together; `Importance.spread` is of the first, on at most `JUDGED` rows drawn once. Halves follow
    stability selection (Meinshausen and Buehlmann 2010, doi:10.1111/j.1467-9868.2010.00740.x).
    """
    random = np.random.default_rng(seed)
    judged = features.of_rows(np.sort(random.permutation(len(outcome))[:JUDGED]))
    people = np.unique(subjects)
    spread = _spread(features, outcome, np.arange(len(outcome)), judged, learner)
    first = np.zeros(len(spread))
    for _ in range(resamples):
        half = random.permutation(people)[: max(1, len(people) // 2)]
        rows = np.flatnonzero(np.isin(subjects, half))
        if not 0 < outcome[rows].mean() < 1:
            continue
        moved = _spread(features, outcome, rows, judged, learner)
        leading = np.argsort(-moved, kind="stable")[:TOP]
        first[leading[moved[leading] > 0]] += 1
    order = np.argsort(-spread, kind="stable")
    return [
        Importance(
            name=features.names[i], spread=float(spread[i]), stability=float(first[i] / resamples)
        )
        for i in order
    ]


def _spread(
    features: FeatureMatrix,
    outcome: Flags,
    rows: Ids,
    judged: FeatureMatrix,
    learner: type[Logistic] | type[Trees],
) -> npt.NDArray[np.float64]:
    """float64[columns] of the learner that `rows` taught with its usual settings."""
    fitted = learner.fit(features, outcome, rows, np.zeros(len(rows), dtype=np.bool_))
    added = fitted.contributions(judged)
    return np.asarray(np.abs(added - added.mean(axis=0)).mean(axis=0))
