"""Models, ready to be read."""

from __future__ import annotations

from typing import Any

from lifecourse.figures.calibration import calibration
from lifecourse.figures.lanes import number
from lifecourse.serve.wording import capital

METRICS = {
    "auroc": ("Tells who from who not (AUROC)", "0.5 is chance, 1 is perfect"),
    "auprc": (
        "Precision over recall (AUPRC)",
        "compare with the share of people who had the outcome",
    ),
    "brier": ("Squared error (Brier)", "0 is perfect"),
    "calibration_slope": ("Calibration slope", "1 is right; below 1 risks are too extreme"),
    "calibration_intercept": ("Calibration at large", "0 is right; above 0 risks are too low"),
}


def model_view(document: dict[str, Any]) -> dict[str, Any]:
    """A model's or an abstention's document with its calibration drawn and its metrics named."""
    title = document.get("title") or capital(document["name"])
    groups = document.get("calibration")
    metrics = document.get("metrics", {})
    figure = calibration(groups, title=f"{title}, calibration") if groups else None
    return {
        **document,
        "title": title,
        "reason": document.get("reason"),
        "drawing": figure and {"svg": figure.svg, "rows": figure.rows},
        "measured": [_metric(name, metrics[name]) for name in METRICS if name in metrics],
    }


def _metric(name: str, value: Any) -> dict[str, str]:
    title, meaning = METRICS.get(name, (capital(name), ""))
    return {"what": title, "value": _with_interval(value), "meaning": meaning}


def _with_interval(value: Any) -> str:
    """A number with its interval, however the evaluation writes the two."""
    if isinstance(value, dict):
        low, high = value.get("interval") or (value.get("low"), value.get("high"))
        point = value.get("value", value.get("estimate"))
        if point is None:
            return "not known"
        said = number(point)
        return said if low is None or high is None else f"{said} ({number(low)} to {number(high)})"
    return number(value) if isinstance(value, int | float) else "not known"
