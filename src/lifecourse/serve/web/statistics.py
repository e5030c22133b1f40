"""Models and findings, ready to be read."""

from __future__ import annotations

from typing import Any

from lifecourse.figures.calibration import calibration
from lifecourse.figures.lanes import number
from lifecourse.serve.record import titles_of
from lifecourse.serve.wording import capital
from lifecourse.timeline.shard import CodeTable

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


def findings_view(document: dict[str, Any]) -> dict[str, Any]:
    """The confirmed findings as rows, and how they were looked for."""
    found = document.get("findings") or []
    table = CodeTable.of([row[place] for row in found for place in ("first", "then")])
    names = {table.codes[place]: title for place, title in titles_of(table).items()}
    rows = [_finding(row, names) for row in found]
    return {"rows": rows, "document": {k: v for k, v in document.items() if k != "findings"}}


def _finding(row: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    return {
        "first": _name(row, "first", names),
        "then": _name(row, "then", names),
        "people": row["people"],
        "days between": round(row["median_gap_days"]),
        "rate ratio (95 % interval)": _ratio(row, ""),
        "on the other half": _ratio(row, "confirmed_"),
    }


def _name(row: dict[str, Any], place: str, names: dict[str, str]) -> str:
    """The source's name of a code, else its codelist's, else the code."""
    code, name = row[place], row[f"{place}_name"]
    return str(name) if name and name != code else names.get(code, code)


def _ratio(row: dict[str, Any], part: str) -> str:
    ratio, low, high = (row[f"{part}{name}"] for name in ("ratio", "low", "high"))
    return f"{number(ratio)} ({number(low)} to {number(high)})"
