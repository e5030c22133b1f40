"""Simulate a hospital's records, its people's genomes and the truth about them."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lifecourse.base.errors import UserError
from lifecourse.base.progress import SILENT, Progress
from lifecourse.engine.processes import processes
from lifecourse.simulation.blocks import PARTS, TRUTH, WHOLE, Block, gather, publish, write_block
from lifecourse.simulation.observed import GROUPS
from lifecourse.simulation.oracle import ORACLES_SEED_STEP, learn_oracle
from lifecourse.simulation.parameters import PLANTED, parameters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lifecourse.simulation.blocks import Written

BLOCK = 5_000
FORMATS = ("fhir", "omop", "meds")
FUTURES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationReport:
    """What was written: people, facts of all kinds, deaths, genomes, and where.

    truth : the folder with ``people/*.parquet``, ``risks/*.parquet`` and ``planted.yaml``
    """

    subjects: int
    facts: int
    deaths: int
    genomes: int
    seed: int
    format: str
    out: Path
    truth: Path


def simulate(
    subjects: int,
    seed: int,
    format: str,  # noqa: A002 - the option of the command
    out: Path,
    *,
    futures: int = FUTURES,
    treatments: bool = False,
    oracle_people: int = 0,
    ablations: bool = False,
    workers: int | None = None,
    progress: Progress = SILENT,
) -> SimulationReport:
    """Records of `subjects` made-up people in `out`, with their genomes and the truth beside them.

    People are lived in blocks, on every core; only a block a core is held in memory.

    Parameters
    ----------
    subjects : at least 1; numbered from 1, the same number in every format
    seed : the same seed gives the same bytes, and the same people in every format
    format : ``fhir`` (bulk NDJSON), ``omop`` (CDM 5.4 as CSV) or ``meds`` (0.4)
    out : a new or empty folder
    futures : lives that each true risk is the average of; 0 leaves the risks out
    treatments : whether risks with and without each treatment are told too
    oracle_people : others that the records oracle learns from, for the column ``attainable``; 0 leaves it out
    ablations : whether it is also told what is attainable without genes, lifestyle and environment, five years ahead
    workers : processes; as many as there are cores unless given

    Raises
    ------
    UserError
        No subjects, an unknown format, or a folder with something in it.
    """
    if subjects < 1:
        raise UserError("a simulation needs at least 1 subject.")
    if format not in FORMATS:
        raise UserError(f"there is no format '{format}'. Choose one of: {', '.join(FORMATS)}.")
    out = Path(out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"'{out.name}' is not an empty folder. Give a new one.")
    out.mkdir(parents=True, exist_ok=True)
    model = parameters()
    oracle = None
    if oracle_people:
        groups = tuple(GROUPS) if ablations else ()
        oracle = learn_oracle(oracle_people, seed + ORACLES_SEED_STEP, model, without=groups)
    blocks = [
        Block(
            number=number,
            first=first,
            count=min(BLOCK, subjects + 1 - first),
            seed=seed,
            format=format,
            out=out,
            futures=futures,
            treatments=treatments,
            oracle=oracle,
        )
        for number, first in enumerate(range(1, subjects + 1, BLOCK))
    ]
    totals: Counter[str] = Counter()
    try:
        for block, written in zip(blocks, _written(blocks, workers), strict=True):
            gather(block)
            totals.update(asdict(written))
            progress.step("people", block.first + block.count - 1, subjects)
        shutil.copyfile(PLANTED, out / PARTS / WHOLE / TRUTH / PLANTED.name)
        publish(out)
    finally:
        shutil.rmtree(out / PARTS, ignore_errors=True)
    return SimulationReport(
        subjects=subjects,
        facts=totals["facts"],
        deaths=totals["deaths"],
        genomes=totals["genomes"],
        seed=seed,
        format=format,
        out=out,
        truth=out / TRUTH,
    )


def _written(blocks: list[Block], workers: int | None) -> Iterator[Written]:
    """What each block wrote, in order; several blocks at once where there are several."""
    cores = workers or os.cpu_count() or 1
    if len(blocks) == 1 or cores == 1:
        yield from map(write_block, blocks)
        return
    with processes(min(cores, len(blocks))) as pool:
        yield from pool.map(write_block, blocks)
