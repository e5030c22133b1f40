"""The page of a store's quality: what failed is said in words, plots have their tables, nobody is on it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from quality_records import FAULTS, clean, timeline_of

from lifecourse.insights.quality import quality
from lifecourse.serve import write_quality_page

if TYPE_CHECKING:
    from pathlib import Path

HOLDS = {
    "subjects": 240,
    "events": 100,
    "first_time": "2014-01-01",
    "last_time": "2021-12-31",
    "version": 1,
    "identifiability": "synthetic",
}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    events = clean()
    for name in ("lost-zeros", "feed-gaps", "impossible-values"):
        events = FAULTS[name](events)
    found = json.loads(json.dumps(quality(timeline_of(events)).to_dict()))
    folder: Path = tmp_path_factory.mktemp("quality")
    return write_quality_page(HOLDS, found, folder).read_text(encoding="utf-8")


def test_the_page_says_what_failed_of_how_many_people_and_what_to_do(page: str) -> None:
    assert "Codes whose leading zeros are lost" in page
    assert "<strong>240 people</strong>" in page
    assert "Export the column as text" in page
    assert "<b>3</b> checks failed" in page


def test_the_month_of_a_gap_stands_out_in_the_plot_and_in_its_table(page: str) -> None:
    assert "2018-05: " in page
    assert "far below its neighbours" in page
    assert page.count("<svg") >= 4  # volumes, and the course of each measurement


def test_the_page_loads_nothing_from_elsewhere(page: str) -> None:
    assert 'src="http' not in page
    assert 'href="static/page.css"' in page
