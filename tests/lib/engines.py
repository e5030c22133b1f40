"""Engines and validators of npm that are not ours: answers of CQL, and what is wrong with FHIR resources."""

from __future__ import annotations

import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import orjson
import pytest

from lifecourse.care.exchange.cql import WANTED, library_of, shared_libraries
from lifecourse.care.rules.definition import Rule

FOLDER = Path(__file__).parents[1] / "cql"


def cql_answers(rules: list[Rule], people: list[dict[str, Any]], scratch: Path) -> dict[str, Any]:
    """What `rules` answer of `people` (id, at, bundle, rules) in cql-execution: ``{id: {rule: {expression: value}}}``."""
    libraries = shared_libraries(rules) | {rule.name: library_of(rule) for rule in rules}
    cores = min(os.cpu_count() or 1, len(people))

    def answered(share: int) -> dict[str, Any]:
        folder = scratch / f"share-{share}"
        folder.mkdir()
        job = {"libraries": libraries, "people": people[share::cores], "wanted": list(WANTED)}
        return dict(_run("answers.mjs", job, folder))

    with ThreadPoolExecutor(cores) as pool:
        shares = list(pool.map(answered, range(cores)))
    return {name: answer for share in shares for name, answer in share.items()}


def fhir_errors(resources: list[dict[str, Any]], scratch: Path) -> list[str]:
    """What the npm package ``fhir`` finds wrong with `resources` by R4's profiles."""
    return list(_run("validate.mjs", resources, scratch))


def _run(script: str, given: Any, scratch: Path) -> Any:
    if shutil.which("node") is None or not (FOLDER / "node_modules").is_dir():
        if os.environ.get("CI") == "true":
            pytest.fail("CI has no CQL engine: run npm ci in tests/cql")
        pytest.skip("no CQL engine here: run npm ci in tests/cql")
    asked, told = scratch / "job.json", scratch / "out.json"
    asked.write_bytes(orjson.dumps(given))
    command = ["node", str(FOLDER / script), str(asked), str(told)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1800, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return orjson.loads(told.read_bytes())
