"""A plan as CDS Hooks 2.0 cards: few, short, each with its reason and source."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, UUID, uuid5

from lifecourse.serve.feedback import REASONS
from lifecourse.serve.wording import capital

if TYPE_CHECKING:
    from collections.abc import Iterator

# Acceptance falls with every further reminder in a visit (Ancker 2017, doi:10.1186/s12911-017-0430-8).
MOST_CARDS = 3
LONGEST_SUMMARY = 139
SYSTEM = "urn:lifecourse:override-reason"
MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+!|<>~-])")


def cards_of(page: dict[str, Any], hook_instance: UUID) -> list[dict[str, Any]]:
    """At most three cards, the plan's strongest recommendations; none where nothing is recommended."""
    return [_card(row, page, hook_instance) for row in page["plan"]["fires"][:MOST_CARDS]]


def _card(row: dict[str, Any], page: dict[str, Any], hook_instance: UUID) -> dict[str, Any]:
    source = row["source"] or {"title": "lifecourse", "address": None}
    card = {
        # The same request gives the same card, so a client that asks twice can tell.
        "uuid": str(uuid5(NAMESPACE_URL, f"{hook_instance}/{row['name']}")),
        "summary": _summary(row["title"]),
        # `warning` and `critical` are for harm that is near; advice on prevention never is.
        "indicator": "info",
        "detail": "\n\n".join(_detail(row, page)),
        "source": {
            "label": "lifecourse",
            "topic": {"code": row["name"], "system": "urn:lifecourse:recommendation"},
        },
        "overrideReasons": [
            {"code": code, "system": SYSTEM, "display": REASONS.get(code, capital(code))}
            for code in row["override_reasons"]
        ],
    }
    if source["address"]:
        card["links"] = [
            {"label": source["title"][:80], "url": source["address"], "type": "absolute"}
        ]
    return card


def _summary(title: str) -> str:
    if len(title) <= LONGEST_SUMMARY:
        return title
    return title[: LONGEST_SUMMARY - 1].rstrip() + "…"


def _detail(row: dict[str, Any], page: dict[str, Any]) -> Iterator[str]:
    if row["action"]:
        yield f"**{_escaped(row['action'])}**"
    if row["reason"]:
        yield _escaped(row["reason"])
    if row["events"]:
        yield "\n".join(f"- {_escaped(_event_words(event))}" for event in row["events"])
    if row["benefit"]:
        yield _escaped(row["benefit"])
    if row["cautions"]:
        yield "Mind: " + _escaped("; ".join(row["cautions"]))
    grade = ", ".join(word for word in (row["strength"], row["grade"]) if word)
    source = row["source"]["title"] if row["source"] else None
    yield _escaped(" · ".join(w for w in (source, grade, f"as of {page['as_of']}") if w))


def _event_words(event: dict[str, Any]) -> str:
    value = (
        "" if event["value"] is None else f" {event['value']:.4g} {event['unit'] or ''}".rstrip()
    )
    when = f", {event['when'][:10]}" if event["when"] else ""
    return f"{event['name']}{value}{when}"


def _escaped(words: str) -> str:
    """Text of records as text: nothing in it is Markdown or HTML."""
    return MARKDOWN.sub(r"\\\1", words)
