"""A model and its twin with fewer columns, judged on the same people: by what happened and by the true risks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lifecourse.models.evaluation import auroc, over_draws

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    from lifecourse.features import FeatureMatrix

    Floats = npt.NDArray[np.float64]
    Flags = npt.NDArray[np.bool_]


def of_columns(features: FeatureMatrix, keep: Callable[[str], bool]) -> FeatureMatrix:
    """The features whose dense columns are those with a name that `keep` holds for; every code stays."""
    kept = [i for i, name in enumerate(features.dense_names) if keep(name)]
    return replace(
        features,
        dense=features.dense[:, kept],
        dense_names=[features.dense_names[i] for i in kept],
    )


def expected_auroc(true_risk: Floats, score: Floats) -> float:
    """The area in expectation: each row is an event with its true risk, and none with the rest."""
    both = np.concatenate(
        [np.ones(len(score), dtype=np.bool_), np.zeros(len(score), dtype=np.bool_)]
    )
    return auroc(both, np.tile(score, 2), np.concatenate([true_risk, 1.0 - true_risk]))


def gains(
    without: Floats, others: Mapping[str, Floats], happened: Flags, true_risk: Floats
) -> dict[str, Any]:
    """The area of the twin, and how much more each of `others` has: value, low and high over draws of people.

    Told of what happened (`gain`) and, without the chance of who falls ill, by the true risks (`expected_gain`).
    """

    def measured(rows: npt.NDArray[np.int64]) -> dict[str, float]:
        areas = {}
        for name, score in {"": without, **others}.items():
            areas[f"happened {name}"] = auroc(happened[rows], score[rows])
            areas[f"expected {name}"] = expected_auroc(true_risk[rows], score[rows])
        return {
            name: area - areas[f"{name.split()[0]} "] if name.split()[1:] else area
            for name, area in areas.items()
        }

    found = over_draws(measured, np.arange(len(happened)), seed=0)
    told: dict[str, Any] = {
        "auroc_without": rounded(found["happened "]["value"]),
        "expected_without": rounded(found["expected "]["value"]),
    }
    for name in others:
        told[f"gain_{name}"] = interval(found[f"happened {name}"])
        told[f"expected_gain_{name}"] = interval(found[f"expected {name}"])
    return told


def interval(found: Mapping[str, float | None]) -> list[float]:
    """Value, low and high."""
    return [rounded(found[end]) for end in ("value", "low", "high")]


def rounded(value: float | None) -> float:
    """To four decimals; NaN where there is none."""
    return round(float("nan") if value is None else value, 4)
