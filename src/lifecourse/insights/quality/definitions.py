"""The checks as their file has them: name, threshold, what a failure means and what to do."""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from lifecourse.base.yaml import Document, load_document

Day = Annotated[date, BeforeValidator(lambda value: date.fromisoformat(str(value)))]


class Definition(Document):
    """One check.

    threshold : the share of `of` above which it fails
    per : of what the share is looked at: of all together, also of each source, or also of each code in each source
    fewest : how many of `of` (of a code's values, of a system's events) a verdict rests on at least
    """

    title: str
    category: Literal["conformance", "completeness", "plausibility"]
    subcategory: Literal["value", "relational", "temporal", "atemporal", "none"]
    of: Literal["events", "people", "rows", "periods", "feeds", "codes"]
    threshold: float = Field(ge=0, lt=1)
    per: Literal["all", "source", "code"] = "all"
    fewest: int = Field(default=1, ge=1)
    anchor: str
    says: str
    do: str


class _File(Document):
    version: str | float
    source: str
    checks: dict[str, Definition]
    default_dates: tuple[Day, ...]


def definitions() -> dict[str, Definition]:
    """Every check by name, in the order they are shown."""
    return _file().checks


def default_dates() -> tuple[date, ...]:
    """Days that programs write where a date is missing."""
    return _file().default_dates


@cache
def _file() -> _File:
    return load_document(Path(__file__).with_name("checks.yaml"), _File)
