"""Calibration of incidence curves: a map for each cause and horizon, then curves that rise and never sum above 1."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import expit

from lifecourse.models.calibration import Calibrator, both_kinds, fit_line, log_odds
from lifecourse.models.evaluation.followed import horizons_seen
from lifecourse.models.hazards.lost import expected_answers
from lifecourse.models.shapes import STRAIGHT, Shape, chosen_shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from lifecourse.models.evaluation.followed import Followed

    Floats = npt.NDArray[np.float64]

CLOSE = 1e-7
"""The last of Newton's steps: what is left after it is about its square."""
PRIOR_EVENTS = 20.0
"""The slope is held to 1 as if by so many events: a handful of outcomes must not bend a curve."""
MOST_PASSES, NEAR = 20, 3e-3
"""Of maps and of what they say of those who were lost; until no intercept or slope moves farther."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveCalibrator:
    """Maps of log-odds at some horizons, and the repair of what they leave.

    horizons_days : h days, ascending; intercept, slope : [c][h]
    shapes : [c][h], how what these give is bent; straight where None
    """

    horizons_days: list[float]
    intercept: list[list[float]]
    slope: list[list[float]]
    shapes: list[list[Shape | None]] | None = None

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> CurveCalibrator:
        """What `to_dict` gave."""
        shapes = document.get("shapes")
        read = shapes and [[one and Shape(**one) for one in cause] for cause in shapes]
        return cls(**{**document, "shapes": read or None})

    @classmethod
    def fit(
        cls,
        incidence: Floats,
        outcome: Followed,
        horizons_days: Floats,
        *,
        slopes: bool = True,
        lost: Floats | None = None,
        start: CurveCalibrator | None = None,
    ) -> CurveCalibrator:
        """The maps that make float64[r, c, h] incidences come true.

        Those censored early count with what is expected of them where it is known what the curves said by then (`lost`,
        float64[r, c], `lifecourse.models.hazards.lost`), which is looked for from the maps of `start` on (of nearly the
        same people) or from none; else they are weighted for. The mean of each map's predictions is the observed share;
        without `slopes` the slope stays 1. Horizons to which too few were seen (`is_unseen`) take the level of the last
        one seen, the intercept that it has at a slope of 1: a slope turns risks about their level there, and at another
        level it would move them all. Where none is seen nothing is mapped.
        """
        if lost is not None:
            return cls._expecting(incidence, outcome, horizons_days, lost, slopes, start)
        maps, seen = _no_maps(incidence), horizons_seen(outcome, horizons_days)
        for h, days in enumerate(horizons_days[:seen]):
            for c in range(len(maps)):
                came, weight = outcome.known_at(float(days), cause=c + 1)
                told, answers = log_odds(incidence[:, c, h]), came.astype(float)
                maps[c, h] = _fitted(told, answers, weight, slopes=slopes)
                if h == seen - 1:
                    maps[c, seen:] = _fitted(told, answers, weight, slopes=False)
        return cls._of(maps, horizons_days)

    @classmethod
    def _expecting(
        cls,
        incidence: Floats,
        outcome: Followed,
        horizons_days: Floats,
        lost: Floats,
        slopes: bool,
        start: CurveCalibrator | None,
    ) -> CurveCalibrator:
        maps, seen = _no_maps(incidence), horizons_seen(outcome, horizons_days)
        if start is not None:
            maps[:, :seen] = np.stack([start.intercept, start.slope], axis=2)[:, :seen]
        raw, every = np.ascontiguousarray(incidence.transpose(1, 2, 0)), np.ones(len(outcome))
        told = log_odds(raw)
        for _ in range(MOST_PASSES):
            mapped = np.where(raw > 0, expit(maps[:, :, :1] + maps[:, :, 1:] * told), 0.0)
            answers = np.ascontiguousarray(
                expected_answers(
                    incidence, mapped.transpose(2, 0, 1), lost, outcome, horizons_days
                ).transpose(1, 2, 0)
            )
            before = maps.copy()
            for c in range(len(maps)):
                for h in range(seen):
                    maps[c, h] = _fitted(
                        told[c, h], answers[c, h], every,
                        slopes=slopes, start=maps[c, h], close=NEAR,
                    )  # fmt: skip
                if 0 < seen < len(horizons_days):
                    maps[c, seen:] = _fitted(
                        told[c, seen - 1], answers[c, seen - 1], every,
                        slopes=False, start=maps[c, seen], close=NEAR,
                    )  # fmt: skip
            if np.abs(maps - before).max(initial=0.0) < NEAR:
                break
        return cls._of(maps, horizons_days)

    @classmethod
    def _of(cls, maps: Floats, horizons_days: Floats) -> CurveCalibrator:
        """Of float64[c, h, 2], intercept and slope."""
        return cls(
            horizons_days=[float(days) for days in horizons_days],
            intercept=maps[:, :, 0].tolist(),
            slope=maps[:, :, 1].tolist(),
        )

    def _answers(self, incidence: Floats, outcome: Followed, lost: Floats) -> Floats:
        mapped = np.stack(
            [
                np.stack(
                    [self._map(incidence[:, c, h], c, h) for h in range(incidence.shape[2])], 1
                )
                for c in range(incidence.shape[1])
            ],
            axis=1,
        )
        days = np.array(self.horizons_days)
        return expected_answers(incidence, mapped, lost, outcome, days)

    def bent(
        self,
        incidence: Floats,
        outcome: Followed,
        folds: npt.NDArray[np.int64],
        lost: Floats | None = None,
    ) -> CurveCalibrator:
        """The same, each map bent where people outside the fit gain by it (`lifecourse.models.shapes`).

        Horizons to which too few were seen (`is_unseen`) stay straight.

        incidence, outcome, folds, lost : of the r rows that the maps were fitted to; one person in one fold
        """
        answers = None if lost is None else self._answers(incidence, outcome, lost)
        shapes: list[list[Shape | None]] = []
        seen = horizons_seen(outcome, self.horizons_days)
        for c in range(incidence.shape[1]):
            shapes.append([])
            for h, days in enumerate(self.horizons_days):
                if h >= seen:
                    shapes[c].append(None)
                    continue
                straight = self._map(incidence[:, c, h], c, h)
                if answers is not None:
                    shapes[c].append(chosen_shape(*_in_two(straight, answers[:, c, h], folds)))
                    continue
                came, weight = outcome.known_at(days, cause=c + 1)
                shapes[c].append(chosen_shape(straight, came, weight, folds))
        bent = any(shape for cause in shapes for shape in cause)
        return replace(self, shapes=shapes if bent else None)

    def apply(self, incidence: Floats, horizons_days: Floats) -> Floats:
        """float64[r, c, h] calibrated; between two horizons of the maps, what both say, weighted by nearness."""
        found = np.empty_like(incidence)
        known = np.array(self.horizons_days)
        for h, days in enumerate(np.asarray(horizons_days, dtype=float)):
            after = int(np.clip(np.searchsorted(known, days), 0, len(known) - 1))
            before = max(after - 1, 0) if days < known[after] else after
            span = known[after] - known[before]
            near = 1.0 if span == 0 else float((days - known[before]) / span)
            for c in range(incidence.shape[1]):
                raw = incidence[:, c, h]
                found[:, c, h] = (1 - near) * self._map(raw, c, before) + near * self._map(
                    raw, c, after
                )
        return repaired(found)

    def then(self, after: CurveCalibrator) -> CurveCalibrator:
        """What it says, mapped again by `after`, of the same horizons; of each map one of the two is bent at most."""
        found: list[list[tuple[Calibrator, Shape | None]]] = [
            [self._then(after, c, h) for h in range(len(self.horizons_days))]
            for c in range(len(self.slope))
        ]
        bent = any(shape for cause in found for _, shape in cause)
        return CurveCalibrator(
            horizons_days=self.horizons_days,
            intercept=[[straight.intercept for straight, _ in cause] for cause in found],
            slope=[[straight.slope for straight, _ in cause] for cause in found],
            shapes=[[shape for _, shape in cause] for cause in found] if bent else None,
        )

    @property
    def kinds(self) -> list[list[str]]:
        """[c][h] of each map: ``straight``, ``beta`` or ``isotonic``."""
        n = len(self.horizons_days)
        shapes = self.shapes or [[None] * n for _ in self.slope]
        return [[shape.kind if shape else STRAIGHT for shape in cause] for cause in shapes]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)

    def _then(
        self, after: CurveCalibrator, cause: int, horizon: int
    ) -> tuple[Calibrator, Shape | None]:
        mine, next_ = (
            Calibrator(intercept=one.intercept[cause][horizon], slope=one.slope[cause][horizon])
            for one in (self, after)
        )
        first, second = (
            one.shapes[cause][horizon] if one.shapes else None for one in (self, after)
        )
        if first is None:
            return mine.then(next_), second
        assert second is None  # noqa: S101 -- refused by `recalibrate`
        return mine, first.then(next_)

    def _map(self, raw: Floats, cause: int, horizon: int) -> Floats:
        mapped = expit(self.intercept[cause][horizon] + self.slope[cause][horizon] * log_odds(raw))
        shape = self.shapes[cause][horizon] if self.shapes else None
        mapped = mapped if shape is None else shape.apply(mapped)
        return np.where(raw > 0, mapped, 0.0)


def _no_maps(incidence: Floats) -> Floats:
    """float64[c, h, 2]: of each cause and horizon of float64[r, c, h] an intercept of 0 and a slope of 1."""
    return np.tile(np.array([0.0, 1.0]), (*incidence.shape[1:], 1))


def repaired(incidence: Floats) -> Floats:
    """float64[r, c, h] in [0, 1], rising with the horizon, the causes together never above 1.

    Where calibrated causes would pass 1, what each gains from one horizon to the next is cut in proportion.
    """
    rising = np.maximum.accumulate(np.clip(incidence, 0.0, 1.0), axis=2)
    gains = np.diff(rising, axis=2, prepend=0.0)
    left = np.ones(len(incidence))
    for h in range(incidence.shape[2]):
        wanted = gains[:, :, h].sum(axis=1)
        part = np.where(wanted > left, left / np.maximum(wanted, 1e-300), 1.0)
        gains[:, :, h] *= part[:, None]
        left = np.maximum(left - gains[:, :, h].sum(axis=1), 0.0)
    return np.cumsum(gains, axis=2)


def _in_two(
    risk: Floats, answer: Floats, folds: npt.NDArray[np.int64]
) -> tuple[Floats, npt.NDArray[np.bool_], Floats, npt.NDArray[np.int64]]:
    """Risk, answer, weight and fold, where who has a chance stands for one with and one without the cause."""
    between = np.flatnonzero((answer > 0) & (answer < 1))
    weight = np.ones(len(answer))
    weight[between] = answer[between]
    return (
        np.concatenate([risk, risk[between]]),
        np.concatenate([answer > 0, np.zeros(len(between), dtype=np.bool_)]),
        np.concatenate([weight, 1.0 - weight[between]]),
        np.concatenate([folds, folds[between]]),
    )


def _fitted(
    x: Floats,
    came: Floats,
    weight: Floats,
    *,
    slopes: bool,
    start: Sequence[float] | Floats = (0.0, 1.0),
    close: float = CLOSE,
) -> tuple[float, float]:
    """`fit_line`, the slope held by `PRIOR_EVENTS`; 0 and 1 where nobody or everybody had it."""
    if not both_kinds(came, weight):
        return 0.0, 1.0
    return fit_line(
        x, came, weight, slopes=slopes, prior_events=PRIOR_EVENTS, start=start, close=close
    )
