"""Simulate a hospital's records."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import polars as pl

from lifecourse.base.errors import UserError
from lifecourse.base.files import written_atomically
from lifecourse.base.progress import SILENT, Progress
from lifecourse.simulation.charting import chart
from lifecourse.simulation.fhir import FhirWriter
from lifecourse.simulation.meds import MedsWriter
from lifecourse.simulation.omop import OmopWriter
from lifecourse.simulation.parameters import parameters
from lifecourse.simulation.history import live

if TYPE_CHECKING:
    from lifecourse.simulation.parameters import Parameters

BLOCK = 10_000
FORMATS = ("fhir", "omop", "meds")
TRUTH = "truth.parquet"


class Writer(Protocol):
    """Something that writes people and facts in one standard."""

    def write(self, persons: pl.DataFrame, facts: pl.DataFrame) -> None:
        """Add people and their facts."""

    def close(self) -> None:
        """Make the files stand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationReport:
    """What was written: people, facts of all kinds, deaths, and where."""

    subjects: int
    facts: int
    deaths: int
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
    progress: Progress = SILENT,
) -> SimulationReport:
    """Records of `subjects` made-up people in `out`, with ``truth.parquet`` beside them.

    Parameters
    ----------
    subjects : at least 1; numbered from 1, the same number in every format
    seed : the same seed gives the same bytes, and the same people in every format
    format : ``fhir`` (bulk NDJSON), ``omop`` (CDM 5.4 as CSV) or ``meds`` (0.4)
    out : a new or empty folder

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
    return _simulate(subjects, seed, format, out, parameters(), progress)


def _writer(standard: str, out: Path, model: Parameters) -> Writer:
    if standard == "fhir":
        return FhirWriter(out, model)
    return OmopWriter(out, model) if standard == "omop" else MedsWriter(out, model)


def _simulate(
    subjects: int, seed: int, standard: str, out: Path, model: Parameters, progress: Progress
) -> SimulationReport:
    writer = _writer(standard, out, model)
    truths, facts_written, deaths = [], 0, 0
    for first in range(1, subjects + 1, BLOCK):
        count = min(BLOCK, subjects + 1 - first)
        rng = np.random.default_rng([seed, first])
        history = live(count, first, model, rng)
        persons, facts = chart(history, model, rng)
        writer.write(persons, facts)
        facts_written += facts.height
        deaths += persons["death"].drop_nulls().len()
        progress.step("people", first + count - 1, subjects)
    writer.close()
    with written_atomically(out / TRUTH) as path:
        pl.concat(truths).write_parquet(path)
    return SimulationReport(
        subjects=subjects,
        facts=facts_written,
        deaths=deaths,
        seed=seed,
        format=standard,
        out=out,
        truth=out / TRUTH,
    )
