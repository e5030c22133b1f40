"""From an event back to what it was read from: file, row and record; and the row itself where the source is at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lifecourse.base.errors import PolicyRefused, StoreError, UserError
from lifecourse.base.files import sha256_of_file
from lifecourse.privacy.audit import AuditLog
from lifecourse.records.registry import open_source
from lifecourse.records.source import ShowsRows
from lifecourse.schema.actor import Identifiability
from lifecourse.schema.event import ALSO_FROM
from lifecourse.timeline.access import open_timeline
from lifecourse.timeline.exposures import KIND as EXPOSURES
from lifecourse.timeline.exposures import ExposureSource
from lifecourse.timeline.sameness import further_origins
from lifecourse.timeline.sharding import shard_of_one
from lifecourse.timeline.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from lifecourse.records.source import Source
    from lifecourse.schema.actor import Actor, Purpose
    from lifecourse.timeline.access import Timeline
    from lifecourse.timeline.manifest import Manifest, SourceEntry

LONGEST_SHOWN = 20_000
"""Characters of a row that are shown: a genome's line has a column for each of thousands of people."""

SAID = ("time", "code", "numeric_value", "unit", "text_value")


def origins(store: Path, subject_id: int, *, actor: Actor, purpose: Purpose) -> dict[str, Any]:
    """Every event of a subject with its number and where it came from, in the order of the record.

    The look is audited as any look at a person is.

    Raises
    ------
    UserError
        No such subject.
    PolicyRefused
        `purpose` may not open this store.
    """
    timeline = open_timeline(store, actor=actor, purpose=purpose)
    chart = timeline.chart(subject_id)
    manifest = Store.at(store).manifest(timeline.version)
    rows = [
        {"event": place, **_what(row), **_where(row, manifest)}
        for place, row in enumerate(chart.events.iter_rows(named=True))
    ]
    return {"subject_id": subject_id, "events": rows}


def origin(
    store: Path,
    subject_id: int,
    event: int,
    *,
    actor: Actor,
    purpose: Purpose,
    source: Path | None = None,
) -> dict[str, Any]:
    """One event of a subject, and where it came from.

    Parameters
    ----------
    event : its number in the record, from 0: the one in ``#event-7`` on the person's page
    source : the file or folder that was ingested, to show the row itself; refused beside a pseudonymous store, whose
        people the row would name

    Returns
    -------
    ``subject_id event time code numeric_value unit text_value`` and ``source``: ``kind issuer file row part record``
    (the record's own id), ``version`` (the record's), ``sha256`` and ``bytes`` of the file as it was read; with
    `source` also ``unchanged`` (whether the file is byte for byte what was read) and ``raw`` (the row, or null).
    ``also``: where other sources tell the same fact, each like ``source``, with its ``text_value`` and, where its file
    lies in `source`, its row

    Raises
    ------
    UserError
        No such subject, event or file.
    PolicyRefused
        `purpose` may not open this store, or may not see the row.
    """
    timeline = open_timeline(store, actor=actor, purpose=purpose)
    found = Store.at(store)
    audit = AuditLog(found.audit_folder)
    target = f"subject/{subject_id}/event/{event}"
    if source is not None:
        _check_may_see_rows(timeline, subject_id, audit, target)
    chart = timeline.chart(subject_id)
    if not 0 <= event < chart.events.height:
        raise UserError(
            f"subject {subject_id} has no event {event}; theirs are 0 to {chart.events.height - 1}."
        )
    row = chart.events.row(event, named=True)
    manifest = found.manifest(timeline.version)
    others = _told_also(timeline, manifest, found, subject_id, event)
    where = [_where(row, manifest)]
    where += [{"text_value": other["text_value"], **_where(other, manifest)} for other in others]
    if source is not None:
        audit.record(actor=actor, purpose=purpose, action="look at source row", target=target)
        _show_rows(source, [row, *others], where, manifest)
    return {
        "subject_id": subject_id,
        "event": event,
        **_what(row),
        "source": where[0],
        "also": where[1:],
    }


def _show_rows(
    source: Path, tellings: list[dict[str, Any]], where: list[dict[str, Any]], manifest: Manifest
) -> None:
    """Add to `where` the rows of the tellings whose file lies in `source`: of one source's, or of several."""
    absent = []
    for telling, place in zip(tellings, where, strict=True):
        entry = manifest.sources[telling["source_file"]]
        try:
            place |= _read_again(source, entry, telling["source_row"], manifest.timezone)
        except UserError as error:
            absent.append(error)
    if len(absent) == len(tellings):
        raise absent[0]


def _told_also(
    timeline: Timeline, manifest: Manifest, store: Store, subject_id: int, event: int
) -> list[dict[str, Any]]:
    """The other tellings of an event; their words only to who may see everything of the person."""
    shard = shard_of_one(subject_id, len(manifest.parts))
    theirs = timeline.seen(store.read(manifest.parts[shard], subject_id=subject_id))
    if ALSO_FROM not in theirs.columns:
        return []
    others = further_origins(theirs[ALSO_FROM][event])
    if timeline.is_whole(subject_id):
        return others
    return [{**other, "text_value": None} for other in others]


def _check_may_see_rows(timeline: Timeline, subject_id: int, audit: AuditLog, target: str) -> None:
    is_nameless = timeline.identifiability == Identifiability.PSEUDONYMOUS
    if not is_nameless and timeline.is_whole(subject_id):
        return
    audit.record(
        actor=timeline.actor,
        purpose=timeline.purpose,
        action="look at source row",
        target=target,
        outcome="refused",
    )
    if not is_nameless:
        raise PolicyRefused(
            "a source's row may say more of the person than the policies of this house let you see. Without --source, "
            "file and row are told."
        )
    raise PolicyRefused(
        "a source's rows name the people in them: beside a pseudonymous store they are not shown. "
        "Without --source, file and row are."
    )


def _what(row: dict[str, Any]) -> dict[str, Any]:
    said = {name: row[name] for name in SAID}
    return {**said, "time": None if row["time"] is None else row["time"].isoformat()}


def _where(row: dict[str, Any], manifest: Manifest) -> dict[str, Any]:
    number = row["source_file"]
    if number is None or number >= len(manifest.sources):
        raise StoreError(
            "an event names no file that the store was made of. Run `lifecourse store verify`, then ingest again."
        )
    entry = manifest.sources[number]
    return {
        "kind": entry.kind,
        "issuer": entry.issuer,
        "file": entry.name,
        "row": row["source_row"],
        "part": row["source_part"],
        "record": row["source_id"],
        "version": row["source_version"],
        "sha256": entry.sha256,
        "bytes": entry.size,
    }


def _read_again(source: Path, entry: SourceEntry, row: int, timezone: str) -> dict[str, Any]:
    opened: Source = (
        ExposureSource(source, source, issuer=entry.issuer)
        if entry.kind == EXPOSURES
        else open_source(source, kind=entry.kind, timezone=timezone, issuer=entry.issuer)
    )
    file = next((file for file in opened.files() if file.name == entry.name), None)
    if file is None:
        raise UserError(
            f"'{source.name}' has no file {entry.name}, which the event was read from. "
            "Give the file or folder that was ingested."
        )
    unchanged = sha256_of_file(file.path) == entry.sha256
    # A file that was written anew has other rows at the same numbers: showing one of them would mislead.
    raw = opened.row(file, row) if unchanged and isinstance(opened, ShowsRows) else None
    return {"unchanged": unchanged, "raw": raw if raw is None else raw[:LONGEST_SHOWN]}
