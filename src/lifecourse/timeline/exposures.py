"""Exposures of the people of a store: what was around each address while they lived there.

A source of records whose people are those of the store: each address event is joined with the table's periods that
overlap it, and what comes of both is an event known at the end of that time, begun at its ``onset_time``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import polars as pl

from lifecourse.base.errors import SourceError
from lifecourse.records.exposures.places import place_of_code
from lifecourse.records.exposures.tables import layout_of, read_exposures
from lifecourse.records.files import files_in, listed
from lifecourse.records.source import Batch, SourceFile, Unit, damage_named
from lifecourse.schema.address import ADDRESS
from lifecourse.timeline.holdings import Stored
from lifecourse.timeline.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KIND = "exposures"
SHARDS_A_UNIT = 16
EXPOSURE = "EXPOSURE"
TICK = pl.duration(microseconds=1)
HELD = ("subject_id", "time", "code", "end_time", "onset_time")


def is_exposures(path: Path) -> bool:
    """Whether `path` is a table of exposures, or a folder of nothing else."""
    found = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    files = [file for file in found if not file.name.startswith(".")]
    return bool(files) and all(layout_of(file) is not None for file in files)


@dataclass(frozen=True)
class ExposureSource:
    """The tables of exposures in `path`, for the people of `store`.

    rests_on_store : what comes of the same tables changes with the addresses of the store
    """

    path: Path
    store: Path
    kind: str = KIND
    issuer: str = KIND
    rests_on_store: bool = True

    @cached_property
    def _files(self) -> list[SourceFile]:
        tables = [path for path in files_in(self.path) if layout_of(path) is not None]
        if not tables:
            raise SourceError(
                f"'{self.path.name}' has no table of exposures by place and year. Give a CSV file with fips (or county "
                "and state, or zip), year and measures."
            )
        return listed(tables, within=self.path)

    def files(self) -> list[SourceFile]:
        """The tables, sorted by name."""
        return self._files

    def units(self) -> list[Unit]:
        """Each table with a few shards of the store's people."""
        holding = self._holding
        return [
            Unit(file=file, start=start, end=min(start + SHARDS_A_UNIT, holding.n_shards))
            for file in self._files
            for start in range(0, holding.n_shards, SHARDS_A_UNIT)
        ]

    def read(self, unit: Unit) -> Iterator[Batch]:
        """The exposures of the unit's people, and how many of their addresses the table knows."""
        layout = layout_of(unit.file.path)
        assert layout is not None  # noqa: S101 -- only such files are in `files`
        table, left_out = read_exposures(unit.file.path, layout)
        is_first = unit.start == 0
        addresses = self._addresses(range(unit.start, unit.end or unit.start))
        known = addresses["place"].is_in(table["place"].unique().implode())
        events = exposures_of(addresses.filter(known), table).with_columns(
            source_file=pl.lit(unit.file.index, pl.UInt32)
        )
        yield Batch(
            events=events,
            rows_read=table["row"].n_unique() if is_first else 0,
            reference_rows={"exposure of a place and period": table["row"].n_unique()}
            if is_first
            else {},
            counts={
                "addresses with exposures": int(known.sum()),
                "addresses that the table does not know": int((~known).sum()),
                **(left_out if is_first else {}),
            },
        )

    def row(self, file: SourceFile, number: int) -> str | None:
        """Row `number` of a table as a JSON object, its values as they are written."""
        with damage_named(file):
            found = pl.read_csv(file.path, infer_schema=False).slice(number - 1, 1)
        return found.write_ndjson().strip() or None

    def _addresses(self, shards: range) -> pl.DataFrame:
        """``subject_id place start end``: where people lived, as `exposures_of` takes it."""
        holding = self._holding
        places = {
            code: place
            for code in holding.codes().codes
            if code.startswith(f"{ADDRESS}//") and (place := place_of_code(code))
        }
        rows = holding.matching(list(shards), HELD, list(places))
        spans = address_spans(rows.with_columns(pl.col("code").cast(pl.String)))
        persons = holding.persons().select("subject_id", "birth", "death")
        lived = spans.join(persons, on="subject_id", how="left").with_columns(
            start=pl.max_horizontal("start", "birth"),
            end=pl.min_horizontal("end", "death", pl.lit(self._end_of_records)),
        )
        return lived.select(
            "subject_id",
            place=pl.col("code").replace_strict(places, default=None, return_dtype=pl.String),
            start="start",
            end="end",
        )

    @cached_property
    def _holding(self) -> Stored:
        store = Store(self.store)
        if not store.exists():
            raise SourceError(
                "exposures are joined to the addresses of people in the store, and there is none: ingest records first."
            )
        return Stored(store, store.manifest())

    @cached_property
    def _end_of_records(self) -> object:
        return self._holding.persons()["last_time"].max()

    def __getstate__(self) -> dict[str, object]:
        """Only what names the source: caches are made anew in each process."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def __setstate__(self, state: dict[str, object]) -> None:
        """Take the fields."""
        self.__dict__.update(state)


def address_spans(rows: pl.DataFrame) -> pl.DataFrame:
    """``subject_id code start end`` of address events: from the first day to the stated end or the next address.

    `start` is null for an address that always held, `end` (exclusive) for one that still does. Addresses by county and
    by postal code follow each their own kind.
    """
    kind = pl.col("code").str.starts_with(f"{ADDRESS}//ZIP//")
    start = pl.coalesce("onset_time", "time")
    ordered = rows.with_columns(kind=kind, start=start).sort(
        "subject_id", "kind", "start", "code", nulls_last=False
    )
    later = pl.col("start").shift(-1).over("subject_id", "kind")
    return ordered.select(
        "subject_id",
        "code",
        start="start",
        end=pl.min_horizontal(pl.col("end_time") + TICK, later),
    )


def exposures_of(addresses: pl.DataFrame, table: pl.DataFrame) -> pl.DataFrame:
    """Events of `addresses` (``subject_id place start end``, [start, end)) for the periods of `table` in them.

    An event has the table's value, begins when both have begun (``onset_time``) and is known when one of them ends
    (``time``, the last microsecond). A period that the address, or the data, ends within is told up to there.
    """
    if addresses.is_empty() or table.is_empty():
        return pl.DataFrame(schema=_EVENTS)
    periods = table.with_columns(
        period_start=pl.datetime("first_year", 1, 1, time_unit="us"),
        period_end=pl.datetime(pl.col("last_year") + 1, 1, 1, time_unit="us"),
    )
    joined = addresses.join(periods, on="place", how="inner").with_columns(
        from_=pl.max_horizontal("start", "period_start"),
        until=pl.min_horizontal("end", "period_end"),
    )
    kept = joined.filter(pl.col("from_") < pl.col("until"))
    return kept.select(
        "subject_id",
        time=pl.col("until") - TICK,
        code=pl.lit(f"{EXPOSURE}//") + pl.col("measure"),
        numeric_value="value",
        unit="unit",
        onset_time="from_",
        source_row="row",
    ).cast(_EVENTS)  # type: ignore[arg-type]  # a Mapping is invariant in its keys


_EVENTS = {
    "subject_id": pl.Int64(),
    "time": pl.Datetime("us"),
    "code": pl.String(),
    "numeric_value": pl.Float32(),
    "unit": pl.String(),
    "onset_time": pl.Datetime("us"),
    "source_row": pl.UInt32(),
}
