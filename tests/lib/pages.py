"""A workspace's pages, asked for in process by someone signed in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecourse.schema.actor import Actor

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from fastapi.testclient import TestClient


def signed_in(workspace: Path, actor: str = "ada") -> TestClient:
    """A client of the pages of `workspace` in which `actor` is signed in."""
    from fastapi.testclient import TestClient

    from lifecourse.serve import create_app
    from lifecourse.serve.auth import COOKIE, local_issuer

    client = TestClient(create_app(workspace), base_url="http://127.0.0.1:8000")
    client.cookies.set(COOKIE, local_issuer(workspace).session_token(Actor(name=actor)))
    return client


def statuses_of_pages(workspace: Path, subjects: Iterable[int]) -> list[int]:
    """The HTTP status of the page of each of `subjects`."""
    client = signed_in(workspace)
    return [client.get(f"/patients/{subject}").status_code for subject in subjects]
