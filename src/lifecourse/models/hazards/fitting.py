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
from lifecourse.models.evaluation.followed import Followed
from lifecourse.models.evaluation.learning import Lesson, teaches
from lifecourse.models.evaluation.log_loss import SMALLEST
from lifecourse.models.hazards.basis import Basis, Designs
from lifecourse.models.hazards.boosted import BoostedHazards, Growth, chosen_growth
from lifecourse.models.hazards.curves import CurveCalibrator, is_unseen
from lifecourse.models.hazards.grid import seen_until, time_grid
from lifecourse.models.hazards.incidence import cumulative_incidence
from lifecourse.models.hazards.learner import AVERAGE, KINDS, LINEAR, TREES, HazardLearner
from lifecourse.models.hazards.linear import LinearHazards, Penalty, chosen_penalties
from lifecourse.models.hazards.lost import at_loss
from lifecourse.models.hazards.person_periods import periods_of
from lifecourse.models.split import N_FOLDS, folds_of, nested

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from lifecourse.features import FeatureMatrix

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
        judging = range(1 if self.is_large else N_FOLDS)
        settings = self._settings(np.flatnonzero(folds != 0))
        members = beside(
            self.workers, *(partial(self._member, folds, fold, settings) for fold in judging)
        )
        judged = np.flatnonzero(folds < len(judging))
        raw = {kind: np.empty((len(folds), self.n_causes, len(self.horizons))) for kind in KINDS}
        lost = {kind: np.empty((len(folds), self.n_causes)) for kind in KINDS}
        for fold, member in enumerate(members):
            for kind, told in member.held_out.items():
                raw[kind][folds == fold] = told
                lost[kind][folds == fold] = member.lost[kind]
        fitted = self._chosen(
            {kind: told[judged] for kind, told in raw.items()},
            {kind: told[judged] for kind, told in lost.items()},
            judged,
            members,
            settings,
        )
        return self._with_lessons(fitted, folds, members[0]) if lessons else fitted

    def _with_lessons(self, fitted: HazardFit, folds: Integers, first: _Member) -> HazardFit:
        """What parts of those outside the first fold teach of it, and all of them, with the settings all found."""
        learning = np.flatnonzero(folds != 0)
        judged = np.flatnonzero((folds == 0) & self._from_start(np.arange(len(folds))))
        kind, happened = fitted.learner.kind, self.outcome.event == 1
        if not all(teaches(self.subjects, happened, rows) for rows in (learning, judged)):
            return fitted
        parts = list(nested(self.subjects, learning, self.seed))
        taught = [(1.0, learning, first)]
        for share, rows in parts:
            if teaches(self.subjects, happened, rows):
                taught.append((share, rows, self._member_of(rows, folds == 0, 0, fitted.settings)))
        found = [
            Lesson(
                share=share,
                rows=self.rows[rows],
                told=member.held_out[kind][self._from_start(np.flatnonzero(folds == 0)), 0, -1],
            )
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

    def _member(self, folds: Integers, fold: int, settings: Settings) -> _Member:
        """What the people outside a fold teach, and what it says of those in it."""
        return self._member_of(np.flatnonzero(folds != fold), folds == fold, fold, settings)

    def _member_of(
        self, learning: Integers, held_out: Flags, fold: int, settings: Settings
    ) -> _Member:
        """What the rows `learning` teach."""
        judged = np.flatnonzero(held_out)
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
        found = {LINEAR: [linear.hazards(those)], TREES: [boosted.hazards(those, threads)]}
        found[AVERAGE] = [*found[LINEAR], *found[TREES]]
        told, lost = {}, {}
        at = np.searchsorted(self.edges, self.horizons) - 1
        for kind, hazards in found.items():
            curve = cumulative_incidence(self.edges, hazards, self.edges[1:])
            told[kind] = curve[:, :, at]
            lost[kind] = at_loss(self.edges, curve, self.outcome.rows(judged))
        return _Member(linear=linear, boosted=boosted, held_out=told, lost=lost)

    def _chosen(
        self,
        raw: dict[str, Floats],
        lost: dict[str, Floats],
        judged: Integers,
        members: list[_Member],
        settings: Settings,
    ) -> HazardFit:
        from_start = self._from_start(judged)
        lost = {kind: told[from_start] for kind, told in lost.items()}
        raw = {kind: told[from_start] for kind, told in raw.items()}
        judged = judged[from_start]
        came = self.outcome.rows(judged)  # without entries, which are all at the start
        came = Followed(duration_days=came.duration_days, event=came.event)
        folds = folds_of(self.subjects[judged], N_FOLDS, self.seed + 2)

        def calibrated(kind: str) -> tuple[CurveCalibrator, Floats]:
            whole = CurveCalibrator.fit(raw[kind], came, self.horizons, lost=lost[kind])
            return whole, self._held_out(whole, raw[kind], lost[kind], came, folds)

        pairs = beside(self.workers, *(partial(calibrated, kind) for kind in raw))
        every = dict(zip(raw, pairs, strict=True))
        held_out = {kind: told for kind, (_, told) in every.items()}
        losses = {kind: self._losses(came, told) for kind, told in held_out.items()}
        winner = _winner(losses)
        straight = every[winner][0]
        calibrator = straight.bent(raw[winner], came, folds, lost[winner])
        if calibrator.shapes is not None:
            held_out[winner] = self._held_out(
                straight, raw[winner], lost[winner], came, folds, bent=True
            )
            losses[winner] = self._losses(came, held_out[winner])
        learner = HazardLearner(
            kind=winner,
            linear=[member.linear for member in members],
            boosted=[member.boosted for member in members],
            horizons_days=self.horizons,
        )
        return HazardFit(
            learner=learner,
            calibrator=calibrator,
            judged=self.rows[judged],
            held_out=held_out,
            losses={kind: float(np.sum(told)) / max(len(told), 1) for kind, told in losses.items()},
            settings=settings,
        )

    def _from_start(self, judged: Integers) -> Flags:
        """Which rows were seen from their prediction time on: who entered late has no risk from the start to judge."""
        if self.outcome.entry_days is None:
            return np.ones(len(judged), dtype=np.bool_)
        return self.outcome.entry_days[judged] == 0

    def _held_out(
        self,
        whole: CurveCalibrator,
        raw: Floats,
        lost: Floats,
        came: Followed,
        folds: Integers,
        *,
        bent: bool = False,
    ) -> Floats:
        """Each fold by the maps of the others, near those of the `whole`, and if `bent` as they choose."""
        found = np.empty_like(raw)
        for fold in np.unique(folds):
            others, mine = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
            those = came.rows(others)
            calibrator = CurveCalibrator.fit(
                raw[others], those, self.horizons, lost=lost[others], start=whole
            )
            if bent:
                calibrator = calibrator.bent(raw[others], those, folds[others], lost[others])
            found[mine] = calibrator.apply(raw[mine], self.horizons)
        return found

    def _losses(self, came: Followed, incidence: Floats) -> Floats:
        """float64[r]: each row's IPCW log loss, the mean over causes and the horizons to which people were seen."""
        total = np.zeros(len(came))
        inside = np.clip(incidence, SMALLEST, 1 - SMALLEST)
        seen = [h for h, d in enumerate(self.horizons) if h == 0 or not is_unseen(came, float(d))]
        for h in seen:
            days = self.horizons[h]
            for c in range(self.n_causes):
                happened, weight = came.known_at(float(days), cause=c + 1)
                risk = inside[:, c, h]
                total -= weight * np.where(happened, np.log(risk), np.log1p(-risk))
        return total / (len(seen) * self.n_causes)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Member:
    linear: LinearHazards
    boosted: BoostedHazards
    held_out: dict[str, Floats]
    lost: dict[str, Floats]


def _winner(losses: dict[str, Floats]) -> str:
    """The average, unless another's loss is below it by more than the standard error of the difference."""
    best, margin = AVERAGE, 0.0
    if len(losses[AVERAGE]) == 0:
        return best
    for kind in (LINEAR, TREES):
        better = losses[AVERAGE] - losses[kind]
        beyond = float(better.mean() - better.std() / np.sqrt(len(better)))
        if beyond > margin:
            best, margin = kind, beyond
    return best


def _only(features: FeatureMatrix, known: Flags) -> FeatureMatrix:
    """The same columns, those of other codes empty."""
    if known.all():
        return features
    codes = features.codes.copy()
    codes.data = np.where(known[codes.indices], codes.data, 0).astype(codes.dtype)
    codes.eliminate_zeros()
    return replace(features, codes=codes)
