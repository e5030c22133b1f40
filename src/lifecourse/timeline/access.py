"""A timeline: a store opened by someone for a reason, or events in memory. The only way to look."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
import polars as pl

from lifecourse.base.errors import PolicyRefused, UserError
from lifecourse.privacy.acts import Details
from lifecourse.privacy.audit import AuditLog
from lifecourse.schema.actor import Actor, Identifiability, Purpose, check_purpose
from lifecourse.schema.event import EVENT_COLUMNS
from lifecourse.timeline.chart import Chart
from lifecourse.timeline.excerpt import WHAT, WITH_VALUES, Excerpt, excerpt_of
from lifecourse.timeline.holdings import (
    NO_NAMES,
    SHARD_COLUMNS,
    Holding,
    InMemory,
    Loads,
    Stored,
)
from lifecourse.timeline.reader import DEFAULT_BYTES, Reader
from lifecourse.timeline.shard import CodeTable, Shard, conform, shard_from_events, sorted_events
from lifecourse.timeline.sharding import shard_of_one
from lifecourse.timeline.store import Store

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    import numpy.typing as npt


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """People's events, visible to `actor` for `purpose`; each look at one person is audited."""

    holding: Holding
    actor: Actor
    purpose: Purpose
    audit: AuditLog | None = field(default=None, repr=False)

    @property
    def identifiability(self) -> Identifiability:
        """What is known of who the people are."""
        return self.holding.identifiability

    @property
    def version(self) -> int:
        """The store's version; 0 in memory."""
        return self.holding.version

    @property
    def content_hash(self) -> str:
        """The same for the same events."""
        return self.holding.content_hash

    @cached_property
    def codes(self) -> CodeTable:
        """The codes that occur."""
        return self.holding.codes()

    @property
    def n_shards(self) -> int:
        """Shards, each read on its own."""
        return self.holding.n_shards

    @property
    def n_subjects(self) -> int:
        """People with at least one event."""
        return self.persons().height

    @property
    def n_events(self) -> int:
        """Events, static ones included."""
        return self.holding.n_events()

    def subject_ids(self) -> npt.NDArray[np.int64]:
        """int64 ids of all subjects, sorted."""
        return self.persons()["subject_id"].to_numpy()

    def persons(self) -> pl.DataFrame:
        """One row a subject: ``subject_id birth sex death first_time last_time as_of``, sorted by subject.

        ``as_of`` is the moment to look at each from, as `Chart.as_of` says.
        """
        return self._persons

    @cached_property
    def _persons(self) -> pl.DataFrame:
        persons = self.holding.persons()
        known_by_birth = pl.col("first_time").is_null() & pl.col("birth").is_not_null()
        latest = pl.col("last_time").max()
        return persons.with_columns(
            as_of=pl.when(known_by_birth).then(latest).otherwise(pl.col("last_time"))
        )

    def names(self) -> pl.DataFrame:
        """``subject_id`` and ``name`` of those whose name is known, for lists in direct care; else no rows."""
        if self.purpose != Purpose.DIRECT_CARE:
            return NO_NAMES
        self.record("list names", "store", "success")
        return self.holding.names()

    def loads(self) -> Loads:
        """Where the events were read from, and what became of the rows."""
        return self.holding.loads()

    def end_of_records(self) -> int:
        """Microseconds of the latest event of anyone, 0 without events: the data's own "today"."""
        latest = self.persons()["last_time"].cast(pl.Int64).max()
        return int(latest) if isinstance(latest, int) else 0

    def shard(self, number: int) -> Shard:
        """The events of shard `number` as arrays."""
        return shard_from_events(self.holding.events(number, columns=SHARD_COLUMNS), self.codes)

    def shards_together(self, numbers: Sequence[int]) -> Shard:
        """The events of some shards as one; its people are in the order of the shards."""
        if len(numbers) == 1:
            return self.shard(numbers[0])
        return shard_from_events(self.table(numbers, SHARD_COLUMNS), self.codes)

    def table(self, shards: Sequence[int], columns: Sequence[str]) -> pl.DataFrame:
        """The `columns` (of EVENT_COLUMNS) of the events of some shards: for counting over everyone."""
        return self.holding.matching(shards, columns, None)

    def excerpt(
        self,
        shards: Sequence[int],
        codes: Collection[str],
        *,
        values: bool = False,
        moments: bool = False,
    ) -> Excerpt:
        """Of the people of some shards, the events of `codes` alone.

        `values` brings numbers too, `moments` every moment at which anything is recorded. Without `moments`, who has
        no event of `codes` is not in it.
        """
        columns = WITH_VALUES if values else WHAT
        if not moments:
            found = self.holding.matching(shards, columns, codes)
            return excerpt_of(found, None, self.persons(), self.codes)
        # Everything is read, and once: a second scan for the codes would take as long.
        everything = self.holding.matching(shards, columns, None)
        found = everything.filter(pl.col("code").is_in(sorted(codes)))
        return excerpt_of(found, everything, self.persons(), self.codes)

    def groups(self, at_most_events: int) -> Iterator[list[int]]:
        """Neighbouring shards of at most so many events together, or one larger shard."""
        group: list[int] = []
        held = 0
        for number in range(self.n_shards):
            events = self.holding.events_in(number)
            if group and held + events > at_most_events:
                yield group
                group, held = [], 0
            group.append(number)
            held += events
        if group:
            yield group

    def shards(self) -> Iterator[Shard]:
        """All shards, one at a time."""
        for number in range(self.n_shards):
            yield self.shard(number)

    def chart(self, subject_id: int) -> Chart:
        """One person's record; the look is audited before it is given.

        Raises
        ------
        UserError
            No such subject.
        """
        events = self._events_of(subject_id)
        self.record("look", f"subject/{subject_id}", "success" if events.height else "not found")
        if events.height == 0:
            raise UserError(f"the store has no subject {subject_id}.")
        return Chart(
            subject_id=subject_id,
            shard=shard_from_events(events, self.codes),
            events=events,
            latest_of_anyone=self.end_of_records(),
            identity=self.holding.identity(subject_id)
            if self.purpose != Purpose.RESEARCH
            else None,
        )

    def charts(self, shards: Iterable[int] | None = None) -> Iterator[Chart]:
        """Everyone's record, shard by shard: for panels. One audit entry says that all were read.

        `shards` narrows it to the people of some shards, so that several processes share the work.
        """
        self.record("look at all", "store", "success")
        for number in range(self.n_shards) if shards is None else shards:
            events = self.holding.events(number, columns=EVENT_COLUMNS)
            for part in events.partition_by("subject_id", maintain_order=True):
                yield Chart(
                    subject_id=int(part["subject_id"][0]),
                    shard=shard_from_events(part, self.codes),
                    events=part,
                    latest_of_anyone=self.end_of_records(),
                )

    def reader(self, *, max_bytes: int = DEFAULT_BYTES) -> Reader:
        """Anyone's history as columns, in microseconds: for learning and analysis, not for looking at someone.

        One audit entry says that all were read. About `max_bytes` of shards stay in memory.

        Raises
        ------
        PolicyRefused
            The purpose is direct care, where each look at a person is audited by itself: use `chart`.
        """
        if self.purpose == Purpose.DIRECT_CARE:
            self.record("look at all", "store", "refused")
            raise PolicyRefused(
                "direct care looks at one person at a time, each look audited: use chart(subject_id). "
                "A reader of everyone's histories is for the purposes operations and research."
            )
        self.record("look at all", "store", "success")
        return Reader(
            n_shards=self.n_shards,
            shard=self.shard,
            events_in=self.holding.events_in,
            one_subject=self._shard_of_subject,
            max_bytes=max_bytes,
        )

    def _shard_of_subject(self, number: int, subject_id: int) -> Shard:
        events = self.holding.subject_events(number, subject_id, whole=False)
        return shard_from_events(events, self.codes)

    def _events_of(self, subject_id: int) -> pl.DataFrame:
        if self.n_shards == 0:
            return conform(pl.DataFrame())
        number = shard_of_one(subject_id, self.n_shards)
        return self.holding.subject_events(number, subject_id, whole=True)

    def record(
        self, action: str, target: str, outcome: str = "success", **details: Unpack[Details]
    ) -> None:
        """Enter in the audit log what the actor does with what the timeline shows; nothing in memory."""
        if self.audit is not None:
            self.audit.record(
                actor=self.actor,
                purpose=self.purpose,
                action=action,
                target=target,
                outcome=outcome,
                **details,
            )


def open_timeline(
    store: Path, *, actor: Actor, purpose: Purpose, as_of_version: int | None = None
) -> Timeline:
    """The timeline of `store` (or of the workspace `store`), for `actor` and `purpose`.

    `as_of_version` opens an earlier version, which answers as it did then.

    Raises
    ------
    StoreError
        There is no store, or no such version.
    PolicyRefused
        `purpose` may not open this store; the refusal is audited.
    """
    found = Store.at(Path(store))
    manifest = found.manifest(as_of_version)
    audit = AuditLog(found.audit_folder)
    target = f"store version {manifest.version}"
    try:
        check_purpose(purpose, manifest.identifiability)
    except PolicyRefused:
        audit.record(actor=actor, purpose=purpose, action="open", target=target, outcome="refused")
        raise
    audit.record(actor=actor, purpose=purpose, action="open", target=target)
    return Timeline(holding=Stored(found, manifest), actor=actor, purpose=purpose, audit=audit)


def audit_of(store: Path) -> AuditLog:
    """The audit log of `store` (or of the workspace `store`), whether or not anything is in it yet."""
    return AuditLog(Store.at(Path(store)).audit_folder)


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


def chart_from_resources(
    resources: list[dict[str, Any]],
    *,
    actor: Actor,
    purpose: Purpose,
    timezone: str = "UTC",
    audit: AuditLog | None = None,
) -> Chart:
    """A chart of one patient's FHIR resources, through the same door as a store; nothing is kept.

    Raises
    ------
    UserError
        The resources are of nobody, or of more than one patient.
    """
    from lifecourse.timeline.resources import events_of_resources

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
    return timeline.chart(subjects[0])
