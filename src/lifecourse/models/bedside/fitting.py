"""From a model to points: its facts in order of what they move, as few as tell nearly as much, whole points, risks.

The steps are AutoScore's (Xie et al. 2020, doi 10.2196/21798): rank, look how much each further fact adds out of fold,
cut, weigh by a logistic regression, round, and say what a sum means.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from scipy.special import expit

from lifecourse.base.errors import ModelError
from lifecourse.features import featurize
from lifecourse.models.bedside.items import Item, items_of
from lifecourse.models.calibration import fit_logistic
from lifecourse.models.competing import followed_of, from_gap
from lifecourse.models.evaluation import (
    auroc,
    calibration_errors,
    calibration_slope,
    draws_of,
    is_unseen,
    observed_over_expected,
    over_draws,
)
from lifecourse.models.evaluation.calibration import wilson
from lifecourse.models.importance import goes_by
from lifecourse.models.split import N_FOLDS, folds_of
from lifecourse.tasks import Task, label

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.features import FeatureMatrix
    from lifecourse.models.model import RiskModel
    from lifecourse.timeline.access import Timeline

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]

MOST_ITEMS, MOST_TRIED = 8, 12
MOST_POINTS = 20
"""The highest sum of points is about that."""
NEARLY = 0.005
"""AUROC that fewer items may lack to the most that any number of them reaches."""
FEWEST_EVENTS = 50
RIDGE = 5.0
"""On what each step from a category to the next adds: few people must not make points rise and fall."""
GROUPS, LEAST_IN_GROUP = 8, 20


@dataclass(frozen=True, slots=True, kw_only=True)
class BedsideScore:
    """Points, and what a sum of them means.

    intercept, slope : the risk is 1 / (1 + exp(-(intercept + slope x points)))
    parsimony : by number of items, ``auroc`` of their points out of fold
    people : who were learned from, at so many `moments`; `events` of those were followed by the outcome
    meaning : by range of points, ``from`` and ``to``, moments, expected and observed share with a 95 % interval; of
        sums that nobody had the risk alone. Every sum that there can be is in one range
    measures : out of fold, each with a 95 % interval over people
    of_model : AUROC of the model that it was made of, and where that was judged
    """

    name: str
    title: str
    model_version: str
    horizon_days: int | None
    data: str
    items: list[Item]
    intercept: float
    slope: float
    people: int
    moments: int
    events: int
    parsimony: list[dict[str, Any]]
    meaning: list[dict[str, Any]]
    measures: dict[str, Any]
    of_model: dict[str, Any]

    def points(self, features: FeatureMatrix) -> Integers:
        """int64[r] sums of points."""
        return _sum(self.items, features)

    def risk(self, points: Integers) -> Floats:
        """float64[r]."""
        return np.asarray(expit(self.intercept + self.slope * points))

    @property
    def most(self) -> int:
        """The highest sum."""
        return highest_sum(self.items)


def highest_sum(items: list[Item]) -> int:
    """Of any answers to `items`."""
    return sum(max(*item.points, item.not_known) for item in items)


def bedside_score(
    model: RiskModel, timeline: Timeline, *, most: int = MOST_ITEMS, seed: int = 0
) -> BedsideScore:
    """A score of at most `most` facts for the model's task, of the people of `timeline`.

    Those lost before the last horizon of times to events are weighted for (IPCW). Measures are out of fold: points
    and what they mean are of the others; only where values are cut (their quartiles) and which facts the model goes by
    are of everyone.

    Raises
    ------
    ModelError
        The store has fewer than 50 rows with the outcome, or nothing that can be asked at a bedside tells them apart.
    """
    people = _People.of(model, timeline, seed)
    ranked = people.ranked(model, max(most, MOST_TRIED))
    if not ranked:
        raise ModelError(
            f"model '{model.name}' goes by nothing that can be asked at a bedside: age, sex, latest values, conditions "
            "and drugs. Train it with a recipe that names some."
        )
    tried = range(1, min(len(ranked), most) + 1)
    sums = {n: people.held_out(ranked[:n]) for n in tried}
    areas = {n: auroc(people.came, told[0].astype(float), people.weight) for n, told in sums.items()}  # fmt: skip
    n_items = min(n for n in tried if areas[n] >= max(areas.values()) - NEARLY)
    items = people.weighed(ranked[:n_items], people.everyone)
    total = _sum(items, people.features)
    intercept, slope = people.meant(total, people.everyone)
    points, risk = sums[n_items]
    return BedsideScore(
        name=f"{model.name}_bedside",
        title=f"{model.card['title']}: bedside score",
        model_version=model.version,
        horizon_days=model.card["horizon_days"],
        data=timeline.content_hash,
        items=items,
        intercept=intercept,
        slope=slope,
        people=len(np.unique(people.subjects)),
        moments=int((people.weight > 0).sum()),
        events=int((people.came & (people.weight > 0)).sum()),
        parsimony=[{"items": n, "added": ranked[n - 1].title, "auroc": areas[n]} for n in tried],
        meaning=people.meaning(total, expit(intercept + slope * np.arange(highest_sum(items) + 1))),
        measures=people.measures(points, risk, seed),
        of_model=_of_model(model, timeline),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _People:
    features: FeatureMatrix
    came: npt.NDArray[np.bool_]
    weight: Floats
    subjects: Integers
    folds: Integers

    @classmethod
    def of(cls, model: RiskModel, timeline: Timeline, seed: int) -> _People:
        table = label(timeline, model.task).table
        if isinstance(model.task, Task) and model.task.is_time_to_event:
            table = table.filter(pl.col("duration_days") > model.task.gap_days)
            horizon = float(from_gap(model.task, model.task.horizons)[-1])
            followed = followed_of(table, model.task)
            unseen = is_unseen(followed, horizon)
            came, weight = followed.known_at(horizon)
        else:
            table = table.filter(pl.col("boolean_value").is_not_null())
            came = table["boolean_value"].to_numpy().astype(bool)
            weight, unseen = np.ones(len(came)), False
        events = int((came & (weight > 0)).sum())
        if events < FEWEST_EVENTS or events == int((weight > 0).sum()):
            raise ModelError(
                f"task '{model.name}' has {events} events in this store; a bedside score takes {FEWEST_EVENTS}. "
                "Use the store that the model learned from, or collect more."
            )
        if unseen:
            raise ModelError(
                f"too few people of this store were seen to {model.card['horizon_days']:,} days, the horizon of task "
                f"'{model.name}', to tell what a sum of points means. Use a store whose records go on for longer."
            )
        subjects = table["subject_id"].to_numpy()
        return cls(
            features=featurize(timeline, table, model.recipe, vocabulary=model.vocabulary),
            came=came,
            weight=weight,
            subjects=subjects,
            folds=folds_of(subjects, N_FOLDS, seed),
        )

    @property
    def everyone(self) -> Integers:
        return np.arange(len(self.came))

    def ranked(self, model: RiskModel, most: int) -> list[Item]:
        """What can be asked at a bedside, in the order of what the model goes by."""
        can = items_of(model.recipe, self.features)
        facts = goes_by(model, self.features, listed=len(self.features.names))["facts"]
        names = ["sex" if fact["fact"] == "female" else fact["fact"] for fact in facts]
        return [can[name] for name in names if name in can][:most]

    def weighed(self, items: list[Item], rows: Integers) -> list[Item]:
        """The items with the points that `rows` teach."""
        blocks = [_steps(item, _values(item, self.features)[rows]) for item in items]
        design = np.column_stack([np.ones(len(rows)), *blocks])
        weight = self.weight[rows]
        found = fit_logistic(
            design,
            self.came[rows].astype(float),
            weight * weight.sum() / (weight**2).sum(),  # they are worth no more people than that
            start=np.zeros(design.shape[1]),
            ridge=RIDGE,
        )[1:]
        places = np.cumsum([0, *(block.shape[1] for block in blocks)])
        parts = [_of_categories(found[a:b]) for a, b in pairwise(places)]
        shifted = [part - part[:-1].min() for part in parts]
        unit = max(sum(float(part[:-1].max()) for part in shifted), 1e-9) / MOST_POINTS
        return [
            item.with_points(
                [round(float(value) / unit) for value in part[:-1]],
                max(0, round(float(part[-1]) / unit)) if known_to_lack(item, self.features) else 0,
            )
            for item, part in zip(items, shifted, strict=True)
        ]

    def meant(self, total: Integers, rows: Integers) -> tuple[float, float]:
        """Intercept and slope of the risk by points, of `rows`."""
        x = np.column_stack([np.ones(len(rows)), total[rows]]).astype(float)
        y, start = self.came[rows].astype(float), np.array([-2.0, 0.0])
        a, b = fit_logistic(x, y, self.weight[rows], start=start, ridge=1e-9)
        return float(a), float(b)

    def held_out(self, items: list[Item]) -> tuple[Integers, Floats]:
        """Of each fold, the sums and risks by the points and meanings that the others teach."""
        points = np.zeros(len(self.came), dtype=np.int64)
        risk = np.zeros(len(self.came))
        for fold in np.unique(self.folds):
            others, mine = np.flatnonzero(self.folds != fold), self.folds == fold
            total = _sum(self.weighed(items, others), self.features)
            a, b = self.meant(total, others)
            points[mine], risk[mine] = total[mine], expit(a + b * total[mine])
        return points, risk

    def meaning(self, total: Integers, risk: Floats) -> list[dict[str, Any]]:
        """Neighbouring sums together, of about as many rows each; intervals are of as many as weights are worth.

        total : int64[r]; risk : float64[s], of each sum from 0 to the highest
        """
        known = self.weight > 0
        wanted = max(int(known.sum()) // GROUPS, LEAST_IN_GROUP)
        rows: list[dict[str, Any]] = []
        low, held = 0, np.zeros(len(total), dtype=bool)
        left = int(known.sum())
        for value in np.unique(total[known]):
            held |= known & (total == value)
            n = int(held.sum())
            if (n < wanted or left - n < LEAST_IN_GROUP) and value != total[known].max():
                continue
            weight = self.weight[held]
            seen = float((weight * self.came[held]).sum() / weight.sum())
            worth = max(round(float(weight.sum() ** 2 / (weight**2).sum())), 1)
            ends = wilson(round(seen * worth), worth)
            rows.append(
                {
                    "from": low,
                    "to": int(value),
                    "moments": n,
                    "expected": float((weight * risk[total[held]]).sum() / weight.sum()),
                    "observed": seen,
                    "low": min(ends[0], seen),
                    "high": max(ends[1], seen),
                }
            )
            low, left, held = int(value) + 1, left - n, np.zeros(len(total), dtype=bool)
        nobody = {"moments": 0, "observed": None, "low": None, "high": None}
        rows += [
            {"from": points, "to": points, "expected": float(risk[points]), **nobody}
            for points in range(low, len(risk))
        ]
        return rows

    def measures(self, points: Integers, risk: Floats, seed: int) -> dict[str, Any]:
        def measured(rows: Integers) -> dict[str, float]:
            came, weight = self.came[rows], self.weight[rows]
            weight = weight / weight.mean()
            return {
                "auroc": auroc(came, points[rows].astype(float), weight),
                "calibration_slope": calibration_slope(came, risk[rows], weight),
                "observed_over_expected": observed_over_expected(came, risk[rows], weight),
                **calibration_errors(came, risk[rows], weight),
            }

        return over_draws(measured, self.subjects, seed=seed, draws=draws_of(len(points)))


def _steps(item: Item, values: Floats) -> Floats:
    """float64[r, cuts + 1]: whether each cut is reached, which a ridge draws neighbours together by, and not known."""
    category, n = item.category(values), len(item.cuts)
    reached = (category[:, None] > np.arange(n)).astype(float)
    lacking = category > n
    reached[lacking] = 0.5
    return np.column_stack([reached, lacking.astype(float)])


def _of_categories(steps: Floats) -> Floats:
    """float64[cuts + 2]: what each category adds, from what each step adds; not known comes last."""
    return np.array([0.0, *np.cumsum(steps[:-1]), steps[:-1].sum() / 2 + steps[-1]])


def known_to_lack(item: Item, features: FeatureMatrix) -> bool:
    """Whether enough people lack it to say what that means."""
    return int(np.isnan(_values(item, features)).sum()) >= LEAST_IN_GROUP


def _values(item: Item, features: FeatureMatrix) -> Floats:
    return features.dense[:, features.dense_names.index(item.column)]


def _sum(items: list[Item], features: FeatureMatrix) -> Integers:
    return np.sum([item.of(_values(item, features)) for item in items], axis=0).astype(np.int64)


def _of_model(model: RiskModel, timeline: Timeline) -> dict[str, Any]:
    """The model's AUROC by the last horizon: of its card on its own records, judged anew on others."""
    from lifecourse.models.judging import evaluate

    found = evaluate(model, timeline)
    return {"auroc": found["metrics"]["auroc"], "judged": found["judged"]}
