"""What treatments would do, ready to be read: one row each, and all of them together."""

from __future__ import annotations

from typing import Any

from lifecourse.serve.wording import percent

NOTHING: dict[str, Any] = {"rows": [], "together": None, "others": []}


def possible(found: dict[str, Any]) -> dict[str, Any]:
    """``rows`` of what is possible, the most worth first; ``others`` with the reason why there is no number."""
    rows = [_row(option) for option in found["options"] if option["benefit"]]
    others = [
        {"title": option["title"], "reason": option["reason"]}
        for option in found["options"]
        if not option["benefit"] and option["status"] != "not_applicable"
    ]
    return {
        "rows": sorted(rows, key=lambda row: -row["yearly"]),
        "together": _together(found["together"]),
        "others": others,
    }


def _row(option: dict[str, Any]) -> dict[str, Any]:
    benefit = option["benefit"]
    low, high = benefit["interval"]
    effect = benefit["relative_effect"]
    years = benefit["horizon_years"]
    return {
        "name": option["name"],
        "title": option["title"],
        "kind": option["kind"],
        "label": option["label"],
        "outcome": benefit["outcome"],
        "horizon": f"{years:g} year" + ("" if years == 1 else "s"),
        "control": benefit["baseline_source"].startswith("the control arm"),
        "baseline": benefit["baseline_risk"],
        "now": percent(benefit["baseline_risk"]),
        "then": percent(benefit["treated_risk"]),
        "fewer": f"{benefit['absolute_reduction'] * 100:.1f}",
        "interval": f"{low * 100:.1f} to {high * 100:.1f}",
        "needed": benefit["number_needed_to_treat"],
        "yearly": benefit["absolute_reduction"] / years,
        "effect": f"{effect['measure']} {effect['value']:.2f} ({effect['ci'][0]:.2f} to {effect['ci'][1]:.2f})"
        + (f" for {effect['per']}" if effect["per"] else ""),
        "source": {
            "title": benefit["source"],
            "address": f"https://doi.org/{benefit['doi']}" if benefit["doi"] else None,
        },
        "amount": _amount(option),
    }


def _amount(option: dict[str, Any]) -> dict[str, Any] | None:
    amount: dict[str, Any] | None = option["amount"]
    return None if amount is None else {**amount, "shown": f"{amount['value']:g}"}


def _together(found: dict[str, Any] | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "of": found["of"],
        "text": found["benefit"]["text"],
        "capped": found["capped"],
        "cap": f"{found['cap']['relative']:g}",
        "cap_source": found["cap"]["source"],
        "assumes": found["assumes"],
    }
