"""What every source of records gives: work units, and batches of events with their accounting.

A source is split into picklable `Unit`s (a file, a byte range, a table) that are read independently, in any
order and in other processes, each within bounded memory. Reading a unit yields `Batch`es of at most about
100,000 events. What needs other units (a medication named by reference, a subject named by ``urn:uuid``) is
left as a reference and resolved by `timeline.ingestion`, so order never matters.

Where an event came from
------------------------
Every event can be followed back to what it was read from (`lifecourse inspect STORE --subject ID --event N`). For that
each row of `Batch.events` carries, whatever the source:

``source_file``
    `SourceFile.index` of the file that a person would open. Never null. `SourceFile.name` goes into the manifest with
    the file's SHA-256, so it has no patient data in it.
``source_row``
    The row in that file, counted from 1, never null. A row is what the source counts in `rows_read` and names in
    `rejects`: a line of NDJSON or VCF, a record of a delimited file (without its header), an entry of a Bundle, a
    message of an HL7 v2 file, an entry of a C-CDA section (in the document's order), a row of a Parquet file or table.
``source_id``
    The record's own id, ``Observation/123`` or ``measurement/77``: the identity by which a later version replaces it.
    Null where the source has none. Facts that one record gives share its id, so that they stand and go together.
``source_part``
    Where in that row, where a row gives several facts: a FHIRPath or field as its standard writes it (``component[1]``,
    ``OBX-3``, ``GT``), ``chars 120-164`` (from, to; counted from 0 in the row's text, the end not included) for a fact
    derived from text. Null where the whole row is the fact. It is no part of what an event is: two events that differ
    in it alone are equal, and `content_hash` leaves it out.

A source that can show a row again has a method ``row(file, number)`` (`ShowsRows`); the four columns cost nothing to a
source that fills them with constants, and are read from the store only when somebody asks.
"""

from __future__ import annotations

import zlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import polars as pl

from lifecourse.base.errors import SourceError
from lifecourse.base.files import sha256_of_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


ALIAS = "urn:"
"""How a subject key begins that stands for another one (`Batch.aliases`), maybe of another unit."""
IDENTIFIER = "urn:identifier:"
"""How one begins that is an identifier, ``<system>|<value>``: it names a person even where nobody's record has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """A file of the source: `name` is its path relative to the source, without patient data by contract.

    digest : what tells the content from another, where it is no file (a table on a server): else the file's SHA-256
    rows : about how many rows it has, where something cheaper than reading it knows
    """

    index: int
    path: Path
    name: str
    size_bytes: int
    digest: str | None = None
    rows: int | None = None

    def fingerprint(self) -> str:
        """`digest`, or the SHA-256 of the file."""
        return self.digest or sha256_of_file(self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A part of the source that is read on its own: rows of `file` (all, or a byte range of whole lines).

    continues : the unit counts its rows from 1, because it does not know how many the unit before it in the list has;
        ingestion adds those
    """

    file: SourceFile
    start: int = 0
    end: int | None = None
    continues: bool = False
    options: tuple[tuple[str, Any], ...] = ()

    @property
    def name(self) -> str:
        """Stable name for resuming, unique within the source."""
        return f"{self.file.name}[{self.start}:{'' if self.end is None else self.end}]"


@dataclass(slots=True, kw_only=True)
class Batch:
    """Some rows of a unit, read. Every row is accounted for in exactly one way.

    events
        `lifecourse.schema.event` columns but ``subject_id``, plus ``subject_key`` (String, the person's id in
        the source: a Patient id or ``urn:uuid:...``, a person_id); MEDS sources give ``subject_id`` instead.
        A code ``REF//Medication/123`` is replaced by the codes of that key in `references`.
    rejects
        Table of ``file`` (String), ``row`` (UInt32), ``reason`` (String, from a fixed list, no values from
        the record), ``raw`` (String, the row as read, or null): kept under the store's protection, never logged.

    References
    ----------
        Table of ``key`` (String, ``Medication/123``), ``code`` (String), ``text`` (String): what other rows refer to.
    aliases
        Table of ``alias`` (String, ``urn:uuid:...``) and ``subject_key`` (String): other names of subjects.
    identities
        Table of ``subject_key``, ``system``, ``value``, ``name``: the person's identifiers, for the identity map.
    deletions
        Table of ``source_id`` and ``source_version`` (null: every version): records that the source says are gone
        (FHIR bulk ``deleted``, entered in error). A later version of the same record stands.
    concepts
        Table of ``code``, ``description`` (String, or null) and ``parent_codes`` (List of String, or null): what
        the source says its own codes mean.
    rows_read
        Rows of the source in this batch. Rows that gave events are counted by ``source_row`` in `events`.
    reference_rows
        Rows that describe no event of a person, by type: ``{"Organization": 3}``.
    duplicate_rows
        Rows that are byte for byte a row seen before in the same unit, where the reader can tell.
    counts
        Anything else worth telling in the report: ``{"codes from concept": 10}``; adds up over batches.
    """

    events: pl.DataFrame | None = None
    rejects: pl.DataFrame | None = None
    references: pl.DataFrame | None = None
    aliases: pl.DataFrame | None = None
    identities: pl.DataFrame | None = None
    deletions: pl.DataFrame | None = None
    concepts: pl.DataFrame | None = None
    rows_read: int = 0
    reference_rows: dict[str, int] = field(default_factory=dict)
    duplicate_rows: int = 0
    counts: dict[str, int] = field(default_factory=dict)


class Source(Protocol):
    """A source of records of one kind; picklable.

    rests_on_store : what it gives depends on what the store holds, so that the same files can give something else later
    """

    @property
    def kind(self) -> str:
        """Its name in the registry."""

    @property
    def issuer(self) -> str:
        """Who gave the person ids."""

    @property
    def rests_on_store(self) -> bool:
        """As above."""

    def files(self) -> list[SourceFile]:
        """The files of the source, sorted by name."""

    def units(self) -> list[Unit]:
        """The units, in a fixed order; together they cover every row once."""

    def read(self, unit: Unit) -> Iterator[Batch]:
        """The batches of one unit; raises `SourceError` only where nothing of it can be read."""


@runtime_checkable
class ShowsRows(Protocol):
    """A source that can show what an event was read from; asked one row at a time, and never while ingesting."""

    def row(self, file: SourceFile, number: int) -> str | None:
        """Row `number` of `file` as text, as near to the source's own form as can be; None where there is none."""


WITH_IDS_OF_THEIR_OWN = ("meds",)
"""Issuers whose person ids are the subject ids themselves."""


def of_subjects(events: pl.DataFrame, issuer: str) -> pl.DataFrame:
    """`events` with ``subject_id`` in place of ``subject_key``, where the issuer's ids are subject ids.

    Raises
    ------
    SourceError
        Somebody is named by what is no whole number.
    """
    if issuer not in WITH_IDS_OF_THEIR_OWN:
        return events
    ids = pl.col("subject_key").cast(pl.Int64, strict=False)
    found = events.with_columns(subject_id=ids).drop("subject_key")
    if found["subject_id"].null_count():
        raise SourceError(
            "people of MEDS records are named by whole numbers, and some here are not: give a table of who they are."
        )
    return found


@contextmanager
def damage_named(file: SourceFile) -> Iterator[None]:
    """Say which file it is that cannot be read.

    Raises
    ------
    SourceError
        Reading ended in an error of the file or its format.
    """
    try:
        yield
    except (pl.exceptions.PolarsError, OSError, EOFError, zlib.error) as damage:
        raise SourceError(
            f"{file.name} cannot be read: cut short or damaged. Export or copy it again."
        ) from damage


@contextmanager
def released(source: Source) -> Iterator[None]:
    """Have `source` give up afterwards what it holds open, where it holds anything (a snapshot on a server)."""
    try:
        yield
    finally:
        if isinstance(source, SupportsClose):
            source.close()


@runtime_checkable
class SupportsClose(Protocol):
    """A source that holds something open."""

    def close(self) -> None:
        """Give it up."""


def batches(source: Source, unit: Unit) -> Iterator[Batch]:
    """The batches of `unit`, with damage to its file named, whatever the kind of source.

    Raises
    ------
    SourceError
        The file cannot be read.
    """
    reading = source.read(unit)
    while True:
        with damage_named(unit.file):
            batch = next(reading, None)
        if batch is None:
            return
        yield batch
