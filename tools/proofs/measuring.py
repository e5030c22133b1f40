"""What a proof is, and the usual ways to measure one."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv" / "bin" / "python"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A promise of an issue: its name, its words, and how it is measured (kept or not, and the value)."""

    name: str
    promise: str
    measure: Callable[[], tuple[bool, str]]


def tests(*selection: str) -> Callable[[], tuple[bool, str]]:
    """A measure that runs tests and gives pytest's closing line."""

    def measure() -> tuple[bool, str]:
        answer = run([str(PYTHON), "-m", "pytest", "-q", "--no-header", *selection])
        closing = next(
            (line for line in reversed(answer.stdout.splitlines()) if line.strip()), "nothing ran"
        )
        kept = answer.returncode == 0 and " passed" in closing and "failed" not in closing
        return kept, closing.strip("= ")

    return measure


def run(words: list[str], folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run a command and keep what it says; the package of this tree is used."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    return subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
