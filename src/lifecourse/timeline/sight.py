"""What policies let somebody see of people who stand alike to them: worked out once by code and moment, then looked up.

Events are alike to a policy when their codes have the same categories and labels, the person's consents say the same
of them, and no moment that a policy or consent compares with lies between them. Each such kind is asked about once; a
table by code and span of time then answers for every event.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, combinations, product
from typing import TYPE_CHECKING

import numpy as np

from lifecourse.privacy.access.asking import Column, Consent, Part, Situation
from lifecourse.privacy.access.consent import (
    Asker,
    Datum,
    Provision,
    codes_of,
    falling_under,
    moments_of,
    said_by,
)
from lifecourse.privacy.access.kinds import (
    CODELISTS,
    bare,
    categories_of,
    every_category,
    noted_labels,
)
from lifecourse.timeline.shard import CodeTable

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.privacy.access.engine import PolicyEngine

    Table = npt.NDArray[np.bool_]

COLUMNS: tuple[Column, ...] = ("event", "text")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What policies and consents know of a code."""

    categories: frozenset[str]
    labels: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kinds:
    """The kinds of a store's codes.

    of_code : int32[n_codes], places in `kinds`
    """

    codes: CodeTable
    kinds: tuple[Kind, ...]
    of_code: npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How an asker stands to a person, and what the person consented to: all that policies know of who it is."""

    is_related: bool = False
    is_in_context: bool = False
    is_emergency: bool = False
    rules: tuple[Provision, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What is open of people who stand alike to the asker.

    cuts : int64[m] microseconds, ascending: span i is from cut i - 1 (included) to cut i (not), the last of `event`'s
        m + 2 columns is for what has no time
    event, text : bool[n_codes, m + 2], whether such an event, and its text, is open
    is_name_open : whether name and identifiers are
    """

    cuts: npt.NDArray[np.int64]
    event: Table
    text: Table
    is_name_open: bool

    def spans(self, time: npt.NDArray[np.int64], static: int) -> npt.NDArray[np.int64]:
        """The column of each of `time` (microseconds); `static` stands for none."""
        found = np.searchsorted(self.cuts, time, side="right")
        return np.where(time == static, len(self.cuts) + 1, found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Eye:
    """Who looks, by which policies, and when (microseconds)."""

    engine: PolicyEngine
    situation: Situation
    now: int


def kinds_of(codes: CodeTable) -> Kinds:
    """The kind of each code of a table: what its own name says and what it stands for."""
    labels = _labels(codes)
    kinds: dict[Kind, int] = {}
    of_code = np.empty(len(codes), dtype=np.int32)
    for place, (code, parents) in enumerate(zip(codes.codes, codes.parents, strict=True)):
        kind = Kind(categories=categories_of((code, *parents)), labels=frozenset(labels[place]))
        of_code[place] = kinds.setdefault(kind, len(kinds))
    return Kinds(codes=codes, kinds=tuple(kinds), of_code=of_code)


def _labels(codes: CodeTable) -> list[set[str]]:
    """The sensitivity labels of each code; of what did not happen, or is a relative's, those of the code itself."""
    from lifecourse.vocab.codelists import codelist

    found = [set(noted_labels(code)) for code in codes.codes]
    named = CodeTable(
        codes=codes.codes,
        parents=[
            tuple({bare(name) for name in (code, *parents)})
            for code, parents in zip(codes.codes, codes.parents, strict=True)
        ],
        descriptions=codes.descriptions,
        unit_factor=codes.unit_factor,
        ancestors=codes.ancestors,
    )
    for label, listed in CODELISTS.items():
        for place in named.ids(codelist(listed)):
            found[place].add(label)
    return found


def is_whole(eye: Eye, standing: Standing) -> bool:
    """Whether every event of such a person would be open, with its text, whatever the record holds.

    Told by the policies alone: nothing of it depends on what anyone's record has.
    """
    if standing.rules:
        return False
    protected = eye.situation.protected
    labels = chain.from_iterable(
        combinations(sorted(protected), n) for n in range(len(protected) + 1)
    )
    moments = [*_moments(eye.engine.cuts_ms), None]
    parts = [
        _part(
            eye, standing, Kind(categories=categories, labels=frozenset(some)), column, "none", at
        )
        for categories, some, column, at in product(every_category(), labels, COLUMNS, moments)
    ]
    return all(decision.is_permitted for decision in eye.engine.look(eye.situation, parts))


def is_name_open(eye: Eye, standing: Standing) -> bool:
    """Whether name and identifiers of such a person are open: what is said of Patient, without any label."""
    patient = Kind(categories=frozenset({"Patient"}), labels=frozenset())
    part = _part(
        eye, standing, patient, "name", _said(eye, standing, patient, frozenset(), None), None
    )
    return eye.engine.look(eye.situation, [part])[0].is_permitted


def deciding(eye: Eye, standing: Standing) -> tuple[str, ...]:
    """The ids of the policies that decide on a look at such a person: on the plainest, that they are a patient."""
    patient = Kind(categories=frozenset({"Patient"}), labels=frozenset())
    part = _part(
        eye, standing, patient, "event", _said(eye, standing, patient, frozenset(), None), None
    )
    return eye.engine.look(eye.situation, [part])[0].policies


def sight_of(eye: Eye, standing: Standing, kinds: Kinds) -> Sight:
    """What is open of such people, of a store whose codes are of these kinds."""
    cuts_us = {cut * 1000 for cut in eye.engine.cuts_ms} | moments_of(standing.rules)
    cuts = np.array(sorted(cuts_us), dtype=np.int64)
    moments = [*_moments(cuts.tolist()), None]
    groups, of_code = _groups(kinds, standing.rules)
    parts = {
        column: [
            _part(eye, standing, kind, column, _said(eye, standing, kind, named, at), _ms(at))
            for kind, named in groups
            for at in moments
        ]
        for column in COLUMNS
    }
    tables = {
        column: np.array(
            [decision.is_permitted for decision in eye.engine.look(eye.situation, asked)],
            dtype=bool,
        ).reshape(len(groups), len(moments))[of_code]
        for column, asked in parts.items()
    }
    return Sight(
        cuts=cuts,
        event=tables["event"],
        text=tables["event"] & tables["text"],
        is_name_open=is_name_open(eye, standing),
    )


def _moments(cuts: tuple[int, ...] | list[int]) -> list[int]:
    """One moment of each span between cuts."""
    return [cuts[0] - 1, *cuts] if cuts else [0]


def _ms(microseconds: int | None) -> int | None:
    return None if microseconds is None else microseconds // 1000


def _groups(
    kinds: Kinds, rules: tuple[Provision, ...]
) -> tuple[list[tuple[Kind, frozenset[str]]], npt.NDArray[np.int64]]:
    """Kinds of codes, told apart further by which of the codes that consents name they fall under; and each code's."""
    found = [(kind, frozenset[str]()) for kind in kinds.kinds]
    of_code = kinds.of_code.astype(np.int64)
    under: dict[int, set[str]] = {}
    for code in codes_of(rules):
        for place in kinds.codes.ids(falling_under(code)):
            under.setdefault(int(place), set()).add(code)
    places: dict[tuple[Kind, frozenset[str]], int] = {}
    for place, named in under.items():
        group = (kinds.kinds[kinds.of_code[place]], frozenset(named))
        if group not in places:
            places[group] = len(found)
            found.append(group)
        of_code[place] = places[group]
    return found, of_code


def _said(
    eye: Eye, standing: Standing, kind: Kind, named: frozenset[str], at: int | None
) -> Consent:
    if not standing.rules:
        return "none"
    asker = Asker(identity=eye.situation.identity, use=eye.situation.use, now=eye.now)
    datum = Datum(
        names=named,
        categories=kind.categories,
        labels=kind.labels,
        protected=kind.labels & eye.situation.protected,
        time=at,
    )
    return said_by(standing.rules, asker, datum)


def _part(
    eye: Eye, standing: Standing, kind: Kind, column: Column, consent: Consent, time_ms: int | None
) -> Part:
    return Part(
        categories=kind.categories,
        labels=kind.labels & eye.situation.protected,
        column=column,
        consent=consent,
        time_ms=time_ms,
        is_related=standing.is_related,
        is_in_context=standing.is_in_context,
        is_in_scope=_is_in_scope(eye, standing, kind.categories),
        is_emergency=standing.is_emergency,
    )


def _is_in_scope(eye: Eye, standing: Standing, categories: frozenset[str]) -> bool:
    """Whether the token's scopes give reading of every one of `categories`.

    A scope with a filter gives nothing here: whether an event matches it is not kept. One of the level ``patient``
    gives what it gives of the patient in context alone.
    """
    scopes = eye.situation.identity.scopes
    if scopes is None:
        return True
    given = [
        scope
        for scope in scopes
        if not scope.filters and (scope.level != "patient" or standing.is_in_context)
    ]
    return all(any(scope.allows(each, "r") for scope in given) for each in categories)
