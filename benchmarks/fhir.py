"""FHIR into a store: ``python -m benchmarks.fhir FOLDER [SIZE] [INPUT ...]``, hospital, lines, bundles or one.

Each input is a whole ingest on both cores: bulk NDJSON of the simulated hospital; bulk NDJSON of public Synthea
records, copied with ids of their own, a quarter of which are claims; the same as indented Bundles, a person a file; and
as one Bundle of them all. Rates of lines are of clinical resources: claims and benefits are in the input and the time,
not in the count. Rates of Bundles are of all resources; the claims in them are cut out before the rest is parsed. Every
row must be an event row, a duplicate, a reject or counted by type.
"""

from __future__ import annotations

import gzip
import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import orjson
from benchmarks.workload import (
    SHARED,
    SUBJECTS,
    Result,
    accounted,
    ingested_thrice,
    report,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

COPIES = {"S": 4, "M": 12, "L": 48}
LINES_RATE, BUNDLES_RATE, PEAK_MB = 120.0, 60.0, 1_500.0
INPUTS = ("hospital", "lines", "bundles", "one")
CLAIMS = {"Claim", "ExplanationOfBenefit"}
UUID = re.compile(rb"[0-9a-f]{8}(?=-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})")
URN = re.compile(rb'"urn:uuid:([0-9a-f-]{36})"')
THOUSAND = 1e3


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """A source: all of its resources, and those that are no claims, counted as it was made."""

    work: str
    path: Path
    rows: int
    clinical: int
    rate: float | None
    counts_all: bool = False

    @property
    def counted(self) -> int:
        """The resources of which the rate is."""
        return self.rows if self.counts_all else self.clinical


def main(folder: Path, size: str, *names: str) -> None:
    """Measure the inputs named, or all; the promises are of M and above, where start-up is a small part."""
    for source in inputs(folder, size, names or INPUTS):
        took = ingested(source, folder)
        if source.rate is not None:
            report(
                Result(
                    work=f"{source.work}: peak memory",
                    size=size,
                    peer="",
                    ours=took["peak_mb"],
                    theirs=None,
                    unit="MB",
                    target=PEAK_MB,
                    command=f"python -m benchmarks.fhir FOLDER {size}",
                )
            )
        report(
            Result(
                work=source.work,
                size=size,
                peer="",
                ours=source.counted / took["wall"] / THOUSAND,
                theirs=None,
                unit="k resources/s",
                higher_is_better=True,
                target=source.rate if size != "S" else None,
                peak_mb=took["peak_mb"],
                processor=took["processor"],
                checked=f"all {source.rows:,} resources accounted for, {source.clinical:,} of them clinical",
                command=f"python -m benchmarks.fhir FOLDER {size}",
            )
        )


def inputs(folder: Path, size: str, names: Sequence[str]) -> Iterator[Input]:
    """The sources, made on first use; those from public records only where these are here."""
    if "hospital" in names:
        yield hospital(folder, size)
    public = sorted((SHARED / "data" / "synthea-r4").glob("*.json.gz"))
    if not public:
        sys.stdout.write("Synthea's records are not here: their lines were not measured\n")
        return
    out = folder / f"{size}.synthea"
    if not (out / "counts.json").is_file():
        _copy(public, out, COPIES[size])
    counts = json.loads((out / "counts.json").read_text())
    for name, work, rate in (
        ("lines", "FHIR NDJSON of Synthea, claims counted", LINES_RATE),
        ("bundles", "FHIR Bundles of Synthea, indented, a person a file", BUNDLES_RATE),
        ("one", "one FHIR Bundle of all people", None),
    ):
        if name in names:
            yield Input(work=work, path=out / name, rate=rate, counts_all=name != "lines", **counts)


def hospital(folder: Path, size: str) -> Input:
    """The simulated hospital as bulk NDJSON."""
    out = folder / f"{size}.fhir"
    if not out.is_dir():
        words = ["simulate", "--subjects", str(SUBJECTS[size]), "--seed", "1", "--format", "fhir"]
        words += ["--futures", "0", "--out", str(out), "--json"]
        subprocess.run(
            [sys.executable, "-m", "lifecourse.cli", *words], check=True, capture_output=True
        )
        lines = out / "lines"
        lines.mkdir()
        for path in out.glob("*.ndjson"):
            path.rename(lines / path.name)
    rows = sum(_lines(path) for path in (out / "lines").glob("*.ndjson"))
    return Input(
        work="FHIR NDJSON of the simulated hospital", path=out / "lines", rows=rows, clinical=rows,
        rate=LINES_RATE,
    )  # fmt: skip


def ingested(source: Input, folder: Path) -> dict[str, float]:
    """Three ingests into an empty folder, the report of the last checked against the source.

    Raises
    ------
    SystemExit
        A resource is not accounted for.
    """
    words = [str(source.path), "--as", "fhir"]
    middle, told = ingested_thrice(words, folder / "fhir.passing")
    if (told["rows_read"], accounted(told)) != (source.rows, source.rows):
        raise SystemExit(f"{source.work}: a resource is not accounted for")
    return middle


def _lines(path: Path) -> int:
    with path.open("rb") as handle:
        return sum(piece.count(b"\n") for piece in iter(lambda: handle.read(1 << 20), b""))


def _copy(public: list[Path], out: Path, copies: int) -> None:
    """Each person `copies` times under other ids: as Bundles as they are, as lines by type, and as one Bundle."""
    shutil.rmtree(out, ignore_errors=True)
    for name in ("lines", "bundles", "one"):
        (out / name).mkdir(parents=True)
    rows = clinical = 0
    files: dict[str, list[bytes]] = {}
    with (out / "one" / "all.json").open("wb") as whole:
        whole.write(b'{"resourceType":"Bundle","type":"collection","entry":[\n')
        for path in public:
            text = gzip.decompress(path.read_bytes())
            for copy in range(copies):
                renamed = UUID.sub(partial(_other_id, copy), text)
                (out / "bundles" / f"{copy}-{path.stem}").write_bytes(renamed)
                entries = orjson.loads(renamed)["entry"]
                kinds = {
                    entry["fullUrl"][9:]: entry["resource"]["resourceType"] for entry in entries
                }
                whole.write(b",\n" if rows else b"")
                whole.write(b",\n".join(map(orjson.dumps, entries)))
                for entry in entries:
                    kind = entry["resource"]["resourceType"]
                    line = URN.sub(partial(_reference, kinds), orjson.dumps(entry["resource"]))
                    files.setdefault(kind, []).append(line)
                    clinical += kind not in CLAIMS
                rows += len(entries)
            for kind, lines in files.items():
                with (out / "lines" / f"{kind}.ndjson").open("ab") as handle:
                    handle.write(b"\n".join(lines) + b"\n")
            files = {}
        whole.write(b"\n]}\n")
    (out / "counts.json").write_text(json.dumps({"rows": rows, "clinical": clinical}))


def _other_id(copy: int, found: re.Match[bytes]) -> bytes:
    """The start of an id that no other copy has."""
    return b"%08x" % (int(found[0], 16) ^ copy)


def _reference(kinds: dict[str, str], found: re.Match[bytes]) -> bytes:
    """A reference as bulk exports have it: by type and id."""
    name = found[1].decode()
    return f'"{kinds[name]}/{name}"'.encode() if name in kinds else found[0]


if __name__ == "__main__":
    from pathlib import Path

    main(Path(sys.argv[1]), *(sys.argv[2:] or ["M"]))
