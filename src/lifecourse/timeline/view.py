"""The part of a store that one asker may see: which people, which of their events, and how much of each."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from lifecourse.base.clock import now, to_microseconds
from lifecourse.privacy.access.care_team import treated_by
from lifecourse.privacy.access.consents import Consents
from lifecourse.privacy.pseudonyms import subject_id
from lifecourse.timeline.seals import seals_of
from lifecourse.timeline.shard import STATIC, CodeTable
from lifecourse.timeline.sight import (
    Eye,
    Kinds,
    Sight,
    Standing,
    deciding,
    is_name_open,
    is_whole,
    kinds_of,
    sight_of,
)
from lifecourse.timeline.store import Store

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.privacy.access.asking import Situation
    from lifecourse.privacy.access.consent import Provision
    from lifecourse.privacy.access.house import House
    from lifecourse.schema.identity import Identity
    from lifecourse.timeline.manifest import FileEntry, Manifest

NEEDED = ("subject_id", "time", "code")
"""Columns of events by which a view decides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What one asker may see of a store's people.

    rows : None where every event is open whatever the records hold, so that nothing need be looked at
    are_names_open : where `rows` is None, whether names and identifiers are
    policies : the ids of those that decide on a look at a person, for the audit log; under None, at anybody else
    """

    are_names_open: bool
    rows: Rows | None = None
    policies: Mapping[int | None, tuple[str, ...]] = field(default_factory=dict)

    @property
    def hides_nothing(self) -> bool:
        """Whether it is as if there were none."""
        return self.rows is None and self.are_names_open


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Which events are open.

    subject_ids : int64[n], sorted; who is not among them is closed
    standing_of : int32[n], each one's place in `sights` and `wholes`
    sights : by how people stand to the asker
    wholes : whether everything of such people is open, told by the policies alone
    """

    codes: CodeTable
    subject_ids: npt.NDArray[np.int64]
    standing_of: npt.NDArray[np.int32]
    sights: tuple[Sight, ...]
    wholes: tuple[bool, ...]

    def of_events(
        self, events: pl.DataFrame
    ) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        """Of each row of `NEEDED`, whether the event is open, and whether its text is."""
        standing = self._standing(events["subject_id"].to_numpy())
        code = events["code"].cast(self.codes.enumeration).to_physical().to_numpy()
        time = events["time"].cast(pl.Int64).fill_null(STATIC).to_numpy()
        event, text = np.zeros(len(code), dtype=bool), np.zeros(len(code), dtype=bool)
        for place in np.unique(standing[standing >= 0]).tolist():
            sight, theirs = self.sights[place], np.flatnonzero(standing == place)
            which = code[theirs], sight.spans(time[theirs], STATIC)
            event[theirs], text[theirs] = sight.event[which], sight.text[which]
        return event, text

    def seen(self, events: pl.DataFrame) -> pl.DataFrame:
        """The rows of `events` that are open, the texts that are not taken out."""
        event, text = self.of_events(events)
        if "text_value" in events.columns and not text[event].all():
            shown = pl.when(pl.lit(pl.Series(text))).then("text_value").alias("text_value")
            events = events.with_columns(shown)
        return events if event.all() else events.filter(pl.Series(event))

    def whose_names(self) -> npt.NDArray[np.int64]:
        """The subjects whose names and identifiers are open."""
        return self._those([sight.is_name_open for sight in self.sights])

    def whole(self) -> npt.NDArray[np.int64]:
        """The subjects of whom everything is open, told by the policies alone."""
        return self._those(list(self.wholes))

    def possible(self) -> npt.NDArray[np.int64]:
        """The subjects of whom some event may be open."""
        return self._those([bool(sight.event.any()) for sight in self.sights])

    def _those(self, chosen: list[bool]) -> npt.NDArray[np.int64]:
        those: npt.NDArray[np.int64] = self.subject_ids[
            np.array(chosen, dtype=bool)[self.standing_of]
        ]
        return those

    def _standing(self, subject_ids: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        if len(self.subject_ids) == 0:
            return np.full(len(subject_ids), -1, dtype=np.int32)
        places = np.searchsorted(self.subject_ids, subject_ids).clip(max=len(self.subject_ids) - 1)
        found = self.subject_ids[places] == subject_ids
        return np.where(found, self.standing_of[places], -1).astype(np.int32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of people for policies: whom the asker treats, who is in context, in an emergency, and consents."""

    related: Collection[int] = frozenset()
    in_context: Collection[int] = frozenset()
    emergency: Collection[int] = frozenset()
    rules: Mapping[int, tuple[Provision, ...]]

    def marked(self) -> dict[int, Standing]:
        """How those stand to the asker of whom anything is known."""
        people = {*self.related, *self.in_context, *self.emergency, *self.rules}
        return {
            subject: Standing(
                is_related=subject in self.related,
                is_in_context=subject in self.in_context,
                is_emergency=subject in self.emergency,
                rules=self.rules.get(subject, ()),
            )
            for subject in people
        }


def view_of_people(
    eye: Eye, known: Known, subject_ids: npt.NDArray[np.int64], kinds: Kinds
) -> View:
    """The view of people of whom `known` tells.

    Parameters
    ----------
    subject_ids : int64[n], sorted
    """
    stranger, marked = Standing(), known.marked()
    standings = list(dict.fromkeys([stranger, *marked.values()]))
    wholes = [is_whole(eye, standing) for standing in standings]
    names = [is_name_open(eye, standing) for standing in standings]
    if all(wholes) and len(set(names)) == 1:
        return View(are_names_open=names[0])
    places = {standing: place for place, standing in enumerate(standings)}
    standing_of = np.zeros(len(subject_ids), dtype=np.int32)
    for subject, standing in marked.items():
        place = int(np.searchsorted(subject_ids, subject))
        if place < len(subject_ids) and subject_ids[place] == subject:
            standing_of[place] = places[standing]
    rows = Rows(
        codes=kinds.codes,
        subject_ids=subject_ids,
        standing_of=standing_of,
        sights=tuple(sight_of(eye, standing, kinds) for standing in standings),
        wholes=tuple(wholes),
    )
    return View(are_names_open=all(names), rows=rows)


def view_of_store(
    house: House, situation: Situation, store: Store, manifest: Manifest, *, emergency: int | None
) -> View:
    """What `situation` may see of a version of a store.

    emergency : the one for whom the asker broke the glass
    """
    present = now()
    eye = Eye(engine=house.engine, situation=situation, now=to_microseconds(present))
    identities = _identities(store, manifest)
    who = situation.identity
    known = Known(
        related=treated_by(house.care_team_file, who.actor.name, present, identities),
        in_context=_in_context(who, identities),
        emergency=frozenset() if emergency is None else {emergency},
        rules=Consents(home=house.home, keys=seals_of(store)).rules(),
    )
    if not known.marked() and is_whole(eye, Standing()):
        # Nothing is hidden from anybody, and everybody is like everybody: neither people nor codes need be read.
        view = View(are_names_open=is_name_open(eye, Standing()))
    else:
        subject_ids, kinds = _tables(store, manifest.persons, manifest.codes)
        view = view_of_people(eye, known, subject_ids, kinds)
    return replace(view, policies=_deciding(eye, known))


def _deciding(eye: Eye, known: Known) -> dict[int | None, tuple[str, ...]]:
    marked = known.marked()
    by_standing = {each: deciding(eye, each) for each in {Standing(), *marked.values()}}
    found: dict[int | None, tuple[str, ...]] = {None: by_standing[Standing()]}
    found.update((subject, by_standing[standing]) for subject, standing in marked.items())
    return found


def handed_over(
    house: House, situation: Situation, subject_ids: npt.NDArray[np.int64], codes: CodeTable
) -> View:
    """What `situation` may see of records that it handed over itself, of people whom it so treats."""
    eye = Eye(engine=house.engine, situation=situation, now=to_microseconds(now()))
    people = frozenset(subject_ids.tolist())
    consents = Consents(home=house.home, keys=seals_of(Store.at(house.home))).rules()
    known = Known(
        related=people,
        in_context=people,
        rules={subject: rules for subject, rules in consents.items() if subject in people},
    )
    return view_of_people(eye, known, subject_ids, kinds_of(codes))


def _identities(store: Store, manifest: Manifest) -> Callable[[], pl.DataFrame] | None:
    entry = manifest.identity
    return None if entry is None else lambda: store.read(entry)


def _in_context(who: Identity, identities: Callable[[], pl.DataFrame] | None) -> frozenset[int]:
    """The subject for whom a token is: whom its issuer's source calls so; nobody where several are called so.

    Another source may call somebody else the same, so the name alone is enough only where no source is told.
    """
    if who.patient is None:
        return frozenset()
    named, told = who.patient.removeprefix("Patient/"), who.subject_id
    if identities is None:
        # Such a store has its source's own numbers for ids.
        return frozenset({int(named)}) if named.removeprefix("-").isdecimal() else frozenset()
    called = identities().filter(pl.col("subject_key") == named)
    found = {
        person
        for person, source in called.select("subject_id", "issuer").iter_rows()
        if told is None or subject_id(source, named) == told
    }
    return frozenset(found) if len(found) == 1 else frozenset()


@lru_cache(maxsize=4)
def _tables(
    store: Store, persons: FileEntry, codes: FileEntry
) -> tuple[npt.NDArray[np.int64], Kinds]:
    """A store's people, sorted, and the kinds of its codes; the files have other names when they hold other things."""
    subject_ids = store.read(persons, ["subject_id"])["subject_id"].to_numpy()
    return subject_ids, kinds_of(CodeTable.from_frame(store.read(codes)))
