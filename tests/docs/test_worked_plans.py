"""The worked plans of the docs are what records give today; what endangers somebody stands first."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from lifecourse.serve.patient import view_of
from lifecourse.timeline.access import Timeline


@pytest.fixture(scope="module")
def worked(repository: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("worked", repository / "tools/worked_plans.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["worked"] = module  # dataclasses look their module up by its name
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def timelines(worked: ModuleType, shared_data: Path) -> Any:
    assert (shared_data / "synthea-r4").is_dir()
    with worked.workspaces() as homes:
        yield worked.opened(homes)


def test_the_page_is_what_the_records_give(
    worked: ModuleType, timelines: list[Timeline], repository: Path
) -> None:
    written = (repository / "docs/explanation/worked-plans.md").read_text(encoding="utf-8")
    assert worked.page(timelines) == written, "run: python tools/worked_plans.py"


def test_everyone_has_a_picture(worked: ModuleType, repository: Path) -> None:
    for person in worked.PEOPLE:
        assert (repository / f"docs/pictures/{person.picture}.png").stat().st_size > 20_000


@pytest.mark.parametrize(
    ("who", "rule"),
    [("maria", "interaction_statin_cyp3a4_inhibitor"), ("jonas", "pgx_clopidogrel_poor")],
)
def test_what_endangers_them_stands_first_on_the_page(
    worked: ModuleType, timelines: list[Timeline], who: str, rule: str
) -> None:
    chart = worked.charts_of(timelines)[who]
    first = view_of(chart, risks=[])["plan"]["fires"][0]
    assert first["name"] == rule
    assert first["urgent"]
    assert first["events"]


def test_every_line_leads_to_records_and_a_source(
    worked: ModuleType, timelines: list[Timeline]
) -> None:
    charts = worked.charts_of(timelines)
    assert len(charts) == len(worked.PEOPLE)
    for chart in charts.values():
        for line in view_of(chart, risks=[])["plan"]["fires"]:
            assert line["source"]["title"], line["name"]
            assert line["events"], line["name"]
