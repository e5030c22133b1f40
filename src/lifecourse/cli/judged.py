"""What an evaluation of many outcomes says, as text."""

from __future__ import annotations

from typing import Any

from lifecourse.cli.output import facts, table, three_places, with_interval
from lifecourse.figures.svg import shortened
from lifecourse.schema.code import titled

EVALUATION = "evaluation.json"
"""Beside a model of many outcomes: how it did on people that its card does not tell of."""
COMMONEST, EXTREMES = 20, 10
LONGEST_TITLE = 48


def many_outcomes(report: dict[str, Any]) -> str:
    """Whom, the means by horizon, and at the last horizon the commonest outcomes and those told best and worst."""
    rest = {name: report[name] for name in report if name not in ("horizons", "outcomes")}
    last = report["horizons"][-1]["horizon_days"]
    lines = [one for one in report["outcomes"] if one["horizon_days"] == last]
    ordered = sorted(
        (one for one in lines if one["gain"] is not None), key=lambda one: -one["gain"]
    )
    best = ordered[:EXTREMES]
    worst = ordered[len(best) :][-EXTREMES:]
    parts = [facts(rest), table([_mean(one) for one in report["horizons"]])]
    for heading, some in (
        (f"The commonest within {last:,} days", lines[:COMMONEST]),
        ("Told best beyond age and sex", best),
        ("Told worst", worst[::-1]),
    ):
        if some:
            parts.append(f"{heading}\n{table([_line(one) for one in some])}")
    return "\n\n".join(parts)


def _mean(one: dict[str, Any]) -> dict[str, Any]:
    return {
        "days": one["horizon_days"],
        "judged": one["outcomes_judged"],
        "too few": one["outcomes_too_few"],
        "AUROC": with_interval(one["auroc"]),
        "age and sex": with_interval(one["auroc_of_age_and_sex"]),
        "gain": with_interval(one["gain"]),
        "observed / expected": with_interval(one["observed_over_expected"]),
    }


def _line(one: dict[str, Any]) -> dict[str, Any]:
    return {
        "outcome": titled(one["outcome"], shortened(one["title"], LONGEST_TITLE)),
        "people": one["people"],
        "events": one["events"],
        "AUROC": three_places(one["auroc"]),
        "age and sex": three_places(one["auroc_of_age_and_sex"]),
        "gain": three_places(one["gain"]),
        "observed / expected": with_interval(one["observed_over_expected"]),
    }
