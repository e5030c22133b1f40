"""The card as CHAI's applied model card: JSON with the elements of its schema v0.2, in their order and spelling.

The schema is of XML; here each element is a key, an element with others is an object, and elements that repeat are a
list under their name. What the card does not tell says so in words, since the schema wants the element.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import orjson
from pydantic import ConfigDict, Field

from lifecourse.base.yaml import Document, load_document
from lifecourse.models.reporting.checklists import LIBRARY, checklist, told
from lifecourse.models.reporting.facts import FACTS, fact
from lifecourse.models.reporting.wording import measure

CITED = ("tripod_ai", "probast_ai")
NOT_RECORDED = "missing: the model's card does not tell; its developers have to say it"


class Element(Document):
    """An element without others; `list` names those in it that repeat; `plain` is no sentence."""

    name: str
    facts: list[str] = Field(default_factory=list)
    optional: bool = False
    plain: bool = False
    list_of: str | None = Field(default=None, alias="list")


class Metric(Document):
    """An element of key metrics, its goal, and which measures (or ``groups``) are its results."""

    name: str
    goal: str
    of: list[str]


class Group(Document):
    """An element with others, or with text of its own."""

    name: str
    elements: list[Element] = Field(default_factory=list)
    groups: list[Group] = Field(default_factory=list)
    metrics: list[Metric] = Field(default_factory=list)
    facts: list[str] = Field(default_factory=list)


class Schema(Document):
    """The elements of the card."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    title: str
    address: str = Field(alias="schema")
    source: str
    groups: list[Group]


@cache
def schema() -> Schema:
    """The elements as the library has them."""
    return load_document(LIBRARY / "chai.yaml", Schema)


def chai_card(card: dict[str, Any]) -> dict[str, Any]:
    """The applied model card, JSON-ready."""
    found = schema()
    return {
        "$schema": found.address,
        "AppliedModelCard": {group.name: _group(group, card) for group in found.groups},
    }


def _group(group: Group, card: dict[str, Any]) -> Any:
    if group.facts:
        return _plain(group.facts, card) or NOT_RECORDED
    filled: dict[str, Any] = {}
    for element in group.elements:
        said = _element(element, card)
        if said is not None:
            filled[element.name] = said
    filled |= {inner.name: _group(inner, card) for inner in group.groups}
    return filled | {metric.name: _metric(metric, card) for metric in group.metrics}


def _element(element: Element, card: dict[str, Any]) -> Any:
    if element.list_of is not None:
        words = [FACTS[name](card) for name in element.facts]
        return [{element.list_of: one} for said in words if said for one in said.split("; ")]
    said = _plain(element.facts, card) if element.plain else told(element.facts, card)
    said = said or _stated(element.name, card)
    return said or (None if element.optional else NOT_RECORDED)


def _stated(element: str, card: dict[str, Any]) -> str:
    """What its authors state, marked as theirs."""
    found = card.get("statements") or {}
    words = found.get("chai", {}).get(element, "")
    return f"{words} [stated by {found['stated_by']}, {found['dated']}]" if words else ""


def _plain(names: list[str], card: dict[str, Any]) -> str:
    return " ".join(said for name in names if (said := FACTS[name](card)))


def _metric(metric: Metric, card: dict[str, Any]) -> dict[str, Any]:
    results = _results(metric.of, card)
    judged = FACTS["size_judged"](card)
    return {
        "MetricGoal": f"{metric.goal}.",
        "Results": [{"MetricResult": one} for one in results],
        "Interpretation": NOT_RECORDED,
        "TestType": FACTS["aims"](card) or NOT_RECORDED,
        "TestingDataDescription": told(["size", "years"], card) or NOT_RECORDED,
        "ValidationProcessAndJustification": judged or NOT_RECORDED,
    }


def _results(names: list[str], card: dict[str, Any]) -> list[dict[str, str]]:
    """Each measure as a label and its value with interval as JSON text; the schema wants one at least."""
    found = {
        measure(name): card["metrics"][name] for name in names if name in card.get("metrics", {})
    }
    if "groups" in names:
        found |= {
            f"{measure(row['measure'])}, widest gap by {row['between']}": row["gap"]
            for row in card.get("gaps", [])
        }
    told_values = [
        {"Label": label, "ValueJson": orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()}
        for label, value in found.items()
    ]
    return told_values or [{"Label": NOT_RECORDED, "ValueJson": "null"}]


@fact
def measured_by(card: dict[str, Any]) -> str | None:
    """By which checklists it is reported."""
    if not card.get("metrics"):
        return None
    return f"Reported in report.json by {' and '.join(_cited(name) for name in CITED)}."


@fact
def bibliography(card: dict[str, Any]) -> str | None:
    """As BibTeX, the checklists it is reported by."""
    if not card.get("metrics"):
        return None
    return "\n".join(
        f"@article{{{name}, title = {{{found.title}: {found.source}}}, doi = {{{found.doi}}}}}"
        for name in CITED
        if (found := checklist(name))
    )


def _cited(name: str) -> str:
    found = checklist(name)
    return f"{found.title} (doi {found.doi})"
