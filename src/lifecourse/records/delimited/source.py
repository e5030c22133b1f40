"""The source of tables: a mapping, the files that it names, and their rows as batches of events."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from lifecourse.base.errors import SourceError
from lifecourse.records.delimited.compiling import Compiler
from lifecourse.records.delimited.expressions import ExpressionError, parse
from lifecourse.records.delimited.finding import (
    files_of,
    find_mapping,
    library,
    mapping_for,
    some_of,
)
from lifecourse.records.delimited.mapping import AGGREGATIONS, OWN, Mapping
from lifecourse.records.delimited.rows import TableReading, Told
from lifecourse.records.delimited.tables import (
    LaidAside,
    column_names,
    estimated_rows,
    is_parquet,
    is_table,
    ranges,
    read_chunks,
    read_row,
    read_whole,
)
from lifecourse.records.delimited.tree import cell, columns_of
from lifecourse.records.source import Batch, SourceFile, Unit, damage_named
from lifecourse.vocab.systems import systems, tidy_code

if TYPE_CHECKING:
    from collections.abc import Iterator

KIND = "delimited"
REJECTS = {"file": pl.String, "row": pl.UInt32, "reason": pl.String, "raw": pl.String}
BATCH_EVENTS, FEWEST_ROWS = 400_000, 5_000


@dataclass(frozen=True)
class DelimitedSource:
    """Tables in `path` (a file or folder), by `mapping`; where None, by the mapping that lies there or fits them.

    timezone : IANA name of times without an offset
    issuer : who gave the person ids; the mapping's own where this is the name of the kind
    """

    path: Path
    timezone: str = "UTC"
    issuer: str = KIND
    mapping_path: Path | None = None
    kind: str = KIND
    rests_on_store: bool = False

    def __post_init__(self) -> None:
        """Take the mapping's issuer where none is stated."""
        if self.issuer == KIND and self._named_mapping is not None:
            object.__setattr__(self, "issuer", self._mapping.about.issuer or KIND)

    @cached_property
    def _named_mapping(self) -> Path | None:
        if self.mapping_path is not None:
            return find_mapping(self.mapping_path)
        return mapping_for(self.path)

    @cached_property
    def _mapping(self) -> Mapping:
        if self._named_mapping is None:
            raise SourceError(
                f"nothing says what the tables in '{self.path.name}' mean: there is no mapping beside them, and none "
                f"of the library fits ({', '.join(library())}). Give one with --mapping FILE."
            )
        return Mapping(self._named_mapping)

    @cached_property
    def _found(self) -> dict[str, list[Path]]:
        """The files of each table that the mapping names, and of those it only looks into."""
        return files_of(self._mapping, self.path)

    @cached_property
    def _files(self) -> list[SourceFile]:
        if self._named_mapping is None:  # still their rows can be shown
            return self._unmapped_files()
        tables = [
            (self._name(path), path, self._events(table, path))
            for table in self._mapping.tables
            for path in self._found[table]
        ]
        known = {path for _, path, _ in tables}
        looked_into = [
            (self._name(path), path, None)
            for table in sorted(self._mapping.lookups)
            for path in self._found.get(table, [])
            if path not in known
        ]
        beside = [(f"mapping/{self._mapping.path.name}", self._mapping.path, None)]
        return [
            SourceFile(
                index=number, path=path, name=name, size_bytes=path.stat().st_size, rows=rows
            )
            for number, (name, path, rows) in enumerate([*sorted(tables), *looked_into, *beside])
        ]

    def _unmapped_files(self) -> list[SourceFile]:
        there = [self.path] if self.path.is_file() else sorted(self.path.rglob("*"))
        return [
            SourceFile(index=i, path=p, name=self._name(p), size_bytes=p.stat().st_size)
            for i, p in enumerate(p for p in there if p.is_file() and is_table(p))
        ]

    def _name(self, path: Path) -> str:
        root = self.path.parent if self.path.is_file() else self.path
        if path.is_relative_to(root):
            return path.relative_to(root).as_posix()
        return f"mapping/{path.relative_to(self._mapping.path.parent).as_posix()}"

    def _events(self, table: str, path: Path) -> int:
        events = self._mapping.tables[table].events.values()
        return estimated_rows(path) * sum(max(len(event.spread_over), 1) for event in events)

    def files(self) -> list[SourceFile]:
        """The tables' files by name, those looked into, and the mapping itself."""
        return self._files

    def units(self) -> list[Unit]:
        """Parts of each table's files; a table whose events are told once a person is read whole."""
        places = {file.path: file for file in self._files}
        units = []
        for table, mapped in self._mapping.tables.items():
            paths = self._found[table]
            for path in paths:
                self._check_columns(table, path)
            if any(event.once for event in mapped.events.values()):
                files = tuple(places[path].index for path in paths)
                units.append(
                    Unit(file=places[paths[0]], options=(("table", table), ("files", files)))
                )
                continue
            units += [
                Unit(
                    file=places[path],
                    start=start,
                    end=end,
                    continues=not is_parquet(path),
                    options=(("table", table), ("files", (places[path].index,))),
                )
                for path in paths
                for start, end in ranges(path)
            ]
        first = units[0]
        return [replace(first, options=(*first.options, ("is_first", True))), *units[1:]]

    def read(self, unit: Unit) -> Iterator[Batch]:
        """The rows of a part of a table in batches."""
        table = str(dict(unit.options)["table"])
        options = self._mapping.tables[table].options
        reading = TableReading(
            self._mapping,
            table,
            lookups={name: self._joined(table, name) for name in options.join},
            timezone=self.timezone,
        )
        columns = sorted(self._mapping.columns_of(table))
        components: dict[str, pl.DataFrame] = {}
        said = [pl.DataFrame(schema=dict.fromkeys(SAID, pl.String))]
        for number in dict(unit.options)["files"]:
            file = self._files[number]
            chunks = read_chunks(
                file.path, columns, encoding=options.encoding, start=unit.start, end=unit.end
            )
            for rows, bad in _sliced(
                chunks, max(FEWEST_ROWS, BATCH_EVENTS // len(reading.templates))
            ):
                told = reading.read(rows)
                for event, pairs in told.components.items():
                    before = components.get(event)
                    both = pairs if before is None else pl.concat([before, pairs]).unique()
                    components[event] = both
                said = [pl.concat([*said, *told.concepts]).unique(maintain_order=True)]
                yield _batch(rows, bad, told, file)
        for event, pairs in components.items():
            said += self._said(table, event, pairs)
        concepts = _concepts(pl.concat(said))
        if concepts.height:
            yield Batch(concepts=concepts)
        if "is_first" in dict(unit.options):
            unread = self._unread()
            yield Batch(counts={"files that the mapping does not name": unread} if unread else {})

    def row(self, file: SourceFile, number: int) -> str | None:
        """Row `number` of a table's file as a JSON object."""
        with damage_named(file):
            return read_row(file.path, number, encoding=self._encoding_of(file.path))

    def _encoding_of(self, path: Path) -> str:
        """The encoding that the mapping states of a file; UTF-8 where there is no mapping at hand."""
        if self._named_mapping is None:
            return "utf-8"
        tables = (name for name, paths in self._found.items() if path in paths)
        name = next(tables, None)
        known = self._mapping.tables.get(name or "")
        return known.options.encoding if known else "utf-8"

    # -- tables that are looked into -----------------------------------------------------------------------------

    def _lookup(self, name: str, columns: list[str], where: tuple[str, ...]) -> pl.DataFrame:
        paths = self._found.get(name) or self._found.get(name.rpartition("/")[2])
        if not paths:
            raise self._mapping.error(where, f"there is no file of a table '{name}'")
        for path in paths:
            absent = [column for column in columns if column not in column_names(path)]
            if absent:
                raise self._mapping.error(
                    where,
                    f"{path.name} has no column {absent[0]}; it has {some_of(column_names(path))}",
                )
        nulls = ["", *self._mapping.missing_in(where[0])]
        rows = pl.concat(
            read_whole(path, columns, encoding=self._encoding_of(path)) for path in paths
        )
        texts = [pl.col(cell(column)).str.strip_chars() for column in columns]
        return rows.select(pl.when(~text.is_in(nulls)).then(text) for text in texts)

    def _joined(self, table: str, name: str) -> pl.DataFrame:
        """The key of a joined table and the columns wanted of it, under the names that they get."""
        join = self._mapping.tables[table].options.join[name]
        where = (table, "_table", "join", name)
        wanted = [column for column in join.columns if column not in join.right]
        keys = [cell(column) for column in join.right]
        rows = self._lookup(name, [*join.right, *wanted], where).drop_nulls(keys)
        if isinstance(join.cols, dict):
            worked = [_aggregated(cell(column), how) for column, how in join.cols.items()]
            return rows.group_by(keys).agg(worked)
        return rows.select(
            *keys, *(pl.col(cell(column)).alias(cell(join.columns[column])) for column in wanted)
        )

    def _said(self, table: str, event: str, pairs: pl.DataFrame) -> list[pl.DataFrame]:
        """What other tables say of the codes in `pairs`, as the mapping's ``_metadata`` has it."""
        parts = []
        for name, block in self._mapping.tables[table].events[event].metadata.items():
            if name == OWN:
                continue
            where = (table, event, "_metadata", name)
            columns = sorted(set().union(*(columns_of(parse(text)) for text in block.values())))
            rows = self._lookup(name, columns, where)
            try:
                compiler = Compiler()
                told = {key: compiler.text(parse(text)) for key, text in block.items()}
            except ExpressionError as wrong:
                raise self._mapping.error(where, str(wrong)) from None
            rows = rows.select(**{f"{key} told": expr for key, expr in told.items()})
            keys = [key for key in block if key in pairs.columns]
            found = pairs.join(
                rows, left_on=keys, right_on=[f"{key} told" for key in keys], nulls_equal=True
            )
            nothing = pl.lit(None, pl.String)
            description = pl.col("description told") if "description" in block else nothing
            parent = pl.col("parent_codes told") if "parent_codes" in block else nothing
            parts.append(
                found.select(code=pl.col("code told"), description=description, parent=parent)
            )
        return parts

    # -- what is there -------------------------------------------------------------------------------------------

    def _check_columns(self, table: str, path: Path) -> None:
        encoding = self._mapping.tables[table].options.encoding
        with damage_named(SourceFile(index=0, path=path, name=path.name, size_bytes=0)):
            there = column_names(path, encoding)
        twice = sorted({name for name in there if there.count(name) > 1})
        if twice:
            raise SourceError(
                f"{path.name} has two columns {twice[0]}, and nobody can say which is meant. Rename one of them."
            )
        for name, where in self._mapping.columns_of(table).items():
            if name not in there:
                raise self._mapping.error(
                    where, f"{path.name} has no column {name}; it has {some_of(there)}"
                )

    def _unread(self) -> int:
        if self.path.is_file():
            return 0
        known = {file.path for file in self._files}
        return sum(is_table(p) and p not in known for p in self.path.rglob("*") if p.is_file())

    def __getstate__(self) -> dict[str, object]:
        """Only what names the source: caches are made anew in each process."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def __setstate__(self, state: dict[str, object]) -> None:
        """Take the fields."""
        self.__dict__.update(state)


SAID = ("code", "description", "parent")


def _concepts(said: pl.DataFrame) -> pl.DataFrame:
    """What is said of codes (columns `SAID`), a row a code."""
    named = said.filter(pl.col("code").is_not_null())
    # In the form that the events' codes will have.
    tidied = pl.Series("code", [tidy_code(code) for code in named["code"]], dtype=pl.String)
    told = named.with_columns(tidied, _double(pl.col("parent")))
    return told.group_by("code", maintain_order=True).agg(
        pl.col("description").drop_nulls().first(),
        parent_codes=pl.col("parent").drop_nulls().unique(maintain_order=True),
    )


def _sliced(
    chunks: Iterator[tuple[pl.DataFrame, LaidAside]], at_most: int
) -> Iterator[tuple[pl.DataFrame, LaidAside]]:
    """Chunks of at most so many rows: rows of many columns tell many events each."""
    for rows, bad in chunks:
        for at in range(0, max(rows.height, 1), at_most):
            yield rows.slice(at, at_most), bad if at == 0 else LaidAside()


def _batch(rows: pl.DataFrame, bad: LaidAside, told: Told, file: SourceFile) -> Batch:
    events = pl.concat(told.events) if told.events else None
    if events is not None:
        events = events.with_columns(source_file=pl.lit(file.index, pl.UInt32))
    aside = [(file.name, number, reason, raw) for number, reason, raw in bad]
    rejects = [pl.DataFrame(aside, schema=REJECTS, orient="row")]
    if told.rejected is not None and told.rejected.height:
        texts = [pl.col(name).fill_null("") for name in rows.columns if name != "row"]
        raw = rows.select("row", raw=pl.concat_str(texts, separator=",") if texts else pl.lit(""))
        kept = told.rejected.join(raw, on="row", how="left", maintain_order="left")
        rejects.append(kept.select(pl.lit(file.name).alias("file"), "row", "reason", "raw"))
    return Batch(
        events=events,
        rejects=pl.concat(rejects),
        identities=told.identities,
        rows_read=rows.height + len(bad),
        reference_rows=told.left_out,
        counts=told.counts,
    )


def _aggregated(column: str, how: str) -> pl.Expr:
    assert how in AGGREGATIONS  # noqa: S101 -- the mapping's own check
    if how == "count":
        return pl.col(column).count().cast(pl.String).alias(column)
    if how in ("sum", "mean"):
        number = pl.col(column).cast(pl.Float64, strict=False)
        return (number.sum() if how == "sum" else number.mean()).cast(pl.String).alias(column)
    # Numbers by their size, other texts (ISO times) by their letters.
    number = pl.col(column).cast(pl.Float64, strict=False)
    is_number = number.is_null() == pl.col(column).is_null()
    place = number.arg_min() if how == "min" else number.arg_max()
    text = pl.col(column).min() if how == "min" else pl.col(column).max()
    by_size = pl.col(column).get(place)
    return (
        pl.when(is_number.all() & number.is_not_null().any())
        .then(by_size)
        .otherwise(text)
        .alias(column)
    )


def _double(code: pl.Expr) -> pl.Expr:
    """MEDS-Extract writes a parent as ``LOINC/2345-7``; here two strokes part a system from a code."""
    head = code.str.extract(r"^(\w+)/[^/]", 1)
    doubled = code.str.replace("/", "//", literal=True)
    return pl.when(head.is_in(list(systems()))).then(doubled).otherwise(code)
