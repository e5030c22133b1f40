"""How it did: counts, measures, groups, limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lifecourse.models.reporting.facts.registry import MOST_NAMED, fact
from lifecourse.models.reporting.wording import listed, measure, share

if TYPE_CHECKING:
    Card = dict[str, Any]

FIRST = 5
"""Facts told of those the model goes by."""


@fact
def size(card: Card) -> str | None:
    """How many, and how many with the outcome."""
    if not {"subjects", "rows", "events"} <= card.keys():
        return None
    return (
        f"{card['subjects']:,} people, {card['rows']:,} moments, {card['events']:,} with the outcome; "
        "no people were sampled."
    )


@fact
def size_judged(card: Card) -> str | None:
    """On how many it was judged."""
    return f"Judged {card['judged']}." if card.get("judged") else None


@fact
def learning(card: Card) -> str | None:
    """What more people would bring, by the learning curve."""
    points = (card.get("learning_curve") or {}).get("points", [])
    if len(points) < 2:
        return None
    half, whole = points[-2], points[-1]
    if None in (half["value"], whole["value"]):
        return None
    name = "AUROC" if card["learning_curve"]["measure"] == "auroc" else "C"
    said = [
        f"{point['value']:.3f} when {point['people']:,} people taught" for point in (half, whole)
    ]
    return f"{name} {said[0]}, {said[1]}."


@fact
def measures(card: Card) -> str | None:
    """Which measures, and how their intervals were made."""
    names = list(card.get("metrics", {}))
    if not names or "draws" not in card:
        return None
    pictures = [
        name.replace("_", " ")
        for name in ("calibration_curve", "decision_curve", "learning_curve")
        if card.get(name)
    ]
    drawn = f"; drawn: {listed(pictures)}" if pictures else ""
    told = listed([measure(name) for name in names])
    return f"{told}, with 95 % intervals over {card['draws']} draws of people{drawn}."


@fact
def groups_judged(card: Card) -> str | None:
    """Which groups were looked at, and how far they lie apart."""
    groups = card.get("subgroups")
    if not groups:
        return None
    kinds = listed(sorted({row["group"].partition(": ")[0] for row in groups}))
    apart = [
        f"{measure(row['measure'])} by {row['between']} differs by up to {row['gap']['value']:.2f}"
        for row in card.get("gaps", [])
    ]
    return f"Judged by {kinds}" + (f": {'; '.join(apart)}." if apart else ".")


@fact
def differ(card: Card) -> str | None:
    """How those judged differ from those taught."""
    if not card.get("judged"):
        return None
    moved = " It was then recalibrated to another store." if card.get("recalibrated") else ""
    return f"Same store, eligibility, outcome and predictors: judged {card['judged']}.{moved}"


@fact
def differ_in(card: Card) -> str | None:
    """In which predictors they differ; a card tells nothing of people elsewhere."""
    del card
    return None


@fact
def flow(card: Card) -> str | None:
    """How many came in, and were left out why."""
    rows = card.get("attrition")
    if not rows:
        return None
    return "; ".join(f"{row['reason']}: {row['subjects']:,} people" for row in rows) + "."


@fact
def people(card: Card) -> str | None:
    """Sex and age of those judged, in groups large enough to tell."""
    groups = card.get("subgroups")
    if not groups:
        return None
    return "; ".join(f"{row['group']} {row['rows']:,} moments" for row in groups) + "."


@fact
def missing_shares(card: Card) -> str | None:
    """Of which columns how many people have none, the emptiest first."""
    columns = (card.get("snapshot") or {}).get("columns", {})
    people_then = (card.get("snapshot") or {}).get("people", 0)
    shares = {name: one["missing"] / people_then for name, one in columns.items() if people_then}
    gone = sorted((name for name in shares if shares[name] > 0), key=lambda name: -shares[name])
    if not columns:
        return None
    if not gone:
        return "No named column is missing in anyone."
    where = " where it was recalibrated" if card.get("recalibrated") else ""
    named = ", ".join(f"{name} {share(shares[name])}" for name in gone[:MOST_NAMED])
    return f"Missing{where}: {named}."


@fact
def groups_size(card: Card) -> str | None:
    """People and outcomes in each group judged."""
    groups = card.get("subgroups")
    if not groups:
        return None
    return "; ".join(f"{row['group']} {row['events']:,} of {row['rows']:,}" for row in groups) + "."


@fact
def performance(card: Card) -> str | None:
    """Each measure with its interval."""
    found = [
        f"{measure(name)} {value['value']:.3f} ({value['low']:.3f} to {value['high']:.3f})"
        for name, value in card.get("metrics", {}).items()
        if isinstance(value, dict) and None not in (value["value"], value["low"], value["high"])
    ]
    first = "Before it was recalibrated: " if card.get("recalibrated") else ""
    until = card.get("judged_at_days")
    return f"{first}{f'By {until:,} days: ' if until else ''}{'; '.join(found)}." if found else None


@fact
def performance_groups(card: Card) -> str | None:
    """AUROC with its interval in each group."""
    found = [
        f"{row['group']} {row['auroc']['value']:.2f} ({row['auroc']['low']:.2f} to {row['auroc']['high']:.2f})"
        for row in card.get("subgroups", [])
        if row["auroc"]["value"] is not None
    ]
    return f"AUROC: {'; '.join(found)}." if found else None


@fact
def updated_result(card: Card) -> str | None:
    """How it did on those people before."""
    found = (card.get("recalibrated") or {}).get("before")
    if not found:
        return None
    return f"Before, there: {performance(found)}"


@fact
def goes_by(card: Card) -> str | None:
    """Which facts move its risks most, and in how many models they are among the first."""
    known = card.get("importance") or {}
    facts, members = known.get("facts", [])[:FIRST], known.get("members", 0)
    if not facts:
        return None
    said = [
        f"{one['fact']} {one['spread']:.2f}"
        + (f" (first five in {one['first']} of {members})" if members else "")
        for one in facts
    ]
    return f"What moves risks most, mean distance in log-odds or log hazard: {'; '.join(said)}."


@fact
def limits(card: Card) -> str | None:
    """What the card says it is not."""
    return " ".join(card["limits"]) if card.get("limits") else None


@fact
def concerns(card: Card) -> str | None:
    """What was found before it was fitted."""
    return " ".join(concern["said"] for concern in card.get("concerns", [])) or None


@fact
def cleared(card: dict[str, Any]) -> str | None:
    """That it is no medical device, where the card says so."""
    return next((line for line in card.get("limits", []) if "medical device" in line), None)


@fact
def watched(card: dict[str, Any]) -> str | None:
    """That its inputs, risks and outcomes can be watched."""
    if not card.get("snapshot"):
        return None
    whose = "where it was recalibrated" if card.get("recalibrated") else "those it learned from"
    return (
        f"`lifecourse monitor` compares inputs, risks and outcomes with {whose}; who runs it, how often, "
        "is not recorded."
    )
