"""A source read by a process of its own, within bounds of memory and time."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

READ = """
import resource, sys
from pathlib import Path
from lifecourse.base.errors import SourceError
from lifecourse.records.registry import open_source
reasons = set()
try:
    source = open_source(Path(sys.argv[1]), kind=sys.argv[2])
    for unit in source.units():
        for batch in source.read(unit):
            if batch.rejects is not None:
                reasons |= set(batch.rejects["reason"])
    said = "; ".join(sorted(reasons))
except SourceError as error:
    said = str(error)
print(said)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def outcome(path: Path, kind: str, *, most_mb: int = 700, most_seconds: float = 90) -> str:
    """What reading `path` says (an error, or the reasons of rejects), within the memory and the time allowed."""
    started = time.monotonic()
    answer = subprocess.run(
        [sys.executable, "-c", READ, str(path), kind], capture_output=True, text=True, check=True
    )
    said, _, peak_mb = answer.stdout.rstrip("\n").rpartition("\n")
    assert int(peak_mb) < most_mb
    assert time.monotonic() - started < most_seconds
    return said
