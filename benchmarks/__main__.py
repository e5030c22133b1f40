"""Every benchmark beside its peers, and the table of results: ``python -m benchmarks [MODULE ...]``.

Without names, all but the 100 M events (``growth``), which take disk and a quarter of an hour. Each module runs as a
process of its own, each line is kept as soon as it is measured, and a peer or a module that fails leaves the others be.
Lines that were not measured this time keep their last measurement and its date. ``--folder`` (default
``build/bench``) holds data, stores and results; ``LIFECOURSE_PEERS`` the peers' environments.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import fields
from pathlib import Path

from benchmarks.results import Measured, write_results
from benchmarks.workload import (
    RESULTS_VARIABLE,
    ROOT,
    Result,
    generated,
    sealed,
    stored,
    usual_environment,
)

from lifecourse.base.clock import now

PLAN: dict[str, tuple[str, ...]] = {
    "access": ("M",),
    "sealed": ("M",),
    "features": ("M", "L"),
    "ingest": ("M", "L"),
    "fhir": ("S",),
    "ccda": ("M",),
    "genome": ("M",),
    "simulate": ("meds", "fhir"),
    "labels": ("M", "L"),
    "pages": ("M",),
    "panel": ("M",),
    "outcomes": ("S",),
    "growth": ("100M",),
}
"""Modules and the sizes they run at, quickest first."""

ON_REQUEST = ("growth",)
MODULE_SECONDS = 900
TABLE = ROOT / "benchmarks" / "RESULTS.md"


def main(words: list[str]) -> int:
    """Run what `words` name; 1 where a module failed."""
    options = _options(words)
    folder = Path(options.folder).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / "results.jsonl"
    chosen = options.modules or [name for name in PLAN if name not in ON_REQUEST]
    failures = []
    for module in chosen:
        for size in options.sizes.split(",") if options.sizes else PLAN[module]:
            if not (ROOT / "benchmarks" / f"{module}.py").is_file():
                continue
            failure = run(module, size, folder, kept)
            if failure:
                failures.append(failure)
                sys.stdout.write(f"{failure}\n")
            write_results(TABLE, results(kept), failures)
    missed = [one for one in results(kept) if one.result.kept is False]
    sys.stdout.write(
        f"{TABLE.relative_to(ROOT)}: {len(results(kept))} lines, {len(missed)} missed\n"
    )
    return 1 if failures else 0


def run(module: str, size: str, folder: Path, kept: Path) -> str:
    """Run one module at one size and add its lines to `kept`; why it failed, or nothing."""
    if size != "100M":
        for make in (generated, stored, sealed):
            make(folder, size)
    passing = folder / "passing.jsonl"
    passing.unlink(missing_ok=True)
    command = [sys.executable, "-m", f"benchmarks.{module}", str(folder), size]
    environment = usual_environment(**{RESULTS_VARIABLE: str(passing), "PYTHONUNBUFFERED": "1"})
    load, started = os.getloadavg()[0], time.monotonic()
    sys.stdout.write(f"-- {module} {size}\n")
    sys.stdout.flush()
    failure = ""
    try:
        answer = subprocess.run(
            command, cwd=ROOT, env=environment, timeout=MODULE_SECONDS, check=False
        )
        if answer.returncode:
            failure = f"benchmarks.{module} {size} ended with {answer.returncode}"
    except subprocess.TimeoutExpired:
        failure = f"benchmarks.{module} {size} was stopped after {MODULE_SECONDS} s"
    sys.stdout.write(f"-- {time.monotonic() - started:.0f} s\n")
    handed = passing.read_text().splitlines() if passing.is_file() else []
    stamp = {
        "module": module,
        "asked": size,
        "date": now().isoformat(timespec="minutes"),
        "load": round(load, 2),
        "commit": commit(),
    }
    keep(kept, [{**json.loads(line), **stamp} for line in handed], whole=not failure)
    return failure


def keep(kept: Path, lines: list[dict[str, object]], *, whole: bool) -> None:
    """Add `lines` to what is kept; those of a whole run take the place of the module's earlier ones at that size."""
    before = [json.loads(line) for line in kept.read_text().splitlines()] if kept.is_file() else []
    if whole and lines:
        replaced = (lines[0]["module"], lines[0]["asked"])
        before = [line for line in before if (line.get("module"), line.get("asked")) != replaced]
    kept.write_text("".join(json.dumps(line) + "\n" for line in [*before, *lines]))


def results(kept: Path) -> list[Measured]:
    """The newest measurement of each line, in the order in which lines were first measured."""
    newest: dict[tuple[str, str, str], Measured] = {}
    known = {field.name for field in fields(Result)}
    for line in kept.read_text().splitlines() if kept.is_file() else []:
        found = json.loads(line)
        result = Result(**{name: value for name, value in found.items() if name in known})
        newest[result.size, result.work, result.peer] = Measured(
            result=result, date=found["date"], load=found["load"], commit=found["commit"]
        )
    return list(newest.values())


def commit() -> str:
    """The commit that is checked out, with a mark where files differ from it."""
    answer = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--exclude=*"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return answer.stdout.strip() or "unknown"


def _options(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Run benchmarks.")
    parser.add_argument("modules", nargs="*", choices=[*PLAN, []], metavar="MODULE")
    parser.add_argument("--folder", default=str(ROOT / "build" / "bench"))
    parser.add_argument("--sizes", default="", help="instead of those of the plan: M,L")
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
