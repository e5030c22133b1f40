"""Everyone's plan at once: ``python -m benchmarks.panel FOLDER [SIZE]``.

``lifecourse plan STORE --all`` on simulated people, as a whole process with its workers: every rule, every score, drug
safety, genes, ranking and the worklist. Memory is summed over the processes. Then a thousand people are planned one by
one, timed from the chart to the written plan, and each must be byte for byte the one that was made together.
"""

from __future__ import annotations

import sys
import time
from hashlib import sha256
from itertools import islice
from pathlib import Path
from statistics import median

from benchmarks.workload import Result, measured, report

PEOPLE = {"S": 2_000, "M": 100_000, "L": 100_000}
COMPARED, WARMING = 1_000, 20
SECONDS, PEAK_MB, ALONE_MS = 180.0, 4_096.0, 25.0


def main(folder: Path, size: str = "M") -> None:
    """Make the store on first use, measure the command, compare plans."""
    people = PEOPLE[size]
    store = made(folder, people)
    took = compared(store, COMPARED)
    command = [sys.executable, "-m", "lifecourse.cli", "plan", str(store), "--all", "--json"]
    run = measured(command, times=1)
    said = f"{people:,} people"
    for work, ours, unit, target in (
        ("plan everyone and list who gains most", run["wall"], "s", SECONDS),
        ("plan everyone: peak memory, all processes", run["peak_mb"], "MB", PEAK_MB),
    ):
        report(
            Result(
                work=work,
                size=said,
                peer="",
                ours=ours,
                theirs=None,
                unit=unit,
                target=target if people == PEOPLE["M"] else None,
                peak_mb=run["peak_mb"],
                processor=run["processor"],
                checked=f"{COMPARED:,} plans byte for byte as alone; {people / run['wall']:.0f} people/s",
                command=f"python -m benchmarks.panel FOLDER {size}",
            )
        )
    late = sorted(took[WARMING:])[int(0.95 * (len(took) - WARMING))]
    report(
        Result(
            work="one person's full plan, warm: median",
            size=said,
            peer="",
            ours=median(took[WARMING:]),
            theirs=None,
            unit="ms",
            target=ALONE_MS,
            checked=f"of {len(took) - WARMING:,} people, from chart to JSON; 95th percentile {late:.1f} ms",
            command=f"python -m benchmarks.panel FOLDER {size}",
        )
    )


def made(folder: Path, people: int) -> Path:
    """A store of simulated people, made once."""
    store, source = folder / f"panel-{people}.store", folder / f"panel-{people}.meds"
    if not store.is_dir():
        words = ["simulate", "--subjects", str(people), "--seed", "5", "--format", "meds"]
        measured(_cli(*words, "--futures", "0", "--out", str(source)), times=1)
        words = ["ingest", str(source), "--store", str(store), "--identifiability", "synthetic"]
        measured(_cli(*words), times=1)
    return store


def compared(store: Path, most: int) -> list[float]:
    """How long the plan of each who has one took alone, in ms; everyone's is the one made together.

    Raises
    ------
    SystemExit
        Somebody has another.
    """
    from lifecourse.base.files import to_json
    from lifecourse.care import plan
    from lifecourse.care.careplan import plans
    from lifecourse.schema.actor import Actor, Purpose
    from lifecourse.serve.reckoning import warm
    from lifecourse.timeline.access import open_timeline

    warm()  # as a server does before its first page
    timeline = open_timeline(store, actor=Actor(name="benchmark"), purpose=Purpose.DIRECT_CARE)
    alone, took = [], []
    for chart in islice((chart for chart in timeline.charts() if chart.as_of is not None), most):
        started = time.perf_counter()
        made = plan(chart, int(chart.as_of or 0))
        written = to_json(made.to_dict())
        if made.recommendations:
            took.append(1000 * (time.perf_counter() - started))
        alone.append(sha256(written).digest())
    together = (each for group in timeline.together() for each in plans(group))
    for mine, shared in zip(alone, islice(together, most), strict=True):
        if mine != sha256(to_json(shared.to_dict())).digest():
            raise SystemExit("a plan made together differs from the one made alone")
    return took


def _cli(*words: str) -> list[str]:
    return [sys.executable, "-m", "lifecourse.cli", *words]


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
