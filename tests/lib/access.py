"""Random policies, consents and stores; and the slow obvious answer: Cedar asked about each event by itself."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import cedarpy
import numpy as np
import polars as pl

from lifecourse.privacy.access.asking import Situation, Use
from lifecourse.privacy.access.cedar import load_policies
from lifecourse.privacy.access.consent import Asker, Datum, Provision, rule_of, said_by
from lifecourse.privacy.access.kinds import CODELISTS, bare, categories_of, noted_labels
from lifecourse.schema.actor import Actor, Identifiability
from lifecourse.schema.identity import Identity
from lifecourse.schema.scopes import parse_scopes
from lifecourse.timeline.shard import CodeTable
from lifecourse.timeline.sight import Eye
from lifecourse.timeline.unstored import timeline_from_events
from lifecourse.timeline.view import Known
from lifecourse.vocab.codelists import codelist

if TYPE_CHECKING:
    from pathlib import Path

    from lifecourse.timeline.access import Timeline

CODES = (
    "MEDS_BIRTH", "SEX//female", "ICD10CM//F10.20", "ICD10CM//I10", "ICD10CM//B20", "SNOMED//44054006", "LOINC//4548-4",
    "RxNorm//6813", "NOT_DONE//ICD10CM//Z11.4", "FAMILY_HISTORY//ICD10CM//F32.9", "NOTED//hiv_infection", "NOTE//LOINC//1",
    "ALLERGY//RxNorm//7243", "CPT4//59400", "VISIT//INPATIENT", "strange", "ICD10CM//O80",
)  # fmt: skip
DAYS = (0, 10_000, 16_435, 16_436, 17_000, 20_000)
DAY = 86_400_000_000
NOW = datetime(2026, 11, 26, tzinfo=UTC)
PROTECTED = tuple(CODELISTS)

ATOMS = (
    'resource.categories.contains(Category::"Condition")',
    'resource.categories.contains(Category::"Observation")',
    'resource.categories.containsAny([Category::"Patient", Category::"Other"])',
    "resource.labels.isEmpty()",
    'resource.labels.contains(Label::"hiv")',
    'resource.labels.contains(Label::"substance_use")',
    'resource.column == Column::"text"',
    'resource.column == Column::"name"',
    'resource.consent == Consent::"permit"',
    'resource.consent == Consent::"deny"',
    "resource.related",
    "resource.in_context",
    "resource.in_scope",
    "resource.emergency",
    "resource has time",
    'resource has time && resource.time < datetime("2015-01-01")',
    'resource has time && datetime("2015-01-01") == resource.time',
    'resource has time && resource.time >= datetime("1997-05-19T00:00:00.001Z")',
    'context.use == Use::"TREAT"',
    'principal.roles.contains("clinician")',
    "context.labels_in_force",
)

CONSENTS: tuple[dict[str, Any], ...] = (
    {},
    {"provision": [{"type": "deny", "securityLabel": [{"code": "HIV"}]}]},
    {"type": "deny", "provision": [{"type": "permit", "class": [{"code": "Condition"}], "securityLabel": [{"code": "R"}]}]},
    {"provision": [{"type": "deny", "dataPeriod": {"start": "2015-01-02", "end": "2016"}}]},
    {"provision": [{"type": "deny", "code": [{"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "I10"}]}]}]},
    {"provision": [{"type": "deny", "purpose": [{"code": "HOPERAT"}]}]},
    {"modifierExtension": [{}]},
    {"provision": [{"type": "permit", "securityLabel": [{"code": "ETH"}], "actor": [{"reference": {"reference": "Practitioner/ada"}}]}]},
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class World:
    """A store in memory, who looks at it, by which policies."""

    timeline: Timeline
    events: pl.DataFrame
    eye: Eye
    known: Known
    policies: str


def condition(draw: np.random.Generator) -> str:
    """A random condition over what policies know."""
    atoms = [f"({ATOMS[i]})" for i in draw.integers(0, len(ATOMS), draw.integers(1, 4))]
    atoms = [atom if draw.random() < 0.7 else f"!{atom}" for atom in atoms]
    return (" && " if draw.random() < 0.5 else " || ").join(atoms)


def policies(draw: np.random.Generator) -> str:
    """One to five random policies, mostly one that permits much and some that take away."""
    found = ['@id("p0") permit (principal, action == Action::"look", resource) '
             f'{"" if draw.random() < 0.5 else "when { " + condition(draw) + " }"};']  # fmt: skip
    for number in range(1, draw.integers(1, 5)):
        effect = "permit" if draw.random() < 0.3 else "forbid"
        word = "when" if draw.random() < 0.8 else "unless"
        found.append(
            f'@id("p{number}") {effect} (principal, action == Action::"look", resource) {word} {{ {condition(draw)} }};'
        )
    return "\n".join(found)


def world(seed: int, folder: Path) -> World:
    """A random world; the same for the same seed."""
    draw = np.random.default_rng(seed)
    people = sorted(int(i) for i in draw.choice(10_000, draw.integers(1, 9), replace=False))
    n = int(draw.integers(1, 90))
    day = draw.choice(DAYS, n)
    events = pl.DataFrame(
        {
            "subject_id": draw.choice(people, n),
            "time": [
                None
                if draw.random() < 0.1
                else int(d) * DAY + int(draw.choice([-1, 0, 1, 999, 1000]))
                for d in day
            ],
            "code": draw.choice(CODES, n),
            "numeric_value": draw.random(n).astype(np.float32),
            "text_value": [f"words {i}" for i in range(n)],
        },
        schema_overrides={"time": pl.Datetime("us")},
    )
    text = policies(draw)
    (folder / "site.cedar").write_text(text)
    some = lambda: frozenset(p for p in people if draw.random() < 0.4)  # noqa: E731 - a word for one expression
    in_context = some() if draw.random() < 0.3 else frozenset()
    identity = Identity(
        actor=Actor(name="ada", role=str(draw.choice(["clinician", "clerk"]))),
        patient="x" if in_context else None,
        scopes=parse_scopes("user/Condition.r patient/*.rs user/Observation.rs?category=laboratory")
        if draw.random() < 0.3
        else None,
    )
    situation = Situation(
        identity=identity,
        use=Use.TREAT if draw.random() < 0.7 else Use.HOPERAT,
        identifiability=Identifiability.IDENTIFIED,
        protected=frozenset(p for p in PROTECTED if draw.random() < 0.5),
    )
    rules = {p: _rules(draw) for p in people if draw.random() < 0.4}
    timeline = timeline_from_events(events, n_shards=int(draw.integers(1, 4)))
    return World(
        timeline=timeline,
        events=timeline.table(range(timeline.n_shards), timeline_columns()),
        eye=Eye(
            engine=load_policies(folder), situation=situation, now=int(NOW.timestamp()) * 10**6
        ),
        known=Known(related=some(), in_context=in_context, emergency=some(), rules=rules),
        policies=text,
    )


def timeline_columns() -> tuple[str, ...]:
    """What tells one event of these worlds from another."""
    return ("subject_id", "time", "code", "numeric_value", "text_value")


def _rules(draw: np.random.Generator) -> tuple[Provision, ...]:
    chosen = draw.choice(len(CONSENTS), draw.integers(1, 3))
    raw = [
        {"resourceType": "Consent", "status": "active", "policyRule": {"coding": [{"code": "OPTIN"}]},
         "provision": CONSENTS[i]}
        for i in chosen
    ]  # fmt: skip
    return tuple(rule for each in raw if (rule := rule_of(each)) is not None)


@lru_cache
def _parsed(policies: str) -> cedarpy.PolicySet:
    return cedarpy.PolicySet.from_str(policies)


@lru_cache
def _kind(code: str) -> tuple[tuple[str, ...], frozenset[str], frozenset[str]]:
    """Names, categories and labels of a code."""
    table, bared = CodeTable.of([code]), CodeTable.of([bare(code)])
    names = (code, *table.parents[0])
    labels = {
        label
        for label, listed in CODELISTS.items()
        if len(bared.ids(codelist(listed))) or len(table.ids(codelist(listed)))
    }
    return names, categories_of(names), frozenset(labels | noted_labels(code))


def decided_alone(world: World, subject: int, code: str, time: int | None, column: str) -> bool:
    """Cedar's answer to one event (microseconds), or to its text, asked by itself and built by hand."""
    names, categories, labels = _kind(code)
    who = world.eye.situation.identity
    protected = labels & world.eye.situation.protected
    rules, in_context = world.known.rules.get(subject, ()), subject in world.known.in_context
    datum = Datum(
        names=frozenset({"ICD10CM//I10"} if any(n.startswith("ICD10CM//I10") for n in names) else ()),
        categories=categories, labels=frozenset(labels), protected=frozenset(protected), time=time,
    )  # fmt: skip
    asker = Asker(identity=who, use=world.eye.situation.use, now=world.eye.now)
    scopes = [s for s in who.scopes or () if not s.filters and (s.level != "patient" or in_context)]
    entity = lambda kind, name: {"__entity": {"type": kind, "id": name}}  # noqa: E731 - a word for one expression
    part: dict[str, Any] = {
        "categories": [entity("Category", each) for each in categories],
        "labels": [entity("Label", each) for each in protected],
        "column": entity("Column", column),
        "consent": entity("Consent", said_by(rules, asker, datum) if rules else "none"),
        "related": subject in world.known.related,
        "in_context": in_context,
        "in_scope": who.scopes is None
        or all(any(s.allows(c, "r") for s in scopes) for c in categories),
        "emergency": subject in world.known.emergency,
    }
    if time is not None:
        at = datetime.fromtimestamp(time // 1000 // 1000, UTC)
        part["time"] = {
            "__extn": {
                "fn": "datetime",
                "arg": f"{at:%Y-%m-%dT%H:%M:%S}.{time // 1000 % 1000:03d}Z",
            }
        }
    role = who.actor.role
    entities = [
        {"uid": {"type": "Actor", "id": "a"}, "parents": [],
         "attrs": {"name": who.actor.name, "role": role, "roles": [role], "issuer": "local"}},
        {"uid": {"type": "Part", "id": "p"}, "parents": [], "attrs": part},
    ]  # fmt: skip
    request = {
        "principal": {"type": "Actor", "id": "a"},
        "action": {"type": "Action", "id": "look"},
        "resource": {"type": "Part", "id": "p"},
        "context": {
            "use": entity("Use", world.eye.situation.use),
            "identifiability": entity("Identifiability", "identified"),
            "relationship_required": False,
            "consent_required": False,
            "labels_in_force": bool(world.eye.situation.protected),
            "bound_to_patient": who.patient is not None,
        },
    }
    answer = cedarpy.is_authorized(request, _parsed(world.policies), json.dumps(entities))
    return answer.allowed and not answer.diagnostics.errors
