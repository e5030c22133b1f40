"""The peak memory of a command: summed over its processes, shared pages counted once (PSS, Linux)."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

POLL_SECONDS = 0.05


def peak_megabytes(arguments: list[str]) -> float:
    """Run Python with `arguments`; the largest sum of proportional set sizes seen, in MB."""
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL)
    peak = 0.0
    while process.poll() is None:
        peak = max(peak, sum(_megabytes(each) for each in _family(process.pid)))
        time.sleep(POLL_SECONDS)
    if process.returncode:
        raise RuntimeError(f"the measured command ended with {process.returncode}")
    return peak


def _family(process: int) -> list[int]:
    found, waiting = [], [process]
    while waiting:
        each = waiting.pop()
        found.append(each)
        for task in Path(f"/proc/{each}/task").glob("*/children"):
            try:
                waiting.extend(int(child) for child in task.read_text().split())
            except OSError:
                continue
    return found


def _megabytes(process: int) -> float:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
