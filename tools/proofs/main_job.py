"""The main job, end to end: from records to a page."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
import time
from pathlib import Path

from proofs.measuring import PYTHON, ROOT, Proof, run, tests

CHAPTER = "The main job"
DEMO_SECONDS, TEST_SECONDS, HELP_SECONDS = 300, 600, 0.4


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
