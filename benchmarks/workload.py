"""What the benchmarks have in common: generated MEDS data, stores of it, timed programs, and results.

A benchmark is a module with ``main(folder, size)`` that is run as ``python -m benchmarks.MODULE FOLDER SIZE`` and
calls `report` for each line of the results table. ``python -m benchmarks`` runs them all and writes RESULTS.md.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("LIFECOURSE_DATA", ROOT.parent / "shared" / "data")).parent
SUBJECTS = {"S": 2_000, "M": 20_000, "L": 100_000, "100M": 520_000}
RESULTS_VARIABLE = "LIFECOURSE_BENCH_RESULTS"
NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"
SAMPLING_SECONDS = 0.02
PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One line of the results table.

    work : what was done, in words
    size : S, M, L, 100M, or the input's name
    peer : who did the same, with what settings; empty where nobody does
    ours, theirs : the quantity measured, in `unit`; theirs None where it was not measured in this run
    higher_is_better : True for rates, False for times
    target : the promise in the same unit (ours at most, for rates at least), None where there is none
    peak_mb, peer_peak_mb : largest memory, summed over the processes of the run
    processor : our processor seconds, both cores
    checked : how the answers were compared
    command : what reproduces the line
    """

    work: str
    size: str
    peer: str
    ours: float
    theirs: float | None
    unit: str = "s"
    higher_is_better: bool = False
    target: float | None = None
    peak_mb: float | None = None
    peer_peak_mb: float | None = None
    processor: float | None = None
    checked: str = ""
    command: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times better ours is."""
        if self.theirs is None or not self.ours or not self.theirs:
            return None
        return self.ours / self.theirs if self.higher_is_better else self.theirs / self.ours

    @property
    def kept(self) -> bool | None:
        """Whether the promise was kept; None without one."""
        if self.target is None:
            return None
        return self.ours >= self.target if self.higher_is_better else self.ours <= self.target


def report(result: Result) -> None:
    """Print `result` as a line and, under ``python -m benchmarks``, hand it over."""
    peer = "" if result.theirs is None else f"  {result.peer} {figure(result.theirs, result.unit)}"
    ratio = "" if result.ratio is None else f"  {result.ratio:.1f} x"
    promise = {None: "", True: "  (kept)", False: "  (PROMISE NOT KEPT)"}[result.kept]
    peak = "" if result.peak_mb is None else f"  {result.peak_mb:.0f} MB"
    line = f"{result.size:<5}{result.work:<44} {figure(result.ours, result.unit)}{peak}"
    sys.stdout.write(f"{line}{peer}{ratio}{promise}\n")
    sys.stdout.flush()
    named = os.environ.get(RESULTS_VARIABLE)
    if named:
        with Path(named).open("a") as lines:
            lines.write(json.dumps(asdict(result)) + "\n")


def figure(value: float, unit: str) -> str:
    """A measured number with its unit, in as many digits as it deserves."""
    if value >= 1000:
        return f"{value:,.0f} {unit}"
    return f"{value:.3g} {unit}" if value < 1 else f"{value:.2f} {unit}"


def generated(folder: Path, size: str) -> Path:
    """MEDS data of `SUBJECTS[size]` people, made on first use by the shared generator."""
    out = folder / size
    if not out.is_dir():
        tool = SHARED / "tools" / "make_meds.py"
        command = [sys.executable, str(tool), str(out), "--subjects", str(SUBJECTS[size])]
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(command, check=True, capture_output=True)
    return out


def stored(folder: Path, size: str) -> Path:
    """A plain store of `generated` data, made on first use."""
    return _ingested(folder, size, folder / f"{size}.store", "--plain")


def sealed(folder: Path, size: str) -> Path:
    """The same as an encrypted store of identified people; its key lies beside it."""
    return _ingested(folder, size, folder / f"{size}.sealed")


def _ingested(folder: Path, size: str, store: Path, *options: str) -> Path:
    if not (store / "log").is_dir():
        source = str(generated(folder, size))
        command = ["ingest", source, "--as", "meds", "--store", str(store), *options, "--json"]
        subprocess.run(
            [sys.executable, "-m", "lifecourse.cli", *command],
            check=True,
            capture_output=True,
            cwd=ROOT,
        )
    return store


def tasks() -> list[Path]:
    """The three ACES tasks of the yardstick."""
    return sorted((SHARED / "data" / "aces-tasks" / "bench").glob("*.yaml"))


def measured(
    command: list[str],
    *,
    times: int = 3,
    folder: Path = ROOT,
    environment: dict[str, str] | None = None,
    timeout: float | None = None,
) -> dict[str, float]:
    """Median wall and processor seconds, and the largest memory in MB, of a whole process and its children.

    Memory is private memory summed over the processes, sampled every 20 ms, plus what the largest shares with files.
    """
    walls, processors, peaks = [], [], []
    for _ in range(times):
        wall, processor, peak = _once(command, folder, environment, timeout)
        walls.append(wall)
        processors.append(processor)
        peaks.append(peak)
    return {
        "wall": statistics.median(walls),
        "processor": statistics.median(processors),
        "peak_mb": max(peaks),
    }


def ingested_thrice(words: list[str], out: Path) -> tuple[dict[str, float], dict[str, Any]]:
    """Three ingests of `words` (source and options) into an empty folder: the middle run, and the last one's report.

    The memory is the largest of the three.
    """
    program = [sys.executable, "-m", "lifecourse.cli", "ingest"]
    runs = []
    for _ in range(3):
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        runs.append(measured([*program, *words, "--store", str(out / "store"), "--json"], times=1))
    told = reported(out / "store")
    shutil.rmtree(out)
    middle = sorted(runs, key=lambda run: run["wall"])[1]
    return {**middle, "peak_mb": max(run["peak_mb"] for run in runs)}, told


def reported(store: Path) -> dict[str, Any]:
    """What the newest version of `store` says of the ingest that made it."""
    from lifecourse.timeline.store import Store

    return Store(store).manifest().report


def accounted(told: dict[str, Any]) -> int:
    """The rows that an ingest's report accounts for."""
    rest = (*told["rejects"].values(), *told["reference_rows"].values())
    return int(told["event_rows"] + told["duplicate_rows"] + sum(rest))


def usual_environment(**more: str) -> dict[str, str]:
    """The environment of a measured program: as on any installation, Python keeps what it has compiled."""
    kept = {name: value for name, value in os.environ.items() if name != NO_BYTECODE}
    return {**kept, **more}


def _once(
    command: list[str], folder: Path, environment: dict[str, str] | None, timeout: float | None
) -> tuple[float, float, float]:
    started = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=usual_environment(**(environment or {})),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    errors: list[bytes] = []
    assert process.stderr is not None  # noqa: S101 -- it was asked for
    stream = process.stderr
    reader = threading.Thread(target=lambda: errors.append(stream.read()))
    reader.start()
    peak = 0.0
    while True:
        found, status, used = os.wait4(process.pid, os.WNOHANG)
        wall = time.perf_counter() - started
        if found:
            process.returncode = os.waitstatus_to_exitcode(status)
            break
        if timeout is not None and wall > timeout:
            process.kill()
            raise subprocess.TimeoutExpired(command, timeout)
        peak = max(peak, _memory_mb(process.pid))
        time.sleep(SAMPLING_SECONDS)
    reader.join()
    if process.returncode:
        raise subprocess.CalledProcessError(
            process.returncode, command, stderr=b"".join(errors)[-2000:]
        )
    # Not ru_maxrss: a program starts with that of the process that started it.
    return wall, used.ru_utime + used.ru_stime, peak


def _memory_mb(pid: int) -> float:
    """Memory of the processes under `pid` now; at least the largest that one of them ever had."""
    private, shared, largest_kb = 0, 0, 0
    waiting = [pid]
    while waiting:
        one = waiting.pop()
        try:
            fields = Path(f"/proc/{one}/statm").read_text().split()
            waiting += map(int, Path(f"/proc/{one}/task/{one}/children").read_text().split())
            status = Path(f"/proc/{one}/status").read_text()
        except (OSError, ValueError):
            continue
        if "VmHWM:" in status:
            largest_kb = max(largest_kb, int(status.split("VmHWM:", 1)[1].split()[0]))
        private += int(fields[1]) - int(fields[2])
        shared = max(shared, int(fields[2]))
    return max((private + shared) * PAGE_MB, largest_kb / 1024)


def line(what: str, ours: dict[str, float], theirs: dict[str, float]) -> str:
    """One row of text: both, and how many times faster ours is."""
    ratio = theirs["wall"] / ours["wall"]
    return (
        f"{what:<34}{ours['wall']:8.2f} s ({ours['processor']:.2f} processor)"
        f"{theirs['wall']:9.2f} s ({theirs['processor']:.2f}){ratio:8.1f} x"
    )


def emit(result: dict[str, object]) -> None:
    """What a measured part found, for the process that measures it."""
    sys.stdout.write(json.dumps(result) + "\n")
