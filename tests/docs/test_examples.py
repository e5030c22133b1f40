"""Every example in the documentation runs, or at least parses."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from fences import fences, run_of

from lifecourse.cli import build_parser

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
WITH_BASH = [page for page in PAGES if run_of(page, "bash").strip()]
WITH_PYTHON = [page for page in PAGES if run_of(page, "python").strip()]


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A shell that finds `lifecourse`, as after an installation."""
    programs = tmp_path / "bin"
    programs.mkdir()
    command = programs / "lifecourse"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m lifecourse.cli "$@"\n')
    command.chmod(0o755)
    return {
        **os.environ,
        "PATH": f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT / "src"),
    }


def run(words: list[str], environment: dict[str, str], folder: Path) -> None:
    answer = subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr


@pytest.mark.parametrize("page", WITH_BASH, ids=name_of)
def test_the_commands_of_a_page_run(
    page: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    run(["bash", "-euo", "pipefail", "-c", run_of(page, "bash")], environment, folder)


@pytest.mark.parametrize("page", WITH_PYTHON, ids=name_of)
def test_the_python_of_a_page_runs(page: Path, environment: dict[str, str], tmp_path: Path) -> None:
    program = tmp_path / f"{page.stem}.py"
    program.write_text(run_of(page, "python"), encoding="utf-8")
    folder = tmp_path / "work"
    folder.mkdir()
    run([sys.executable, "-W", "error", str(program)], environment, folder)


def command_lines() -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        if page.name == "commands.md":
            continue
        for fence in fences(page):
            joined = fence.body.replace("\\\n", " ")
            lines = [line.removeprefix("$ ").strip() for line in joined.splitlines()]
            found += [(name_of(page), line) for line in lines if line.startswith("lifecourse ")]
    return found


@pytest.mark.parametrize(("page", "line"), command_lines())
def test_every_command_shown_is_one_we_have(page: str, line: str) -> None:
    literal = re.sub(r'"?\$\w+"?', "1", line.split("|")[0].split(" > ")[0])
    words = shlex.split(literal, comments=True)
    assert build_parser().parse_args(words[1:]).command is not None


def test_the_task_of_the_how_to_is_a_task() -> None:
    from lifecourse.base.yaml import parse_document
    from lifecourse.tasks import Task

    page = ROOT / "docs/how-to/define-a-task.md"
    bodies = [fence.body for fence in fences(page) if fence.language == "yaml"]
    assert bodies
    for body in bodies:
        assert parse_document(body, Task, where=page.name).outcome_window_days == 90
