"""What resources become: columns of events, rejects, references, and names of subjects."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

import polars as pl

from lifecourse.records.fhir.times import (
    DAYS,
    MINUTES,
    SECONDS,
    BadTimeError,
    Moment,
    looked_at,
)
from lifecourse.records.source import IDENTIFIER, Batch
from lifecourse.schema.event import event_schema

_new = tuple.__new__
UNKNOWN = "unknown"
LONGEST_VERSION = 18
"""Digits of a version's number that an int64 surely holds."""


class RejectedError(Exception):
    """A resource that gives no event, for a reason from the list in `docs`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The file that a resource is of, by number and name, and its declared zone."""

    file: int
    name: str
    zone: str


class Resource:
    """One resource and where it stands; `row` counts lines, or entries of a Bundle, from 1.

    kind : the resource type
    source_id : ``Type/id``; None where the resource has no id
    full_url : what a Bundle calls it, or None
    part : where in the row it stands, where it is contained in another; the start of `source_part`
    otherwise : when what surrounds it was known, where it says no time itself
    """

    full_url: str | None = None
    part: str | None = None
    otherwise: tuple[Any, ...] = ()
    _version: int | str | None = UNKNOWN

    def __init__(self, body: dict[str, Any], kind: str, row: int, place: Place) -> None:
        self.body = body
        self.kind = kind
        self.row = row
        self.place = place
        name = body.get("id")
        self.source_id = f"{kind}/{name}" if name and isinstance(name, str | int) else None

    def within(self, outer: Resource, part: str) -> None:
        """Make it a part of `outer`: it stands and goes with that one."""
        self.source_id = outer.source_id
        self._version = outer.version
        self.part = part

    @property
    def status(self) -> str:
        """The status, empty where absent; a resource entered in error is rejected here.

        Raises
        ------
        RejectedError
            The resource was entered in error.
        """
        status = str(self.body.get("status") or "")
        if status == "entered-in-error":
            raise RejectedError("entered in error")
        return status

    @property
    def version(self) -> int | None:
        """Orders versions: when last updated, else the version's number."""
        if self._version is UNKNOWN:
            self._version = self._versioned()
        return self._version  # type: ignore[return-value]

    def _versioned(self) -> int | None:
        meta = self.body.get("meta")
        if not meta:
            return None
        updated = meta.get("lastUpdated")
        if updated:
            return self.moment(updated).known
        number = str(meta.get("versionId") or "")
        return int(number) if number.isdecimal() and len(number) <= LONGEST_VERSION else None

    def moment(self, text: Any) -> Moment:
        """The moment that `text` names.

        Raises
        ------
        RejectedError
            It is no FHIR date or time.
        """
        try:
            exact = DAYS[text[:10]] + MINUTES[text[10:16]] + SECONDS[text[16:]]
        except (KeyError, TypeError):
            return self._moment_of(text)
        return _new(Moment, (exact, exact, None))

    def _moment_of(self, text: Any) -> Moment:
        if not isinstance(text, str):
            raise RejectedError("a time that is not text")
        try:
            return looked_at(text, self.place.zone)
        except BadTimeError:
            raise RejectedError("a time that is no FHIR date or time") from None

    def first_moment(self, *texts: Any) -> Moment | None:
        """The moment of the first of `texts` that is there."""
        for text in texts:
            if text:
                return self.moment(text)
        return None

    def updated(self) -> Moment | None:
        """When the resource was last updated; where it does not say, when what surrounds it was known."""
        return self.first_moment((self.body.get("meta") or {}).get("lastUpdated"), *self.otherwise)

    def subject(self, name: str = "subject") -> str:
        """The key of the patient whom the resource is about.

        Raises
        ------
        RejectedError
            It is about nobody, or not about a patient.
        """
        subject: Any = self.body.get(name)
        try:
            reference = subject["reference"]
            if reference.startswith("Patient/"):
                key: str = reference[8:]
                if key and "/" not in key and "?" not in key:
                    return key
        except (KeyError, TypeError, AttributeError):
            pass
        return self.subject_of(subject)

    def subject_of(self, subject: Any) -> str:
        """The key of the patient whom a reference is to: by id, by what a Bundle calls them, or by an identifier.

        Raises
        ------
        RejectedError
            It is to nobody, or not to a patient.
        """
        if not subject:
            raise RejectedError("no subject")
        reference = subject.get("reference")
        if not reference:
            return identified_by(subject.get("identifier"))
        if type(reference) is not str:
            raise RejectedError("subject is not a patient")
        if reference.startswith("#"):
            return self._contained_patient(reference[1:])
        return subject_key(reference)

    def _contained_patient(self, name: str) -> str:
        """A patient who is known by an identifier alone: what is contained has no id outside."""
        for inner in self.body.get("contained") or ():
            if inner.get("id") == name and inner.get("resourceType") == "Patient":
                told = [identity_of(i) for i in inner.get("identifier") or ()]
                found = next((key for key in told if key), None)
                if found is None:
                    raise RejectedError("a contained patient without an identifier")
                return found
        raise RejectedError("subject is not a patient")


def identified_by(identifier: Any) -> str:
    """The key of a patient who is named by an identifier of theirs.

    Raises
    ------
    RejectedError
        There is none.
    """
    found = identity_of(identifier)
    if found is None:
        raise RejectedError("no subject")
    return found


def identity_of(identifier: Any) -> str | None:
    """What stands for the patient with an identifier, until ingestion knows who that is; None where it has no value."""
    value = identifier.get("value") if isinstance(identifier, dict) else None
    if not value or not isinstance(value, str | int):
        return None
    return f"{IDENTIFIER}{identifier.get('system') or ''}|{value}"


def subject_key(reference: str) -> str:
    """A patient's id, or the ``urn:uuid:`` that stands for it.

    Raises
    ------
    RejectedError
        The reference is not to a patient by id.
    """
    if reference.startswith("urn:"):
        return reference
    if "?" in reference:
        raise RejectedError("subject named by a search, not by id")
    parts = reference.split("/_history/", 1)[0].rstrip("/").split("/")
    if len(parts) > 1 and parts[-2] == "Patient" and parts[-1]:
        return parts[-1]
    raise RejectedError("subject is not a patient")


EVENT_FIELDS = (
    "subject_key", "time", "code", "numeric_value", "text_value", "unit", "end_time", "onset_time",
    "precision", "source_id", "source_version", "source_file", "source_row", "source_part",
)  # fmt: skip


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
        resource: Resource,
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
                resource.source_id, resource.version, resource.place.file, resource.row,
                part if resource.part is None else f"{resource.part}.{part}" if part else resource.part,
            )
        )  # fmt: skip

    def refer(self, kind: str) -> None:
        """A row that describes no event of a person."""
        self.reference_rows[kind] = self.reference_rows.get(kind, 0) + 1

    def count(self, what: str) -> None:
        """One more of what is worth telling in the report."""
        self.counts[what] = self.counts.get(what, 0) + 1

    def clear(self) -> None:
        """Begin anew; what `batch` gave stays as it is."""
        for column in fields(self):
            setattr(self, column.name, type(getattr(self, column.name))())

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
