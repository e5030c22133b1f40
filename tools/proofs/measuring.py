"""What a proof is, and the usual ways to measure one."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv" / "bin" / "python"
BENCH = Path(os.environ.get("LIFECOURSE_BENCH", ROOT / "build" / "bench"))


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


def benchmark(module: str, *inputs: str) -> Callable[[], tuple[bool, str]]:
    """A measure of a benchmark at M: kept where each line of it with a promise keeps it."""

    def measure() -> tuple[bool, str]:
        with tempfile.TemporaryDirectory() as folder:
            handed = Path(folder) / "lines.jsonl"
            os.environ["LIFECOURSE_BENCH_RESULTS"] = str(handed)
            try:
                answer = run([str(PYTHON), "-m", f"benchmarks.{module}", str(BENCH), "M", *inputs])
            finally:
                del os.environ["LIFECOURSE_BENCH_RESULTS"]
            if answer.returncode or not handed.is_file():
                last = answer.stderr.strip().splitlines()[-1:]
                return False, f"benchmarks.{module} failed: {last}"
            lines = [json.loads(line) for line in handed.read_text().splitlines()]
        promised = [line for line in lines if line["target"] is not None]
        words = [f"{line['work']}: {line['ours']:.3g} {line['unit']}" for line in promised]
        kept = all(
            line["ours"] >= line["target"]
            if line["higher_is_better"]
            else line["ours"] <= line["target"]
            for line in promised
        )
        return bool(promised) and kept, "; ".join(words)

    return measure


def told_by(module: str, *words: str) -> Callable[[], tuple[bool, str]]:
    """A measure of a benchmark that prints JSON: kept where it ends with 0; the value is what its lines say."""

    def measure() -> tuple[bool, str]:
        folder = BENCH / module
        answer = run([str(PYTHON), "-m", f"benchmarks.{module}", str(folder), *words])
        lines = answer.stdout.strip().splitlines()
        told = [json.loads(line) for line in lines if line.startswith("{")]
        if not told:
            return False, f"benchmarks.{module} failed: {answer.stderr.strip().splitlines()[-1:]}"
        return answer.returncode == 0, "; ".join(_said(one) for one in told)

    return measure


def _said(line: dict[str, Any]) -> str:
    """A line without what takes too much room."""
    return ", ".join(f"{k} {v}" for k, v in line.items() if k not in ("peers", "groups", "crossed"))


def run(words: list[str], folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run a command and keep what it says; the package of this tree is used."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    return subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
