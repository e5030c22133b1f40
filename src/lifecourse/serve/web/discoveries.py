"""What was discovered, ready to be read: pictures first, then the numbers."""

from __future__ import annotations

from typing import Any

from lifecourse.figures.lanes import number
from lifecourse.figures.network import Arrow, network
from lifecourse.figures.steps import Trail, span, steps
from lifecourse.serve.record import titles_of
from lifecourse.timeline.shard import CodeTable

MOST_ARROWS = 40
MOST_TRAILS = 12
MOST_EXPLAINED = 50
ILLNESS = "condition"
DRUG = "drug"


def findings_view(document: dict[str, Any]) -> dict[str, Any]:
    """The confirmed findings by what they are about, drawn and as rows, and how they were looked for."""
    found = document.get("findings") or []
    trajectories = document.get("trajectories") or []
    explained = document.get("explained") or []
    names = _names([row[place] for row in found for place in ("first", "then")])
    kinds = [(row.get("first_kind", ILLNESS), row.get("then_kind", ILLNESS)) for row in found]
    illness = [row for row, kind in zip(found, kinds, strict=True) if kind == (ILLNESS, ILLNESS)]
    after_drug = [row for row, kind in zip(found, kinds, strict=True) if kind == (DRUG, ILLNESS)]
    shown = [*map(id, illness), *map(id, after_drug)]
    other = [row for row in found if id(row) not in shown]
    lists = ("findings", "explained", "trajectories", "drug_signals")
    return {
        "network": _network(illness, names),
        "trails": _trails(trajectories),
        "illness": [_finding(row, names) for row in illness],
        "after_drug": [_finding(row, names) for row in after_drug],
        "other": [_finding(row, names) for row in other],
        "signals": [_signal(row) for row in document.get("drug_signals") or []],
        "explained": [_explained(row) for row in explained[:MOST_EXPLAINED]],
        "n_explained": len(explained),
        "document": {key: value for key, value in document.items() if key not in lists},
        "searched": document if "pairs_tested" in document else None,
        "command": document.get("command", "lifecourse discover WORKSPACE"),
    }


def _names(codes: list[str]) -> dict[str, str]:
    table = CodeTable.of(codes)
    return {table.codes[place]: title for place, title in titles_of(table).items()}


def _network(rows: list[dict[str, Any]], names: dict[str, str]) -> dict[str, Any] | None:
    if not rows:
        return None
    strongest = sorted(rows, key=lambda row: -row["confirmed_low"])[:MOST_ARROWS]
    arrows = [
        Arrow(
            first=_name(row, "first", names),
            then=_name(row, "then", names),
            ratio=row["ratio"],
            people=row["people"],
            known=row.get("known_from") is not None,
        )
        for row in strongest
    ]
    figure = network(arrows, title="Which illness follows which")
    return {"svg": figure.svg, "shown": len(arrows), "all": len(rows)}


def _trails(rows: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Trajectories of illnesses; the strongest weaker link first, as they come."""
    illness = [row for row in rows if set(row["kinds"]) == {ILLNESS}]
    if not illness:
        return None
    drawn = [
        Trail(names=tuple(row["names"]), gaps=tuple(row["median_gap_days"]), people=row["people"])
        for row in illness[:MOST_TRAILS]
    ]
    figure = steps(drawn, title="Illnesses, one after the other")
    table = [
        {
            "first": row["names"][0],
            "second": row["names"][1],
            "third": row["names"][2],
            "people": row["people"],
            "between first and second": span(row["median_gap_days"][0]),
            "between second and third": span(row["median_gap_days"][1]),
            "third after both, against after the second alone": _ratio(row, "beyond_"),
        }
        for row in illness
    ]
    return {"svg": figure.svg, "rows": table, "shown": len(drawn)}


def _finding(row: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    notes = [f"known: {row['known_from']}" if row.get("known_from") else "news"]
    if row.get("only_at_once"):
        notes.append("only within 90 days: the first may be an early sign of the second")
    return {
        "first": _name(row, "first", names),
        "then": _name(row, "then", names),
        "people": row["people"],
        "median time between": span(row["median_gap_days"]),
        "rate ratio (95 % interval)": _ratio(row, ""),
        "on the other half": _ratio(row, "confirmed_"),
        "without comparing like with like": number(row.get("crude_ratio", row["ratio"])),
        "note": "; ".join(notes),
    }


def _signal(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "taken together": " and ".join(row["drug_names"]),
        "then": row["outcome_name"],
        "people": row["people"],
        "against neither (95 % interval)": _ratio(row, ""),
        "on the other half": _ratio(row, "confirmed_"),
        "against the first alone": number(row["against_first"]),
        "against the second alone": number(row["against_second"]),
        "excess over the sum of both (RERI)": number(row["reri"]),
    }


def _explained(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "first": row["first_name"],
        "then": row["then_name"],
        "people": row["people"],
        "looks like": number(row["crude_ratio"]),
        "is (95 % interval)": _ratio(row, ""),
    }


def _name(row: dict[str, Any], place: str, names: dict[str, str]) -> str:
    """The source's name of a code, else its codelist's, else the code."""
    code, name = row[place], row[f"{place}_name"]
    return str(name) if name and name != code else names.get(code, code)


def _ratio(row: dict[str, Any], part: str) -> str:
    ratio, low, high = (row[f"{part}{name}"] for name in ("ratio", "low", "high"))
    if ratio is None:
        return "cannot be told"
    return f"{number(ratio)} ({number(low)} to {number(high)})"
