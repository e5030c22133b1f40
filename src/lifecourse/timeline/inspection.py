"""What a store holds, in counts; and whether its bytes are the bytes that were written."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import polars as pl

from lifecourse.privacy.audit import AuditLog
from lifecourse.privacy.release import ReleasePolicy
from lifecourse.privacy.witness import verify as verify_log
from lifecourse.schema.actor import Identifiability
from lifecourse.schema.code import SEPARATOR
from lifecourse.timeline import manifest as log
from lifecourse.timeline.rewriting import finish_rewriting, is_unfinished
from lifecourse.timeline.store import Store
from lifecourse.vocab.systems import systems

if TYPE_CHECKING:
    from pathlib import Path

    from lifecourse.schema.actor import Actor, Purpose
    from lifecourse.timeline.access import Timeline
    from lifecourse.timeline.manifest import Manifest

LARGEST_SYSTEMS = 20
OTHER = "(other)"
AT_ONCE = 4_000_000
"""Events counted together."""


def inspect(store: Path, timeline: Timeline) -> dict[str, Any]:
    """Counts of the version of `store` that `timeline` has open: people, events, codes, what was read and rejected.

    `rows_read`, `reference_rows` and the rest of the accounting are of the newest load; `rejects` counts every
    load. Nothing in the answer is about one person.
    """
    found = Store.at(store)
    manifest = found.manifest(timeline.version)
    codes = found.read(manifest.codes)
    if timeline.whole_subjects() is not None:
        return _as_seen(timeline, manifest, codes)
    return {
        **_people(timeline),
        **_load(found, manifest),
        **_codes(timeline, codes),
        "version": manifest.version,
        "versions": len(log.versions(found.path)),
        "identifiability": str(manifest.identifiability),
        "encrypted": manifest.encrypted,
        "timezone": manifest.timezone,
        "sources": _sources(manifest),
        "content_hash": manifest.content_hash,
    }


def _as_seen(timeline: Timeline, manifest: Manifest, codes: pl.DataFrame) -> dict[str, Any]:
    """Counts of what the asker may see; what became of rows of sources is of everyone, so it is not told."""
    counted = [
        timeline.table(shards, ["code"]).group_by("code").agg(count=pl.len())
        for shards in timeline.groups(AT_ONCE)
    ]
    seen = pl.concat(counted).group_by("code").agg(pl.col("count").sum()) if counted else None
    return {
        **_people(timeline),
        **_codes(
            timeline,
            codes.drop("count").join(seen, on="code") if seen is not None else codes.clear(),
        ),
        "version": manifest.version,
        "identifiability": str(manifest.identifiability),
        "encrypted": manifest.encrypted,
        "timezone": manifest.timezone,
        "content_hash": timeline.content_hash,
    }


def _people(timeline: Timeline) -> dict[str, Any]:
    persons = timeline.persons()
    return {
        "subjects": persons.height,
        "events": timeline.n_events,
        "first_time": _extreme(persons["first_time"].min()),
        "last_time": _extreme(persons["last_time"].max()),
        "deaths": persons["death"].count(),
    }


def _load(store: Store, manifest: Manifest) -> dict[str, Any]:
    load = manifest.report
    return {
        "rows_read": load["rows_read"],
        "event_rows": load["event_rows"],
        "reference_rows": load["reference_rows"],
        "duplicate_rows": load["duplicate_rows"],
        "rejects": _rejects(store, manifest),
        "counts": load["counts"],
    }


def _codes(timeline: Timeline, codes: pl.DataFrame) -> dict[str, Any]:
    return {
        "codes": codes.height,
        "codes_mapped": codes.filter(pl.col("parent_codes").list.len() > 0).height,
        "events_by_system": _systems(timeline, codes),
    }


def verify(store: Path, *, actor: Actor, purpose: Purpose) -> dict[str, Any]:
    """Check every file of every version against its manifest, and the chain of the audit log.

    An erasure or a turning of keys that was killed is ended first.

    Raises
    ------
    StoreDamaged
        A file, a manifest or an audit entry is missing or changed; the message names it.
    """
    found = Store.at(store)
    audit = AuditLog(found.audit_folder)
    if is_unfinished(found):
        with found.locked():
            finish_rewriting(found)
    manifest = found.manifest()
    files = found.verify()
    entries = verify_log(audit)
    target = f"store version {manifest.version}"
    audit.record(actor=actor, purpose=purpose, action="verify", target=target)
    return {
        "outcome": "whole",
        "versions": len(log.versions(found.path)),
        "files": files,
        "audit_entries": entries,
    }


def _rejects(store: Store, manifest: Manifest) -> dict[str, int]:
    reasons = store.read(manifest.rejects, ["reason"])
    return dict(reasons.group_by("reason").len().sort("len", "reason", descending=True).iter_rows())


def _systems(timeline: Timeline, codes: pl.DataFrame) -> dict[str, int]:
    """Events by the first part of their code, most frequent first; the long tail as ``(other)``.

    A first part that a source made up is in the tail too where few people have it: it may be anything, a name even.
    """
    first = pl.col("code").str.split(SEPARATOR).list.first().alias("system")
    counted = codes.group_by(first).agg(pl.col("count").sum())
    told = _common_systems(timeline, codes.select("code", first))
    ordered = list(counted.sort("count", "system", descending=[True, False]).iter_rows())
    named = dict([row for row in ordered if row[0] in told][:LARGEST_SYSTEMS])
    rest = sum(count for system, count in ordered if system not in named)
    return {**named, OTHER: rest} if rest else named


def _common_systems(timeline: Timeline, codes: pl.DataFrame) -> set[str]:
    """The first parts of `codes` that are known to everybody, or are of enough people; all where nobody is real."""
    if timeline.identifiability == Identifiability.SYNTHETIC:
        return set(codes["system"])
    made_up = codes.filter(~pl.col("system").is_in(list(systems())))
    people: Counter[str] = Counter()
    for shards in timeline.groups(
        AT_ONCE
    ):  # a person is in one shard, so that people can be added up
        theirs = timeline.table(shards, ["subject_id", "code"]).join(made_up, on="code")
        each = theirs.select("subject_id", "system").unique()
        people.update(dict(each.group_by("system").len().iter_rows()))
    policy = ReleasePolicy()
    return set(systems()) | {system for system, count in people.items() if policy.allows(count)}


def _sources(manifest: Manifest) -> list[dict[str, Any]]:
    table = pl.DataFrame(
        [(source.kind, source.issuer, source.size) for source in manifest.sources],
        schema=["kind", "issuer", "bytes"],
        orient="row",
    )
    counted = table.group_by("kind", "issuer").agg(pl.len().alias("files"), pl.col("bytes").sum())
    return counted.sort("kind", "issuer").to_dicts()


def _extreme(moment: Any) -> str | None:
    return moment.isoformat() if moment is not None else None
