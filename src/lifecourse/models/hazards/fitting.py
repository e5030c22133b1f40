"""Fit: members that each learn without one fold of the people; what they say of that fold calibrates and chooses.

How hard learning is held back is chosen once, by the people outside the first fold, for all members alike: if each
chose for itself, members would differ by what they chose, and intervals tell of that instead of the people.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from lifecourse.base.beside import beside, both
from lifecourse.models.evaluation.followed import Followed, horizons_seen
from lifecourse.models.evaluation.learning import Lesson, teaches
from lifecourse.models.hazards.basis import Basis, Designs
from lifecourse.models.hazards.boosted import BoostedHazards, Growth, chosen_growth
from lifecourse.models.hazards.curves import CurveCalibrator
from lifecourse.models.hazards.grid import seen_until, time_grid
from lifecourse.models.hazards.held_out import HeldOut, Told, winner_of
from lifecourse.models.hazards.learner import KINDS, HazardLearner, parts_of
from lifecourse.models.hazards.levelling import Levelling, may_level
from lifecourse.models.hazards.linear import LinearHazards, Penalty, chosen_penalties
from lifecourse.models.hazards.person_periods import periods_of
from lifecourse.models.hazards.start import demographics
from lifecourse.models.split import N_FOLDS, folds_of, nested

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from lifecourse.features import FeatureMatrix
    from lifecourse.models.hazards.incidence import Hazards

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]
    Flags = npt.NDArray[np.bool_]

MOST_ROWS_IN_FOLDS = 300_000
"""Of more rows a tenth is held out once, and the model that it judged is the one that is kept."""
TENTHS, ENOUGH_FOR_TENTHS = 10, 2_000
"""With so many events, a tenth of those who teach suffices to choose how hard learning is held back."""
OF_FEW, PENALTIES_OF_FEW = 2, 4
"""With fewer, so many folds of them are asked, and so many penalties used that foretell nearly alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How hard learning is held back: mix and strength of the linear penalty, and the trees of each cause."""

    penalties: tuple[Penalty, ...]
    growth: tuple[Growth, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HazardFit:
    """A calibrated learner and what it said of people whom it had not seen.

    judged : int64[j] the rows that were held out and seen from the start
    held_out : by kind of learner, float64[j, c, h] calibrated incidence, nobody calibrated on themselves
    losses : by kind, the mean IPCW log loss over causes and horizons
    settings : with which every member learned
    lessons, held_out_first : what parts of those outside the first fold taught, of the rows in it (int64[j]); empty
        unless asked for
    """

    learner: HazardLearner
    calibrator: CurveCalibrator
    judged: Integers
    held_out: dict[str, Floats]
    losses: dict[str, float]
    settings: Settings
    lessons: tuple[Lesson, ...] = ()
    held_out_first: Integers = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def incidence(self, features: FeatureMatrix, horizons_days: Floats | None = None) -> Floats:
        """float64[r, c, h] calibrated, at the learner's horizons where None are given."""
        horizons = self.learner.horizons_days if horizons_days is None else horizons_days
        return self.calibrator.apply(self.learner.incidence(features, horizons), horizons)


def fit_hazards(
    features: FeatureMatrix,
    outcome: Followed,
    subjects: Integers,
    *,
    horizons_days: npt.ArrayLike,
    n_causes: int = 1,
    seed: int = 0,
    known: Sequence[Flags] | None = None,
    workers: int | None = None,
    lessons: bool = False,
) -> HazardFit:
    """Cause-specific hazards, calibrated out of fold; their average, unless linear or boosted ones foretell better.

    Parameters
    ----------
    features, outcome, subjects : of r rows; rows of one subject are kept together
    horizons_days : ascending; follow-up beyond the last is not looked at
    n_causes : events are 1..n_causes
    known : for each of the 5 folds, bool[m] which columns of codes the people outside it teach; all where None
    lessons : whether parts of those outside the first fold are asked too, for a learning curve

    Returns
    -------
    HazardFit; a function of the arguments alone, however many workers there are
    """
    horizons = np.asarray(horizons_days, dtype=np.float64)
    seen, rows = seen_until(outcome, float(horizons[-1]))
    edges = time_grid(seen, horizons)
    those = features if len(rows) == len(outcome) else features.of_rows(rows)
    study = _Study(
        features=those,
        outcome=seen,
        rows=rows,
        subjects=subjects[rows],
        n_causes=n_causes,
        horizons=horizons,
        edges=edges,
        period=periods_of(seen, edges),
        designs=Designs.of(Basis.fit(those), those),
        seed=seed,
        known=known,
        workers=workers or os.cpu_count() or 1,
    )
    return study.fit(lessons)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Study:
    features: FeatureMatrix
    outcome: Followed
    rows: Integers  # of those given
    subjects: Integers
    n_causes: int
    horizons: Floats
    edges: Floats
    period: Integers
    designs: Designs
    seed: int
    known: Sequence[Flags] | None
    workers: int

    @property
    def is_large(self) -> bool:
        return len(self.subjects) > MOST_ROWS_IN_FOLDS

    def fit(self, lessons: bool) -> HazardFit:
        folds = folds_of(self.subjects, TENTHS if self.is_large else N_FOLDS, self.seed)
        settings = self._settings(np.flatnonzero(folds != 0))
        members = beside(
            self.workers,
            *(
                partial(self._member, np.flatnonzero(folds != fold), folds == fold, fold, settings)
                for fold in range(1 if self.is_large else N_FOLDS)
            ),
        )
        fitted = self._chosen(members, settings)
        return self._with_lessons(fitted, folds, members[0]) if lessons else fitted

    def _with_lessons(self, fitted: HazardFit, folds: Integers, first: _Member) -> HazardFit:
        """What parts of those outside the first fold teach of it, and all of them, with the settings all found."""
        learning, judged = np.flatnonzero(folds != 0), first.judged
        kind, happened = fitted.learner.kind, self.outcome.event == 1
        if not all(teaches(self.subjects, happened, rows) for rows in (learning, judged)):
            return fitted
        parts = list(nested(self.subjects, learning, self.seed))
        taught = [(1.0, learning, first)]
        for share, rows in parts:
            if teaches(self.subjects, happened, rows):
                taught.append((share, rows, self._member(rows, folds == 0, 0, fitted.settings)))
        last = max(horizons_seen(self.outcome, self.horizons), 1) - 1
        found = [
            Lesson(share=share, rows=self.rows[rows], told=member.told[kind].raw[:, 0, last])
            for share, rows, member in taught
        ]
        return replace(fitted, lessons=tuple(found), held_out_first=self.rows[judged])

    def _settings(self, learning: Integers) -> Settings:
        """What the rows `learning` choose: some foretold by what the others of them teach."""
        features, designs = self._known_to(0)
        enough = int((self.outcome.event[learning] > 0).sum()) >= ENOUGH_FOR_TENTHS
        parts = folds_of(self.subjects[learning], TENTHS if enough else N_FOLDS, self.seed + 1)
        inners = [parts == part for part in range(1 if enough else OF_FEW)]
        penalties, growth = both(
            self.workers,
            lambda: chosen_penalties(
                designs, self.outcome, learning, inners, edges=self.edges, n_causes=self.n_causes,
                most=1 if enough else PENALTIES_OF_FEW,
            ),
            lambda: chosen_growth(
                features, self.outcome, learning, inners, edges=self.edges, period=self.period,
                n_causes=self.n_causes, seed=self.seed,
            ),
        )  # fmt: skip
        return Settings(penalties=penalties, growth=tuple(growth))

    def _known_to(self, fold: int) -> tuple[FeatureMatrix, Designs]:
        """The columns that the people outside a fold know of."""
        if self.known is None:
            return self.features, self.designs
        features = _only(self.features, self.known[fold])
        return features, replace(self.designs, codes=features.codes)

    def _member(
        self, learning: Integers, held_out: Flags, fold: int, settings: Settings
    ) -> _Member:
        """What the rows `learning` teach, and what it says of those held out who were seen from the start.

        Who entered late has no risk from the start to judge.
        """
        late = self.outcome.entry_days
        judged = np.flatnonzero(held_out if late is None else held_out & (late == 0))
        features, designs = self._known_to(fold)
        linear, boosted = both(
            self.workers,
            lambda: LinearHazards.fit(
                designs, self.outcome, learning, edges=self.edges, n_causes=self.n_causes,
                penalties=settings.penalties,
            ),
            lambda: BoostedHazards.fit(
                features, self.outcome, learning, edges=self.edges, period=self.period,
                growth=settings.growth, seed=self.seed,
            ),
        )  # fmt: skip
        those = features.of_rows(judged)
        threads = self.workers if self.is_large else 1  # otherwise members stand beside each other
        parts = (linear.hazards(those), boosted.hazards(those, threads))
        came = self.outcome.rows(judged)
        told = {
            kind: Told.of(parts_of(kind, parts), came, self.edges, self.horizons) for kind in KINDS
        }
        return _Member(linear=linear, boosted=boosted, judged=judged, parts=parts, told=told)

    def _chosen(self, members: list[_Member], settings: Settings) -> HazardFit:
        whose = np.concatenate([member.judged for member in members])
        order = np.argsort(whose)
        judged = whose[order]
        came = self.outcome.rows(judged)
        held = HeldOut(
            came=Followed(duration_days=came.duration_days, event=came.event),
            folds=folds_of(self.subjects[judged], N_FOLDS, self.seed + 2),
            horizons=self.horizons,
        )
        every = [Told.joined([member.told[kind] for member in members], order) for kind in KINDS]
        calibrated = beside(self.workers, *(partial(held.calibrated, [told]) for told in every))
        found = dict(zip(KINDS, calibrated, strict=True))
        winner = winner_of(found)
        levelling = None
        if may_level(self.features, held.came) and (
            level := self._levelled(held, judged, members, winner)
        ):
            levelling, found[winner] = level[0], held.calibrated(level[1])
        found[winner] = held.bent(found[winner])
        learner = HazardLearner(
            kind=winner,
            linear=[member.linear for member in members],
            boosted=[member.boosted for member in members],
            horizons_days=self.horizons,
            levelling=levelling,
        )
        return HazardFit(
            learner=learner,
            calibrator=found[winner].calibrator,
            judged=self.rows[judged],
            held_out={kind: one.incidence for kind, one in found.items()},
            losses={kind: one.loss for kind, one in found.items()},
            settings=settings,
        )

    def _levelled(
        self, held: HeldOut, judged: Integers, members: list[_Member], kind: str
    ) -> tuple[Levelling, list[Told]] | None:
        """What levels the learner, and what it says once it is level; None where people do not gain by it."""
        those = demographics(self.features.of_rows(judged))
        basis = Basis.fit(those)
        parts = [
            (np.searchsorted(judged, member.judged), parts_of(kind, member.parts))
            for member in members
        ]
        return held.levelled(basis, basis.dense(those), parts, self.edges, self.period)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Member:
    """What some teach, and what it says of the rows `judged` (int64): hazards, linear and boosted, and by kind."""

    linear: LinearHazards
    boosted: BoostedHazards
    judged: Integers
    parts: tuple[Hazards, Hazards]
    told: dict[str, Told]


def _only(features: FeatureMatrix, known: Flags) -> FeatureMatrix:
    """The same columns, those of other codes empty."""
    if known.all():
        return features
    codes = features.codes.copy()
    codes.data = np.where(known[codes.indices], codes.data, 0).astype(codes.dtype)
    codes.eliminate_zeros()
    return replace(features, codes=codes)
