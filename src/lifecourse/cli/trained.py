"""What training for one task came to, as text: what a person wants to know; all of the card is for ``--json``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lifecourse.cli.measures import measures_of, rows_of
from lifecourse.cli.output import facts, table

if TYPE_CHECKING:
    from collections.abc import Mapping

    Report = Mapping[str, Any]


def told_model(report: Report) -> str:
    """Of whom, how good by outcome and horizon, beside its twins, what to look into, where it is and what is next."""
    parts = [facts(_basis(report))]
    if report.get("horizons"):
        parts.append(f"Each outcome at each horizon\n{rows_of(report['horizons'])}")
    parts += [_measures(report), facts(_learners(report)), _concerns(report)]
    return "\n\n".join([*parts, _next(report)])


def told_abstention(report: Report) -> str:
    """Why there is no model."""
    named = {"task": _task(report), "outcome": f"no model: {report['reason']}"}
    others = [one for one in report.get("concerns") or () if one["said"] != report["reason"]]
    return f"{facts(named)}\n\n{_concerns({'concerns': others})}" if others else facts(named)


def _task(report: Report) -> str:
    title = report.get("title") or report["task"]
    return report["task"] if title == report["task"] else f"{report['task']}: {title}"


def _basis(report: Report) -> dict[str, Any]:
    rows = report.get("rows")
    found = {
        "task": _task(report),
        "people": report.get("subjects"),
        "moments": rows if rows != report.get("subjects") else None,
        "events": _events(report),
        "judged": report.get("judged"),
        "recipe": report.get("recipe"),
        "version": report.get("version"),
        "model": report.get("out"),
    }
    return {name: value for name, value in found.items() if value is not None}


def _events(report: Report) -> str | int | None:
    """By cause those by the last horizon, of people who were judged; of one outcome those it learned from."""
    rows = report.get("horizons")
    if not rows:
        events, until = report.get("events"), report.get("horizon_days")
        return f"{events:,} within {until:,} days" if events is not None and until else events
    last = max(row["horizon_days"] for row in rows)
    counted = (f"{row['events']:,} {row['cause']}" for row in rows if row["horizon_days"] == last)
    return f"{', '.join(counted)} within {last:,} days"


def _measures(report: Report) -> str:
    """The measures with their intervals; of one outcome beside those of the twins."""
    told = measures_of(report["metrics"])
    twins = {
        name: measures_of(twin)
        for name, twin in report.get("twins", {}).items()
        if name != report["learner"] and "horizons" not in twin
    }
    lines = [
        {
            "measure": name,
            "kept": value,
            **{twin: measures.get(name) for twin, measures in twins.items()},
        }
        for name, value in told.items()
    ]
    return f"{_of_what(report)}\n{table(lines)}"


def _of_what(report: Report) -> str:
    rows = report.get("horizons")
    if not rows:
        return "Measures, with 95 % intervals"
    until = report.get("judged_at_days") or max(row["horizon_days"] for row in rows)
    return f"{rows[0]['cause']} within {until:,} days, with 95 % intervals"


def _learners(report: Report) -> dict[str, Any]:
    """The learner kept, and those that it was kept before."""
    losses = {
        name: f"{name}, log loss {twin['log_loss']:.4f}"
        for name, twin in report.get("twins", {}).items()
        if twin.get("log_loss") is not None
    }
    kept, plain = report["learner"], report.get("plain_twin")
    others = [words for name, words in losses.items() if name not in (kept, plain)]
    found: dict[str, Any] = {"kept": losses.get(kept, kept)}
    if plain is not None and plain != kept:
        found["its plain twin"] = losses.get(plain, plain)
    if others:
        found["not kept"] = "; ".join(others)
    if report.get("levelled_by"):
        found["levelled by"] = report["levelled_by"]
    return found


def _concerns(report: Report) -> str:
    said = [concern["said"] for concern in report.get("concerns") or ()]
    return (
        "\n".join(["Look into this first", *(f"  {one}" for one in said)])
        if said
        else "No concerns"
    )


def _next(report: Report) -> str:
    """What to do with it; `run` and `serve` look for models in a workspace's own folder alone."""
    out = Path(report["out"])
    lines = [f"lifecourse evaluate {out} STORE    judge it on people of another store"]
    if out.parent.name == "models":
        lines.append(f"lifecourse serve {out.parent.parent}    its page is /models/{out.name}")
    lines.append(f"lifecourse report {out} STORE    what its reports still miss")
    return "\n".join(["Next", *(f"  {line}" for line in lines)])
