"""MEDS folders (0.3, 0.4) and the older single file with ``value``: subject ids are kept, rows stand as they are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import polars as pl

from lifecourse.base.errors import SourceError
from lifecourse.records.files import listed
from lifecourse.records.source import Batch, SourceFile, Unit, damage_named

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

UNIT_ROWS = 1_000_000
BATCH_ROWS = 250_000
CONCEPTS = {
    "code": pl.String(),
    "description": pl.String(),
    "parent_codes": pl.List(pl.String()),
}
OPTIONAL = {
    "text_value": pl.String(),
    "unit": pl.String(),
    "end_time": pl.Datetime("us"),
}


@dataclass(frozen=True)
class MedsSource:
    """A MEDS dataset in `path`: a Parquet file, or a folder with ``data/**/*.parquet`` or Parquet files.

    timezone : IANA name for aware-less times; MEDS times are UTC, so it is told and not used
    issuer : who gave the subject ids
    """

    path: Path
    timezone: str = "UTC"
    issuer: str = "meds"
    kind: str = "meds"
    rests_on_store: bool = False

    @cached_property
    def _files(self) -> list[SourceFile]:
        found = [self.path] if self.path.is_file() else _parquet_files(self.path)
        return listed(sorted(found, key=str), within=self.path)

    def files(self) -> list[SourceFile]:
        """The Parquet files, sorted by name."""
        return self._files

    def units(self) -> list[Unit]:
        """Ranges of about a million rows."""
        return [
            Unit(file=file, start=start, end=min(start + UNIT_ROWS, rows))
            for file in self._files
            for rows in [_rows(file)]
            for start in range(0, max(rows, 1), UNIT_ROWS)
        ]

    def read(self, unit: Unit) -> Iterator[Batch]:
        """The rows of `unit` in batches.

        Raises
        ------
        SourceError
            The file has no subject_id, time and code columns.
        """
        scan = pl.scan_parquet(unit.file.path, glob=False)
        columns = scan.collect_schema()
        _check_columns(columns, unit.file)
        if unit.file.index == 0 and unit.start == 0:
            yield from self._concepts()
        for start in range(unit.start, unit.end or unit.start, BATCH_ROWS):
            length = min(BATCH_ROWS, (unit.end or start) - start)
            rows = scan.slice(start, length).collect()
            yield _batch(_conform(rows, columns, unit.file, start), unit.file)

    def row(self, file: SourceFile, number: int) -> str | None:
        """Row `number` of a Parquet file as a JSON object."""
        with damage_named(file):
            found = pl.scan_parquet(file.path, glob=False).slice(number - 1, 1).collect()
        return found.write_ndjson().strip() or None

    def _concepts(self) -> Iterator[Batch]:
        """What ``metadata/codes.parquet`` says of the codes; nothing where it is absent or no such table."""
        path = self.path / "metadata" / "codes.parquet"
        if not path.is_file():
            return
        try:
            table = pl.read_parquet(path, glob=False)
            told = table.select(
                pl.col(name).cast(kind) if name in table.columns else pl.lit(None, kind).alias(name)
                for name, kind in CONCEPTS.items()
            )
        except (pl.exceptions.PolarsError, OSError):
            yield Batch(counts={"metadata/codes.parquet that cannot be read, left out": 1})
            return
        yield Batch(concepts=told.filter(pl.col("code").is_not_null()))


def _parquet_files(folder: Path) -> list[Path]:
    data = folder / "data"
    found = (data if data.is_dir() else folder).rglob("*.parquet")
    return [path for path in found if "metadata" not in path.relative_to(folder).parts]


def _rows(file: SourceFile) -> int:
    with damage_named(file):
        return int(pl.scan_parquet(file.path, glob=False).select(pl.len()).collect().item())


def _check_columns(columns: pl.Schema, file: SourceFile) -> None:
    absent = [name for name in ("subject_id", "time", "code") if name not in columns]
    if absent:
        raise SourceError(f"{file.name} has no column {', '.join(absent)}; MEDS data needs it.")
    value = "numeric_value" if "numeric_value" in columns else "value"
    fits = {
        "subject_id": columns["subject_id"].is_integer(),
        "time": columns["time"].is_temporal() or columns["time"] == pl.Null,
        "code": not (columns["code"].is_numeric() or columns["code"].is_nested()),
        value: value not in columns or columns[value].is_numeric() or columns[value] == pl.Null,
    }
    for name, does in fits.items():
        if not does:
            raise SourceError(
                f"{file.name} has {name} as {columns[name]}, which MEDS does not. It has subject_id as int64, "
                "time as timestamp[us], code as string and numeric_value as float32."
            )


def _conform(rows: pl.DataFrame, columns: pl.Schema, file: SourceFile, start: int) -> pl.DataFrame:
    value = "numeric_value" if "numeric_value" in columns else "value"
    moment = columns["time"]
    time = pl.col("time")
    if isinstance(moment, pl.Datetime) and moment.time_zone:
        time = time.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    number = pl.col(value).cast(pl.Float32, strict=False) if value in columns else pl.lit(None)
    return rows.select(
        pl.col("subject_id").cast(pl.Int64, strict=False),
        time.cast(pl.Datetime("us")),
        pl.col("code").cast(pl.String),
        number.fill_nan(None).alias("numeric_value")
        if value in columns
        else number.alias("numeric_value"),
        *(pl.col(name).cast(kind) for name, kind in OPTIONAL.items() if name in columns),
        pl.lit(file.index, pl.UInt32).alias("source_file"),
        pl.int_range(start + 1, start + 1 + pl.len(), dtype=pl.UInt32).alias("source_row"),
    )


def _batch(rows: pl.DataFrame, file: SourceFile) -> Batch:
    reason = (
        pl.when(pl.col("subject_id").is_null())
        .then(pl.lit("no subject"))
        .when(pl.col("code").is_null() | (pl.col("code") == ""))
        .then(pl.lit("no code"))
    )
    judged = rows.with_columns(reason=reason)
    rejected = judged.filter(pl.col("reason").is_not_null())
    rejects = rejected.select(
        pl.lit(file.name).alias("file"),
        pl.col("source_row").alias("row"),
        "reason",
        pl.lit(None, pl.String).alias("raw"),
    )
    events = judged.filter(pl.col("reason").is_null()).drop("reason")
    return Batch(events=events, rejects=rejects, rows_read=rows.height)
