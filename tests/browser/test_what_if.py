"""What treatments would do: sliders in a browser reckon as the library does; without scripts the numbers stand there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from servers import answering

from lifecourse.care.interventions import interventions
from lifecourse.care.whatif import what_if
from lifecourse.schema.actor import Actor, Identifiability, Purpose
from lifecourse.serve.auth import sign_in_link
from lifecourse.timeline.access import open_timeline
from lifecourse.timeline.ingestion import ingest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from lifecourse.timeline.chart import Chart

pytestmark = pytest.mark.browser
LOWER_PRESSURE = "blood_pressure"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Path:
    """A workspace of the made-up people of the docs."""
    made = tmp_path_factory.mktemp("what-if")
    (made / "lifecourse.yaml").write_text("timezone: UTC\n")
    ingest(repository / "docs/people", made / "store", identifiability=Identifiability.SYNTHETIC)
    return made


@pytest.fixture(scope="module")
def maria(home: Path) -> Chart:
    timeline = open_timeline(home, actor=Actor(name="ada"), purpose=Purpose.DIRECT_CARE)
    return next(
        chart for chart in timeline.charts() if "Patient/maria" in chart.events["source_id"]
    )


@pytest.fixture(scope="module")
def at(home: Path) -> Iterator[str]:
    from lifecourse.serve import create_app

    with answering(create_app(home)) as running:
        yield running


def opened(browser: Browser, home: Path, at: str, chart: Chart, *, scripts: bool) -> Page:
    context = browser.new_context(java_script_enabled=scripts)
    page = context.new_page()
    page.goto(sign_in_link(home, Actor(name="ada", role="clinician"), address=at))
    page.wait_for_url(f"{at}/")
    page.goto(f"{at}/patients/{chart.subject_id}")
    return page


def test_a_slider_reckons_as_the_library_does(
    browser: Browser, home: Path, at: str, maria: Chart
) -> None:
    known = interventions().named(LOWER_PRESSURE)
    assert known is not None
    page = opened(browser, home, at, maria, scripts=True)
    row = page.locator("tr[data-whatif]", has_text=known.title)
    slider = row.get_by_role("slider")
    assert slider.is_visible()
    usual = slider.input_value()
    slider.fill("20")
    assert row.locator("[data-amount]").inner_text() == "20"
    assert not row.locator("[data-usual]").is_visible()
    made = what_if(maria, int(maria.as_of or 0), give={LOWER_PRESSURE: 20.0})
    option = next(one for one in made.options if one.intervention.name == LOWER_PRESSURE)
    assert option.benefit is not None
    fewer = 100 * (option.benefit.baseline - option.benefit.treated)
    assert float(row.locator("[data-fewer]").inner_text()) == pytest.approx(fewer, abs=0.051)
    slider.fill(usual)
    assert row.locator("[data-usual]").is_visible()


def test_without_scripts_the_numbers_are_there_and_no_dead_slider(
    browser: Browser, home: Path, at: str, maria: Chart
) -> None:
    page = opened(browser, home, at, maria, scripts=False)
    rows = page.locator("tr[data-whatif]")
    assert rows.count() >= 2
    for place in range(rows.count()):
        row = rows.nth(place)
        assert row.locator("[data-then]").inner_text().endswith("%")
        assert float(row.locator("[data-fewer]").inner_text()) > 0
        assert row.get_by_role("slider").count() == 0
