"""The import contracts of `pyproject.toml` hold."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def test_imports_point_back_along_the_journey(repository: Path) -> None:
    source = str(repository / "src")
    answer = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-logo"],
        cwd=repository,
        env={**os.environ, "PYTHONPATH": source},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
