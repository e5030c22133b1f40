"""What a clinician meets where rules close something: an emergency, a consent, a protected label."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from house import CANARY, ID, make_house

from lifecourse.schema.actor import Actor
from lifecourse.serve.auth import sign_in_link

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

PROTECTED = {"ICD10CM//F10.20", "RxNorm//6813", "LOINC//20447-9"}
REASON = "Unconscious, needs surgery within the hour"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_house(tmp_path_factory.mktemp("house"), closed=True)


@pytest.fixture
def ward(browser: Browser, workspace: Path, address: str) -> Iterator[Page]:
    """A page with Ada signed in; a record that is not there is no fault of the page."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    opened = context.new_page()
    opened.goto(sign_in_link(workspace, Actor(name="ada", role="clinician"), address=address))
    opened.wait_for_url(f"{address}/")
    yield opened
    context.close()


def codes_on(ward: Page) -> set[str]:
    """The codes in the table of events."""
    ward.get_by_text("the latest first").click()
    rows = ward.get_by_role("region", name="Events, table").get_by_role("row").all()[1:]
    return {row.get_by_role("cell").nth(3).inner_text() for row in rows}


def test_a_protected_label_is_not_on_the_page_and_not_in_the_list(ward: Page, address: str) -> None:
    names = ward.get_by_role("row").all_inner_texts()
    assert any("Dora Diabelli" in name for name in names)
    assert not any(CANARY in name for name in names)
    ward.get_by_role("link", name="Dora Diabelli").click()
    ward.wait_for_url(f"{address}/patients/{ID['dora']}")
    ward.get_by_text("Diabetes mellitus type 2").first.wait_for()
    codes = codes_on(ward)
    assert "ICD10CM//I10" in codes
    assert not codes & PROTECTED
    assert CANARY not in ward.content()
    ward.get_by_text("may keep parts of a record closed to you").wait_for()


def test_a_person_who_denied_is_as_if_absent(ward: Page, address: str) -> None:
    ward.goto(f"{address}/?q={ID['gina']}")
    assert ward.get_by_role("link", name=str(ID["gina"])).count() == 0
    closed = ward.goto(f"{address}/patients/{ID['gina']}")
    assert closed is not None
    assert closed.status == 404
    said = ward.get_by_role("main").inner_text()
    ward.goto(f"{address}/patients/1")
    assert ward.get_by_role("main").inner_text() == said
    ward.get_by_role("heading", name="This is not possible").wait_for()


def test_the_glass_is_broken_with_a_reason_and_one_record_opens(ward: Page, address: str) -> None:
    ward.goto(f"{address}/patients/{ID['dora']}")
    ward.get_by_text("Open this record in an emergency").click()
    ward.get_by_role("button", name="Break the glass").click()
    assert ward.url == f"{address}/patients/{ID['dora']}"  # the browser asks for the reason
    ward.get_by_label("Why it has to be now").fill(REASON)
    ward.get_by_role("button", name="Break the glass").click()
    ward.get_by_role("status").get_by_text("Opened in an emergency").wait_for()
    assert codes_on(ward) >= PROTECTED
    ward.goto(f"{address}/patients/{ID['eve']}")
    ward.get_by_text("Open this record in an emergency").click()
    ward.get_by_label("Why it has to be now").fill(REASON)
    ward.get_by_role("button", name="Break the glass").click()
    ward.get_by_role("heading", level=1, name=f"Eve {CANARY}").wait_for()
    ward.goto(f"{address}/patients/{ID['dora']}")
    assert not codes_on(ward) & PROTECTED


def test_the_ways_to_break_the_glass_are_used_by_keyboard_and_readable(
    ward: Page, address: str, axe: str
) -> None:
    for path in (f"/patients/{ID['carl']}", "/patients/1"):
        ward.goto(f"{address}{path}")
        opener = ward.get_by_text("Open this record in an emergency")
        opener.focus()
        ward.keyboard.press("Enter")
        ward.get_by_label("Why it has to be now").wait_for()
        ward.evaluate(axe)
        found = ward.evaluate("async () => (await axe.run()).violations.map(v => v.id)")
        assert found == []
