"""What judging a model of one task says, as text: in one order, wherever it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lifecourse.cli.output import facts, said, table, with_interval

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ORDER = (
    *("task", "version", "learner", "cause", "group", "between", "measure", "horizon_days"),
    *("rows", "subjects", "events", "judged", "judged_at_days"),
    *("observed", "low", "high", "expected", "observed_over_expected"),
    *("gap", "highest", "lowest"),
    *("auroc", "concordance", "auprc", "brier", "ici", "e50", "e90"),
    *("calibration_slope", "calibration_intercept", "reason"),
    *("horizons", "subgroups", "gaps"),
)
"""A card that was read has its names by the alphabet, one just made as they were made: both are told in this order."""
CURVES = ("calibration", "calibration_curve", "decision_curve", "learning_curve")
"""For the page and ``--json``."""


def one_task(report: Mapping[str, Any]) -> str:
    """The measures, a fact a line, and a table of each thing told by rows."""
    told = {name: value for name, value in report.items() if name not in (*CURVES, "alerts")}
    by_rows = {name: value for name, value in told.items() if isinstance(value, list)}
    plain = {name: value for name, value in told.items() if name not in by_rows}
    parts = [facts(_without_rows(ordered(plain) if "task" in plain else plain))]
    parts += [f"{name}\n{rows_of(rows)}" for name, rows in ordered(by_rows).items()]
    if "alerts" in report:
        by = report["alerts"]["by"].items()
        parts.append(table([{"alerts by": name, **row} for name, row in by]))
    return "\n\n".join(parts)


def rows_of(rows: Sequence[Mapping[str, Any]]) -> str:
    """A table of what is told by rows: a value and its interval in one cell, and no column that says nothing."""
    lines = [ordered(_in_cells(row)) for row in rows]
    names = list(dict.fromkeys(name for line in lines for name in line))
    return table(
        lines, [name for name in names if any(line.get(name) is not None for line in lines)]
    )


def measures_of(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Each measure with its interval."""
    return ordered({name: in_a_word(value) for name, value in metrics.items()})


def ordered(told: Mapping[str, Any]) -> dict[str, Any]:
    """The names of ORDER as they stand there, then the others as they came."""
    return {
        **{name: told[name] for name in ORDER if name in told},
        **{name: value for name, value in told.items() if name not in ORDER},
    }


def in_a_word(value: Any) -> Any:
    """A value that has its interval, with it; anything else as it is."""
    if not isinstance(value, dict) or not {"value", "low", "high"} <= value.keys():
        return value
    return with_interval(value)


def _in_cells(row: Mapping[str, Any]) -> dict[str, Any]:
    """The interval of the observed share stands beside it, and over the mean risk beside their ratio."""
    found = {name: in_a_word(value) for name, value in row.items()}
    if not {"cause", "observed", "low", "high", "expected"} <= row.keys():
        return found
    share, low, high = (found.pop(name) for name in ("observed", "low", "high"))
    found.pop("calibration", None)
    known = None not in (share, low, high)
    if known:
        found["observed"] = f"{said(share)} ({said(low)} to {said(high)})"
    if known and row["expected"]:
        over = (one / row["expected"] for one in (share, low, high))
        found["observed_over_expected"] = with_interval(
            dict(zip(("value", "low", "high"), over, strict=True))
        )
    return found


def _without_rows(told: Mapping[str, Any]) -> dict[str, Any]:
    """What is told by single values, at any depth."""
    found = {name: in_a_word(value) for name, value in told.items()}
    return {
        name: _without_rows(ordered(value)) if isinstance(value, dict) else value
        for name, value in found.items()
        if not _has_rows(value)
    }


def _has_rows(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_has_rows(one) for one in value.values())
    return isinstance(value, list) and any(isinstance(one, dict) for one in value)
