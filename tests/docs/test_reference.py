"""The reference is current, and nothing a user meets is undocumented."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import lifecourse
from lifecourse.cli.command import COMMANDS

FOUR_PARTS = ("tutorials", "how-to", "explanation", "reference")


def pages(repository: Path) -> list[Path]:
    return [repository / "README.md", *sorted((repository / "docs").rglob("*.md"))]


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="argparse words its help differently there")
def test_the_generated_pages_are_current(repository: Path) -> None:
    answer = subprocess.run(
        [sys.executable, repository / "tools" / "gen_docs.py", "--check"],
        env={**os.environ, "PYTHONPATH": str(repository / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, f"{answer.stdout}{answer.stderr} Run `make docs`."


def test_every_command_is_documented(repository: Path) -> None:
    text = (repository / "docs/reference/commands.md").read_text()
    assert re.findall(r"^## (\w+)$", text, re.MULTILINE) == list(COMMANDS)


def test_no_two_errors_share_a_number(repository: Path) -> None:
    text = (repository / "docs/reference/errors.md").read_text()
    numbers = re.findall(r"^\| (\d+) \|", text, re.MULTILINE)
    assert len(numbers) > 10
    assert len(numbers) == len(set(numbers))


def test_the_docs_have_their_four_parts(repository: Path) -> None:
    for part in FOUR_PARTS:
        assert list((repository / "docs" / part).glob("*.md")), part
    for page in ("glossary", "security", "safety"):
        assert (repository / "docs" / f"{page}.md").is_file()


def test_every_page_says_its_audience_and_kind(repository: Path) -> None:
    for page in (repository / "docs").rglob("*.md"):
        assert re.search(r"^\*Audience: .+ Kind: .+\*$", page.read_text(), re.MULTILINE), page.name


def test_links_between_pages_lead_somewhere(repository: Path) -> None:
    for page in pages(repository):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_version_is_the_one_of_the_changelog(repository: Path) -> None:
    text = (repository / "CHANGELOG.md").read_text()
    newest = re.search(r"^## (\d+\.\d+\.\d+)", text, re.MULTILINE)
    assert newest is not None
    assert newest[1] == lifecourse.__version__
    assert f'version = "{newest[1]}"' in (repository / "pyproject.toml").read_text()
