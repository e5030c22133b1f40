"""A FHIR R4 Consent as a rule: what it says of one part of a record, to one asker, for one purpose, now.

Each condition of a provision is met, not met, or cannot be told. What cannot be told counts as met where the provision
denies and as not met where it permits; a Consent that cannot be read at all denies everything. So whatever we do not
understand closes, and nothing opens by it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Literal

from lifecourse.base.clock import to_microseconds
from lifecourse.base.trees import load_shipped
from lifecourse.schema.code import SEPARATOR, Codelist
from lifecourse.schema.identity import Identity

Effect = Literal["permit", "deny"]
Told = bool | None
"""Whether a condition is met; None where nobody can tell."""

PEOPLE_WHO_ASK = ("Practitioner", "PractitionerRole", "Person", "Device")
DEEPEST = 12
"""Provisions within provisions; deeper ones cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """``consent.yaml``."""

    version: str | float
    source: str
    elements_of_consent: tuple[str, ...]
    elements_of_provision: tuple[str, ...]
    in_force: tuple[str, ...]
    not_in_force: tuple[str, ...]
    base: dict[str, Effect]
    purposes: dict[str, tuple[str, ...]]
    actions: dict[str, bool]
    labels: dict[str, str]
    classes: dict[str, str]


@cache
def words() -> Words:
    """What codes of Consents mean here."""
    return Words(**load_shipped(Path(__file__).with_name("consent.yaml")))


class Unreadable(Exception):
    """A Consent says what we cannot read; it then denies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provision:
    """A rule and the exceptions to it. A condition that is None is not set; ``"unknown"`` among its values, unreadable.

    effect : what holds where every condition is met and no exception is
    period, data_period : microseconds from and to, both included; the rule's own, and when the data were known
    actors : ``Practitioner/7``, or another reference
    uses, labels, categories : of ours
    codes : codes as stores have them
    is_unreadable : it has a condition of a kind that events do not have
    """

    effect: Effect
    period: tuple[int, int] | None = None
    data_period: tuple[int, int] | None = None
    actors: frozenset[str] | None = None
    is_of_looks: Told = True
    uses: frozenset[str] | None = None
    labels: frozenset[str] | None = None
    categories: frozenset[str] | None = None
    codes: frozenset[str] | None = None
    is_unreadable: bool = False
    exceptions: tuple[Provision, ...] = ()


DENIES_ALL = Provision(effect="deny")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asks a Consent, for what, and when (microseconds)."""

    identity: Identity
    use: str
    now: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Datum:
    """What is asked for: one kind of event at one moment (microseconds, None where it has none).

    names : of the codes that Consents name, those it falls under
    labels : every sensitivity label its code has, in force or not
    protected : those in force; a permission opens them only where it speaks of labels (42 CFR 2.31(a)(3))
    """

    names: frozenset[str]
    categories: frozenset[str]
    labels: frozenset[str] = frozenset()
    protected: frozenset[str] = frozenset()
    time: int | None = None


def rule_of(consent: Mapping[str, Any]) -> Provision | None:
    """The rule of a Consent resource; None where it is not in force. Never raises: what cannot be read denies all."""
    try:
        return _rule(consent)
    except (Unreadable, AttributeError, KeyError, TypeError, ValueError, RecursionError):
        return DENIES_ALL


def _rule(consent: Mapping[str, Any]) -> Provision | None:
    status = consent["status"]
    if status in words().not_in_force:
        return None
    if status not in words().in_force or consent["resourceType"] != "Consent":
        raise Unreadable
    if not set(consent) - _shadows(consent) <= set(words().elements_of_consent):
        raise Unreadable
    provision = consent.get("provision") or {}
    return _provision(provision, _base(consent), DEEPEST)


def _base(consent: Mapping[str, Any]) -> Effect | None:
    """What the policy that the Consent points at says, where it is one we know."""
    codes = [code for _, code in _codings([consent.get("policyRule") or {}])]
    known = {words().base[code] for code in codes if code in words().base}
    return known.pop() if len(known) == 1 else None


def _provision(raw: Mapping[str, Any], base: Effect | None, deeper: int) -> Provision:
    if deeper == 0 or not set(raw) - _shadows(raw) <= set(words().elements_of_provision):
        raise Unreadable
    effect = raw.get("type") or base
    if effect not in ("permit", "deny"):
        raise Unreadable
    nested = raw.get("provision") or []
    return Provision(
        effect=effect,
        period=_period(raw.get("period")),
        data_period=_period(raw.get("dataPeriod")),
        actors=_each(raw, "actor", _actor),
        is_of_looks=_is_of_looks(raw.get("action")),
        uses=_purposes(raw.get("purpose")),
        labels=_each(raw, "securityLabel", _known("labels")),
        categories=_each(raw, "class", _known("classes")),
        codes=_codes(raw.get("code")),
        is_unreadable=bool(raw.get("data")),
        exceptions=tuple(_provision(each, None, deeper - 1) for each in nested),
    )


def _shadows(raw: Mapping[str, Any]) -> set[str]:
    """``_status`` and the like, which hold extensions of what is beside them."""
    return {name for name in raw if name.startswith("_")}


def _each(
    raw: Mapping[str, Any], name: str, read: Callable[[Mapping[str, Any]], str]
) -> frozenset[str] | None:
    values = raw.get(name)
    if values is None:
        return None
    return frozenset(read(value) for value in values)


def _known(table: str) -> Callable[[Mapping[str, Any]], str]:
    def read(coding: Mapping[str, Any]) -> str:
        found: str = getattr(words(), table).get(coding.get("code"), "unknown")
        return found

    return read


def _purposes(values: list[Mapping[str, Any]] | None) -> frozenset[str] | None:
    if values is None:
        return None
    found: set[str] = set()
    for value in values:
        found |= set(words().purposes.get(str(value.get("code")), ("unknown",)))
    return frozenset(found)


def _actor(raw: Mapping[str, Any]) -> str:
    reference = raw.get("reference") or {}
    named = str(reference.get("reference") or "")
    kind, _, identity = named.partition("/")
    return f"{kind}/{identity}" if kind and identity and "/" not in identity else "unknown"


def _is_of_looks(values: list[Mapping[str, Any]] | None) -> Told:
    if values is None:
        return True
    told = [words().actions.get(code) for _, code in _codings(values)]
    if any(each is True for each in told):
        return True
    return None if not told or any(each is None for each in told) else False


def _codes(values: list[Mapping[str, Any]] | None) -> frozenset[str] | None:
    if values is None:
        return None
    found = set()
    for value in values:
        found |= {_code(system, code) for system, code in _codings([value])} or {"unknown"}
    return frozenset(found)


def _code(uri: str, code: str) -> str:
    from lifecourse.vocab.systems import system_of_uri, tidy

    system = system_of_uri(uri)
    return "unknown" if system is None or not code else f"{system}{SEPARATOR}{tidy(system, code)}"


def _codings(concepts: list[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for concept in concepts:
        for coding in concept.get("coding") or ():
            yield str(coding.get("system") or ""), str(coding.get("code") or "")


def _period(raw: Mapping[str, Any] | None) -> tuple[int, int] | None:
    if raw is None:
        return None
    if not {"start", "end"} & set(raw):
        raise Unreadable
    start, end = raw.get("start"), raw.get("end")
    return (
        -(2**62) if start is None else _moment(start, is_end=False),
        2**62 if end is None else _moment(end, is_end=True),
    )


def _moment(written: str, *, is_end: bool) -> int:
    """Microseconds; of a day, month or year its first moment, or its last."""
    if "T" in written:
        moment = datetime.fromisoformat(written)
        return to_microseconds(moment.replace(tzinfo=moment.tzinfo or UTC))
    parts = [int(part) for part in written.split("-")]
    year, month, day = (*parts, 1, 1)[:3]
    start = datetime(year, month, day, tzinfo=UTC)
    if not is_end:
        return to_microseconds(start)
    longer = {1: timedelta(days=366), 2: timedelta(days=31), 3: timedelta(days=1)}[len(parts)]
    after = start + longer
    after = after.replace(day=1) if len(parts) < 3 else after
    after = after.replace(month=1) if len(parts) == 1 else after
    return to_microseconds(after) - 1


def said_by(
    rules: tuple[Provision, ...], asker: Asker, datum: Datum
) -> Literal["none", "permit", "deny"]:
    """What a person's Consents together say of a datum: one that denies outweighs any that permit."""
    said = {_effect(rule, asker, datum) for rule in rules}
    if "deny" in said:
        return "deny"
    return "permit" if "permit" in said else "none"


def moments_of(rules: tuple[Provision, ...]) -> set[int]:
    """Microseconds at which what rules say of data changes with the time the data were known."""
    found: set[int] = set()
    for rule in rules:
        if rule.data_period is not None:
            found |= {rule.data_period[0], rule.data_period[1] + 1}
        found |= moments_of(rule.exceptions)
    return found


def codes_of(rules: tuple[Provision, ...]) -> set[str]:
    """The codes that rules name."""
    found: set[str] = set()
    for rule in rules:
        found |= (rule.codes or frozenset()) - {"unknown"}
        found |= codes_of(rule.exceptions)
    return found


def falling_under(code: str) -> Codelist:
    """What a code of a Consent is about: itself, and what is below it where its text tells."""
    from lifecourse.vocab.codelists import TOLD_BY_TEXT

    is_told = code.split(SEPARATOR, 1)[0] in TOLD_BY_TEXT
    return Codelist(
        name=code,
        exact=frozenset({code}),
        prefixes=(code,) if is_told else (),
        descendants=frozenset({code}),
    )


def _effect(
    rule: Provision, asker: Asker, datum: Datum, *, speaks_of_labels: bool = False
) -> Effect | None:
    told = _is_met(rule, asker, datum)
    if told is False:
        return None
    speaks_of_labels |= rule.labels is not None
    said = {
        _effect(each, asker, datum, speaks_of_labels=speaks_of_labels) for each in rule.exceptions
    }
    if "deny" in said:
        return "deny"
    if "permit" in said:
        return "permit" if told else None
    if rule.effect == "deny":
        return "deny"
    return "permit" if told and (speaks_of_labels or not datum.protected) else None


def _is_met(rule: Provision, asker: Asker, datum: Datum) -> Told:
    conditions = (
        rule.period is None or rule.period[0] <= asker.now <= rule.period[1],
        _is_of_actor(rule.actors, asker.identity),
        rule.is_of_looks,
        _is_among(rule.uses, {asker.use}),
        _is_labelled(rule.labels, datum.labels),
        _is_of_category(rule.categories, datum.categories),
        _is_among(rule.codes, datum.names),
        _is_known_within(rule.data_period, datum.time),
        None if rule.is_unreadable else True,
    )
    if False in conditions:
        return False
    return None if None in conditions else True


def _is_among(wanted: frozenset[str] | None, ours: set[str] | frozenset[str]) -> Told:
    if wanted is None or wanted & ours:
        return True
    return None if "unknown" in wanted else False


def _is_of_actor(actors: frozenset[str] | None, identity: Identity) -> Told:
    """Whether the asker is one of `actors`. Of others than the asker's own kind of name, nobody can tell."""
    if actors is None:
        return True
    own = identity.actor.name
    if actors & {own, *(f"{kind}/{own}" for kind in PEOPLE_WHO_ASK)}:
        return True
    kind = own.partition("/")[0] if "/" in own else None
    return False if kind and all(each.partition("/")[0] == kind for each in actors) else None


def _is_labelled(labels: frozenset[str] | None, ours: frozenset[str]) -> Told:
    if labels is None or "any" in labels or labels & ours:
        return True
    if "unlabelled" in labels and not ours:
        return True
    return None if "unknown" in labels else False


def _is_of_category(categories: frozenset[str] | None, ours: frozenset[str]) -> Told:
    """An event that may be of several types is of the one asked for only if it can be of no other."""
    if categories is None:
        return True
    if ours <= categories:
        return True
    return None if "unknown" in categories or categories & ours or "Other" in ours else False


def _is_known_within(period: tuple[int, int] | None, time: int | None) -> Told:
    if period is None:
        return True
    return None if time is None else period[0] <= time <= period[1]
