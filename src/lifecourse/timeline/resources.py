"""FHIR resources in memory to events, as a page or a hook is handed them: read as a source's are, and not kept."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
import polars as pl

from lifecourse.base.errors import UserError
from lifecourse.base.files import folder_in_memory
from lifecourse.privacy.access.asking import Action, use_of
from lifecourse.privacy.access.house import House
from lifecourse.privacy.pseudonyms import subject_id
from lifecourse.records.registry import open_source
from lifecourse.schema.actor import Identifiability
from lifecourse.schema.event import EVENT_COLUMNS
from lifecourse.schema.identity import Identity
from lifecourse.timeline.guarded import seen_through
from lifecourse.timeline.merging import resolve_references, standing_records
from lifecourse.timeline.shard import conform
from lifecourse.timeline.unstored import timeline_from_events
from lifecourse.timeline.view import handed_over
from lifecourse.vocab import normalise

if TYPE_CHECKING:
    from pathlib import Path

    from lifecourse.privacy.audit import AuditLog
    from lifecourse.records.source import Batch
    from lifecourse.schema.actor import Actor, Purpose
    from lifecourse.timeline.access import Timeline
    from lifecourse.timeline.chart import Chart


def chart_from_resources(
    resources: list[dict[str, Any]],
    *,
    actor: Actor,
    purpose: Purpose,
    timezone: str = "UTC",
    audit: AuditLog | None = None,
    house: Path | None = None,
    identity: Identity | None = None,
) -> Chart | None:
    """A chart of one patient's FHIR resources, through the same door as a store; nothing is kept.

    `house` is the workspace whose policies say what of them is looked at: labels and consents hold here too. Whoever
    hands a record over has it, so a treatment relationship is taken for granted. None where they let nothing be seen.

    Raises
    ------
    UserError
        The resources are of nobody, or of more than one patient.
    """
    events = events_of_resources(resources, timezone=timezone)
    subjects = events["subject_id"].unique().to_list() if events.height else []
    if len(subjects) != 1:
        raise UserError(
            f"the resources are of {len(subjects)} patients; give those of exactly one, with its Patient."
        )
    timeline = timeline_from_events(
        events,
        identifiability=Identifiability.IDENTIFIED,
        actor=actor,
        purpose=purpose,
        audit=audit,
    )
    if house is not None:
        timeline = _guarded(
            timeline, House.at(house), identity or Identity(actor=actor), to=Action.PLAN
        )
    return timeline.chart(subjects[0]) if timeline.n_subjects else None


def _guarded(timeline: Timeline, house: House, identity: Identity, *, to: Action) -> Timeline:
    """A timeline of records handed over, as the policies of a house show it."""
    use = use_of(timeline.purpose, identity.purpose_of_use)
    situation = house.situation(identity, use, timeline.identifiability)
    view = handed_over(house, situation, timeline.subject_ids(), timeline.codes)
    guarded = replace(
        timeline,
        holding=seen_through(timeline.holding, view),
        decisions=house.engine.decide(situation),
    )
    guarded.require(to)
    return guarded


def events_of_resources(resources: list[dict[str, Any]], *, timezone: str = "UTC") -> pl.DataFrame:
    """The events (EVENT_COLUMNS) of FHIR resources in memory, read and resolved as a source's are.

    Raises
    ------
    UserError
        A number in them has more than 64 bits, which readers of JSON read differently.
    """
    entries = [{"resource": resource} for resource in resources]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    try:
        raw = orjson.dumps(bundle)
    except TypeError:
        raise UserError("a number in the resources has more than 64 bits.") from None
    with folder_in_memory() as folder:
        path = folder / "prefetch.json"
        path.write_bytes(raw)
        opened = open_source(path, kind="fhir", timezone=timezone)
        batches = [batch for unit in opened.units() for batch in opened.read(unit)]
    return _resolve_in_memory(batches, opened.issuer)


def _resolve_in_memory(batches: list[Batch], issuer: str) -> pl.DataFrame:
    def together(name: str) -> pl.DataFrame | None:
        tables = [
            t for t in (getattr(batch, name) for batch in batches) if t is not None and t.height
        ]
        return pl.concat(tables, how="diagonal_relaxed") if tables else None

    events = together("events")
    if events is None:
        return conform(pl.DataFrame())
    aliases = together("aliases")
    known = dict(aliases.select("alias", "subject_key").iter_rows()) if aliases is not None else {}
    ids = {
        key: subject_id(issuer, known.get(key, key))
        for key in events["subject_key"].unique().to_list()
    }
    events, _ = normalise(events)
    events = conform(
        events.with_columns(
            subject_id=pl.col("subject_key").replace_strict(ids, return_dtype=pl.Int64)
        )
    )
    references = together("references")
    if references is not None:
        events, _ = resolve_references(events, references)
    events, _ = standing_records(events.with_columns(generation=pl.lit(1, pl.UInt8)))
    whole: pl.DataFrame = events.select(EVENT_COLUMNS)
    return whole
