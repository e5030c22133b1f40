"""How long each step of the journey takes: ``python -m benchmarks.journey [SUBJECTS]``.

On simulated people, from each format to plans; no peer walks the whole way.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

DEFAULT_SUBJECTS = 2000
PLANNED = 200


def main(subjects: int) -> None:
    """Time each step for `subjects` simulated people and print a line for each."""
    import lifecourse as lc
    from lifecourse.cli.arguments import machine_user
    from lifecourse.schema.actor import Identifiability
    from lifecourse.tasks import library_names

    actor = lc.Actor(name=machine_user())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind in ("fhir", "omop", "meds"):
            timed(f"simulate {kind}", lambda k=kind: lc.simulate(subjects, 1, k, folder / k))
            report = timed(
                f"ingest {kind}",
                lambda k=kind: lc.ingest(
                    folder / k,
                    folder / f"{k}-store",
                    kind=k,
                    identifiability=Identifiability.SYNTHETIC,
                ),
            )
            print(f"    {report.rows_read:,} rows, {report.events:,} events")
        store = folder / "fhir-store"
        timeline = lc.open_timeline(store, actor=actor, purpose=lc.Purpose.OPERATIONS)
        for task in library_names():
            labels = timed(f"label {task}", lambda t=task: lc.label(timeline, lc.load_task(t)))
            if labels.table.height:
                timed(f"featurize {task}", lambda table=labels.table: featurized(timeline, table))
        care = lc.open_timeline(store, actor=actor, purpose=lc.Purpose.DIRECT_CARE)
        charts = [chart for chart, _ in zip(care.charts(), range(PLANNED), strict=False)]
        timed(f"plan {len(charts)} people", lambda: [lc.plan(c, c.last_time) for c in charts])


def featurized(timeline: object, table: object) -> object:
    """The matrix of the built-in recipe."""
    import lifecourse as lc
    from lifecourse.features import load_recipe

    return lc.featurize(timeline, table, load_recipe())


def timed(what: str, work: Callable[[], object]) -> object:
    """The result of `work`, its seconds printed."""
    started = time.perf_counter()
    result = work()
    print(f"{what:<28}{time.perf_counter() - started:8.2f} s", flush=True)
    return result


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_SUBJECTS)
