"""What a model goes by: how far facts and columns move its risks, and how sure that is when others teach it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse
from scipy.stats import spearmanr

from lifecourse.models.explaining import facts_of
from lifecourse.models.hazards import HazardLearner

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.features import FeatureMatrix, Recipe
    from lifecourse.models.linear import Logistic
    from lifecourse.models.model import RiskModel
    from lifecourse.models.trees import Trees

    Flags = npt.NDArray[np.bool_]
    Ids = npt.NDArray[np.int64]

TOP, RESAMPLES, JUDGED = 5, 20, 2_000
LISTED, JUDGED_OF_MODEL = 15, 250
RISES = 0.5
"""Rank correlation of a column's value with what it adds, from which on the risk rises with it."""


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


def goes_by(
    model: RiskModel, features: FeatureMatrix, *, listed: int = LISTED, seed: int = 0
) -> dict[str, Any]:
    """What a model goes by, fact by fact, what moves risks most first; JSON-ready, nobody's own values in it.

    Parameters
    ----------
    features : of people it learned from, with the model's columns; at most 250 of their rows, drawn once, are asked

    Returns
    -------
    dict
        ``rows`` asked; ``members``, the models that each learned without one fold of the people (0 where none were
        kept); ``facts``, at most `listed` with

        spread : mean distance of what the fact adds to a person's log-odds (log hazard of times to events) from what
            it adds on average
        low, high : the least and the greatest spread of the members, None without members
        first : how many members have it among their first five
        column : the one of its columns that moves risks most
        risk : how the risk goes with that column: ``rises``, ``falls`` or ``bends``
    """
    random = np.random.default_rng(seed)
    chosen = np.sort(random.permutation(len(features.dense))[:JUDGED_OF_MODEL])
    asked = features.of_rows(chosen)
    added, told = _whole_and_members(model, asked)
    facts, of_fact = facts_of(model.recipe, asked.names)
    spread = _of_facts(added, of_fact, len(facts))
    members = np.array([_as_in(facts, names, values) for names, values in told])
    first = np.zeros(len(facts), dtype=np.int64)
    for moved in members:
        leading = np.argsort(-moved, kind="stable")[:TOP]
        first[leading[moved[leading] > 0]] += 1
    order = [i for i in np.argsort(-spread, kind="stable")[:listed] if spread[i] > 0]
    return {
        "rows": len(chosen),
        "members": len(members),
        "facts": [
            {
                "fact": facts[i],
                "spread": float(spread[i]),
                "low": float(members[:, i].min()) if len(members) else None,
                "high": float(members[:, i].max()) if len(members) else None,
                "first": int(first[i]),
                **_leading(asked, added, np.flatnonzero(of_fact == i)),
            }
            for i in order
        ],
    }


def _whole_and_members(
    model: RiskModel, asked: FeatureMatrix
) -> tuple[npt.NDArray[np.float64], list[tuple[list[str], npt.NDArray[np.float64]]]]:
    """What each column adds by the model, and by each member the spread of its facts, by name."""
    if isinstance(model.learner, HazardLearner):
        parts = [(asked.names, one.contributions(asked)) for one in model.learner.members()]
        whole = np.mean([added for _, added in parts], axis=0)
        parts = parts if len(parts) > 1 else []
    else:
        whole = model.learner.contributions(asked)
        views = [asked.of_codes(member.vocabulary) for member in model.members]
        parts = [
            (view.names, member.learner.contributions(view))
            for member, view in zip(model.members, views, strict=True)
        ]
    return whole, [_spread_by_name(model.recipe, names, added) for names, added in parts]


def _spread_by_name(
    recipe: Recipe, names: list[str], added: npt.NDArray[np.float64]
) -> tuple[list[str], npt.NDArray[np.float64]]:
    facts, of_fact = facts_of(recipe, names)
    return facts, _of_facts(added, of_fact, len(facts))


def _of_facts(
    added: npt.NDArray[np.float64], of_fact: npt.NDArray[np.int64], n_facts: int
) -> npt.NDArray[np.float64]:
    """float64[facts]: the spread of what all columns of a fact add together."""
    ones = np.ones(len(of_fact))
    gather = sparse.csr_matrix((ones, (np.arange(len(of_fact)), of_fact)), (len(of_fact), n_facts))
    together = added @ gather
    return np.asarray(np.abs(together - together.mean(axis=0)).mean(axis=0))


def _as_in(
    facts: list[str], names: list[str], values: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    by_name = dict(zip(names, values.tolist(), strict=True))
    return np.array([by_name.get(fact, 0.0) for fact in facts])


def _leading(
    asked: FeatureMatrix, added: npt.NDArray[np.float64], columns: npt.NDArray[np.int64]
) -> dict[str, str]:
    """The column of a fact that moves risks most, and how the risk goes with it."""
    of = added[:, columns]
    lead = int(columns[np.argmax(np.abs(of - of.mean(axis=0)).mean(axis=0))])
    n_dense = asked.dense.shape[1]
    values = asked.dense[:, lead] if lead < n_dense else asked.codes[:, [lead - n_dense]].toarray()
    values, moved = np.asarray(values, dtype=np.float64).ravel(), added[:, lead]
    known = np.isfinite(values)
    both = known.any() and np.ptp(values[known]) > 0 and np.ptp(moved[known]) > 0
    with_it = float(spearmanr(values[known], moved[known]).statistic) if both else 0.0
    risk = "rises" if with_it >= RISES else "falls" if with_it <= -RISES else "bends"
    return {"column": asked.names[lead], "risk": risk}


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
