"""What `templates.yaml` says: the reader of each template, the name of each section."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

from lifecourse.base.yaml import Document, load_document


class Template(NamedTuple):
    """A template's name, and the reader of statements that follow it."""

    name: str
    reader: str


class Kinds(Document):
    """The file as it is; see its head."""

    templates: dict[str, Template]
    systems: dict[str, str]
    readers: dict[str, str]
    sections: dict[str, str]
    problems: tuple[str, ...]
    goals: tuple[str, ...]
    anything: tuple[str, ...]
    no_known: dict[str, tuple[str, str]]


@cache
def kinds() -> Kinds:
    """The tables of the source."""
    return load_document(Path(__file__).with_name("templates.yaml"), Kinds)
