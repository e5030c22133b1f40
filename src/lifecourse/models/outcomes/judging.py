"""How well a model of many outcomes does: each outcome beside age and sex alone, and the mean over outcomes.

Of each outcome and horizon: the area within bands of age and sexes (`stratified_auroc`) among moments of which it is
known whether the outcome came by the horizon, and events seen over events expected while people were followed
(person-years, Breslow & Day 1987, IARC 82; interval of a Poisson count, Garwood 1936, doi 10.1093/biomet/28.3-4.437).
The intervals of means are of outcomes drawn with replacement (percentile bootstrap, Efron 1979,
doi 10.1214/aos/1176344552): as if other outcomes had been asked about, not other people.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lifecourse.base.clock import DAYS_PER_YEAR
from lifecourse.models.evaluation.groups import count_interval
from lifecourse.models.evaluation.stratified import stratified_auroc
from lifecourse.models.outcomes.landmarks import strata
from lifecourse.models.outcomes.ratios import FollowUps
from lifecourse.privacy.release import FEWEST_PEOPLE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from lifecourse.models.outcomes.catalogue import Onsets
    from lifecourse.models.outcomes.landmarks import Landmarks
    from lifecourse.models.outcomes.model import ModelOfOutcomes

    Floats = npt.NDArray[np.float64]
    Singles = npt.NDArray[np.float32]

FEWEST_EVENTS = 25
"""Below, an outcome is not judged."""
ROWS_AT_ONCE = 2_048
DRAWS = 1_000
LOW, HIGH = 2.5, 97.5
AREAS = ("auroc", "auroc_of_age_and_sex", "gain")


@dataclass(frozen=True, slots=True, kw_only=True)
class Foretold:
    """What a model says of k outcomes at n moments.

    risk, alone : float32[h, k, n] by each horizon, of the model and of age and sex alone
    logs : float32[k, n] log ratios
    """

    risk: Singles
    alone: Singles
    logs: Singles


def evaluation(
    model: ModelOfOutcomes,
    logs_of: Callable[[slice], Floats],
    landmarks: Landmarks,
    onsets: Onsets,
    horizons_days: Sequence[float],
    seed: int,
) -> dict[str, Any]:
    """What is said of `model` at moments of people: ``people moments horizons outcomes``, JSON-ready.

    `onsets` are its outcomes in its order; `logs_of` as `foretold` takes it.
    """
    told = foretold(model, logs_of, landmarks, horizons_days)
    lines = lines_of(model, told, landmarks, onsets, horizons_days)
    return {
        "people": len(np.unique(landmarks.subjects)),
        "moments": len(landmarks),
        "fewest_events": FEWEST_EVENTS,
        "intervals": "95 %; those of means by drawing outcomes with replacement",
        "horizons": summary_of(lines, horizons_days, len(model.names), seed),
        "outcomes": lines,
    }


def is_enough(landmarks: Landmarks) -> bool:
    """Whether the moments are of as many people as a number may be told about."""
    return len(np.unique(landmarks.subjects)) >= FEWEST_PEOPLE


def foretold(
    model: ModelOfOutcomes,
    logs_of: Callable[[slice], Floats],
    landmarks: Landmarks,
    horizons_days: Sequence[float],
) -> Foretold:
    """All that is judged; `logs_of` gives float64[r, k] log ratios of a stretch of the moments."""
    shape = (len(horizons_days), len(model.names), len(landmarks))
    risk, alone = np.empty(shape, np.float32), np.empty(shape, np.float32)
    kept = np.empty(shape[1:], np.float32)
    for start in range(0, len(landmarks), ROWS_AT_ONCE):
        here = slice(start, start + ROWS_AT_ONCE)
        given, logs = (landmarks.age[here], landmarks.female[here]), logs_of(here)
        kept[:, here] = logs.T
        for into, ratios in ((risk, logs), (alone, None)):
            into[:, :, here] = model.incidence(*given, ratios, horizons_days).transpose(2, 1, 0)
    return Foretold(risk=risk, alone=alone, logs=kept)


def lines_of(
    model: ModelOfOutcomes,
    told: Foretold,
    landmarks: Landmarks,
    onsets: Onsets,
    horizons_days: Sequence[float],
) -> list[dict[str, Any]]:
    """A line for each outcome and horizon that `FEWEST_EVENTS` people came to, by horizon, the commonest first.

    Nothing is said where fewer than ten people came to it or did not. `onsets` has the model's outcomes in their order.
    """
    stratum = strata(landmarks)

    def line(at: int, place: int) -> dict[str, Any] | None:
        years = horizons_days[at] / DAYS_PER_YEAR
        after = FollowUps(landmarks=landmarks, onsets=onsets, rates=model.rates, years=years)
        came, known = after.known(place)
        people = len(np.unique(landmarks.subjects[known]))
        events = int((came & known).sum())
        cases = len(np.unique(landmarks.subjects[came & known]))
        others = len(np.unique(landmarks.subjects[known & ~came]))
        if cases < FEWEST_EVENTS or min(cases, others) < FEWEST_PEOPLE:
            return None
        found = [
            stratified_auroc(came[known], one[at, place][known], stratum[known])
            for one in (told.risk, told.alone)
        ]
        happened, expected = after.of(place)
        seen = int(happened.sum())
        foreseen = float(expected @ np.exp(told.logs[place], dtype=np.float64))
        low, high = count_interval(seen)
        area, alone = (float(one) if np.isfinite(one) else None for one in found)
        gain = None if area is None or alone is None else area - alone
        return {
            "outcome": model.names[place],
            "title": model.titles[place],
            "horizon_days": horizons_days[at],
            "people": people,
            "events": events,
            **dict(zip(AREAS, (area, alone, gain), strict=True)),
            "expected": foreseen,
            "observed_over_expected": {
                "value": seen / foreseen, "low": low / foreseen, "high": high / foreseen,
            },
        }  # fmt: skip

    asked = [(at, place) for at in range(len(horizons_days)) for place in range(len(model.names))]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = list(pool.map(lambda one: line(*one), asked))
    lines = [one for one in found if one is not None]
    return sorted(lines, key=lambda one: (one["horizon_days"], -one["events"], one["outcome"]))


def summary_of(
    lines: Sequence[dict[str, Any]], horizons_days: Sequence[float], outcomes: int, seed: int
) -> list[dict[str, Any]]:
    """For each horizon the means over the outcomes judged, with 95 % intervals; None where none was."""
    found = []
    for days in horizons_days:
        mine = [one for one in lines if one["horizon_days"] == days]
        paired = [one for one in mine if one["gain"] is not None]
        areas = np.array([[one[name] for name in AREAS] for one in paired]).reshape(-1, len(AREAS))
        counts = np.array([[one["events"], one["expected"]] for one in mine]).reshape(-1, 2)
        found.append(
            {
                "horizon_days": days,
                "outcomes_judged": len(mine),
                "outcomes_too_few": outcomes - len(mine),
                "better_than_age_and_sex": int((areas[:, 2] > 0).sum()),
                **{
                    name: _drawn(areas[:, [at]], seed, _mean) for at, name in enumerate(AREAS)
                },
                "observed_over_expected": _drawn(counts, seed, _ratio),
            }
        )  # fmt: skip
    return found


def _drawn(values: Floats, seed: int, of: Callable[[Floats], float]) -> dict[str, float | None]:
    """`of` the rows, and its percentiles over rows drawn with replacement."""
    n = len(values)
    if not n:
        return {"value": None, "low": None, "high": None}
    random = np.random.default_rng(seed)
    draws = [of(values[random.integers(0, n, n)]) for _ in range(DRAWS)]
    low, high = np.percentile(draws, [LOW, HIGH])
    return {"value": of(values), "low": float(low), "high": float(high)}


def _mean(values: Floats) -> float:
    return float(values[:, 0].mean())


def _ratio(values: Floats) -> float:
    seen, expected = values.sum(axis=0)
    return float(seen / expected)
