"""What a clinician does in a browser: everything is found by its role and name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hospital import DORA, MALICIOUS, NEWBORN
from pages import found_by_axe

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

PAGES = (
    "/",
    f"/patients/{DORA}",
    f"/patients/{NEWBORN}",
    f"/patients/{MALICIOUS}",
    "/models",
    "/models/mortality_1y",
    "/models/times",
    "/findings",
    "/tasks",
    "/reviews",
    "/reviews/type_2_diabetes",
    "/reviews/type_2_diabetes/charts/1",
    "/reviews/hypertension",
)


def test_from_the_list_to_the_reason_of_a_recommendation(page: Page, address: str) -> None:
    page.get_by_label("Recommended now").select_option("statin")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name=str(DORA)).click()
    page.wait_for_url(f"{address}/patients/{DORA}")
    assert page.get_by_role("heading", level=1).inner_text() == f"Patient {DORA}"
    for heading in ("What happened", "What is likely", "What to do", "Latest measurements"):
        assert page.get_by_role("heading", name=heading).is_visible()
    advice = page.get_by_role("article", name="Start a moderate-intensity statin")
    advice.get_by_role("link", name="Diabetes mellitus type 2").click()
    row = page.get_by_role("row", name="SNOMED//44054006")
    assert row.is_visible()
    assert re.search(r"#event-\d+$", page.url)


def test_the_years_shown_change_without_losing_the_place(page: Page, address: str) -> None:
    page.goto(f"{address}/patients/{DORA}")
    years = page.get_by_role("navigation", name="Years shown")
    years.get_by_role("link", name="5 y").click()
    page.wait_for_url(re.compile("years=5"))
    assert years.get_by_role("link", name="5 y").get_attribute("aria-current") == "true"
    assert page.evaluate("document.activeElement.textContent") == "5 y"


def test_a_recommendation_is_declined_with_a_reason(page: Page, address: str) -> None:
    page.goto(f"{address}/patients/{DORA}")
    advice = page.get_by_role("article", name="Start a moderate-intensity statin")
    advice.get_by_text("Not now", exact=True).click()
    advice.get_by_label("Reason").select_option("contraindicated")
    advice.get_by_role("button", name="Save").click()
    page.wait_for_url(re.compile(f"/patients/{DORA}"))
    assert advice.get_by_text("Not now: Contraindicated or not tolerated").is_visible()


def test_a_chart_is_judged_and_the_next_one_shown_by_one_key(page: Page, address: str) -> None:
    review = f"{address}/reviews/type_2_diabetes"
    page.goto(f"{review}/charts/1")
    page.keyboard.press("y")
    page.wait_for_url(f"{review}/charts/2")
    page.keyboard.press("ArrowLeft")
    page.wait_for_url(f"{review}/charts/1")
    assert page.get_by_text("You said yes").is_visible()
    assert page.get_by_role("button", name="Yes").get_attribute("aria-pressed") == "true"
    page.keyboard.press("ArrowRight")
    page.wait_for_url(f"{review}/charts/2")
    reason = page.get_by_label("Reason, if you like")
    reason.fill("")
    reason.press_sequentially("only y, n and c")  # letters in a reason are letters
    page.get_by_role("button", name="No", exact=False).first.click()
    page.wait_for_url(f"{review}/charts/3")
    page.goto(f"{review}/charts/2")
    assert page.get_by_text("You said no: only y, n and c").is_visible()


def test_keys_that_judge_can_be_switched_off(page: Page, address: str) -> None:
    review = f"{address}/reviews/type_2_diabetes"
    page.goto(f"{review}/charts/3")
    page.get_by_label("Keys").uncheck()
    page.reload()
    page.keyboard.press("c")
    page.wait_for_timeout(300)
    assert page.url == f"{review}/charts/3"
    page.get_by_label("Keys").check()
    page.locator("main").focus()
    page.keyboard.press("c")
    page.wait_for_url(lambda url: not url.endswith("/charts/3"))


def test_a_chart_is_judged_without_javascript(browser: Browser, page: Page, address: str) -> None:
    cookies = page.context.cookies()
    context = browser.new_context(java_script_enabled=False)
    context.add_cookies(cookies)
    plain = context.new_page()
    plain.goto(f"{address}/reviews/type_2_diabetes/charts/2")
    assert not plain.get_by_label("Keys").is_visible()
    plain.get_by_role("button", name="Cannot tell").click()
    plain.goto(f"{address}/reviews/type_2_diabetes/charts/2")
    assert plain.get_by_text("You said cannot tell").is_visible()
    context.close()


def test_the_page_is_used_by_keyboard(page: Page, address: str) -> None:
    page.goto(f"{address}/patients/{DORA}")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


def test_the_page_is_read_without_javascript(browser: Browser, page: Page, address: str) -> None:
    cookies = page.context.cookies()
    context = browser.new_context(java_script_enabled=False)
    context.add_cookies(cookies)
    plain = context.new_page()
    plain.goto(f"{address}/patients/{DORA}?years=5")
    assert plain.get_by_role("heading", name="What to do").is_visible()
    assert plain.get_by_role("img", name="What happened").is_visible()
    context.close()


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(page: Page, address: str, axe: str, path: str, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto(f"{address}{path}")
    assert found_by_axe(page, axe) == []


@pytest.mark.parametrize("path", PAGES)
def test_nothing_is_wider_than_a_telephone(page: Page, address: str, path: str) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(f"{address}{path}")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_each_outcome_at_each_horizon_is_read_on_a_telephone_and_on_paper(
    page: Page, address: str
) -> None:
    page.goto(f"{address}/models/times")
    table = page.get_by_role("region", name="Measures of each outcome at each horizon")
    assert table.get_by_role("columnheader", name="Slope").is_visible()
    assert not table.locator(".label").first.is_visible()
    assert page.get_by_role("img", name="MI within 1 year, calibration").is_visible()
    page.set_viewport_size({"width": 360, "height": 740})
    assert table.locator(".label").first.is_visible()
    page.set_viewport_size({"width": 718, "height": 1000})  # A4 between its margins
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.scrollWidth") <= 718
    assert table.get_by_role("columnheader", name="Slope").is_visible()
    drawn = [one.bounding_box() for one in page.locator(".panels figure").all()]
    assert len(drawn) == 9
    assert all(box is not None and box["x"] + box["width"] <= 718 for box in drawn)


def test_the_page_prints_without_what_paper_cannot_do(
    page: Page, address: str, tmp_path: Path
) -> None:
    page.goto(f"{address}/patients/{DORA}")
    page.emulate_media(media="print")
    assert not page.get_by_role("button", name="Accept").is_visible()
    assert page.get_by_role("heading", name="What to do").is_visible()
    pdf = page.pdf(format="A4")
    assert pdf.startswith(b"%PDF")
