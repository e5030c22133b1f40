"""Monitor: what a model meets now, beside what it learned from; alarms where it should not be trusted as before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
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


def monitor(model: RiskModel, timeline: Timeline, *, seed: int = 0) -> dict[str, Any]:
    """Inputs, risks and outcomes that came true in `timeline`, compared with those the model learned from.

    Returns
    -------
    dict
        ``alarms``, each in words; ``shifts`` of all columns, codes and the risk; ``outcomes`` with how many were
        expected, had it, and the ratio with its interval

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
    outcomes = _outcomes(then["outcomes"], now["outcomes"])
    alarms = [shift.said for shift in moved if shift.alarm] + outcomes.pop("alarms")
    return {
        "model": model.name,
        "version": model.version,
        "people": now["people"],
        "people_then": then["people"],
        "alarms": alarms,
        "outcomes": outcomes,
        "shifts": [shift.to_dict() for shift in moved],
    }


def _outcomes(then: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    events, expected, people = now["events"], now["expected"], now["people"]
    said: dict[str, Any] = {**now, "alarms": []}
    if people == 0 or expected <= 0:
        return {**said, "observed_over_expected": None, "low": None, "high": None}
    ratio = events / expected
    low = chi2.ppf(CHANCE / 2, 2 * events) / 2 / expected if events else 0.0
    high = chi2.ppf(1 - CHANCE / 2, 2 * events + 2) / 2 / expected
    if not low <= 1 <= high and not 1 / OFF < ratio < OFF:
        said["alarms"].append(
            f"{events:,} people had the outcome and {expected:,.0f} were expected ({ratio:.2f} times as many): "
            "recalibrate the model, or train it anew."
        )
    if then["people"]:
        said["alarms"] += _prevalence(then, now)
    return {**said, "observed_over_expected": ratio, "low": float(low), "high": float(high)}


def _prevalence(then: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Whether the outcome has become commoner or rarer than it was, whatever the risks say."""
    was, is_ = then["events"] / then["people"], now["events"] / now["people"]
    table = np.array([[one["events"], one["people"] - one["events"]] for one in (then, now)])
    far = max(was, is_) >= OFF * max(min(was, is_), 1e-9)
    if not (far and fisher_exact(table).pvalue < CHANCE):
        return []
    return [f"{is_:.1%} of people have the outcome, and {was:.1%} had it where the model learned."]
