"""What the rows of any source become: columns of events, rejects, references, and names of subjects."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Protocol

import polars as pl

from lifecourse.records.source import Batch
from lifecourse.schema.event import event_schema

if TYPE_CHECKING:
    from lifecourse.records.moments import Moment


class RejectedError(Exception):
    """A record that gives no event, for a reason from the list in `docs`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The file that a record is of, by number and name, and its declared zone."""

    file: int
    name: str
    zone: str


class Record(Protocol):
    """What an event is read from.

    source_id : the record's own id; None where it has none
    version : orders versions of one `source_id`
    row : counted from 1 in the file of `place`
    part : where in the row it stands, where it is a part of it; the start of `source_part`
    """

    @property
    def source_id(self) -> str | None:
        """As above."""

    @property
    def version(self) -> int | None:
        """As above."""

    @property
    def place(self) -> Place:
        """As above."""

    @property
    def row(self) -> int:
        """As above."""

    @property
    def part(self) -> str | None:
        """As above."""


EVENT_FIELDS = (
    "subject_key", "time", "code", "numeric_value", "text_value", "unit", "end_time", "onset_time",
    "precision", "source_id", "source_version", "source_file", "source_row", "source_part",
)  # fmt: skip

COUNTED = "rows_read"
Mark = dict[str, int | dict[str, int]]
"""How far each list of rows was filled, and the counts as they were."""


@dataclass(slots=True)
class Rows:
    """Columns that fill up, and become a batch."""

    events: list[tuple[Any, ...]] = field(default_factory=list)
    rejects: list[tuple[str, int, str, str | None]] = field(default_factory=list)
    references: list[tuple[str, str, str | None]] = field(default_factory=list)
    aliases: list[tuple[str, str]] = field(default_factory=list)
    identities: list[tuple[str, str | None, str | None, str | None]] = field(default_factory=list)
    deletions: list[tuple[str, int | None]] = field(default_factory=list)
    reference_rows: dict[str, int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    rows_read: int = 0

    def add(
        self,
        record: Record,
        subject: str,
        when: Moment | None,
        code: str,
        *,
        value: float | None = None,
        text: str | None = None,
        unit: str | None = None,
        end: int | None = None,
        happened: Moment | None = None,
        part: str | None = None,
    ) -> None:
        """An event of `subject`, known at `when` (None: static); `happened` where that differs."""
        onset: int | None = None
        exactness: str | None = None
        since = happened or when
        if since is not None and when is not None:
            if since.start != when.known:
                onset = since.start
            exactness = since.precision
        self.events.append(
            (
                subject, when.known if when else None, code, value, text, unit, end, onset, exactness,
                record.source_id, record.version, record.place.file, record.row,
                part if record.part is None else f"{record.part}.{part}" if part else record.part,
            )
        )  # fmt: skip

    def refer(self, kind: str) -> None:
        """A row that describes no event of a person."""
        self.reference_rows[kind] = self.reference_rows.get(kind, 0) + 1

    def count(self, what: str) -> None:
        """One more of what is worth telling in the report."""
        self.counts[what] = self.counts.get(what, 0) + 1

    def take_back(self, counted: str) -> None:
        """Undo the last reject, counted once so, of a row that is read again."""
        self.rejects.pop()
        self.rows_read -= 1
        self.counts[counted] -= 1
        if not self.counts[counted]:
            del self.counts[counted]

    def clear(self) -> None:
        """Begin anew; what `batch` gave stays as it is."""
        for column in fields(self):
            setattr(self, column.name, type(getattr(self, column.name))())

    def mark(self) -> Mark:
        """What `back_to` needs to take back all that is added from now on."""
        columns = {column.name: getattr(self, column.name) for column in fields(self)}
        return {
            name: dict(held) if isinstance(held, dict) else held if name == COUNTED else len(held)
            for name, held in columns.items()
        }

    def back_to(self, mark: Mark) -> None:
        """Be as when `mark` was made; nothing was cleared since."""
        for name, held in mark.items():
            if isinstance(held, dict) or name == COUNTED:
                setattr(self, name, held)
            else:
                del getattr(self, name)[held:]

    def batch(self) -> Batch:
        """Everything so far as a batch."""
        return Batch(
            events=_events(self.events),
            rejects=_table(self.rejects, {"file": pl.String, "row": pl.UInt32, "reason": pl.String, "raw": pl.String}),
            references=_table(self.references, {"key": pl.String, "code": pl.String, "text": pl.String}),
            aliases=_table(self.aliases, {"alias": pl.String, "subject_key": pl.String}),
            identities=_table(
                self.identities,
                {"subject_key": pl.String, "system": pl.String, "value": pl.String, "name": pl.String},
            ),
            deletions=_table(
                self.deletions, {"source_id": pl.String, "source_version": pl.Int64}
            ),
            rows_read=self.rows_read,
            reference_rows=self.reference_rows,
            counts=self.counts,
        )  # fmt: skip


_KINDS: dict[str, Any] = {**event_schema(), "subject_key": pl.String()}
_MOMENTS = [name for name in EVENT_FIELDS if isinstance(_KINDS[name], pl.Datetime)]
_RAW = {
    name: pl.Int64() if name in _MOMENTS else _KINDS[name] for name in EVENT_FIELDS
} | {"numeric_value": pl.Float64()}  # fmt: skip


def _events(rows: list[tuple[Any, ...]]) -> pl.DataFrame:
    if not rows:
        return pl.DataFrame(schema={name: _KINDS[name] for name in EVENT_FIELDS})
    columns = zip(*rows, strict=True)
    table = pl.DataFrame(
        [
            pl.Series(name, column, dtype=_RAW[name], strict=False)
            for name, column in zip(EVENT_FIELDS, columns, strict=True)
        ]
    )
    return table.with_columns(
        pl.col(name).cast(_KINDS[name]) for name in (*_MOMENTS, "numeric_value")
    )


def _table(rows: list[Any], schema: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=schema, orient="row")
