"""Each outcome at each horizon of a model of times to events, ready to be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lifecourse.figures.calibration import calibration
from lifecourse.serve.observations import title_of

if TYPE_CHECKING:
    from collections.abc import Callable

ENDS = ("low", "high")
UNKNOWN = "-"
NOT_SEEN = "too few people were seen for so long"
DEMOGRAPHICS = {"female": "sex"}
"""Columns of who people are that read better by another name."""


def horizons_view(document: dict[str, Any], title: str) -> dict[str, Any] | None:
    """The card's measures of each outcome at each horizon, as a table and drawn; None where it has none.

    ``outcomes`` has each outcome's ``name`` and ``rows``, a row a horizon: ``within``, ``cells`` (one for each of
    ``columns``) and ``panel``, which is None where there is one row in all, drawn large on the same page.
    """
    rows = document.get("horizons")
    if not rows:
        return None
    columns = [name for name in COLUMNS if name != "C" or any("concordance" in r for r in rows)]
    names = list(dict.fromkeys(row["cause"] for row in rows))
    return {
        "columns": columns,
        "outcomes": [
            {
                "name": _named(name),
                "rows": [
                    _view(row, columns, title, drawn=len(rows) > 1)
                    for row in rows
                    if row["cause"] == name
                ],
            }
            for name in names
        ],
        "drawn": len(rows) > 1,
        "in_groups": any(row.get("calibration") for row in rows),
        "first": _first(document, rows),
        "levelled": _levelled(document.get("levelled_by")),
    }


def within(days: float) -> str:
    """``30 days``, ``1 year``, ``20 years``."""
    years = round(days / 365.25)
    if years and 365 * years <= days <= 366 * years:
        return f"{years} year" + ("" if years == 1 else "s")
    return f"{days:,.0f} days"


def _named(cause: str) -> str:
    """An outcome as a heading: a codelist's or phenotype's by its title."""
    title = title_of(cause)
    return title[:1].upper() + title[1:]


def share_said(share: float) -> str:
    """A share between 0 and 1 in percent, to two digits at least: outcomes may be rare."""
    value = share * 100
    return f"{value:.0f} %" if value >= 9.95 else f"{value:.2g} %"


def _first(document: dict[str, Any], rows: list[dict[str, Any]]) -> str:
    """Of what the large drawings are: the first outcome by the last horizon, or by that to which people were seen."""
    last = max(row["horizon_days"] for row in rows if row["cause"] == rows[0]["cause"])
    return f"{_named(rows[0]['cause'])} within {within(document.get('judged_at_days') or last)}"


def _levelled(columns: list[str] | None) -> str:
    if not columns:
        return ""
    named = [DEMOGRAPHICS.get(name, name.split(".")[0].replace("_", " ")) for name in columns]
    return " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)


def _view(row: dict[str, Any], columns: list[str], title: str, *, drawn: bool) -> dict[str, Any]:
    judged = row.get("observed") is not None
    return {
        "within": within(row["horizon_days"]),
        "cells": [{"name": name, "value": COLUMNS[name](row)} for name in columns],
        "reason": None if judged else row.get("reason") or NOT_SEEN,
        "panel": _panel(row, title) if drawn and judged else None,
    }


def _panel(row: dict[str, Any], title: str) -> dict[str, Any]:
    groups = row.get("calibration") or [_everyone(row)]
    name = f"{title}: {_named(row['cause'])} within {within(row['horizon_days'])}, calibration"
    figure = calibration(groups, title=name, small=True)
    return {"svg": figure.svg, "rows": figure.rows}


def _everyone(row: dict[str, Any]) -> dict[str, Any]:
    """All people who were judged as one group."""
    ends = {name: row[name] if row.get(name) is not None else row["observed"] for name in ENDS}
    return {"people": None, "predicted": row["expected"], "observed": row["observed"], **ends}


def _observed(row: dict[str, Any]) -> str:
    return _with_ends(row, share_said, 1.0)


def _ratio(row: dict[str, Any]) -> str:
    """The interval is that of the observed share; the mean risk is taken as it is."""
    expected = row.get("expected")
    return _with_ends(row, "{:.2f}".format, expected) if expected else UNKNOWN


def _with_ends(row: dict[str, Any], write: Callable[[float], str], unit: float) -> str:
    """The observed share in `unit`, with its interval; a percent sign is said once."""
    if row.get("observed") is None:
        return UNKNOWN
    point = write(row["observed"] / unit)
    low, high = (row.get(name) for name in ENDS)
    if low is None or high is None:
        return point
    ends = " to ".join(write(one / unit).removesuffix(" %") for one in (low, high))
    return f"{point} ({ends})"


def _written(name: str, write: Callable[[float], str]) -> Callable[[dict[str, Any]], str]:
    def cell(row: dict[str, Any]) -> str:
        value = row.get(name)
        return UNKNOWN if value is None else write(value)

    return cell


COLUMNS: dict[str, Callable[[dict[str, Any]], str]] = {
    "Events": _written("events", "{:,}".format),
    "Observed": _observed,
    "Expected": _written("expected", share_said),
    "Observed over expected": _ratio,
    "AUROC": _written("auroc", "{:.3f}".format),
    "C": _written("concordance", "{:.3f}".format),
    "Brier": _written("brier", "{:.4f}".format),
    "ICI": _written("ici", share_said),
    "Slope": _written("calibration_slope", "{:.2f}".format),
}
"""What the table says of an outcome at a horizon, and how it is written."""
