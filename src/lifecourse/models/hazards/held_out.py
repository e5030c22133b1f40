"""What learners say of people held out: calibrated, compared and levelled, nobody by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lifecourse.models.evaluation.followed import horizons_seen
from lifecourse.models.evaluation.log_loss import SMALLEST
from lifecourse.models.hazards.curves import CurveCalibrator
from lifecourse.models.hazards.incidence import Hazards, cumulative_incidence
from lifecourse.models.hazards.learner import AVERAGE, LINEAR, TREES
from lifecourse.models.hazards.levelling import LevelLesson, Levelling, with_more
from lifecourse.models.hazards.lost import at_loss

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from lifecourse.models.evaluation.followed import Followed
    from lifecourse.models.hazards.basis import Basis

    Floats = npt.NDArray[np.float64]
    Halves = npt.NDArray[np.float32]
    Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Told:
    """What a learner says of r rows before calibration.

    raw : float64[r, c, h] incidence; lost : float64[r, c] by the day that ended each row's follow-up
    """

    raw: Floats
    lost: Floats

    @classmethod
    def of(
        cls, parts: Sequence[Hazards], outcome: Followed, edges: Floats, horizons: Floats
    ) -> Told:
        """By the mean of the parts' hazards, of the rows that `outcome` tells the end of."""
        curve = cumulative_incidence(edges, parts, edges[1:])
        at = np.searchsorted(edges, horizons) - 1
        return cls(curve[:, :, at], at_loss(edges, curve, outcome))

    @classmethod
    def joined(cls, every: Sequence[Told], order: Integers) -> Told:
        """The rows of all, one after the other, in `order`."""
        return cls(
            *(np.concatenate([getattr(one, n) for one in every])[order] for n in ("raw", "lost"))
        )

    def rows(self, rows: Integers) -> Told:
        """Some of the rows."""
        return Told(self.raw[rows], self.lost[rows])


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is said of people held out, and how well.

    told : of each fold by those who had no part in it
    by_others : of all rows, by what each fold in turn had no part in; `told` where nothing was levelled
    incidence : float64[r, c, h], mapped by maps that the row's fold had no part in; losses : float64[r]
    """

    told: Told
    by_others: Sequence[Told]
    calibrator: CurveCalibrator
    incidence: Floats
    losses: Floats

    @property
    def loss(self) -> float:
        """The mean loss; 0 of nobody."""
        return float(self.losses.sum()) / max(len(self.losses), 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """People who were held out.

    came : what came of r rows, all seen from the start
    folds : int64[r] from 0 on, each mapped and levelled by the others
    """

    came: Followed
    folds: Integers
    horizons: Floats

    def calibrated(self, by_others: Sequence[Told]) -> Standing:
        """The maps of everyone, and what each fold is told by those of the others, near everyone's.

        by_others : what all are told, one for each fold that had no part in it; or one that nobody had a part in
        """
        told = by_others[0]
        if len(by_others) > 1:
            mine = [np.flatnonzero(self.folds == fold) for fold in range(len(by_others))]
            parts = [told.rows(rows) for told, rows in zip(by_others, mine, strict=True)]
            told = Told.joined(parts, np.argsort(np.concatenate(mine)))
        whole = CurveCalibrator.fit(told.raw, self.came, self.horizons, lost=told.lost)
        return self._standing(told, by_others, whole, whole)

    def bent(self, standing: Standing) -> Standing:
        """The same with maps bent where people gain by it."""
        straight, told = standing.calibrator, standing.told
        bent = straight.bent(told.raw, self.came, self.folds, told.lost)
        if bent.shapes is None:
            return standing
        return self._standing(told, standing.by_others, bent, straight)

    def levelled(
        self,
        basis: Basis,
        dense: Halves,
        parts: Sequence[tuple[Integers, Sequence[Hazards]]],
        edges: Floats,
        period: Integers,
    ) -> tuple[Levelling, list[Told]] | None:
        """What levels the mean of `parts`, and what all are told when it is learned without each fold in turn.

        Only of causes of which level hazards are likelier of people who did not level them; None where of none.

        dense : float32[k, r], who the people are, by `basis`
        parts : hazards of some of the rows (int64 places), together of all; period : int64[g], of each interval
        """
        lesson = LevelLesson.of(basis, dense, self.came, parts, edges, period)
        folds = [self.folds == fold for fold in range(int(self.folds.max()) + 1)]
        by_others = [lesson.learned(~fold) for fold in folds]
        gained = [lesson.gains(one, fold) for one, fold in zip(by_others, folds, strict=True)]
        kept = np.sum(gained, axis=0) > 0
        if not kept.any():
            return None
        told = [
            self._told(parts, lesson.more(one.of_causes(kept)), edges, period) for one in by_others
        ]
        return lesson.learned(np.ones(len(self.folds), dtype=np.bool_)).of_causes(kept), told

    def _told(
        self,
        parts: Sequence[tuple[Integers, Sequence[Hazards]]],
        more: Floats,
        edges: Floats,
        period: Integers,
    ) -> Told:
        """By the parts with `more` (float64[c, p, r]) on their log hazards."""
        told = [
            Told.of(
                with_more(those, period, more[:, :, rows]),
                self.came.rows(rows),
                edges,
                self.horizons,
            )
            for rows, those in parts
        ]
        return Told.joined(told, np.argsort(np.concatenate([rows for rows, _ in parts])))

    def _standing(
        self,
        told: Told,
        by_others: Sequence[Told],
        whole: CurveCalibrator,
        start: CurveCalibrator,
    ) -> Standing:
        found = np.empty_like(told.raw)
        for fold in np.unique(self.folds):
            others, mine = np.flatnonzero(self.folds != fold), np.flatnonzero(self.folds == fold)
            those = self.came.rows(others)
            theirs = by_others[fold if len(by_others) > 1 else 0].rows(others)
            calibrator = CurveCalibrator.fit(
                theirs.raw, those, self.horizons, lost=theirs.lost, start=start
            )
            if whole.shapes is not None:
                calibrator = calibrator.bent(theirs.raw, those, self.folds[others], theirs.lost)
            found[mine] = calibrator.apply(told.raw[mine], self.horizons)
        return Standing(
            told=told,
            by_others=by_others,
            calibrator=whole,
            incidence=found,
            losses=self._losses(found),
        )

    def _losses(self, incidence: Floats) -> Floats:
        """float64[r]: each row's IPCW log loss, the mean over causes and the horizons to which people were seen."""
        came, n_causes = self.came, incidence.shape[1]
        total = np.zeros(len(came))
        inside = np.clip(incidence, SMALLEST, 1 - SMALLEST)
        seen = max(horizons_seen(came, self.horizons), 1)  # where none is, the study is refused
        for h in range(seen):
            for c in range(n_causes):
                happened, weight = came.known_at(float(self.horizons[h]), cause=c + 1)
                risk = inside[:, c, h]
                total -= weight * np.where(happened, np.log(risk), np.log1p(-risk))
        return total / (seen * n_causes)


def winner_of(standing: dict[str, Standing]) -> str:
    """The average, unless another's loss is below it by more than the standard error of the difference."""
    best, margin = AVERAGE, 0.0
    usual = standing[AVERAGE].losses
    if len(usual) == 0:
        return best
    for kind in (LINEAR, TREES):
        better = usual - standing[kind].losses
        beyond = float(better.mean() - better.std() / np.sqrt(len(better)))
        if beyond > margin:
            best, margin = kind, beyond
    return best
