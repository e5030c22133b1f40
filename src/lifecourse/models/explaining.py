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
    columns = [np.flatnonzero(of_fact == i) for i in range(len(facts))]
    absent = never_measured(features, of_fact, len(facts))
    found = []
    for row in range(parts.shape[0]):
        sums = np.bincount(of_fact, weights=parts[row], minlength=len(facts))
        order = np.argsort(-np.abs(sums), kind="stable")
        told = [
            _fact(facts[i], float(sums[i]), columns[i], parts[row], features, row)
            for i in order[:REASONS]
            if sums[i] != 0
        ]
        found.append((told, [facts[i] for i in order if absent[row, i]][:REASONS]))
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
    features: FeatureMatrix, of_fact: npt.NDArray[np.int64], n_facts: int
) -> npt.NDArray[np.bool_]:
    """bool[rows, facts]: those with a column that is missing without a record, and every such column is missing.

    Counts, flags and times never are; ages, sex and what is derived are not asked about.
    """
    summary = [name.rsplit(".", 2)[-2] if "." in name else "" for name in features.dense_names]
    values = np.flatnonzero([each in MISSING_WITHOUT_RECORD for each in summary])
    is_of = of_fact[values][:, None] == np.arange(n_facts)
    known = ~np.isnan(features.dense[:, values]) @ is_of
    return np.asarray(is_of.any(axis=0) & ~known)


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
