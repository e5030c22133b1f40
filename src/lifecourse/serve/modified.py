"""Integrated risks, ready to be read: the published risks, what each modifier adds to them, and where they lead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lifecourse.figures.lanes import number
from lifecourse.serve.wording import percent, spelled

if TYPE_CHECKING:
    from collections.abc import Sequence

YEARS = 10
"""The horizon that is shown; the others are on the command line."""


def modified(found: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """A column a published risk, a row a modifier; None where nothing is added to any."""
    risks = [each for each in found if each["base"]["horizon_years"] == YEARS]
    if not risks:
        return None
    steps = {step["name"]: step for each in risks for step in each["steps"]}
    return {
        "years": YEARS,
        "columns": [_column(each) for each in risks],
        "rows": [
            {
                "title": step["title"],
                "recorded": _recorded(step),
                "when": _when(step),
                "added": [_added(each, name) for each in risks],
            }
            for name, step in steps.items()
        ],
        "sources": [_source(step) for step in steps.values()],
        "left_out": list(
            {row["title"]: row for each in risks for row in each["left_out"]}.values()
        ),
        "assumes": risks[0]["assumes"],
        "interval_reason": risks[0]["interval_reason"],
    }


def _column(risk: dict[str, Any]) -> dict[str, Any]:
    low, high = risk["interval"]
    return {
        "title": risk["title"].removesuffix(f" ({risk['base']['name']})").rpartition(",")[0],
        "base": percent(risk["base"]["risk"]),
        "risk": percent(risk["risk"]),
        "interval": f"{percent(low).removesuffix(' %')} to {percent(high)}",
    }


def _added(risk: dict[str, Any], name: str) -> str | None:
    """What a modifier adds to one risk, in people of a hundred; None where it does not enter."""
    steps = (step for step in risk["steps"] if step["name"] == name)
    return next((f"{step['added'] * 100:+.1f}" for step in steps), None)


def _recorded(step: dict[str, Any]) -> str:
    """What stands in the record: a number with its unit, or yes."""
    event = step["events"][-1]
    if event["value"] is None:
        return "yes"
    return f"{number(event['value'])} {spelled(event['unit'])}".strip()


def _when(step: dict[str, Any]) -> str | None:
    time = step["events"][-1]["time"]
    return time[:10] if time else None


def _source(step: dict[str, Any]) -> dict[str, Any]:
    ratio, (low, high) = step["published"]["hazard_ratio"], step["published"]["ci"]
    return {
        "title": step["title"],
        "ratio": f"hazard ratio {ratio:.2f} ({low:.2f} to {high:.2f}) for {step['per']}",
        "note": step["note"],
        "source": {"title": step["source"], "address": f"https://doi.org/{step['doi']}"},
    }
