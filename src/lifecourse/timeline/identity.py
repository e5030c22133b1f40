"""Who is the same person: a map from each source's ids to people, and what it makes of subject ids.

The map is a CSV file that a site keeps. The store keeps of it pairs of subject ids alone, so that a pseudonymous store
holds no id of any source; they hold for every later ingest, and only grow: people can be joined, never parted.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import polars as pl

from lifecourse.base.errors import SourceError
from lifecourse.base.spreadsheets import read_text
from lifecourse.base.texts import opened_utf8
from lifecourse.privacy.pseudonyms import subject_id

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

PERSON = ("source", "id", "person")
CHAIN = ("source", "id", "same_as_source", "same_as_id")
DECISION = "decision"
SAME, UNDECIDED = "same", ("", "different")
SCHEMA = {"subject_id": pl.Int64(), "stands_for": pl.Int64()}

Key = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SamePeople:
    """Which subject ids stand for which.

    stands_for : a source's own subject id to the person's, where they differ
    moved : ids under which the store has people now, to those it is to have them under
    """

    stands_for: Mapping[int, int] = field(default_factory=dict)
    moved: Mapping[int, int] = field(default_factory=dict)

    @property
    def people(self) -> set[int]:
        """The ids that more than one source's id stands for."""
        return set(self.stands_for.values())

    def person_of(self, own: int) -> int:
        """The person whom a source's own subject id stands for."""
        return self.stands_for.get(own, own)

    def applied(self, events: pl.DataFrame) -> pl.DataFrame:
        """`events` under the people's ids."""
        if not self.stands_for:
            return events
        return events.with_columns(pl.col("subject_id").replace(dict(self.stands_for)))

    def renamed(self, events: pl.DataFrame) -> pl.DataFrame:
        """A table of the store under the ids that its people are to have."""
        if not self.moved:
            return events
        return events.with_columns(pl.col("subject_id").replace(dict(self.moved)))

    def table(self) -> pl.DataFrame:
        """The pairs, as the store keeps them."""
        pairs = sorted(self.stands_for.items())
        return pl.DataFrame(pairs, schema=SCHEMA, orient="row")


ALL_DIFFERENT = SamePeople()


@runtime_checkable
class KnowsSamePeople(Protocol):
    """A source that says of its own ids which are one person's, as the merges of an HL7 v2 feed do."""

    def same_people(self) -> list[list[str]]:
        """Subject keys that are one person's, a list for each person."""


def read_same_as(path: Path) -> list[list[Key]]:
    """The people of a map of identifiers, each with the (source, id) pairs that are theirs, in the order of the file.

    The file has the columns ``source`` (the issuer), ``id`` and ``person`` (any name: rows of one name are one person);
    or ``source, id, same_as_source, same_as_id``, where one id stands for another, which may stand for a third. Where
    it has ``decision`` beside those, as a proposal of `lifecourse link` has, the lines that say ``same`` count, and no
    other.

    Raises
    ------
    SourceError
        Columns are missing, a field is empty, an id is two people's, or ids stand for each other in a circle; the
        message names the lines, never an id.
    """
    if not path.is_file():
        raise SourceError(f"there is no file {path.name}. Give the path of a CSV file.")
    with opened_utf8(path, SourceError) as file:
        lines = [(n, line) for n, line in enumerate(file, 1) if line.strip() and line[0] != "#"]
        reader = csv.DictReader(line for _, line in lines)
        names = [name.strip() for name in reader.fieldnames or ()]
        form = next((f for f in (PERSON, CHAIN) if set(f) <= set(names)), None)
        if form is None:
            raise SourceError(
                f"{path.name} has not the columns {', '.join(PERSON)}, nor {', '.join(CHAIN)}. Name them in its first "
                "line."
            )
        reader.fieldnames = names
        is_reviewed = form is CHAIN and DECISION in names
        # A proposal of ours, in which no id is a formula to a spreadsheet.
        cell = read_text if is_reviewed else str
        rows = [
            (number, tuple(cell((row[name] or "").strip()) for name in form))
            for row in reader
            for number in (lines[reader.line_num - 1][0],)
            if not is_reviewed or _is_decided(path, number, row[DECISION] or "")
        ]
    for line, row in rows:
        if not all(row):
            raise SourceError(f"{path.name}, line {line}: {', '.join(form)} may not be empty.")
    if form is PERSON:
        return _by_person(path, rows)
    return _by_pair(rows) if is_reviewed else _by_chain(path, rows)


def _is_decided(path: Path, line: int, word: str) -> bool:
    if word.strip().lower() not in (SAME, *UNDECIDED):
        raise SourceError(
            f"{path.name}, line {line}: {DECISION} is '{SAME}', 'different' or empty. Write one of these."
        )
    return word.strip().lower() == SAME


def _by_pair(rows: list[tuple[int, tuple[str, ...]]]) -> list[list[Key]]:
    """People of pairs that a reviewer found to be one, whichever way round: A is B and A is C makes one of three."""
    groups: dict[Key, list[Key]] = {}
    for _, (source, id_, to_source, to_id) in rows:
        left = groups.setdefault((source, id_), [(source, id_)])
        right = groups.setdefault((to_source, to_id), [(to_source, to_id)])
        if left is not right:
            left += right
            groups.update(dict.fromkeys(right, left))
    return list({id(group): group for group in groups.values()}.values())


def _by_person(path: Path, rows: list[tuple[int, tuple[str, ...]]]) -> list[list[Key]]:
    people: dict[str, list[Key]] = {}
    owners: dict[Key, tuple[str, int]] = {}
    for line, (source, id_, person) in rows:
        key = (source, id_)
        before = owners.setdefault(key, (person, line))
        if before[0] != person:
            raise SourceError(
                f"{path.name}, lines {before[1]} and {line}: one id of one source is given to two people. Keep one of "
                "the lines."
            )
        if before[1] == line:
            people.setdefault(person, []).append(key)
    return list(people.values())


def _by_chain(path: Path, rows: list[tuple[int, tuple[str, ...]]]) -> list[list[Key]]:
    leads: dict[Key, tuple[Key, int]] = {}
    for line, (source, id_, to_source, to_id) in rows:
        key, target = (source, id_), (to_source, to_id)
        before = leads.setdefault(key, (target, line))
        if before[0] != target:
            raise SourceError(
                f"{path.name}, lines {before[1]} and {line}: one id of one source stands for two others. Keep one of "
                "the lines."
            )
    people: dict[Key, list[Key]] = {}
    for key in leads:
        passed = [key]
        while (step := leads.get(passed[-1])) is not None:
            if step[0] in passed:
                lines = sorted({leads[k][1] for k in passed})
                raise SourceError(
                    f"{path.name}, lines {', '.join(map(str, lines[:10]))}: ids stand for each other in a circle, so "
                    "nobody is the person. Take one of the lines out."
                )
            passed.append(step[0])
        mine = people.setdefault(passed[-1], [passed[-1]])
        mine += [k for k in passed[:-1] if k not in mine]
    return list(people.values())


def same_people(
    people: list[list[Key]],
    standing: Mapping[int, int],
    *,
    key: bytes,
    keeps_ids: Collection[str],
    name: str,
    merged: Sequence[Sequence[Key]] = (),
) -> SamePeople:
    """What the map `people` makes of subject ids, after what the store already holds (`standing`).

    Parameters
    ----------
    key : what subject ids are hashed with
    keeps_ids : issuers whose ids are the subject ids themselves (MEDS)
    name : of the file, for errors
    merged : keys that the source itself says are one person's; two people of the store may be one by them

    Raises
    ------
    SourceError
        Two people of the map are one in the store.
    """
    groups = _Groups(standing)
    owners: dict[int, int] = {}
    for keys in merged:
        groups.join([_own_id(*each, key=key, keeps_ids=keeps_ids) for each in keys])
    for number, keys in enumerate(people):
        own = [_own_id(*each, key=key, keeps_ids=keeps_ids) for each in keys]
        groups.join(own)
        for each in own:
            owners[each] = number
    roots: dict[int, int] = {}
    for own_id, number in owners.items():
        if roots.setdefault(groups.root(own_id), number) != number:
            raise SourceError(
                f"{name} has two people whom the store has as one. People can be joined, never parted: ingest all "
                "sources into a new store."
            )
    stands_for = {own: root for own in groups.members if (root := groups.root(own)) != own}
    moved = {
        standing.get(own, own): root
        for own, root in stands_for.items()
        if standing.get(own, own) != root
    }
    return SamePeople(stands_for=stands_for, moved=moved)


def _own_id(source: str, id_: str, *, key: bytes, keeps_ids: Collection[str]) -> int:
    if source in keeps_ids and id_.removeprefix("-").isdecimal():
        return int(id_)
    return subject_id(source, id_, key=key)


class _Groups:
    """Ids that are one person's, each with the id that stands for all."""

    def __init__(self, standing: Mapping[int, int]) -> None:
        self._up: dict[int, int] = {}
        for own, person in standing.items():
            self._up[own] = person
            self._up.setdefault(person, person)
        self._known = set(self._up.values())

    @property
    def members(self) -> list[int]:
        return list(self._up)

    def root(self, own: int) -> int:
        while (up := self._up.setdefault(own, own)) != own:
            own = up
        return own

    def join(self, own: list[int]) -> None:
        """Make all of `own` one; the id that the store already has a person under goes on standing for them."""
        roots = list(dict.fromkeys(self.root(each) for each in own))
        person = next((root for root in roots if root in self._known), roots[0])
        for root in roots:
            self._up[root] = person
