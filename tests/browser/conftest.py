"""A real browser before a real server with made-up people in it."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest
from cards import UNSEEN, card, horizons, in_tenths, unseen
from hospital import made_up_plan, make_workspace
from servers import answering

from lifecourse.base.files import write_json
from lifecourse.schema.actor import Actor, Purpose
from lifecourse.serve.auth import sign_in_link
from lifecourse.tasks.review import draw_charts
from lifecourse.tasks.verdicts import Reviews
from lifecourse.timeline.access import open_timeline

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

# A test browser that talks to nobody.
QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium on this machine; where CI runs there has to be one."""
    named = os.environ.get("LIFECOURSE_CHROMIUM")
    found = named or shutil.which("chromium") or shutil.which("google-chrome")
    if found:
        return found
    if os.environ.get("CI") == "true":
        pytest.fail("CI has no browser: install chromium or set LIFECOURSE_CHROMIUM")
    pytest.skip("no browser here: install chromium or set LIFECOURSE_CHROMIUM")


@pytest.fixture(scope="session")
def axe(repository: Path) -> str:
    """The source of axe-core, a test-only package of npm; where CI runs there has to be one."""
    path = repository / "tests" / "browser" / "node_modules" / "axe-core" / "axe.min.js"
    if path.is_file():
        return path.read_text(encoding="utf-8")
    if os.environ.get("CI") == "true":
        pytest.fail("CI has no axe-core: run npm ci in tests/browser")
    pytest.skip("no axe-core here: run npm ci in tests/browser")


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = make_workspace(tmp_path_factory.mktemp("browser"))
    rows = in_tenths(horizons())
    # A card alone: a page of a patient would look for the files of a model.
    times = card([*rows[:-1], unseen(rows[-1], reason=UNSEEN)]) | {"outcome": "card"}
    write_json(made / "models" / "times" / "outcome.json", times)
    timeline = open_timeline(made, actor=Actor(name="ada"), purpose=Purpose.OPERATIONS)
    Reviews(made).keep(draw_charts(timeline, "type_2_diabetes", each=5, seed=1))
    return made


@pytest.fixture(scope="module")  # not longer: the made-up plans must not reach other tests
def address(workspace: Path) -> Iterator[str]:
    """The address of a server of `workspace`."""
    from lifecourse.serve import create_app

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lifecourse.serve.patient.plan_of", made_up_plan)
        with answering(create_app(workspace)) as running:
            yield running


@pytest.fixture(scope="module")  # not longer: an event loop runs in this thread while it is open
def browser(chromium: str) -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        yield running
        running.close()


@pytest.fixture
def page(browser: Browser, workspace: Path, address: str) -> Iterator[Page]:
    """A page with a clinician signed in; fails on console errors and on requests that leave the host."""
    yield from opened_by(Actor(name="ada"), browser, workspace, address)


@pytest.fixture
def officer(browser: Browser, workspace: Path, address: str) -> Iterator[Page]:
    """The same with who looks after privacy signed in."""
    actor = Actor(name="odo", role="privacy_officer")
    yield from opened_by(actor, browser, workspace, address)


def opened_by(actor: Actor, browser: Browser, workspace: Path, address: str) -> Iterator[Page]:
    """A page with `actor` signed in, and what it must not do."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on(
        "request",
        lambda r: None if r.url.startswith((address, "data:")) else complaints.append(r.url),
    )
    opened.goto(sign_in_link(workspace, actor, address=address))
    opened.wait_for_url(f"{address}/")
    yield opened
    context.close()
    assert complaints == []
