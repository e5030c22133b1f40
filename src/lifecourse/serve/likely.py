"""What is likely, ready to be read: published scores and the site's models in one shape.

Every estimate says its interval, horizon, comparator, `as_of`, where it comes from and the events behind it; one
that does not apply says why and gives no number.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from lifecourse.figures.icon_array import icon_array, in_words
from lifecourse.figures.lanes import number
from lifecourse.serve.record import iso
from lifecourse.serve.wording import capital, percent, spelled

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lifecourse.serve.record import Record


HORIZON = re.compile(r"(?:,| within) \d+ (?:years?|days?)$")


ASSOCIATION = (
    "What moves it is associated with it in these records; changing it need not change the risk."
)


def likely(
    scores: Iterable[dict[str, Any]], risks: Iterable[dict[str, Any]], record: Record, as_of: str
) -> dict[str, Any]:
    """What could be estimated and what could not.

    ``made`` has one estimate a score or model, the highest share first, with the same equation's other outcomes
    under ``others``; ``quantities`` has what is no share of people; ``not_made`` has the reasons.
    """
    estimates = [_score(row, record, as_of) for row in scores]
    estimates += [_risk(row, record, as_of) for row in risks]
    heads: dict[str, dict[str, Any]] = {}
    for row in estimates:
        if row["value"] is not None and row["is_share"]:
            if row["name"] in heads:
                heads[row["name"]]["others"].append(row)
            else:
                heads[row["name"]] = row
    for head in heads.values():
        head["table"] = _by_horizon(head)
    return {
        "made": sorted(heads.values(), key=lambda row: -row["value"]),
        "quantities": [r for r in estimates if r["value"] is not None and not r["is_share"]],
        "not_made": _refusals([row for row in estimates if row["value"] is None]),
    }


def _by_horizon(head: dict[str, Any]) -> dict[str, Any] | None:
    """The other outcomes of an equation: a row an outcome, a column a horizon."""
    if not head["others"]:
        return None
    estimates = [head, *head["others"]]
    horizons = list(dict.fromkeys(row["horizon"] for row in estimates))
    rows: dict[str, dict[str, Any]] = {}
    for row in estimates:
        rows.setdefault(row["title"], {})[row["horizon"]] = row
    return {
        "horizons": horizons,
        "rows": [
            {"title": title, "cells": [_cell(found.get(horizon)) for horizon in horizons]}
            for title, found in rows.items()
        ],
    }


def _cell(row: dict[str, Any] | None) -> dict[str, Any] | None:
    return row and {key: row[key] for key in ("shown", "interval", "compared")}


def _refusals(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row a score and reason, with the outcomes it stands for."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        key = (row["name"], row["reason"] or row["status"])
        kept = found.setdefault(key, {**row, "outcomes": []})
        if row["title"] not in kept["outcomes"]:
            kept["outcomes"].append(row["title"])
    return list(found.values())


def _score(row: dict[str, Any], record: Record, as_of: str) -> dict[str, Any]:
    computed = row.get("status", "computed") == "computed"
    return _estimate(
        {**row, "value": row.get("value") if computed else None}, "score", record, as_of
    )


def _risk(row: dict[str, Any], record: Record, as_of: str) -> dict[str, Any]:
    horizon_days = row.get("horizon_days")
    years = row.get("horizon_years")
    if years is None and horizon_days is not None:
        years = horizon_days / 365.25
    shaped = {
        "note": ASSOCIATION,
        **row,
        "horizon_years": years,
        "name": row.get("name") or row.get("task") or "model",
    }
    for place in ("risk", "probability"):
        if shaped.get("value") is None:
            shaped["value"] = row.get(place)
    return _estimate(shaped, "model", record, as_of)


def _estimate(row: dict[str, Any], kind: str, record: Record, as_of: str) -> dict[str, Any]:
    value = _finite(row.get("value"))
    unit = row.get("unit")
    is_share = value is not None and _is_share(row, unit, value)
    low, high = _interval(row)
    comparator = _comparator(row.get("comparator"), is_share=is_share)
    title = _title(row)
    estimate = {
        "name": row["name"],
        "title": title,
        "kind": kind,
        "status": row.get("status") or ("computed" if value is not None else "not_computed"),
        "reason": row.get("reason"),
        "missing": [str(name).replace("_", " ") for name in row.get("missing") or ()],
        "others": [],
        "table": None,
        "value": value,
        "unit": None if is_share else unit,
        "is_share": is_share,
        "low": low,
        "high": high,
        "shown": None if value is None else _shown(value, unit, is_share=is_share),
        "interval": _said_interval(low, high, unit, is_share=is_share),
        "interval_reason": row.get("interval_reason"),
        "horizon": _said_horizon(row.get("horizon_years")),
        "comparator": comparator,
        "compared": comparator.rpartition(": ")[2] if comparator else None,
        "as_of": row.get("as_of") or as_of,
        "version": row.get("model_version") or row.get("version"),
        "source": row.get("source"),
        "doi": row.get("doi"),
        "band": row.get("band"),
        "warnings": list(row.get("warnings") or ()),
        "applies_to": row.get("applies_to"),
        "note": row.get("note"),
        "not_measured": list(row.get("not_measured") or ()),
        "why": [_reason(item, record) for item in _inputs(row)],
    }
    if value is not None and is_share:
        estimate["words"] = in_words(value)
        estimate["svg"] = icon_array(value, low=low, high=high, title=title).svg
    return estimate


def _title(row: dict[str, Any]) -> str:
    """The title without what is said beside it: the horizon and the score's id."""
    title = str(row.get("title") or capital(str(row.get("outcome") or row["name"])))
    title = title.removesuffix(f" ({row['name']})")
    return HORIZON.sub("", title)


def _finite(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _is_share(row: dict[str, Any], unit: str | None, value: float) -> bool:
    if unit is not None:
        return unit in ("1", "probability", "risk", "share")
    return 0 <= value <= 1


def _interval(row: dict[str, Any]) -> tuple[float | None, float | None]:
    interval = row.get("interval")
    if isinstance(interval, dict):
        return _finite(interval.get("low")), _finite(interval.get("high"))
    if isinstance(interval, list | tuple) and len(interval) == 2:
        return _finite(interval[0]), _finite(interval[1])
    return _finite(row.get("low")), _finite(row.get("high"))


def _shown(value: float, unit: str | None, *, is_share: bool) -> str:
    return percent(value) if is_share else f"{number(value)} {spelled(unit)}".strip()


def _said_interval(
    low: float | None, high: float | None, unit: str | None, *, is_share: bool
) -> str | None:
    if low is None or high is None:
        return None
    if is_share:
        return f"{percent(low).removesuffix(' %')} to {percent(high)}"
    return f"{number(low)} to {number(high)} {spelled(unit)}".strip()


def _said_horizon(years: float | None) -> str | None:
    if years is None:
        return None
    days = years * 365.25
    if days < 90:
        return f"{days:.0f} days"
    return f"{number(years)} year" + ("" if years == 1 else "s")


def _comparator(comparator: Any, *, is_share: bool) -> str | None:
    if isinstance(comparator, dict):
        value = _finite(comparator.get("value"))
        name = comparator.get("name") or comparator.get("label") or "people like this"
        if value is None:
            return str(name)
        return f"{name}: {percent(value) if is_share else number(value)}"
    if isinstance(comparator, int | float):
        return f"everyone in this store: {percent(float(comparator))}"
    return None if comparator is None else str(comparator)


def _inputs(row: dict[str, Any]) -> list[dict[str, Any]]:
    inputs = row.get("inputs") or row.get("why") or []
    if isinstance(inputs, dict):
        inputs = [
            {"name": name, **(item if isinstance(item, dict) else {"value": item})}
            for name, item in inputs.items()
        ]
    return list(inputs)


def _reason(item: dict[str, Any], record: Record) -> dict[str, Any]:
    """One input or contribution in words, with the events behind it."""
    value = item.get("value")
    finite = _finite(value)
    shown = number(finite) if finite is not None and not isinstance(value, bool) else value
    if isinstance(value, bool):
        shown = "yes" if value else "no"
    if shown is None or shown != shown:
        shown = "not measured"
    events = item.get("events") or ([item["event"]] if item.get("event") else [])
    behind = deciding(events, record)
    name = str(item.get("title") or item.get("label") or item.get("name")).replace("_", " ")
    if item.get("code"):
        name = record.name_of(item["code"])
    return {
        "name": name,
        "shown": f"{shown} {spelled(item.get('unit'))}".strip(),
        "note": item.get("note") or item.get("direction"),
        "events": behind,
    }


def deciding(events: Iterable[Any], record: Record, most: int = 6) -> list[dict[str, Any]]:
    """Events by their row in the chart, with a name and a day; the first `most`."""
    places = []
    for event in events:
        place = event if isinstance(event, int) else record.place_of(event)
        if place is not None and place not in places:
            places.append(place)
    facts = [record.facts[place] for place in places[:most]]
    return [
        {"event": fact.place, "name": fact.name, "when": iso(fact.time), "value": fact.value,
         "unit": fact.unit}
        for fact in facts
    ]  # fmt: skip
