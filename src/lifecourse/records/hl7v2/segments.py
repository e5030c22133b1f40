"""What becomes of each segment of HL7 v2, as `segments.yaml` says it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from lifecourse.base.yaml import Document, load_document


class _Segments(Document):
    read: dict[str, str]
    counted: dict[str, tuple[str, ...]]


@cache
def _segments() -> _Segments:
    return load_document(Path(__file__).with_suffix(".yaml"), _Segments)


@cache
def described() -> dict[str, str]:
    """The segments that are read, and what each gives, in words."""
    return _segments().read


@cache
def counted() -> dict[str, str]:
    """The segments that give no event, each with the reason."""
    return {name: why for why, names in _segments().counted.items() for name in names}
