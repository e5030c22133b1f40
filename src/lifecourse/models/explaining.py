"""Why a model says what it says of a person: its columns gathered to the clinical facts they are of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.features import FeatureMatrix, Recipe
    from lifecourse.models.model import RiskModel

REASONS = 5
"""Facts that are told, of what moves a risk and of what was never measured."""

MISSING_WITHOUT_RECORD = frozenset({"last", "first", "mean", "min", "max"})
"""Summaries of values that are missing where nothing was recorded."""


def explain(
    model: RiskModel, features: FeatureMatrix
) -> list[tuple[list[dict[str, Any]], list[str]]]:
    """For each row the facts that move its risk most from the average, and those that were never measured.

    A fact is told with ``fact``, its name; ``log_odds``, the sum of what its columns add (log hazards of a model of
    times to events); ``name`` and ``value``, the column that adds most; ``columns``, all of them with what each adds.
    A fact was never measured where every column of it that is missing without a record is missing; the one whose
    absence moves the risk most comes first.
    """
    parts = model.learner.contributions(features)
    facts, of_fact = facts_of(model.recipe, features.names)
    found = []
    for row in range(parts.shape[0]):
        sums = np.bincount(of_fact, weights=parts[row], minlength=len(facts))
        order = np.argsort(-np.abs(sums), kind="stable")
        told = [
            _fact(facts[i], float(sums[i]), np.flatnonzero(of_fact == i), parts[row], features, row)
            for i in order[:REASONS]
            if sums[i] != 0
        ]
        absent = never_measured(features, of_fact, row)
        found.append((told, [facts[i] for i in order if absent[i]][:REASONS]))
    return found


def facts_of(recipe: Recipe, columns: list[str]) -> tuple[list[str], npt.NDArray[np.int64]]:
    """The facts that columns are of, and int64[columns] which of them each is of.

    The columns of one codelist are of one fact, and so are those of one code, asked for by name or among every code;
    any other column is a fact by itself.
    """
    named = {each.column: each.codelist or " or ".join(each.codes) for each in recipe.covariates}
    alone = {"age", "female", *recipe.derived}
    names = [
        named.get(column) or (column if column in alone else column.rsplit(".", 2)[0])
        for column in columns
    ]
    facts = list(dict.fromkeys(names))
    places = {fact: i for i, fact in enumerate(facts)}
    return facts, np.array([places[name] for name in names], dtype=np.int64)


def never_measured(
    features: FeatureMatrix, of_fact: npt.NDArray[np.int64], row: int
) -> npt.NDArray[np.bool_]:
    """bool[facts]: those of which a column can be missing, and every such column is missing in `row`.

    Counts, flags and times never are; ages, sex and what is derived are not asked about.
    """
    dense = of_fact[: features.dense.shape[1]]
    n_facts = int(of_fact.max(initial=-1)) + 1
    missing = np.isnan(features.dense[row])
    can_be = np.array(
        [name.split(".")[-2] in MISSING_WITHOUT_RECORD if "." in name else False
         for name in features.dense_names]
    )  # fmt: skip
    some = np.bincount(dense[can_be], minlength=n_facts)
    absent = np.bincount(dense[can_be & missing], minlength=n_facts)
    return np.asarray((some > 0) & (some == absent))


def _fact(
    fact: str,
    total: float,
    columns: npt.NDArray[np.int64],
    parts: npt.NDArray[np.float64],
    features: FeatureMatrix,
    row: int,
) -> dict[str, Any]:
    ordered = columns[np.argsort(-np.abs(parts[columns]), kind="stable")]
    told = [
        {
            "name": features.names[i],
            "value": _value(features, row, int(i)),
            "log_odds": float(parts[i]),
        }
        for i in ordered
        if parts[i] != 0
    ]
    return {
        "fact": fact,
        "log_odds": total,
        "name": told[0]["name"],
        "value": told[0]["value"],
        "columns": told,
    }


def _value(features: FeatureMatrix, row: int, column: int) -> float | None:
    n_dense = features.dense.shape[1]
    if column >= n_dense:
        return float(features.codes[row, column - n_dense])
    value = float(features.dense[row, column])
    return value if np.isfinite(value) else None
