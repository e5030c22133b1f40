"""The simulated hospital on disk: ``python -m benchmarks.simulate FOLDER [meds|fhir|million ...]``.

The command as a whole process on both cores, without true risks (``--futures 0``): 100,000 people as MEDS, 20,000 as
FHIR, and a million as MEDS, which must not need more memory. What was written is counted in the files, then deleted.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from benchmarks.workload import Result, measured, report

PEOPLE = {"meds": 100_000, "fhir": 20_000, "million": 1_000_000}
MEDS_RATE, FHIR_RATE, PEAK_MB = 1.0, 20.0, 1_500.0


def main(folder: Path, *names: str) -> None:
    """Measure the forms named, or MEDS and FHIR."""
    for name in names or ("meds", "fhir"):
        people = PEOPLE[name]
        form = "fhir" if name == "fhir" else "meds"
        out = folder / "simulated"
        words = ["simulate", "--subjects", str(people), "--seed", "1", "--format", form]
        words += ["--futures", "0", "--out", str(out), "--json"]
        runs, written = [], 0
        for _ in range(1 if name == "million" else 3):
            shutil.rmtree(out, ignore_errors=True)
            runs.append(measured([sys.executable, "-m", "lifecourse.cli", *words], times=1))
            written = _lines(out) if form == "fhir" else _events(out)
        shutil.rmtree(out)
        took = sorted(runs, key=lambda run: run["wall"])[len(runs) // 2]
        peak = max(run["peak_mb"] for run in runs)
        unit, scale = ("k resources/s", 1e3) if form == "fhir" else ("M events/s", 1e6)
        command = f"python -m benchmarks.simulate FOLDER {name}"
        report(
            Result(
                work=f"simulate as {form.upper()}",
                size=f"{people:,} people",
                peer="",
                ours=written / took["wall"] / scale,
                theirs=None,
                unit=unit,
                higher_is_better=True,
                target=FHIR_RATE if form == "fhir" else MEDS_RATE,
                peak_mb=peak,
                processor=took["processor"],
                checked=f"{written:,} written",
                command=command,
            )
        )
        report(
            Result(
                work=f"simulate as {form.upper()}: peak memory",
                size=f"{people:,} people",
                peer="",
                ours=peak,
                theirs=None,
                unit="MB",
                target=PEAK_MB,
                command=command,
            )
        )


def _events(out: Path) -> int:
    import polars as pl

    return int(pl.scan_parquet(out / "data" / "*.parquet").select(pl.len()).collect().item())


def _lines(out: Path) -> int:
    total = 0
    for path in out.glob("*.ndjson"):
        with path.open("rb") as handle:
            total += sum(piece.count(b"\n") for piece in iter(lambda: handle.read(1 << 20), b""))
    return total


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
