"""People lost before a horizon count with what the curve says of them: beside one person after the other, and truths."""

from __future__ import annotations

import numpy as np
import pytest

from lifecourse.models.evaluation.followed import Followed
from lifecourse.models.hazards.curves import CurveCalibrator
from lifecourse.models.hazards.lost import at_loss, expected_answers

YEAR = 365.25
HORIZONS = np.array([1, 5, 10]) * YEAR


def curves(random: np.random.Generator, n: int, edges: np.ndarray) -> np.ndarray:
    """float64[n, 2, g]: rising, together below 1."""
    gains = random.exponential(1.0, (n, 2, len(edges) - 1))
    return np.cumsum(gains, axis=2) / (gains.sum(axis=(1, 2)) * 1.3)[:, None, None]


@pytest.mark.parametrize("seed", range(4))
def test_chances_of_the_lost_are_those_of_one_person_after_the_other(seed: int) -> None:
    random = np.random.default_rng(seed)
    n = 60
    edges = np.sort(np.concatenate([[0.0], random.uniform(1, 10 * YEAR - 1, 9), HORIZONS]))
    raw = curves(random, n, edges)
    mapped = curves(random, n, edges)
    places = np.searchsorted(edges, HORIZONS) - 1
    days = random.uniform(1, 12 * YEAR, n)
    event = random.integers(0, 3, n)
    came = Followed(
        duration_days=np.minimum(days, HORIZONS[-1]), event=np.where(days > HORIZONS[-1], 0, event)
    )
    lost = at_loss(edges, raw, came)
    found = expected_answers(raw[:, :, places], mapped[:, :, places], lost, came, HORIZONS)

    for i in range(n):
        u = float(came.duration_days[i])

        def moved(cause: int, at: float, i: int = i) -> float:
            """The mapped curve at any day: between horizons it goes as the raw one goes."""
            line = np.concatenate([[0.0], raw[i, cause]])
            known = np.concatenate([[0.0], raw[i, cause, places]])
            told = np.concatenate([[0.0], mapped[i, cause, places]])
            here = float(np.interp(at, edges, line))
            k = int(np.searchsorted(HORIZONS, at))
            ratio = (told[k + 1] - told[k]) / (known[k + 1] - known[k])
            return float(told[k] + (here - known[k]) * min(ratio, 10.0))

        for cause in range(2):
            for h, horizon in enumerate(HORIZONS):
                if came.event[i] > 0 or u >= horizon:
                    expected = float(came.event[i] == cause + 1 and u <= horizon)
                else:
                    free = max(1 - moved(0, u) - moved(1, u), 1e-6)
                    expected = 0.0
                    low = u
                    for end in HORIZONS[: h + 1]:
                        if end > low:
                            start = (
                                moved(cause, low)
                                if low == u
                                else moved(cause, np.nextafter(low, low + 1))
                            )
                            expected += (moved(cause, float(end)) - start) / free
                            low = float(end)
                    expected = min(expected, 1.0)
                assert found[i, cause, h] == pytest.approx(expected, abs=1e-6)


def test_where_nobody_is_lost_maps_are_those_of_what_came() -> None:
    random = np.random.default_rng(1)
    n = 3_000
    risk = random.uniform(0.02, 0.4, n)
    days = random.exponential(1.0, n) * HORIZONS[-1] / -np.log1p(-risk)
    came = Followed(
        duration_days=np.minimum(days, HORIZONS[-1]), event=(days <= HORIZONS[-1]).astype(np.int64)
    )
    raw = (1 - np.exp(np.log1p(-risk)[:, None] * HORIZONS / HORIZONS[-1]))[:, None, :] * 0.7
    weighted = CurveCalibrator.fit(raw, came, HORIZONS)
    expecting = CurveCalibrator.fit(raw, came, HORIZONS, lost=raw[:, :, -1])
    np.testing.assert_allclose(expecting.intercept, weighted.intercept, atol=1e-3)
    np.testing.assert_allclose(expecting.slope, weighted.slope, atol=1e-3)


def test_who_is_old_may_be_seen_for_less_long() -> None:
    """Nobody over 70 is seen for ten years: weights take their events for everyone's, expectations do not."""
    random = np.random.default_rng(2)
    n = 60_000
    age = random.uniform(40, 80, n)
    seen = np.where(age > 70, random.uniform(2, 7, n), random.uniform(5, 12, n)) * YEAR
    hazard = 0.02 * np.exp((age - 60) / 10) / YEAR
    days = random.exponential(1.0, n) / hazard
    came = Followed(
        duration_days=np.minimum(np.minimum(days, seen), HORIZONS[-1]),
        event=(days <= np.minimum(seen, HORIZONS[-1])).astype(np.int64),
    )
    true = 1 - np.exp(-hazard[:, None] * HORIZONS)
    edges = np.concatenate([[0.0], np.linspace(0.5, 10, 20) * YEAR])
    # The model says two thirds of the hazard, so that its maps have something to do.
    curve = (1 - np.exp(-hazard[:, None] * edges[1:] * 2 / 3))[:, None, :]
    raw = curve[:, :, np.searchsorted(edges, HORIZONS) - 1]
    lost = at_loss(edges, curve, came)

    def off(calibrator: CurveCalibrator) -> tuple[float, float]:
        told = calibrator.apply(raw, HORIZONS)[:, 0, -1]
        old = age > 70
        everyone = float(told.mean() / true[:, -1].mean())
        return abs(everyone - 1), abs(float(told[old].mean() / true[old, -1].mean()) - 1)

    expecting = off(CurveCalibrator.fit(raw, came, HORIZONS, lost=lost))
    weighted = off(CurveCalibrator.fit(raw, came, HORIZONS))
    assert max(expecting) < 0.04
    assert max(weighted) > 0.06
    assert max(expecting) < max(weighted) / 2
