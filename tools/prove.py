"""Measure each promise under its own name, and write `docs/evidence.md`: value, date, command, commit.

``python tools/prove.py`` proves everything; names after it choose (``python tools/prove.py help counts``). Other
lines of the page keep what was measured before.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "evidence.md"
PYTHON = ROOT / ".venv" / "bin" / "python"
DEMO_SECONDS, TEST_SECONDS, HELP_SECONDS = 300, 600, 0.4
HEAD = """\
# Evidence

*Audience: reviewers. Kind: reference. Written by `make prove`; each line can be measured again by its command.*

| promise | outcome | value | date | command | commit |
| --- | --- | --- | --- | --- | --- |
"""


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


def demo() -> tuple[bool, str]:
    """`make demo` in a fresh clone, installation included."""
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "clone"
        run(["git", "clone", "--quiet", str(ROOT), str(clone)])
        started = time.monotonic()
        answer = subprocess.run(
            ["make", "demo"], cwd=clone, capture_output=True, text=True, check=False
        )
        seconds = time.monotonic() - started
        report_path = clone / "demo" / "workspace" / "run.json"
        if answer.returncode or not report_path.is_file():
            return False, f"make demo failed: {answer.stderr.strip().splitlines()[-1:]}"
        report = json.loads(report_path.read_text())
        said = f"{seconds:.0f} s; {report['store']['subjects']:,} people, {report['plans']['plans']:,} plans"
        return seconds < DEMO_SECONDS and "127.0.0.1" in answer.stdout, said


def whole_suite() -> tuple[bool, str]:
    """`make test`, timed."""
    started = time.monotonic()
    answer = run(["make", "test"])
    seconds = time.monotonic() - started
    closing = re.findall(r"\d+ passed[^\n=]*", answer.stdout)
    kept = answer.returncode == 0 and seconds < TEST_SECONDS
    return kept, f"{seconds:.0f} s; {closing[-1].strip() if closing else 'no test ran'}"


def help_time() -> tuple[bool, str]:
    """The fastest of five `lifecourse --help`."""
    durations = []
    for _ in range(5):
        started = time.monotonic()
        run([str(PYTHON), "-m", "lifecourse.cli", "--help"])
        durations.append(time.monotonic() - started)
    return min(durations) < HELP_SECONDS, f"{min(durations):.2f} s"


PROOFS = (
    Proof(
        name="demo",
        promise="`make demo` (5,000 people, installation included) ends in under 5 minutes with a workspace and "
        "the address of a page",
        measure=demo,
    ),
    Proof(
        name="inputs",
        promise="`lifecourse run` on every input leaves store, attrition, model or abstention, a plan per adult, a "
        "page per subject, `run.json`; two runs give the same hashes",
        measure=tests("tests/functional/test_journey.py", "-m", "prove or not prove"),
    ),
    Proof(
        name="edges",
        promise="an empty folder, 0 patients, one newborn: a valid page or one clear error",
        measure=tests("tests/functional/test_edges.py"),
    ),
    Proof(
        name="counts",
        promise="MIMIC as MEDS 100 / 275 / 31, as OMOP 100 / 852 / 275 / 15; GiBleed 1,844 / 850 / 479",
        measure=tests("tests/functional/test_published_counts.py"),
    ),
    Proof(
        name="care",
        promise="on `synthea-r4` PREVENT and CKD-EPI for everyone with inputs in range, a rule fires for 10 people or "
        "more, all five answers occur; CKD-EPI on MIMIC through a mapping file",
        measure=tests(
            "tests/functional/test_scores_on_records.py",
            "tests/functional/test_plans_on_records.py",
        ),
    ),
    Proof(
        name="formats",
        promise="the same simulated people as FHIR, OMOP and MEDS give equal events",
        measure=tests("tests/unit/simulation", "-k", "same_facts"),
    ),
    Proof(
        name="laws",
        promise="no later event changes an answer; shards and file order do not matter; kernel = oracle; twice = once; "
        "incremental = fresh; kill -9 (200 times) never leaves a store that does not open",
        measure=tests(
            "tests/generative", "tests/functional/test_kill.py", "-m", "prove or not prove"
        ),
    ),
    Proof(
        name="memory",
        promise="peak memory of ingest on ten times the source is at most 1.2 times",
        measure=tests("tests/functional/test_memory.py", "-m", "prove or not prove"),
    ),
    Proof(
        name="contracts",
        promise="import contracts, docs examples and browser tests hold",
        measure=tests("tests/architecture", "tests/docs", "tests/browser"),
    ),
    Proof(
        name="suite", promise="`make test` runs everything in under 10 minutes", measure=whole_suite
    ),
    Proof(name="help", promise="`lifecourse --help` answers in under 0.4 s", measure=help_time),
)


def main(names: list[str]) -> int:
    """Prove what is named, or everything; returns how many promises are broken."""
    known = {proof.name: proof for proof in PROOFS}
    if unknown := set(names) - set(known):
        print(f"no proof named {', '.join(sorted(unknown))}; there are: {', '.join(known)}")
        return 2
    rows, broken = earlier_rows(), 0
    for name in names or known:
        kept, value = known[name].measure()
        broken += not kept
        print(f"{name}: {'kept' if kept else 'BROKEN'}: {value}", flush=True)
        rows[name] = row_of(known[name], kept, value)
        PAGE.write_text(HEAD + "".join(rows[n] for n in known if n in rows), encoding="utf-8")
    return int(broken > 0)


def earlier_rows() -> dict[str, str]:
    """The page's lines by name."""
    if not PAGE.is_file():
        return {}
    lines = PAGE.read_text(encoding="utf-8").splitlines(keepends=True)
    return {found[1]: line for line in lines if (found := re.match(r"\| \*\*(\w+)\*\*", line))}


def row_of(proof: Proof, kept: bool, value: str) -> str:
    """A line of the page."""
    from lifecourse.base.clock import now

    commit = run(["git", "rev-parse", "--short", "HEAD"]).stdout.strip()
    cells = (
        f"**{proof.name}**: {proof.promise}",
        "kept" if kept else "**broken**",
        value.replace("|", "/"),
        now().astimezone(UTC).date().isoformat(),
        f"`make prove ONLY={proof.name}`",
        f"`{commit}`",
    )
    return f"| {' | '.join(cells)} |\n"


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / "src"))
    sys.exit(main(sys.argv[1:]))
