"""FHIR resources in memory to events, as a page or a hook is handed them: read as a source's are, and not kept."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import polars as pl

from lifecourse.privacy.pseudonyms import subject_id
from lifecourse.records.registry import open_source
from lifecourse.schema.event import EVENT_COLUMNS
from lifecourse.timeline.merging import resolve_references, standing_records
from lifecourse.timeline.shard import conform
from lifecourse.vocab import normalise

if TYPE_CHECKING:
    from lifecourse.records.source import Batch


def events_of_resources(resources: list[dict[str, Any]], *, timezone: str = "UTC") -> pl.DataFrame:
    """The events (EVENT_COLUMNS) of FHIR resources in memory, read and resolved as a source's are."""
    entries = [{"resource": resource} for resource in resources]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "prefetch.json"
        path.write_bytes(orjson.dumps(bundle))
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
