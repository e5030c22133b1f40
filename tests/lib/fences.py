"""The fenced examples of a Markdown page, and whether a test runs them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FENCE = re.compile(
    r"(?:<!-- not run: (?P<reason>[^>]+) -->\n)?^```(?P<language>\w+)\n(?P<body>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """One example: its language, its lines, and the reason where it is not run."""

    language: str
    body: str
    reason: str | None
    line: int


def fences(page: Path) -> list[Fence]:
    """The fences of `page`, in order."""
    text = page.read_text(encoding="utf-8")
    return [
        Fence(
            language=found["language"],
            body=found["body"],
            reason=found["reason"],
            line=text.count("\n", 0, found.start("language")) + 1,
        )
        for found in FENCE.finditer(text)
    ]


def run_of(page: Path, language: str) -> str:
    """The fences of `page` in `language` that are run, as one program with the page's line numbers."""
    program = ""
    for fence in fences(page):
        if fence.language == language and fence.reason is None:
            program += "\n" * (fence.line - program.count("\n")) + fence.body
    return program
