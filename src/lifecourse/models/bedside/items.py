"""Items of a bedside score: facts that can be asked at a bedside, cut at readable places."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from lifecourse.vocab.codelists import describe, entries
from lifecourse.vocab.units import canonical_unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from lifecourse.features import FeatureMatrix, Recipe
    from lifecourse.features.recipe import NamedCovariate

    Floats = npt.NDArray[np.float64]

QUANTILES = (0.25, 0.5, 0.75)
STEPS = (1.0, 2.0, 5.0)
LEAST_IN_CATEGORY = 20
KINDS = {"last": "value", "exists": "condition", "active": "drug"}
"""Kinds of input of score files, by the summary of a recipe's column that they are the same as."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A fact with its categories and their points.

    column : of the features that it is read from
    kind : ``age``, ``sex``, ``value``, ``condition`` or ``drug``, as score files have it
    cuts : ascending; category i is from cuts[i - 1] (which it includes) up to cuts[i]. ``[1]`` of a yes or no, and of
        sex, where 1 is female
    points : of each category, len(cuts) + 1, the least of them 0
    not_known : points where it is not known
    """

    name: str
    title: str
    column: str
    kind: str
    cuts: tuple[float, ...]
    codelist: str | None = None
    unit: str | None = None
    lookback_days: int | None = None
    points: tuple[int, ...] = ()
    not_known: int = 0

    def category(self, values: Floats) -> npt.NDArray[np.int64]:
        """int64[r]: the category of each, len(cuts) + 1 where not known."""
        found = np.searchsorted(np.array(self.cuts), values, side="right")
        return np.where(np.isnan(values), len(self.cuts) + 1, found)

    def of(self, values: Floats) -> npt.NDArray[np.int64]:
        """int64[r] points."""
        return np.array([*self.points, self.not_known], dtype=np.int64)[self.category(values)]

    def with_points(self, points: Sequence[int], not_known: int) -> Item:
        """The same with points."""
        return replace(self, points=tuple(points), not_known=not_known)

    def categories(self) -> list[tuple[str, int]]:
        """Each category in words, with its points; what is not known last."""
        if self.kind in ("condition", "drug", "sex"):
            words = ("male", "female") if self.kind == "sex" else ("no", "yes")
            told = list(zip(words, self.points, strict=True))
        else:
            ends = [f"{cut:g}" for cut in self.cuts]
            first, last = f"below {ends[0]}", f"{ends[-1]} or more"
            between = [f"{a} to below {b}" for a, b in pairwise(ends)]
            told = list(zip([first, *between, last], self.points, strict=True))
        may_lack = self.kind in ("value", "sex")
        return [*told, ("not known", self.not_known)] if may_lack else told


def items_of(recipe: Recipe, features: FeatureMatrix) -> dict[str, Item]:
    """By the fact that it is of, what of a recipe can be asked at a bedside and tells people apart, without points.

    Those are age, sex, latest values, whether something was ever recorded, and drugs taken now.
    """
    named = {each.column: each for each in recipe.covariates if each.codelist in entries()}
    found: dict[str, Item] = {}
    for place, column in enumerate(features.dense_names):
        item = _alone(column) or (_of(named[column]) if column in named else None)
        if item is None or (item.codelist or item.name) in found:
            continue
        values = features.dense[:, place]
        cuts = item.cuts or readable_cuts(values)
        if cuts and _tells(replace(item, cuts=cuts), values):
            found[item.codelist or item.name] = replace(item, cuts=cuts)
    return found


def readable_cuts(values: Floats) -> tuple[float, ...]:
    """The quartiles, rounded to the largest of 1, 2 or 5 times a power of ten within a third of their distance.

    Ascending, each category of 20 known values at least; none where the values are too few or too alike.
    """
    known = values[np.isfinite(values)]
    if len(known) < 2 * LEAST_IN_CATEGORY:
        return ()
    quartiles = np.quantile(known, QUANTILES)
    span = float(quartiles[2] - quartiles[0])
    if span <= 0:
        return ()
    power = 10.0 ** np.floor(np.log10(span / 3))
    step = max(times * power for times in STEPS if times * power <= span / 3)
    rounded = sorted({round(round(float(q) / step) * step, 10) for q in quartiles})
    kept: list[float] = []
    for cut in rounded:
        low = kept[-1] if kept else -np.inf
        inside = int(((known >= low) & (known < cut)).sum())
        if inside >= LEAST_IN_CATEGORY and int((known >= cut).sum()) >= LEAST_IN_CATEGORY:
            kept.append(cut)
    return tuple(kept)


def _tells(item: Item, values: Floats) -> bool:
    counts = np.bincount(item.category(values), minlength=len(item.cuts) + 2)[:-1]
    return int(np.count_nonzero(counts >= LEAST_IN_CATEGORY)) > 1


def _alone(column: str) -> Item | None:
    if column == "age":
        return Item(name="age", title="Age", column=column, kind="age", unit="a", cuts=())
    if column == "female":
        return Item(name="sex", title="Sex", column=column, kind="sex", cuts=(1.0,))
    return None


def _of(covariate: NamedCovariate) -> Item | None:
    kind = KINDS.get(str(covariate.summary))
    if kind is None or covariate.static or covariate.codelist is None:
        return None
    if kind != "value" and covariate.days is not None:
        return None  # score files ask whether it was ever recorded
    codes = sorted(covariate.meant().exact) if kind == "value" else []
    units = {unit for code in codes if (unit := canonical_unit(code)) is not None}
    return Item(
        name=covariate.codelist,
        title=describe(covariate.codelist)["title"],
        column=covariate.column,
        kind=kind,
        cuts=() if kind == "value" else (1.0,),
        codelist=covariate.codelist,
        unit=units.pop() if len(units) == 1 else None,
        lookback_days=covariate.days,
    )
