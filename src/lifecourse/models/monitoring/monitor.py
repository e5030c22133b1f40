"""Monitor: what a model meets now, beside what it learned from; alarms where it should not be trusted as before.

Outcomes of times to events are compared by the last horizon to which people were seen, as Aalen and Johansen's
incidence with its effective sample size (`lifecourse.models.evaluation.Incidence`): raw shares hang on how long people
were seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scipy.stats import chi2, fisher_exact

from lifecourse.base.errors import ModelError
from lifecourse.models.monitoring.drift import shifts
from lifecourse.models.monitoring.snapshot import snapshot

if TYPE_CHECKING:
    from lifecourse.models.model import RiskModel
    from lifecourse.timeline.access import Timeline

OFF = 1.2
"""Observed over expected, or one over it, from which on risks are off enough to matter."""
CHANCE = 0.005
TOO_SHORT = "too few people were seen to any horizon of the task to compare what came"


def monitor(model: RiskModel, timeline: Timeline, *, seed: int = 0) -> dict[str, Any]:
    """Inputs, risks and outcomes that came true in `timeline`, compared with those the model learned from.

    A model that was recalibrated is compared with where it was brought to.

    Returns
    -------
    dict
        ``alarms``, each in words; ``shifts`` of all columns, codes and the risk; ``outcomes`` with how many were
        expected, had it, and the ratio with its interval; of times to events by ``horizon_days``, None with a
        ``reason`` where too few people were seen to any

    Raises
    ------
    ModelError
        The model's card has no snapshot to compare with.
    """
    then = model.card.get("snapshot")
    if then is None:
        raise ModelError(
            f"model '{model.name}' was made without a snapshot of what it met. Train it again."
        )
    now = snapshot(model, timeline, like=then, seed=seed)
    moved = shifts(then, now)
    outcomes = _outcomes(now["outcomes"])
    where = "it was recalibrated" if "recalibrated" in model.card else "the model learned"
    commoner = _prevalence(then["outcomes"], now["outcomes"], where)
    alarms = [shift.said for shift in moved if shift.alarm] + outcomes.pop("alarms") + commoner
    return {
        "model": model.name,
        "version": model.version,
        "people": now["people"],
        "people_then": then["people"],
        "alarms": alarms,
        "outcomes": outcomes,
        "shifts": [shift.to_dict() for shift in moved],
    }


def _outcomes(now: dict[str, Any]) -> dict[str, Any]:
    events, expected = now["events"], now["expected"]
    said = {name: now[name] for name in now if name != "by_horizon"} | {"alarms": []}
    if now.get("horizon_days", 0) is None and now["people"]:
        said["reason"] = TOO_SHORT
    if expected <= 0:
        return {**said, "observed_over_expected": None, "low": None, "high": None}
    ratio = events / expected
    low, high = _interval(now)
    if not low <= 1 <= high and not 1 / OFF < ratio < OFF:
        said["alarms"].append(
            f"{events:,} people had the outcome{_by(now.get('horizon_days'))} and {expected:,.0f} were expected "
            f"({ratio:.2f} times as many): recalibrate the model, or train it anew."
        )
    return {**said, "observed_over_expected": ratio, "low": low, "high": high}


def _interval(now: dict[str, Any]) -> tuple[float, float]:
    """Of observed over expected, that of a Poisson count; where people were lost, of the count it is worth."""
    events, expected = now["events"], now["expected"]
    if events == 0:
        return 0.0, float(chi2.ppf(1 - CHANCE / 2, 2) / 2 / expected)
    last = now.get("by_horizon", [])[-1:]
    count = last[0]["share"] * last[0]["worth"] if last else events
    of_one = events / expected / count
    low = chi2.ppf(CHANCE / 2, 2 * count) / 2 * of_one
    return float(low), float(chi2.ppf(1 - CHANCE / 2, 2 * count + 2) / 2 * of_one)


def _by(days: int | None) -> str:
    return "" if days is None else f" by {days:,} days"


def _prevalence(then: dict[str, Any], now: dict[str, Any], where: str) -> list[str]:
    """Whether the outcome has become commoner or rarer than it was, whatever the risks say."""
    pair = _alike(then, now)
    if pair is None:
        return []
    was, is_ = (one["share"] for one in pair)
    had = [round(one["share"] * one["worth"]) for one in pair]
    table = [[n, round(one["worth"]) - n] for n, one in zip(had, pair, strict=True)]
    far = max(was, is_) >= OFF * max(min(was, is_), 1e-9)
    if not (far and fisher_exact(table).pvalue < CHANCE):
        return []
    until = _by(pair[1].get("horizon_days"))
    return [f"{is_:.1%} of people have the outcome{until}, and {was:.1%} had it where {where}."]


def _alike(
    then: dict[str, Any], now: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Share and worth of both, of times to events by the last horizon to which people were seen both times.

    None where there is none, or nobody; a snapshot of before horizons were kept has none.
    """
    if "by_horizon" not in now:
        return (_plain(then), _plain(now)) if then["people"] and now["people"] else None
    kept = {one["horizon_days"]: one for one in then.get("by_horizon", [])}
    both = [one for one in now["by_horizon"] if one["horizon_days"] in kept]
    return (kept[both[-1]["horizon_days"]], both[-1]) if both else None


def _plain(one: dict[str, Any]) -> dict[str, Any]:
    return {"share": one["events"] / one["people"], "worth": one["people"]}
