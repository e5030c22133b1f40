"""Blocks of simulated people, each written by itself, and the files that they are gathered into."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from lifecourse.base.files import sync_directory, sync_file
from lifecourse.simulation.charting import chart
from lifecourse.simulation.fhir import FhirWriter
from lifecourse.simulation.futures import LANDMARK_YEARS
from lifecourse.simulation.history import live
from lifecourse.simulation.meds import MedsWriter
from lifecourse.simulation.notes import with_notes
from lifecourse.simulation.omop import OmopWriter
from lifecourse.simulation.parameters import parameters
from lifecourse.simulation.places import write_exposures
from lifecourse.simulation.truth import (
    risks_at_landmark,
    true_people,
    with_attainable,
)
from lifecourse.simulation.variants import write_scores, write_vcf

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

    from lifecourse.simulation.oracle import RecordsOracle
    from lifecourse.simulation.parameters import Parameters


class Writer(Protocol):
    """Something that writes people and facts in one standard, into a folder of its own.

    The folder is a passing one: `publish` makes durable what stands in the end.
    """

    def __init__(self, folder: Path, model: Parameters) -> None: ...

    def write(self, persons: pl.DataFrame, facts: pl.DataFrame) -> None:
        """Add people and their facts."""

    def close(self) -> None:
        """Make the files whole."""


WRITERS: dict[str, type[Writer]] = {"fhir": FhirWriter, "omop": OmopWriter, "meds": MedsWriter}
PARTS, WHOLE = ".parts", "whole"
TRUTH, GENOME, ENVIRONMENT = "truth", "genome", "environment"
ONCE = {
    "concept.csv",
    "location.csv",
    "environment/exposures.csv",
    "metadata/codes.parquet",
    "metadata/dataset.json",
}
"""The same from every block."""
GROWING = {".csv", ".ndjson"}
"""One file for all blocks; other kinds of file are one a block."""
CHUNK_BYTES = 1 << 22


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """People to simulate; `number` counts from 0, `out` is the folder of the whole simulation."""

    number: int
    first: int
    count: int
    seed: int
    format: str
    out: Path
    futures: int
    treatments: bool
    oracle: RecordsOracle | None

    @property
    def folder(self) -> Path:
        """Where the block's own files lie until they are gathered."""
        return self.out / PARTS / f"{self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Counts of a block."""

    facts: int
    deaths: int
    genomes: int


def write_block(block: Block) -> Written:
    """Live a block's lives, and write their records, genomes and truth into its folder."""
    model = parameters()
    lived, charted, foreseen = (
        np.random.default_rng([block.seed, block.first, part]) for part in range(3)
    )
    landmark = float(model.people.years - LANDMARK_YEARS)
    history = live(block.count, block.first, model, lived, landmarks=(landmark,))
    persons, facts = chart(history, model, charted)
    facts, named = with_notes(persons, facts, model, charted)
    writer = WRITERS[block.format](block.folder, model)
    writer.write(persons, facts)
    writer.close()
    write_exposures(model, block.folder / ENVIRONMENT / "exposures.csv")
    write_scores(model, block.folder / GENOME / "scores")
    genomes = write_vcf(history.people, model, block.folder / GENOME / "0.vcf.gz")
    _write_table(named, block.folder / TRUTH / "notes" / "0.parquet")
    _write_table(true_people(history, model), block.folder / TRUTH / "people" / "0.parquet")
    if block.futures:
        risks = risks_at_landmark(
            history, model, foreseen, futures=block.futures, treatments=block.treatments
        )
        if block.oracle:
            risks = with_attainable(risks, block.oracle, history, model)
        _write_table(risks, block.folder / TRUTH / "risks" / "0.parquet")
    return Written(facts=facts.height, deaths=persons["death"].drop_nulls().len(), genomes=genomes)


def gather(block: Block) -> None:
    """Add a block's files to the whole; blocks are gathered in their order."""
    whole = block.out / PARTS / WHOLE
    for path in _files(block.folder):
        name = path.relative_to(block.folder)
        if name.as_posix() in ONCE or name.parts[:2] == (GENOME, "scores"):
            target = whole / name
        elif name.suffix in GROWING:
            _append(path, whole / name)
            continue
        else:
            target = whole / name.with_name(name.name.replace("0", f"{block.number}", 1))
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)
    shutil.rmtree(block.folder)


def publish(out: Path) -> None:
    """Move the whole from its passing place to where it stands."""
    whole = out / PARTS / WHOLE
    for path in _files(whole):
        sync_file(path)
    for entry in sorted(whole.iterdir()):
        entry.replace(out / entry.name)
    shutil.rmtree(out / PARTS)
    sync_directory(out)


def _files(folder: Path) -> Iterator[Path]:
    yield from (path for path in sorted(folder.rglob("*")) if path.is_file())


def _append(part: Path, whole: Path) -> None:
    """Add lines; the header of a CSV file only once."""
    whole.parent.mkdir(parents=True, exist_ok=True)
    goes_on = whole.exists()
    with part.open("rb") as lines, whole.open("ab") as target:
        if goes_on and part.suffix == ".csv":
            lines.readline()
        shutil.copyfileobj(lines, target, CHUNK_BYTES)


def _write_table(table: pl.DataFrame, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    table.write_parquet(path)
