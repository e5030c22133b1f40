"""What was asked, of whom, and what was made of their records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lifecourse.models.reporting.facts import taught
from lifecourse.models.reporting.facts.registry import fact, study, times_to_events
from lifecourse.models.reporting.wording import days, listed

WHICH = {"first": "the first", "last": "the last", "every": "every", "random": "a random"}

if TYPE_CHECKING:
    Card = dict[str, Any]


@fact
def named(card: Card) -> str | None:
    """What is foretold, by when, in whom, by what kind of model."""
    if not card.get("title"):
        return None
    end = horizon(card)
    told = f"{card['title']}, {end}" if end else card["title"]
    return "; ".join(words for words in (told, population(card), taught.kind(card)) if words)


@fact
def title(card: dict[str, Any]) -> str | None:
    """The model's name."""
    return card.get("title") or None


@fact
def version(card: dict[str, Any]) -> str | None:
    """The model's version."""
    return card.get("version")


@fact
def aims(card: Card) -> str | None:
    """Development, and what else."""
    if "judged" not in card:
        return None
    updated_too = ", and recalibration to another store" if card.get("recalibrated") else ""
    return f"A model was developed and validated within its data{updated_too}."


@fact
def keywords(card: dict[str, Any]) -> str | None:
    """The title, the outcomes and the kind of learner."""
    outcomes = (card.get("study") or {}).get("outcomes", [])
    words = [*outcomes, card.get("learner"), "risk prediction"] if card.get("title") else []
    return "; ".join(dict.fromkeys(word for word in words if word)) or None


@fact
def population(card: Card) -> str | None:
    """Who is asked about: at which moment, of which ages."""
    asked = study(card).get("asked_at")
    ages = card.get("population", {})
    if not asked:
        return None
    known = ages.get("age_from") is not None
    moment = asked if asked.startswith("every ") else f"at '{asked}'"
    return f"people {moment}" + (
        f", aged {ages['age_from']:.0f} to {ages['age_to']:.0f}" if known else ""
    )


@fact
def data(card: Card) -> str | None:
    """Which store."""
    found = card.get("data")
    return f"Records of one store, content {found[:12]}." if found else None


@fact
def years(card: Card) -> str | None:
    """When people were asked about."""
    found = study(card).get("years")
    if not found:
        return None
    return f"Asked about in {found[0]}" + (f" to {found[1]}." if found[1] != found[0] else ".")


@fact
def follow_up(card: Card) -> str | None:
    """How long people are followed."""
    found = study(card).get("horizons_days")
    return f"Followed for up to {days(found[-1])}." if found else None


@fact
def eligible(card: Card) -> str | None:
    """Who could be in it."""
    told = study(card)
    if not told.get("asked_at"):
        return None
    age = told.get("age") or {}
    rules = [_moment(told["asked_at"], told["which"])]
    if age.get("at_least"):
        rules.append(f"aged {age['at_least']:g} or more")
    if age.get("below"):
        rules.append(f"below {age['below']:g}")
    if told.get("lookback_days"):
        rules.append(f"with {days(told['lookback_days'])} of records before")
    if told.get("washout"):
        rules.append(f"without {listed(told['washout'])} until then")
    return f"{', '.join(rules)}; the dead are not asked about."


def _moment(label: str, which: str) -> str:
    """``at a random 'visit'``; moments so many days apart have a label that says so."""
    return label if label.startswith("every ") else f"at {WHICH[which]} '{label}'"


@fact
def outcome(card: Card) -> str | None:
    """What is foretold."""
    found = study(card).get("outcomes")
    if not found:
        return None
    others = (
        f"; it competes with {listed(found[1:])}" if times_to_events(card) and found[1:] else ""
    )
    first = found[0] if times_to_events(card) else listed(found, "or")
    return f"A record of {first}{others}."


@fact
def horizon(card: Card) -> str | None:
    """By when."""
    found = (
        study(card).get("horizons_days") or [card["horizon_days"]]
        if card.get("horizon_days")
        else None
    )
    if not found:
        return None
    gap = study(card).get("gap_days")
    return f"within {listed([days(day) for day in found])}" + (
        f", after a gap of {days(gap)}" if gap else ""
    )


@fact
def lost(card: Card) -> str | None:
    """What is done about people whose record ends too early."""
    return {
        "exclude": "Without the outcome and not seen to the end of the window: left out.",
        "negative": "Without the outcome and not seen to the end of the window: counted as without it.",
        "time-to-event": "Followed until the record ends; measures weight for those lost (IPCW).",
    }.get(str(study(card).get("censoring")))


@fact
def says(card: Card) -> str | None:
    """What the model says."""
    if "calibration" not in card:
        return None
    return "A calibrated probability, no class; no threshold is set (net benefit is told for many)."


@fact
def refuses(card: Card) -> str | None:
    """For whom it gives no number."""
    if "population" not in card:
        return None
    return (
        "Missing input is treated as in training. People of an age it has not seen, the dead, and those who had the "
        "outcome already where that is washed out get no number, but the reason."
    )
