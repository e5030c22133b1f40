"""Each property and each requirement in `docs/security.md` names files and tests that exist, and none is left out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROW = re.compile(r"^\| (?!---)(.+) \|$", re.MULTILINE)
NUMBER = re.compile(r"V\d+\.\d+\.\d+")


@pytest.fixture(scope="module")
def page(repository: Path) -> str:
    return (repository / "docs/security.md").read_text()


@pytest.fixture(scope="module")
def numbers(repository: Path) -> list[str]:
    lines = (repository / "tests/data/asvs_5_level_2.txt").read_text().splitlines()
    return [line for line in lines if not line.startswith("#")]


def paths_of(row: str) -> list[str]:
    # Files and folders of this repository: a path with a slash, or a file with an ending at its root.
    told = re.findall(r"`([\w./-]+)`", row)
    return [path for path in told if "/" in path or re.search(r"\.(lock|toml|md)$", path)]


def rows(text: str) -> list[str]:
    return [row for row in ROW.findall(text) if not row.startswith(("property |", "requirement |"))]


def asvs_rows(page: str) -> list[list[str]]:
    found = [[cell.strip() for cell in row.split("|")] for row in rows(page)]
    return [cells for cells in found if NUMBER.match(cells[0])]


def test_every_property_names_its_file_and_its_test(repository: Path, page: str) -> None:
    properties = rows(page.split("\n## ", 1)[0])
    assert len(properties) >= 8
    for row in properties:
        paths = paths_of(row)
        assert paths, row
        for path in paths:
            assert (repository / path).exists(), path


def test_every_file_and_test_that_a_requirement_names_exists(repository: Path, page: str) -> None:
    for _, words, upheld, proved in asvs_rows(page):
        for path in paths_of(f"{words} {upheld} {proved}"):
            assert (repository / path).exists(), path


def test_every_requirement_is_upheld_and_proved_or_says_why_not(page: str) -> None:
    for number, words, upheld, proved in asvs_rows(page):
        assert words, number
        if upheld.startswith("n/a:"):
            assert len(upheld) > len("n/a: ") + 3, number
        elif not upheld.startswith("open"):
            assert paths_of(upheld), number
            assert proved.startswith("open") or any(
                "tests/" in path for path in paths_of(proved)
            ), number


def test_no_requirement_is_left_out_or_told_twice(page: str, numbers: list[str]) -> None:
    told: list[str] = []
    for cells in asvs_rows(page):
        for part in cells[0].split(", "):
            first, _, last = part.partition(" to ")
            start, end = numbers.index(first), numbers.index(last or first)
            told += numbers[start : end + 1]
    assert sorted(told) == sorted(numbers)
    assert len(numbers) == 253
