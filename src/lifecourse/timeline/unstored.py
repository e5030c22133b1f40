"""Timelines of events that lie in no store: a table in memory, or one person's chart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecourse.schema.actor import Actor, Identifiability, Purpose
from lifecourse.timeline.access import Timeline
from lifecourse.timeline.holdings import InMemory
from lifecourse.timeline.shard import conform, sorted_events

if TYPE_CHECKING:
    import polars as pl

    from lifecourse.privacy.audit import AuditLog
    from lifecourse.timeline.chart import Chart


def timeline_from_events(
    events: pl.DataFrame,
    *,
    identifiability: Identifiability = Identifiability.SYNTHETIC,
    n_shards: int = 1,
    actor: Actor | None = None,
    purpose: Purpose = Purpose.DIRECT_CARE,
    audit: AuditLog | None = None,
) -> Timeline:
    """A timeline of an events table in memory, in any order; absent EVENT_COLUMNS are null."""
    holding = InMemory(sorted_events(conform(events)), identifiability, n_shards)
    who = actor or Actor(name="in memory")
    return Timeline(holding=holding, actor=who, purpose=purpose, audit=audit)


def timeline_of_chart(chart: Chart, *, actor: Actor, purpose: Purpose) -> Timeline:
    """One person's chart as a timeline, each code meaning what it means in the chart's store.

    For a model asked at the bedside: it reads this person and no one else.
    """
    holding = InMemory(chart.events, Identifiability.SYNTHETIC, 1, chart.shard.codes)
    return Timeline(holding=holding, actor=actor, purpose=purpose)
