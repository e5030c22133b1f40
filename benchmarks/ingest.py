"""Records into a store: ``python -m benchmarks.ingest FOLDER [SIZE]``.

MEDS beside meds_reader_convert, and OMOP CSV of the same people beside meds_etl's OMOP converter, each a whole
process and each told to use two. What comes out is counted: every row of the source must be an event row, a
reference row or a reject, and the events in the store must be those that the files hold.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.omop import expected_events, omop, rows_in
from benchmarks.peers import PeerAbsent, peer, version
from benchmarks.workload import (
    ROOT,
    Result,
    accounted,
    generated,
    ingested_thrice,
    measured,
    report,
)

MEDS_RATE, OMOP_RATE = 2.0, 0.7
MILLION = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """A source to be ingested: its rows and the events they hold, counted without lifecourse."""

    kind: str
    path: Path
    rows: int
    events: int


def main(folder: Path, size: str) -> None:
    """Measure each source plain and encrypted, and its peer where it is here."""
    meds, tables = sources(folder, size)
    # The promise is of L for MEDS, where start-up is a small part, and of M for OMOP.
    lines = (
        (meds, MEDS_RATE if size == "L" else None, "meds-reader"),
        (tables, OMOP_RATE if size == "M" else None, "meds-etl"),
    )
    for source, target, name in lines:
        theirs = beside(name, source, folder)
        for sealed in (False, True):
            ours = ingested(source, folder, sealed=sealed)
            report(
                Result(
                    work=f"{source.kind.upper()} into a store, {'encrypted' if sealed else 'plain'}",
                    size=size,
                    peer=f"{name} {version(name)}" if theirs else "",
                    ours=source.events / ours["wall"] / MILLION,
                    theirs=source.events / theirs["wall"] / MILLION if theirs else None,
                    unit="M events/s",
                    higher_is_better=True,
                    target=target,
                    peak_mb=ours["peak_mb"],
                    peer_peak_mb=theirs["peak_mb"] if theirs else None,
                    processor=ours["processor"],
                    checked=f"all {source.rows:,} rows accounted for, {source.events:,} events",
                    command=f"python -m benchmarks.ingest FOLDER {size}",
                )
            )


def sources(folder: Path, size: str) -> tuple[Input, Input]:
    """The MEDS data and its OMOP form."""
    import polars as pl

    meds, tables = generated(folder, size), omop(folder, size)
    files = sorted(meds.glob("data/**/*.parquet"))
    rows = int(pl.scan_parquet(files).select(pl.len()).collect().item())
    return (
        Input(kind="meds", path=meds, rows=rows, events=rows),
        Input(kind="omop", path=tables, rows=rows_in(tables), events=expected_events(tables)),
    )


def ingested(source: Input, folder: Path, *, sealed: bool) -> dict[str, float]:
    """Our side: three ingests into an empty folder, the report of the last checked against the source.

    Raises
    ------
    SystemExit
        A row is not accounted for, or an event is missing.
    """
    words = [str(source.path), "--as", source.kind, *([] if sealed else ["--plain"])]
    middle, told = ingested_thrice(words, folder / "ingest.passing")
    if (told["rows_read"], accounted(told), told["events"]) != (
        source.rows,
        source.rows,
        source.events,
    ):
        raise SystemExit(f"{source.kind}: rows or events are not those of the source")
    return middle


def beside(name: str, source: Input, folder: Path) -> dict[str, float] | None:
    """The peer on the same input, once; None where it is not here or fails."""
    out = folder / "ingest.peer"
    shutil.rmtree(out, ignore_errors=True)
    try:
        if name == "meds-reader":
            words = [str(peer(name, "meds_reader_convert")), str(source.path), str(out)]
            words += ["--num_threads", "2"]
        else:
            words = [str(peer(name, "meds_etl_omop")), str(source.path), str(out)]
            words += ["--num_proc", "2", "--num_shards", "4", "--backend", "cpp"]
        return measured(words, times=1, folder=ROOT)
    except (PeerAbsent, subprocess.SubprocessError) as failed:
        sys.stdout.write(f"{name} was not measured: {type(failed).__name__}\n")
        return None
    finally:
        shutil.rmtree(out, ignore_errors=True)


if __name__ == "__main__":
    for each in sys.argv[2:] or ["M"]:
        main(Path(sys.argv[1]), each)
