"""The few SVG elements our figures are made of, escaped, and the pair a figure is returned as."""

from __future__ import annotations

import hashlib
from functools import cache
from html import escape
from typing import Any, NamedTuple

INK = "currentColor"
# Blue and orange stay apart for every common kind of colour blindness, on white and on black.
BLUE = "#3b82c4"
ORANGE = "#d9822b"
GREY = "#8a8f98"


class Figure(NamedTuple):
    """A picture as SVG text and the same numbers as rows of a table."""

    svg: str
    rows: list[dict[str, Any]]


def element(name: str, *content: str, **attributes: object) -> str:
    """``<name ...>content</name>``; attribute values are escaped, ``_`` in their names becomes ``-``."""
    written = "".join(
        f' {_attribute(key)}="{_said(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    inner = "".join(content)
    return f"<{name}{written}>{inner}</{name}>" if inner else f"<{name}{written}/>"


def text(x: float, y: float, words: str, **attributes: object) -> str:
    """A line of text whose baseline starts at (x, y)."""
    look = {"fill": INK, "font_size": 12, **attributes}
    return element("text", escape(words), x=x, y=y, **look)


def tip(words: str) -> str:
    """What a mark says when it is pointed at."""
    return element("title", escape(words))


def picture(*content: str, width: float, height: float, title: str, description: str) -> str:
    """An SVG image with a name and a description for those who do not see it; the same input, the same text."""
    seen = "\0".join((title, description, *content)).encode()
    number = hashlib.sha256(seen).hexdigest()[:10]
    named = (
        element("title", escape(title), id=f"figure-{number}-title"),
        element("desc", escape(description), id=f"figure-{number}-desc"),
    )
    return element(
        "svg",
        *named,
        *content,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {_said(width)} {_said(height)}",
        role="img",
        aria_labelledby=f"figure-{number}-title figure-{number}-desc",
        font_family="system-ui, sans-serif",
    )


def shortened(words: str, characters: int) -> str:
    """`words` cut to at most `characters`, the cut marked."""
    return words if len(words) <= characters else words[: characters - 1].rstrip() + "…"


@cache
def _attribute(name: str) -> str:
    return name.rstrip("_").replace("_", "-")


def _said(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return str(value) if isinstance(value, int) else escape(str(value))
