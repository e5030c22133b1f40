"""RESULTS.md: what was measured, beside whom, on which machine, and the command that measures it again."""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from pathlib import Path

from benchmarks.peers import USUAL, PeerAbsent, peers_folder, version
from benchmarks.workload import Result, figure

OURS = ("polars", "duckdb", "numpy", "numba", "scipy", "pyarrow")

HEADING = """# Benchmarks: results

*Written by `python -m benchmarks` (`make bench`); not by hand.* Both sides ran on one machine, in the same run where
both have a number, on data of `make_meds.py` (S 0.39 M, M 3.87 M, L 19.3 M, 100M 100.5 M events) or the simulator.
Medians of three unless the work says otherwise. Memory is summed over the processes of the run. *Times better* is
peer / ours for times, ours / peer for rates.
A promise is issue 3's; **no** means that this measurement did not keep it.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A line of the table and when it was measured: load is that of the machine just before."""

    result: Result
    date: str
    load: float
    commit: str


def write_results(path: Path, lines: list[Measured], failures: list[str]) -> None:
    """Write the table of `lines`, the newest measurement of each."""
    parts = [HEADING, machine(), table(lines), commands(lines)]
    if failures:
        parts.append(
            "## Not measured this time\n\n" + "\n".join(f"- {one}" for one in failures) + "\n"
        )
    path.write_text("\n".join(parts))


def table(lines: list[Measured]) -> str:
    """The results as a Markdown table."""
    rows = [
        "| work | size | lifecourse | promise | kept | processor | peak | peer | peer's | peak | times better |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for one in lines:
        r = one.result
        bound = "at least" if r.higher_is_better else "at most"
        cells = [
            r.work,
            r.size,
            figure(r.ours, r.unit),
            "" if r.target is None else f"{bound} {figure(r.target, r.unit)}",
            {None: "", True: "yes", False: "**no**"}[r.kept],
            "" if r.processor is None else figure(r.processor, "s"),
            "" if r.peak_mb is None else f"{r.peak_mb:,.0f} MB",
            r.peer,
            "" if r.theirs is None else figure(r.theirs, r.unit),
            "" if r.peer_peak_mb is None else f"{r.peer_peak_mb:,.0f} MB",
            "" if r.ratio is None else f"{r.ratio:.1f}",
        ]
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "## Results\n\n" + "\n".join(rows) + "\n"


def commands(lines: list[Measured]) -> str:
    """What reproduces each line, how answers were compared, and when it was measured."""
    rows = [
        "| work | size | command | answers compared | measured | commit | load before |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for one in lines:
        r = one.result
        command = f"`{r.command}`" if r.command else ""
        cells = [r.work, r.size, command, r.checked, one.date, one.commit, f"{one.load:.2f}"]
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "## How each line is measured again\n\n" + "\n".join(rows) + "\n"


def machine() -> str:
    """The machine and the versions."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    ours = ", ".join(f"{name} {_installed(name)}" for name in OURS)
    theirs = []
    for name in USUAL:
        # Not made here: writing the table needs no network.
        if (peers_folder() / name / "ready").exists():
            try:
                theirs.append(f"{name} {version(name)}")
            except (PeerAbsent, OSError):
                continue
    return (
        "## Machine and versions\n\n"
        f"{os.cpu_count()} cores ({_processor()}), {memory:.0f} GB, {platform.system()} "
        f"{platform.release()}, Python {sys.version.split()[0]}. lifecourse {_installed('lifecourse')}, "
        f"{ours}. Peers: {', '.join(theirs) or 'none installed'}.\n"
    )


def _processor() -> str:
    try:
        with Path("/proc/cpuinfo").open() as lines:
            names = [
                line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")
            ]
    except OSError:
        names = []
    return names[0] if names else platform.machine()


def _installed(name: str) -> str:
    try:
        return installed(name)
    except PackageNotFoundError:
        return "absent"
