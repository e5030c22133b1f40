"""The source of series: files of devices' readings, and whose they are."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING

import polars as pl

from lifecourse.base.errors import SourceError
from lifecourse.base.texts import opened_utf8
from lifecourse.records.files import files_in, listed
from lifecourse.records.separated import header_of, opened
from lifecourse.records.series.days import day_events, described
from lifecourse.records.series.measures import measures
from lifecourse.records.series.readings import (
    READINGS,
    Class,
    Read,
    with_instants,
    without_repeats,
)
from lifecourse.records.source import Batch, SourceFile, Unit, damage_named, of_subjects
from lifecourse.records.wearables.openmhealth import ENDINGS as POINTS
from lifecourse.records.wearables.openmhealth import is_data_points, read_points
from lifecourse.records.wearables.tables import ENDINGS as TABLES
from lifecourse.records.wearables.tables import date_order, layout_of, read_table, spellings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KIND = "series"
PEOPLE = "people.csv"
KEEP = "keep-readings"
MAPPINGS = (".yaml", ".yml")
CLASS_BYTES = 64 << 20
MOST_CLASSES = 256
EXPANSION_OF_GZIP = 10


def is_series(path: Path) -> bool:
    """Whether `path` is a file of readings, or a folder whose tables and JSON files are nothing else."""
    found = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    if any(file.suffix.lower() in MAPPINGS for file in found):
        return False  # a mapping says what the tables mean
    files = [file for file in found if _may_hold_readings(file)]
    return bool(files) and all(_holds_readings(file) for file in files)


def _may_hold_readings(path: Path) -> bool:
    name = path.name.lower()
    is_beside = name.startswith(".") or name in (PEOPLE, KEEP)
    return not is_beside and name.endswith((*TABLES, *POINTS))


def _holds_readings(path: Path) -> bool:
    return layout_of(path) is not None or is_data_points(path)


@dataclass(frozen=True)
class SeriesSource:
    """Files of readings in `path` (a file or folder); beside them ``people.csv`` (file,person) where they name nobody.

    A file named ``keep-readings`` beside them asks for every reading as an event of its own.

    timezone : IANA name of the clock of readings without an offset, and of the days that all are summarised by
    issuer : who gave the person ids
    """

    path: Path
    timezone: str = "UTC"
    issuer: str = KIND
    kind: str = KIND
    rests_on_store: bool = False

    @cached_property
    def _files(self) -> list[SourceFile]:
        named = (path for path in files_in(self.path) if _may_hold_readings(path))
        return listed((path for path in named if _holds_readings(path)), within=self.path)

    def files(self) -> list[SourceFile]:
        """The files of readings, sorted by name; then what says whose they are and what is kept of them."""
        if self.path.is_file():
            return self._files
        beside = [path for name in (PEOPLE, KEEP) if (path := self.path / name).is_file()]
        return listed([*(file.path for file in self._files), *beside], within=self.path)

    def units(self) -> list[Unit]:
        """Classes of people, as many as keep one class's readings small: each is read from all files.

        A person's readings may be in any file and any order, and a day needs all of its own.
        """
        if not self._files:
            raise SourceError(
                f"'{self.path.name}' has no readings of a known form. Give CSV with subject, time, measure and value, "
                "an export of Dexcom Clarity or LibreView, or Open mHealth data points."
            )
        size = sum(
            file.size_bytes * (EXPANSION_OF_GZIP if file.path.suffix.lower() == ".gz" else 1)
            for file in self._files
        )
        classes = min(-(-size // CLASS_BYTES), MOST_CLASSES) or 1
        return [
            Unit(file=self._files[0], start=number, end=number + 1, options=(("of", classes),))
            for number in range(classes)
        ]

    def read(self, unit: Unit) -> Iterator[Batch]:
        """The days of one class of people.

        Raises
        ------
        SourceError
            A file is damaged.
        """
        people = Class(number=unit.start, of=int(dict(unit.options)["of"]))
        gathered: list[pl.DataFrame] = []
        for file in self._files:
            with damage_named(file):
                for read in self._reads(file, people):
                    gathered.append(read.readings)
                    yield _laid_aside(read)
        readings = pl.concat(gathered) if gathered else pl.DataFrame(schema=READINGS)
        del gathered
        once, counts = without_repeats(with_instants(readings, self.timezone))
        events, told = day_events(once, self.timezone)
        if self._keeps:
            events = pl.concat([events, _every_reading(once)], how="diagonal")
        used = readings.select("file", "row").unique().height
        shown = events.select("source_file", "source_row").unique().height
        yield Batch(
            concepts=described() if people.number == 0 else None,
            events=of_subjects(events, self.issuer),
            rows_read=used,
            reference_rows={"reading, in the events of its day": used - shown}
            if used > shown
            else {},
            counts={**counts, **told},
        )

    def row(self, file: SourceFile, number: int) -> str | None:
        """Record `number` of a table, or the line of a data point."""
        with damage_named(file), opened(file.path) as handle:
            if is_data_points(file.path):
                before = number - 1
            else:
                while layout_of(file.path) is not None and not _is_header(header_of(handle)[0]):
                    continue
                before = number - 1
            line = next(islice(handle, before, before + 1), None)
        return None if line is None else line.decode("utf-8", errors="replace").rstrip("\r\n")

    @cached_property
    def _keeps(self) -> bool:
        return self.path.is_dir() and (self.path / KEEP).is_file()

    @cached_property
    def _people(self) -> dict[str, str]:
        """Who the readings of a file are of: what ``people.csv`` says."""
        folder = self.path if self.path.is_dir() else self.path.parent
        table = folder / PEOPLE
        if not table.is_file():
            return {}
        with opened_utf8(table, SourceError) as lines:
            rows = csv.DictReader(lines)
            if not {"file", "person"} <= set(rows.fieldnames or ()):
                raise SourceError(f"{PEOPLE} needs the columns file and person.")
            return {row["file"]: row["person"] for row in rows}

    def _person(self, file: SourceFile) -> str:
        """The person of a file that names none: by ``people.csv``, else the file's name without its ending."""
        if self._people and file.name not in self._people:
            raise SourceError(
                f"{PEOPLE} does not say whose readings are in {file.name}. Add a line for it."
            )
        return self._people.get(file.name) or file.path.name.split(".")[0]

    def _reads(self, file: SourceFile, people: Class) -> Iterator[Read]:
        layout = layout_of(file.path)
        if layout is None:
            yield from read_points(file, self._people.get(file.name), people)
        elif layout.subject:
            yield from read_table(file, None, None, people)
        else:
            person = self._person(file)
            if people.has(person):
                yield from read_table(file, person, date_order(file), people)


def _laid_aside(read: Read) -> Batch:
    """The rows without any reading; of a row with one, a part that could not be read is counted."""
    rejects = read.rejects.unique(["file", "row"], keep="first", maintain_order=True)
    with_readings = read.readings["row"].unique()
    partly = rejects["row"].is_in(with_readings.implode())
    aside = rejects.filter(~partly)
    counts = {"parts of rows that could not be read": int(partly.sum())} if partly.any() else {}
    return Batch(
        rows_read=aside.height + sum(read.others.values()),
        rejects=aside,
        reference_rows=read.others,
        counts=counts,
    )


def _is_header(names: list[str]) -> bool:
    from lifecourse.records.wearables.layouts import layouts

    return any(layout.holds_for(each) for each in spellings(names) for layout in layouts())


def _every_reading(readings: pl.DataFrame) -> pl.DataFrame:
    codes = {name: each.code for name, each in measures().items()}
    units = {name: each.unit for name, each in measures().items()}
    measure = pl.col("measure").cast(pl.String)
    return readings.select(
        pl.col("subject_key").cast(pl.String),
        time="instant",
        code=measure.replace_strict(codes, return_dtype=pl.String),
        numeric_value=pl.col("value").cast(pl.Float32),
        unit=measure.replace_strict(units, return_dtype=pl.String),
        source_file="file",
        source_row="row",
    )
