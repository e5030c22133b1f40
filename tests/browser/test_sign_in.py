"""Signing in at the hospital's own server, as a clinician does it: one click here, one there, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from issuers import LOOPBACK, TestIssuer, serving
from servers import answering

from lifecourse.serve import create_app
from lifecourse.serve.auth.trust import Trust

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser


@pytest.fixture
def issuer() -> Iterator[TestIssuer]:
    with serving() as running:
        yield running


@pytest.fixture
def hospital(workspace: Path, issuer: TestIssuer) -> Iterator[str]:
    """The address of a server at which the hospital's issuer signs people in."""
    trust = Trust.model_validate({"sign_in": issuer.settings(), "networks": LOOPBACK})
    with answering(create_app(workspace, trust=trust)) as address:
        yield address


@pytest.fixture
def visitor(browser: Browser) -> Iterator[tuple[Page, list[str]]]:
    """A page in a browser of its own, and what its console complains of."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    opened = context.new_page()
    complaints: list[str] = []
    opened.on(
        "console",
        lambda m: complaints.append(f"{m.location['url']} {m.text}") if m.type == "error" else None,
    )
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened, complaints
    context.close()


def test_a_clinician_signs_in_at_the_hospitals_server_and_out_again(
    visitor: tuple[Page, list[str]], hospital: str, issuer: TestIssuer
) -> None:
    page, complaints = visitor
    page.goto(hospital)
    page.get_by_role("heading", name="Please sign in").wait_for()
    page.get_by_role("link", name="Sign in with your hospital account").click()
    page.wait_for_url(f"{issuer.address}/authorize?**")
    page.get_by_role("button", name="Continue as Dr Ada").click()
    page.wait_for_url(f"{hospital}/")
    page.get_by_role("heading", name="Patients").wait_for()
    page.get_by_text("Dr Ada").wait_for()
    (session,) = page.context.cookies(hospital)
    assert (session["httpOnly"], session["sameSite"]) == (True, "Strict")
    assert page.evaluate("document.cookie") == ""
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("heading", name="Signed out").wait_for()
    assert page.context.cookies(hospital) == []
    page.goto(hospital)
    page.get_by_role("heading", name="Please sign in").wait_for()
    # A browser itself complains of each page that is answered with 401.
    ours = [line for line in complaints if line.startswith(hospital) and "401" not in line]
    assert ours == []


def test_who_has_no_role_here_is_told_whom_to_ask(
    visitor: tuple[Page, list[str]], hospital: str, issuer: TestIssuer
) -> None:
    page, _ = visitor
    issuer.person = {"sub": "5", "preferred_username": "Cleaner", "groups": ["cleaners"]}
    page.goto(f"{hospital}/sign-in/begin")
    page.get_by_role("button", name="Continue as Cleaner").click()
    page.get_by_text("Your account has no role here").wait_for()
    page.goto(hospital)
    page.get_by_role("heading", name="Please sign in").wait_for()
