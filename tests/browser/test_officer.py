"""What a privacy officer does in a browser: everything is found by its role and name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hospital import DORA, NEWBORN
from pages import found_by_axe

from lifecourse.privacy.audit import AuditLog
from lifecourse.schema.actor import Actor, Purpose

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

PAGES = ("/audit", "/audit?outcome=refused&who=eve", f"/audit/people/{DORA}?everything=true")
REASON = "Unconscious after a fall; allergies unknown."


@pytest.fixture
def emergency(workspace: Path) -> int:
    log = AuditLog(workspace / "audit")
    for told in ({"reason": REASON, "action": "break the glass"}, {"action": "look"}):
        log.record(
            actor=Actor(name="ben", role="clinician"),
            purpose=Purpose.DIRECT_CARE,
            target=f"subject/{NEWBORN}",
            emergency=True,
            **told,
        )
    return len(list(log.lines())) - 1


def test_an_emergency_is_reviewed_by_keyboard(officer: Page, address: str, emergency: int) -> None:
    officer.get_by_role("link", name="Audit log").click()
    officer.wait_for_url(f"{address}/audit")
    opened = officer.get_by_role("article", name=f"Emergency of ben, entry {emergency}")
    opened.get_by_text(REASON).wait_for()
    opened.get_by_text("looked 1 time").wait_for()
    opened.get_by_label("Found").focus()
    officer.keyboard.type("just")
    officer.keyboard.press("Tab")
    officer.keyboard.type("Seen on the ward")
    officer.keyboard.press("Enter")
    officer.wait_for_url(f"{address}/audit#emergencies")
    assert opened.count() == 0
    officer.get_by_text("Reviewed (").click()
    done = officer.get_by_role("article", name=f"Reviewed emergency of ben, entry {emergency}")
    done.get_by_text("odo found it justified").wait_for()


def test_from_the_log_to_the_accounting_of_a_person(
    officer: Page, page: Page, address: str
) -> None:
    page.goto(f"{address}/patients/{DORA}")
    officer.goto(f"{address}/audit")
    officer.get_by_role("status").get_by_text("Whole.").wait_for()
    officer.get_by_label("Whom (subject id)").fill(str(DORA))
    officer.get_by_role("combobox", name="What").select_option("look")
    officer.get_by_role("button", name="Show").click()
    row = officer.get_by_role("row", name="ada").first
    row.get_by_role("link", name=str(DORA)).click()
    officer.wait_for_url(f"{address}/audit/people/{DORA}")
    officer.get_by_role("heading", name="Accounting of disclosures").wait_for()
    officer.get_by_text("Nothing that has to be accounted for").wait_for()
    officer.get_by_label("also treatment and operations").check()
    officer.get_by_role("button", name="Show").click()
    officer.get_by_role("row", name="ada").first.wait_for()


def test_a_clinician_has_no_audit_log(page: Page) -> None:
    assert page.get_by_role("link", name="Audit log").count() == 0


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(
    officer: Page, address: str, axe: str, path: str, scheme: str, emergency: int
) -> None:
    officer.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    officer.goto(f"{address}{path}")
    assert found_by_axe(officer, axe) == []


@pytest.mark.parametrize("path", PAGES)
def test_nothing_is_wider_than_a_telephone(
    officer: Page, address: str, path: str, emergency: int
) -> None:
    officer.set_viewport_size({"width": 360, "height": 740})
    officer.goto(f"{address}{path}")
    assert officer.evaluate("document.documentElement.scrollWidth") <= 360


def test_the_accounting_prints_as_a_letter(officer: Page, page: Page, address: str) -> None:
    page.goto(f"{address}/patients/{DORA}")
    officer.goto(f"{address}/audit/people/{DORA}?everything=true")
    officer.emulate_media(media="print")
    assert not officer.get_by_role("button", name="Print").is_visible()
    assert not officer.get_by_role("button", name="Show").is_visible()
    officer.get_by_role("table").wait_for()
    assert officer.pdf(format="A4").startswith(b"%PDF")
