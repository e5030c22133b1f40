"""One random subject and everyone as Python objects: ``python -m benchmarks.access FOLDER [SIZE]``.

Against meds_reader 0.2.0 on its own converted copy, each side in its own process. Every event that both sides give
(subject, time, code, value) enters a checksum, and the checksums must be equal. *Hot*: the subject's shard is in
memory. *Cold*: the process is up and the page cache warm, the store is encrypted, and the subject is the first of
its shard. ``ours`` as a third argument runs our side alone.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from benchmarks.peers import PeerAbsent, peer, version
from benchmarks.workload import ROOT, Result, emit, generated, report, sealed

HOT_US, COLD_MS, ITERATION_M_S = 5.0, 10.0, 3.0
RANDOM_SUBJECTS = 20_000

# Runs in the peer's environment: standard library and meds_reader alone.
THEIRS = """
import json, random, sys, time, zlib
from statistics import median
import meds_reader
def crc(subject, when, code, value):
    return zlib.crc32(f"{subject}|{when}|{code}|{value}".encode())
clock = time.perf_counter
with meds_reader.SubjectDatabase(sys.argv[1]) as database:
    ids = list(database)
    random.Random(1).shuffle(ids)
    some = ids[: int(sys.argv[2])]
    def tuples(i):
        return [(e.time, e.code, e.numeric_value) for e in database[i].events]
    for i in some:
        tuples(i)
    looks = []
    for i in some:
        started = clock()
        tuples(i)
        looks.append(clock() - started)
    rates = []
    for _ in range(3):
        started, count = clock(), 0
        for i in ids:
            count += len(tuples(i))
        rates.append(count / (clock() - started))
    total = 0
    for i in ids:
        for when, code, value in tuples(i):
            total += crc(i, when, code, value)
print(json.dumps({"tuples_us": median(looks) * 1e6, "per_second": median(rates), "events": count, "sum": total}))
"""


def main(folder: Path, size: str) -> None:
    """Measure both sides and report each line, theirs where the peer is here."""
    sealed(folder, size)
    ours = side([sys.executable, "-m", "benchmarks.access", str(folder), size, "ours"])
    theirs, name = {}, "meds_reader"
    try:
        name = f"meds_reader {version('meds-reader')}"
        command = [str(peer("meds-reader")), "-c", THEIRS, str(converted(folder, size))]
        theirs = side([*command, str(RANDOM_SUBJECTS)])
    except (PeerAbsent, subprocess.CalledProcessError) as absent:
        sys.stdout.write(f"meds_reader was not measured: {type(absent).__name__}\n")
    if theirs and (theirs["events"], theirs["sum"]) != (ours["events"], ours["sum"]):
        raise SystemExit("the events differ from those of meds_reader")
    checked = "checksum of every (subject, time, code, value)" if theirs else ""
    for result in results(size, ours, theirs, name, checked):
        report(result)


def results(
    size: str, ours: dict[str, float], theirs: dict[str, float], name: str, checked: str
) -> list[Result]:
    """The four lines of the table."""
    command = f"python -m benchmarks.access FOLDER {size}"
    look, rate = theirs.get("tuples_us"), theirs.get("per_second")
    return [
        Result(
            work="one random subject, hot, all columns (median)",
            size=size,
            peer=f"{name}, as tuples",
            ours=ours["columns_us"],
            theirs=look,
            unit="us",
            target=HOT_US,
            checked=checked,
            command=command,
        ),
        Result(
            work="one random subject, hot, as tuples (median)",
            size=size,
            peer=f"{name}, as tuples",
            ours=ours["tuples_us"],
            theirs=look,
            unit="us",
            checked=checked,
            command=command,
        ),
        Result(
            work="one random subject, cold, encrypted (median)",
            size=size,
            peer="",
            ours=ours["cold_ms"],
            theirs=None,
            unit="ms",
            target=COLD_MS,
            command=command,
        ),
        Result(
            work="everyone's events as tuples",
            size=size,
            peer=name,
            ours=ours["per_second"] / 1e6,
            theirs=None if rate is None else rate / 1e6,
            unit="M events/s",
            higher_is_better=True,
            target=ITERATION_M_S,
            peak_mb=ours["peak_mb"],
            checked=checked,
            command=command,
        ),
    ]


def ours(folder: Path, size: str) -> None:
    """Our side, on the encrypted store."""
    import resource
    import zlib

    import numpy as np

    from lifecourse.schema.actor import Actor, Purpose
    from lifecourse.timeline.access import open_timeline
    from lifecourse.timeline.reader import shard_of_one

    timeline = open_timeline(
        sealed(folder, size), actor=Actor(name="benchmark"), purpose=Purpose.OPERATIONS
    )
    reader = timeline.reader(max_bytes=2**31)
    clock = time.perf_counter
    ids = np.random.default_rng(1).permutation(timeline.subject_ids()).tolist()
    some = ids[:RANDOM_SUBJECTS]
    touched: set[int] = set()
    cold, hot, tuples, rates = [], [], [], []
    for subject in some:
        number = shard_of_one(subject, timeline.n_shards)
        started = clock()
        reader.subject(subject).columns()
        if number not in touched:
            cold.append(clock() - started)
            touched.add(number)
    for subject in some:
        started = clock()
        reader.subject(subject).columns()
        hot.append(clock() - started)
    for subject in some:
        started = clock()
        reader.subject(subject).tuples()
        tuples.append(clock() - started)
    del reader
    everyone = timeline.reader()
    for _ in range(3):
        started, count = clock(), 0
        for _, events in everyone.tuples():
            count += len(events)
        rates.append(count / (clock() - started))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    total = 0
    for subject, events in everyone.tuples():
        for when, code, value in events:
            total += zlib.crc32(f"{subject}|{when}|{code}|{value}".encode())
    emit(
        {
            "columns_us": median(hot) * 1e6,
            "tuples_us": median(tuples) * 1e6,
            "cold_ms": median(cold) * 1e3,
            "cold_looks": len(cold),
            "per_second": median(rates),
            "events": count,
            "sum": total,
            "peak_mb": peak,
        }
    )


def converted(folder: Path, size: str) -> Path:
    """The peer's own copy of the data, made on first use."""
    out = folder / f"{size}.meds_reader"
    if not out.is_dir():
        program = str(peer("meds-reader", "meds_reader_convert"))
        command = [program, str(generated(folder, size)), str(out), "--num_threads", "2"]
        subprocess.run(command, check=True, capture_output=True)
    return out


def side(command: list[str]) -> dict[str, float]:
    """What one side found, in its own process."""
    answer = subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    found: dict[str, float] = json.loads(answer.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    where, which = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "M"
    if sys.argv[3:] == ["ours"]:
        ours(where, which)
    else:
        main(where, which)
