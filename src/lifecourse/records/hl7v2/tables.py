"""Words of HL7's own tables."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from lifecourse.base.yaml import Document, load_document


class _Tables(Document):
    words: dict[str, dict[str, str]]
    coverage_types: tuple[str, ...]


@cache
def _tables() -> _Tables:
    return load_document(Path(__file__).with_suffix(".yaml"), _Tables)


def words_of(table: str, code: str) -> str | None:
    """What `code` of a table of HL7 means, in words; None where the table or the code is not known."""
    return _tables().words.get(table, {}).get(code)


@cache
def coverage_types() -> frozenset[str]:
    """Codes of FHIR's kinds of coverage."""
    return frozenset(_tables().coverage_types)
