"""The table of results says what was measured, beside whom, and which promise was not kept."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _benchmarks_are_found(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(repository))


def made(**changed: object) -> object:
    from benchmarks.workload import Result

    words = {"work": "label", "size": "M", "peer": "them", "ours": 2.0, "theirs": 10.0}
    return Result(**{**words, **changed})


def test_better_is_less_time_and_a_higher_rate() -> None:
    assert made().ratio == 5
    assert made(higher_is_better=True).ratio == pytest.approx(0.2)
    assert made(theirs=None).ratio is None
    assert [made(target=t).kept for t in (1.9, 2.0, None)] == [False, True, None]
    assert made(target=2.1, higher_is_better=True).kept is False


def test_a_line_is_handed_over_as_it_comes_and_the_newest_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from benchmarks.__main__ import keep, results
    from benchmarks.results import write_results
    from benchmarks.workload import RESULTS_VARIABLE, report

    kept = tmp_path / "lines.jsonl"
    monkeypatch.setenv(RESULTS_VARIABLE, str(kept))
    report(made(ours=4.0))
    report(made(ours=2.0, target=1.0))
    report(made(work="read", theirs=None))
    assert "PROMISE NOT KEPT" in capsys.readouterr().out
    lines = stamped(kept.read_text().splitlines(), "label")
    kept.unlink()
    keep(kept, lines, whole=False)
    found = results(kept)
    assert [(one.result.work, one.result.ours) for one in found] == [("label", 2.0), ("read", 2.0)]
    write_results(tmp_path / "RESULTS.md", found, ["benchmarks.fhir S ended with 1"])
    text = (tmp_path / "RESULTS.md").read_text()
    assert "| label | M | 2.00 s | at most 1.00 s | **no** |" in text
    assert "| 5.0 |" in text
    assert "benchmarks.fhir S ended with 1" in text


def stamped(lines: list[str], module: str) -> list[dict[str, object]]:
    stamp = {"module": module, "asked": "M", "date": "2026-01-01", "load": 0.5, "commit": "abc"}
    return [{**json.loads(line), **stamp} for line in lines]


def test_a_whole_run_replaces_its_modules_lines_and_a_failed_one_only_adds(tmp_path: Path) -> None:
    from dataclasses import asdict

    from benchmarks.__main__ import keep, results

    kept = tmp_path / "results.jsonl"

    def ran(*works: str, module: str = "label", whole: bool = True) -> list[str]:
        lines = [json.dumps(asdict(made(work=work))) for work in works]
        keep(kept, stamped(lines, module), whole=whole)
        return sorted(one.result.work for one in results(kept))

    assert ran("a", "b") == ["a", "b"]
    assert ran("c", module="other") == ["a", "b", "c"]
    assert ran("a", whole=False) == ["a", "b", "c"]
    assert ran("d") == ["c", "d"]
    assert ran(whole=True) == ["c", "d"]


def test_a_program_is_measured_with_the_memory_of_its_children() -> None:
    from benchmarks.workload import measured

    child = "x = bytearray(80_000_000); import time; time.sleep(0.3)"
    parent = (
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}] , check=True)"
    )
    both = (
        "import subprocess, sys; x = bytearray(80_000_000); "
        f"subprocess.run([sys.executable, '-c', {child!r}], check=True)"
    )
    one = measured([sys.executable, "-c", parent], times=1)
    two = measured([sys.executable, "-c", both], times=1)
    assert 80 < one["peak_mb"] < 140
    assert 160 < two["peak_mb"] < 260
    assert one["wall"] >= 0.3
