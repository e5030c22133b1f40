"""Checklists filled from a card: items are data (``library/*.yaml``), answers are named facts and rules."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from lifecourse.base.yaml import Document, load_document
from lifecourse.models.reporting.facts import FACTS
from lifecourse.models.reporting.signals import RULES

LIBRARY = Path(__file__).parent / "library"
MISSING, TOLD, PARTLY, NOT_APPLICABLE = "missing", "told", "told in part", "not applicable"
STATED, TOLD_AND_STATED = "stated by authors", "told, and stated by authors"


class Item(Document):
    """What is asked, and which facts, or which rule, answer it.

    authors : what only the study's authors can say; without : why the item does not apply where no fact is there
    """

    item: str
    asks: str
    facts: list[str] = Field(default_factory=list)
    rule: str | None = None
    authors: str = ""
    without: str = ""

    @model_validator(mode="after")
    def _known(self) -> Item:
        unknown = [name for name in self.facts if name not in FACTS]
        if unknown or (self.rule is not None and self.rule not in RULES):
            raise ValueError(f"no such fact or rule: {', '.join(unknown) or self.rule}")
        if not (self.facts or self.rule or self.authors):
            raise ValueError("an item needs facts, a rule, or what its authors have to say")
        return self


class Section(Document):
    """Items under a heading."""

    title: str
    items: list[Item]


class Part(Document):
    """Development or evaluation; `judges` is what people judge of each domain."""

    part: str
    judges: str
    domains: list[Section]
    analysis: list[Item]


class Checklist(Document):
    """A checklist with its source; `sections` of a report, or `parts` with the questions of each domain."""

    title: str
    source: str
    doi: str
    sections: list[Section] = Field(default_factory=list)
    parts: list[Part] = Field(default_factory=list)
    shared: list[Section] = Field(default_factory=list)


@cache
def checklist(name: str) -> Checklist:
    """The checklist of the library."""
    return load_document(LIBRARY / f"{name}.yaml", Checklist)


def tripod_ai(card: dict[str, Any]) -> dict[str, Any]:
    """TRIPOD+AI filled from a card: each of its items with a status and what the card says, or missing."""
    asked = checklist("tripod_ai")
    rows = [
        {"section": section.title, **_reported(item, card)}
        for section in asked.sections
        for item in section.items
    ]
    return _filled(asked, rows, "status")


def probast_ai(card: dict[str, Any]) -> dict[str, Any]:
    """PROBAST+AI's signalling questions answered from a card; where it does not tell, missing."""
    asked = checklist("probast_ai")
    rows = [
        {"part": part.part, "domain": domain.title, **_signalled(item, part.part, card)}
        for part in asked.parts
        for domain in [*part.domains, Section(title="Analysis", items=part.analysis)]
        for item in domain.items
    ]
    return _filled(asked, rows, "answer")


def _filled(asked: Checklist, rows: list[dict[str, Any]], counted: str) -> dict[str, Any]:
    counts: dict[str, int] = {}
    for row in rows:
        counts[row[counted]] = counts.get(row[counted], 0) + 1
    return {
        "title": asked.title,
        "source": asked.source,
        "doi": asked.doi,
        "counts": counts,
        "items": rows,
    }


def told(names: list[str], card: dict[str, Any]) -> str:
    """What the card says by these facts; empty where it says nothing."""
    said = [FACTS[name](card) for name in names]
    sentences = [words if words.endswith(".") else f"{words}." for words in said if words]
    return " ".join(words[0].upper() + words[1:] for words in sentences)


def _reported(item: Item, card: dict[str, Any]) -> dict[str, Any]:
    said = told(item.facts, card)
    if said:
        status = PARTLY if item.authors else TOLD
    elif item.without:
        status, said = NOT_APPLICABLE, f"{item.without[0].upper()}{item.without[1:]}."
    else:
        status, said = MISSING, ""
    stated = _stated(card, "tripod_ai").get(item.item, "") if item.authors else ""
    if stated:
        status = TOLD_AND_STATED if said else STATED
    return {
        "item": item.item,
        "asks": item.asks,
        "status": status,
        "says": said,
        "stated": stated,
        "authors": "" if stated else item.authors,
    }


def _stated(card: dict[str, Any], checklist_name: str) -> dict[str, Any]:
    """What its authors state (`lifecourse.models.reporting.statements`)."""
    found: dict[str, Any] = (card.get("statements") or {}).get(checklist_name, {})
    return found


def _signalled(item: Item, part: str, card: dict[str, Any]) -> dict[str, Any]:
    signal = RULES[item.rule](card) if item.rule else None
    stated = _stated(card, "probast_ai").get(part.lower(), {}).get(item.item)
    if signal is None and stated:
        return {
            "item": item.item,
            "asks": item.asks,
            "answer": stated["answer"],
            "why": "",
            "stated": stated["why"],
            "authors": "",
        }
    return {
        "item": item.item,
        "asks": item.asks,
        "answer": signal.answer if signal else MISSING,
        "why": signal.why if signal else "",
        "stated": "",
        "authors": "" if signal else item.authors,
    }
