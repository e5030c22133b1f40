"""A workspace's pages, asked for in process by someone signed in, and what their tags are."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import TYPE_CHECKING

from lifecourse.schema.actor import Actor

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from fastapi.testclient import TestClient
    from playwright.sync_api import Page

US = "http://127.0.0.1:8000"


def signed_in(workspace: Path, actor: str = "ada") -> TestClient:
    """A client of the pages of `workspace` in which `actor` is signed in."""
    from fastapi.testclient import TestClient

    from lifecourse.serve import create_app
    from lifecourse.serve.auth import COOKIE, local_issuer

    client = TestClient(create_app(workspace), base_url=US, headers={"origin": US})
    client.cookies.set(COOKIE, local_issuer(workspace).session_token(Actor(name=actor)))
    return client


def statuses_of_pages(workspace: Path, subjects: Iterable[int]) -> list[int]:
    """The HTTP status of the page of each of `subjects`."""
    client = signed_in(workspace)
    return [client.get(f"/patients/{subject}").status_code for subject in subjects]


def found_by_axe(page: Page, axe: str) -> list[tuple[str, str, list[str]]]:
    """What axe-core complains of on an open page, every fold of it unfolded."""
    for summary in page.locator("summary").all():
        if summary.is_visible():
            summary.evaluate("element => { element.parentElement.open = true }")
    page.evaluate(axe)
    found = page.evaluate(
        "axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})"
    )
    return [
        (rule["id"], rule["help"], [node["html"][:120] for node in rule["nodes"][:3]])
        for rule in found["violations"]
    ]


class Outline(HTMLParser):
    """Whether tags are balanced, and which there are."""

    VOID = frozenset({"meta", "link", "input", "img", "br", "hr"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.handlers: list[str] = []
        self.scripts: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what opens here."""
        given = dict(attrs)
        if tag not in self.VOID:
            self.open.append(tag)
        if given.get("id"):
            self.ids.append(given["id"] or "")
        if tag == "a" and given.get("href"):
            self.links.append(given["href"] or "")
        if tag == "script":
            self.scripts.append(given)
        self.handlers += [name for name in given if name.startswith("on") or name == "style"]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what opens and closes here."""
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        """Check that it closes what was opened last."""
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag


def outline(html: str) -> Outline:
    """The outline of a page, whose tags are all closed."""
    parsed = Outline()
    parsed.feed(html)
    assert parsed.open == []
    return parsed
