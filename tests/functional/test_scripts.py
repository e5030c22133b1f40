"""An analyst's script is a plain file: no ``if __name__ == "__main__":`` is needed to use every core."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from sources import meds_events, write_meds

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = """
from pathlib import Path
import lifecourse as lc
from lifecourse.schema.actor import Identifiability
from lifecourse.timeline import planning

print("the script runs", flush=True)
planning.SMALL_SOURCE_BYTES = 0
report = lc.ingest(
    Path("source"), Path("store"), identifiability=Identifiability.SYNTHETIC, workers=2
)
print(report.events)
"""


def test_a_script_without_a_guard_ingests_in_several_processes(
    tmp_path: Path, repository: Path
) -> None:
    events = meds_events(20)
    write_meds(tmp_path / "source", events)
    (tmp_path / "script.py").write_text(SCRIPT)
    answer = subprocess.run(
        [sys.executable, "script.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(repository / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.split("\n")[:2] == ["the script runs", str(events.height)]
