"""Questionnaires whose total is the sum of their items, read from ``scales.yaml``."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from lifecourse.base.yaml import Document, load_document

SYSTEM = "LOINC//"


class Scale(Document):
    """A questionnaire.

    total : the codelist of recorded totals
    range : of the total, both ends included
    items : each question's LOINC code, and what its answers (LOINC answer codes) count
    """

    total: str
    title: str
    range: tuple[int, int]
    items: dict[str, dict[str, int]]

    @property
    def answers(self) -> dict[str, tuple[int, float | None]]:
        """By code of an answer: the item's place, and its score; None where the event's number is the score."""
        found: dict[str, tuple[int, float | None]] = {}
        for place, (item, scores) in enumerate(self.items.items()):
            found[f"{SYSTEM}{item}"] = (place, None)
            for answer, score in scores.items():
                found[f"{SYSTEM}{item}//{SYSTEM}{answer}"] = (place, float(score))
        return found


class _File(Document):
    version: str | float
    source: str
    scales: dict[str, Scale]


@cache
def scales() -> dict[str, Scale]:
    """The questionnaires by name."""
    return load_document(Path(__file__).with_suffix(".yaml"), _File).scales
