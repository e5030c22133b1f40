"""A model's evaluation as a report: TRIPOD+AI and PROBAST+AI filled from its card, and CHAI's applied model card."""

from __future__ import annotations

from typing import Any

from lifecourse.models.reporting.chai import chai_card
from lifecourse.models.reporting.checklists import probast_ai, tripod_ai
from lifecourse.models.reporting.statements import Statements, load_statements, with_statements
from lifecourse.models.reporting.study import study_of

__all__ = [
    "Statements",
    "chai_card",
    "load_statements",
    "probast_ai",
    "report",
    "study_of",
    "tripod_ai",
    "with_statements",
]


def report(card: dict[str, Any]) -> dict[str, Any]:
    """What a model's card tells of its study, JSON-ready: a function of the card alone.

    Returns
    -------
    dict
        ``title`` and ``version``; ``tripod_ai`` and ``probast_ai``, each with its source, counts and items; ``stated``,
        by whom and when what authors state was stated, None where nothing was
    """
    stated = card.get("statements")
    return {
        "title": card.get("title"),
        "version": card.get("version"),
        "stated": stated and {name: stated[name] for name in ("stated_by", "dated")},
        "tripod_ai": tripod_ai(card),
        "probast_ai": probast_ai(card),
    }
