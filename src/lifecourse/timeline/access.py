"""A timeline: a store opened by someone for a reason, or events in memory. The only way to look."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
import polars as pl

from lifecourse.base.errors import PolicyRefused, UserError
from lifecourse.privacy.access.asking import Action, Decision, Use, use_of
from lifecourse.privacy.access.house import House
from lifecourse.privacy.acts import NOT_FOUND, REFUSED, SUCCESS, Details
from lifecourse.privacy.audit import AuditLog
from lifecourse.schema.actor import Actor, Identifiability, Purpose, check_purpose
from lifecourse.schema.event import BIRTH, EVENT_COLUMNS
from lifecourse.schema.identity import Identity
from lifecourse.timeline.chart import Chart
from lifecourse.timeline.derived import PLAIN, Derived
from lifecourse.timeline.excerpt import WHAT, WITH_VALUES, Excerpt, excerpt_of
from lifecourse.timeline.guarded import Guarded, seen_through
from lifecourse.timeline.holdings import NO_NAMES, SHARD_COLUMNS, Holding, Loads, Stored
from lifecourse.timeline.reader import DEFAULT_BYTES, Reader
from lifecourse.timeline.shard import CodeTable, Shard, conform, shard_from_events
from lifecourse.timeline.sharding import shard_of_one
from lifecourse.timeline.store import Store
from lifecourse.timeline.together import Together
from lifecourse.timeline.view import view_of_store

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    import numpy.typing as npt


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """People's events, as far as `actor` may see them for `purpose`; each look at one person is audited.

    decisions : what policies say of what may be done besides looking; None in memory, where nobody asked
    emergency : the person for whom the actor broke the glass
    derived : writes what is made of them, as closed as their store
    looking : the ids of the policies that decide on a look at a person; under None, at anybody else
    """

    holding: Holding
    actor: Actor
    purpose: Purpose
    audit: AuditLog | None = field(default=None, repr=False)
    decisions: Mapping[Action, Decision] | None = field(default=None, repr=False)
    emergency: int | None = None
    derived: Derived = PLAIN
    looking: Mapping[int | None, tuple[str, ...]] = field(default_factory=dict, repr=False)

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
        self.require(Action.LIST)
        self.record("list names", "store", "success")
        return self.holding.names()

    def may(self, action: Action) -> bool:
        """Whether policies let the actor do that here."""
        return self.decisions is None or self.decisions[action].is_permitted

    def require(self, action: Action) -> None:
        """Refuse what policies do not let the actor do; the refusal is audited.

        Raises
        ------
        PolicyRefused
            They do not permit it.
        """
        if self.may(action):
            return
        self.record(str(action), "store", "refused", policies=self.deciding(action))
        raise PolicyRefused(
            f"the policies of this house do not let you {action} for this purpose. Ask who keeps them."
        )

    def deciding(self, action: Action) -> tuple[str, ...]:
        """The ids of the policies that decided whether the actor may do that; none where no policy spoke."""
        return () if self.decisions is None else self.decisions[action].policies

    def whole_subjects(self) -> frozenset[int] | None:
        """The subjects of whom nothing can be hidden from the actor, told by policies alone; None where that is all."""
        return self.holding.whole() if isinstance(self.holding, Guarded) else None

    def is_whole(self, subject_id: int) -> bool:
        """Whether nothing of this person can be hidden from the actor."""
        whole = self.whole_subjects()
        return whole is None or subject_id in whole

    def seen(self, events: pl.DataFrame) -> pl.DataFrame:
        """Events of the store that were read elsewhere, as this timeline shows them."""
        return self.holding.seen(events) if isinstance(self.holding, Guarded) else events

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
        self.record(
            "look",
            f"subject/{subject_id}",
            self._outcome(subject_id, events),
            policies=self.looking.get(subject_id, self.looking.get(None, ())),
        )
        if events.height == 0:
            raise UserError(f"the store has no subject {subject_id}.")
        return Chart(
            subject_id=subject_id,
            shard=shard_from_events(events, self.codes),
            events=events,
            latest_of_anyone=self._latest_for(events),
            identity=self._identity(subject_id),
        )

    def charts(self, shards: Iterable[int] | None = None) -> Iterator[Chart]:
        """Everyone's record, shard by shard: for panels. One audit entry says that all were read.

        `shards` narrows it to the people of some shards, so that several processes share the work.
        """
        for group in self.together(shards):
            yield from (member.alone() for member in group.charts())

    def together(self, shards: Iterable[int] | None = None) -> Iterator[Together]:
        """As `charts`, with the people of one shard asked together."""
        self.require(Action.LIST if self.purpose == Purpose.DIRECT_CARE else Action.LEARN)
        self.record("look at all", "store", "success")
        latest = self.end_of_records()
        for number in range(self.n_shards) if shards is None else shards:
            events = self.holding.events(number, columns=EVENT_COLUMNS)
            if events.height:
                yield Together.of(events, self.codes, latest)

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
        self.require(Action.LEARN)
        self.record("look at all", "store", "success")
        return Reader(
            n_shards=self.n_shards,
            shard=self.shard,
            events_in=self.holding.events_in,
            one_subject=self._shard_of_subject,
            max_bytes=max_bytes,
        )

    def _identity(self, subject_id: int) -> dict[str, Any] | None:
        return None if self.purpose == Purpose.RESEARCH else self.holding.identity(subject_id)

    def _outcome(self, subject_id: int, events: pl.DataFrame) -> str:
        """What the log says of a look: who is closed is absent to the asker, and refused to who reads the log."""
        if events.height:
            return SUCCESS
        is_closed = isinstance(self.holding, Guarded) and self.holding.is_closed(subject_id)
        return REFUSED if is_closed else NOT_FOUND

    def _latest_for(self, events: pl.DataFrame) -> int | None:
        """The latest event of anyone, for who has a birth and nothing since; of others it does not matter.

        Where some events are closed, it is told by looking through all that are open.
        """
        lives = pl.col("time").is_not_null() & (pl.col("code") != BIRTH)
        if isinstance(self.holding, Guarded) and events.filter(lives).height:
            return None
        return self.end_of_records()

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
        if self.emergency is not None:
            details["emergency"] = True
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
    store: Path,
    *,
    actor: Actor,
    purpose: Purpose,
    to: Action | None = None,
    identity: Identity | None = None,
    emergency: int | None = None,
    as_of_version: int | None = None,
) -> Timeline:
    """The timeline of `store` (or of the workspace `store`), as far as `actor` may see it for `purpose`.

    Parameters
    ----------
    to : what it is opened to do, where that is more than to look
    identity : who `actor` is proved to be, with the scopes and patient of a token; by default no more than `actor`
    emergency : the one person whose record the actor opened in an emergency, a short while ago
    as_of_version : opens an earlier version, which answers as it did then

    Raises
    ------
    StoreError
        There is no store, or no such version.
    ConfigError
        The policies of the workspace, or its care team, cannot be read: nothing is opened by half of them.
    PolicyRefused
        `purpose` may not open this store, or no policy permits what it is opened `to` do; the refusal is audited.
    """
    found = Store.at(Path(store))
    manifest = found.manifest(as_of_version)
    audit = AuditLog(found.audit_folder)
    target = f"store version {manifest.version}"
    who = identity or Identity(actor=actor)
    try:
        check_purpose(purpose, manifest.identifiability)
        use = use_of(purpose, who.purpose_of_use)
    except PolicyRefused:
        audit.record(actor=actor, purpose=purpose, action="open", target=target, outcome="refused")
        raise
    house = House.at(found.audit_folder.parent)
    if emergency is not None and house.glass.until(who, emergency) is not None:
        use = Use.BTG
    situation = house.situation(who, use, manifest.identifiability)
    view = view_of_store(
        house, situation, found, manifest, emergency=emergency if use == Use.BTG else None
    )
    timeline = Timeline(
        holding=seen_through(Stored(found, manifest), view),
        actor=actor,
        purpose=purpose,
        audit=audit,
        decisions=house.engine.decide(situation),
        emergency=emergency if use == Use.BTG else None,
        derived=Derived(store=found, seals=manifest.encrypted and found.ring_path.is_file()),
        looking=view.policies,
    )
    if to is not None:
        timeline.require(to)
    audit.record(actor=actor, purpose=purpose, action="open", target=target)
    return timeline
