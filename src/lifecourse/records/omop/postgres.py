"""The tables of an OMOP source on a PostgreSQL server: read through ADBC, all in one snapshot.

One connection holds a read-only transaction and exports its snapshot while the source is read; every process opens
its own and takes that snapshot, so that all tables are as of one moment however long reading takes. A table is cut
by its blocks (``ctid``) where it has blocks, and each part comes as a stream of bounded batches (``COPY``).
"""

from __future__ import annotations

import hashlib
import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from lifecourse.base.errors import SourceError
from lifecourse.base.yaml import Document, load_document
from lifecourse.records.omop.packing import Part, Table
from lifecourse.records.omop.rows import conformed, sliced
from lifecourse.records.omop.server import begun, do, rows_of, stream, told_plainly
from lifecourse.records.omop.tables import known
from lifecourse.records.separated import Bad
from lifecourse.records.source import SourceFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = "postgresql:"
BLOCK_BYTES = 8192
PART_BLOCKS = (16 << 20) // BLOCK_BYTES
BYTES_PER_ROW = 110
TID_RANGES_SINCE = 140_000
"""Before PostgreSQL 14, each part would read the whole table to find its blocks."""
COUNTED_ROWS = 100_000
RELATIONS = """
SELECT n.nspname::text, c.relname::text, c.oid::bigint, c.relkind::text, c.reltuples::bigint,
       coalesce(pg_relation_size(c.oid), 0)::bigint, has_table_privilege(c.oid, 'SELECT'),
       (SELECT string_agg(a.attname::text, E'\\x1f' ORDER BY a.attnum)
          FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
       coalesce((SELECT p.relname::text FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent
                  WHERE i.inhrelid = c.oid AND c.relispartition), c.relname::text)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT LIKE 'pg\\_%'
   AND n.nspname <> 'information_schema'
"""
# Whether a text names a time of day other than midnight, or an offset: `times.has_clock`, as the server says it.
CLOCK = r"^\s*\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}(:\d{2})?(\.\d+)?\s*(Z|UTC|[+-]\d{2}(:?\d{2})?)?\s*$"
MIDNIGHT = r"^\s*\d{4}-\d{2}-\d{2}[ T]00:00(:00)?(\.0+)?\s*$"
SCHEMA_HINT = "Name the schema of the CDM under 'schemas' in the settings file"


class Server(Document):
    """How a server is reached: `uri_from` names an environment variable that holds a libpq URI."""

    uri_from: str | None = None
    uri: str | None = None
    schemas: tuple[str, ...] = ("public",)
    leave_out: tuple[str, ...] = ()


class Settings(Document):
    """A settings file of one server."""

    postgresql: Server


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """A table, or a partition of one, on the server; `rows` is the server's own estimate, -1 where it has none."""

    schema: str
    name: str
    table: str
    oid: int
    columns: tuple[str, ...]
    rows: int
    size_bytes: int
    has_blocks: bool

    @property
    def place(self) -> str:
        """The relation's name in SQL."""
        return f"{quoted(self.schema)}.{quoted(self.name)}"


def is_postgres(path: Path) -> bool:
    """Whether `path` is the settings file of a PostgreSQL server."""
    if path.suffix.lower() not in (".yaml", ".yml") or not path.is_file():
        return False
    return any(line.startswith(KEY.encode()) for line in path.read_bytes().splitlines())


def quoted(name: str) -> str:
    """`name` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


@dataclass
class PostgresPacking:
    """The tables on the server that the settings file `path` names, as of the moment they are first asked for."""

    path: Path
    _snapshot: str = ""
    _stand: str = ""
    _relations: tuple[Relation, ...] = ()
    _finds_blocks: bool = False
    _holding: Any = field(default=None, repr=False)

    # -- what is there --------------------------------------------------------------------------------------

    def tables(self) -> list[Table]:
        """The tables of the CDM in the schemas, the first schema before the others.

        Raises
        ------
        SourceError
            The server cannot be reached, there is no table of the CDM, or one may not be read.
        """
        self._open()
        return [
            Table(
                file=SourceFile(
                    index=index,
                    path=self.path,
                    name=f"{relation.schema}/{relation.name}",
                    size_bytes=relation.size_bytes,
                    digest=self._digest(relation),
                    rows=_expected_rows(relation),
                ),
                name=relation.table,
            )
            for index, relation in enumerate(self._relations)
        ]

    def _digest(self, relation: Relation) -> str:
        """What tells the table from its state at another moment: what sees the same transactions sees the same rows."""
        told = f"{self._stand}|{relation.schema}|{relation.name}|{relation.oid}"
        return hashlib.sha256(told.encode()).hexdigest()

    def column_names(self, table: Table) -> list[str]:
        """The names of the columns, in lower case."""
        return [name.lower() for name in self._relation(table).columns]

    def parts(self, table: Table) -> list[Part]:
        """Runs of blocks of about 200,000 rows; all of what has no blocks, as a view."""
        relation = self._relation(table)
        blocks = -(-relation.size_bytes // BLOCK_BYTES)
        if not (relation.has_blocks and self._finds_blocks) or blocks <= PART_BLOCKS:
            return [Part()]
        starts = range(0, blocks, PART_BLOCKS)
        # The last part has no end: the table may have grown, and rows that the snapshot sees may have moved there.
        ends = [*starts[1:], None]
        return [
            Part(start=start, end=end, continues=start > 0)
            for start, end in zip(starts, ends, strict=True)
        ]

    # -- rows -----------------------------------------------------------------------------------------------

    def chunks(
        self, table: Table, columns: tuple[str, ...], part: Part
    ) -> Iterator[tuple[pl.DataFrame, Bad]]:
        """Chunks of at most 100,000 rows, every value as the server writes it."""
        relation = self._relation(table)
        there = {name.lower(): name for name in relation.columns}
        wanted = [name for name in columns if name in there]
        with self._connected() as connection, told_plainly(f"reading the table {table.name}"):
            if not wanted:
                yield from _numbered(connection, relation, part, columns)
                return
            chosen = ", ".join(f"{quoted(there[n])}::text AS {quoted(n)}" for n in wanted)
            query = f"SELECT {chosen} FROM {relation.place}{_of_blocks(part)}"  # noqa: S608 - quoted names
            start = 1
            for batch in stream(connection, query):
                for rows, bad in sliced(pl.DataFrame(batch), Bad()):
                    yield conformed(rows, columns, start), bad
                    start += rows.height

    def has_clocks(self, table: Table, column: str) -> bool:
        """Whether any row has a time of day, as the server finds it."""
        relation = self._relation(table)
        named = {name.lower(): name for name in relation.columns}[column]
        text = f"{quoted(named)}::text"
        with self._connected() as connection, told_plainly(f"reading the table {table.name}"):
            found = f"SELECT 1 FROM {relation.place} WHERE {text} ~ '{CLOCK}' AND {text} !~ '{MIDNIGHT}'"  # noqa: S608 - quoted names
            return bool(rows_of(connection, f"SELECT EXISTS ({found})")[0][0])

    def _relation(self, table: Table) -> Relation:
        return self._relations[table.file.index]

    # -- the snapshot ---------------------------------------------------------------------------------------

    def _open(self) -> None:
        """Begin the transaction whose snapshot everything is read in."""
        if self._holding is not None:
            return
        server = load_document(self.path, Settings, error=SourceError).postgresql
        connection = begun(self._uri())
        try:
            with told_plainly("looking at its tables"):
                told = rows_of(
                    connection,
                    "SELECT pg_export_snapshot(), txid_current_snapshot()::text,"
                    " (SELECT oid::text FROM pg_database WHERE datname = current_database()),"
                    " current_setting('server_version_num')::int",
                )[0]
                self._snapshot, self._stand = told[0], "|".join(told[1:3])
                self._finds_blocks = told[3] >= TID_RANGES_SINCE
                rows = rows_of(connection, RELATIONS)
            self._relations = _chosen(rows, server)
        except BaseException:
            connection.close()
            raise
        self._holding = connection

    def close(self) -> None:
        """End the transaction that holds the snapshot."""
        if self._holding is not None:
            self._holding.close()
            self._holding = None

    def _uri(self) -> str:
        server = load_document(self.path, Settings, error=SourceError).postgresql
        if (server.uri is None) == (server.uri_from is None):
            raise SourceError(
                f"{self.path.name} must give one of 'uri' and 'uri_from' under 'postgresql'."
            )
        if server.uri is not None:
            return server.uri
        uri = os.environ.get(server.uri_from or "", "")
        if not uri:
            raise SourceError(
                f"{self.path.name} says that the environment variable {server.uri_from} holds the connection, "
                "but it is not set. Set it to a URI as libpq takes it: postgresql://user@host/database."
            )
        return uri

    @contextmanager
    def _connected(self) -> Iterator[Any]:
        """A connection of this process that sees the snapshot."""
        connection = begun(self._uri())
        try:
            with told_plainly("taking its snapshot"):
                do(connection, f"SET TRANSACTION SNAPSHOT '{self._snapshot}'")
            yield connection
        finally:
            connection.close()

    def __getstate__(self) -> dict[str, Any]:
        """All but the connection, which is this process's."""
        return {**self.__dict__, "_holding": None}


def _chosen(rows: list[tuple[Any, ...]], server: Server) -> tuple[Relation, ...]:
    """The relations that are tables of the CDM: of two with one name, those of the schema that is named first."""
    place = {schema: i for i, schema in enumerate(server.schemas)}
    left_out = {name.lower() for name in server.leave_out}
    held = [row for row in rows if row[0] in place and known(row[8].lower())]
    held = [row for row in held if row[8].lower() not in left_out and row[3] != "p"]
    if not held:
        homes = sorted({row[0] for row in rows if row[8].lower() == "person"})
        there = f" A person table is in: {', '.join(homes)}." if homes else ""
        raise SourceError(
            f"no table of the OMOP CDM is in the schemas {', '.join(server.schemas)} that the user of the "
            f"connection sees.{there} {SCHEMA_HINT}."
        )
    first: dict[str, int] = {}
    for row in held:
        name = row[8].lower()
        first[name] = min(first.get(name, len(place)), place[row[0]])
    held = [row for row in held if place[row[0]] == first[row[8].lower()]]
    shut = sorted({row[8].lower() for row in held if not row[6]})
    if shut:
        raise SourceError(
            f"the user of the connection may not read: {', '.join(shut)}. Grant SELECT, or name them under "
            "'leave_out' in the settings file."
        )
    return tuple(
        Relation(
            schema=row[0],
            name=row[1],
            table=row[8].lower(),
            oid=row[2],
            columns=tuple((row[7] or "").split("\x1f")),
            rows=row[4],
            size_bytes=row[5],
            has_blocks=row[3] in ("r", "m"),
        )
        for row in sorted(held, key=lambda row: (row[0], row[1]))
    )


def _expected_rows(relation: Relation) -> int:
    return relation.rows if relation.rows >= 0 else relation.size_bytes // BYTES_PER_ROW


def _of_blocks(part: Part) -> str:
    told = []
    if part.start:
        told.append(f"ctid >= '({part.start},0)'::tid")
    if part.end is not None:
        told.append(f"ctid < '({part.end},0)'::tid")
    return f" WHERE {' AND '.join(told)}" if told else ""


def _numbered(
    connection: Any, relation: Relation, part: Part, columns: tuple[str, ...]
) -> Iterator[tuple[pl.DataFrame, Bad]]:
    """As many rows as there are, where nothing in them is asked for."""
    query = f"SELECT count(*) FROM {relation.place}{_of_blocks(part)}"  # noqa: S608 - quoted names
    rows = int(rows_of(connection, query)[0][0])
    for start in range(0, max(rows, 1), COUNTED_ROWS):
        nothing = pl.DataFrame(
            {"nothing": pl.repeat(0, min(COUNTED_ROWS, rows - start), eager=True)}
        )
        yield conformed(nothing, columns, start + 1), Bad()
