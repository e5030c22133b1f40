"""Cedar policy files as statements with their lines, so that an error says where; and the moments they compare with."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lifecourse.base.clock import to_microseconds

TOKENS = re.compile(r'//[^\n]*|"(?:\\.|[^"\\])*"|;|\s+|[^\s"/;]+|.', re.DOTALL)
"""Comments and strings are whole: a semicolon in them ends nothing."""

COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
TIME = {".": {"left": {"Var": "resource"}, "attr": "time"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One policy: its text up to the semicolon, and the line (from 1) it begins on."""

    text: str
    line: int


def statements_of(text: str) -> list[Statement]:
    """The policies in `text`, in order; what follows the last semicolon is one too, unless it says nothing."""
    found: list[Statement] = []
    begin: int | None = None
    for token in TOKENS.finditer(text):
        said = token.group()
        if begin is None and not said.isspace() and not said.startswith("//"):
            begin = token.start()
        if said == ";" and begin is not None:
            found.append(_statement(text, begin, token.end()))
            begin = None
    if begin is not None:
        found.append(_statement(text, begin, len(text)))
    return found


def _statement(text: str, begin: int, end: int) -> Statement:
    return Statement(text=text[begin:end], line=text.count("\n", 0, begin) + 1)


def moments_in(policy: dict[str, Any]) -> set[int]:
    """Milliseconds since 1970 with which a policy (in Cedar's JSON) compares the time of a part.

    Raises
    ------
    ValueError
        It uses the time otherwise than in a comparison with a moment that is written out: then nobody could tell at
        which moments its answer changes.
    """
    moments: set[int] = set()
    _walk(policy, moments)
    return moments


def _walk(node: Any, moments: set[int]) -> None:
    if node == TIME:
        raise ValueError(
            'compare resource.time with a moment that is written out, as in resource.time < datetime("2015-01-01")'
        )
    if isinstance(node, list):
        for inner in node:
            _walk(inner, moments)
    elif isinstance(node, dict):
        for name, inner in node.items():
            compared = _compared(name, inner)
            if compared is None:
                _walk(inner, moments)
            else:
                moments.add(_milliseconds(compared))


def _compared(name: str, inner: Any) -> str | None:
    """The moment on the other side where this is a comparison of the time with one."""
    if name not in COMPARISONS or not isinstance(inner, dict):
        return None
    sides = [inner.get("left"), inner.get("right")]
    if TIME not in sides:
        return None
    other = sides[1 - sides.index(TIME)]
    written = other.get("datetime") if isinstance(other, dict) else None
    if isinstance(written, list) and len(written) == 1 and isinstance(written[0], dict):
        moment = written[0].get("Value")
        return moment if isinstance(moment, str) else None
    return None


def _milliseconds(written: str) -> int:
    moment = datetime.fromisoformat(written)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return to_microseconds(moment) // 1000
