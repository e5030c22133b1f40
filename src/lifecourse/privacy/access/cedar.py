"""Cedar policies, in process: validated against a typed schema when they are loaded, then asked many things at once.

A policy whose condition cannot be worked out is left out by Cedar; were it one that forbids, that would open what it
closes. So an error in any policy denies.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lifecourse.base.deferring import deferred
from lifecourse.base.errors import ConfigError
from lifecourse.base.shipped import read_shipped
from lifecourse.privacy.access.asking import Action, Decision, Part, Situation
from lifecourse.privacy.access.statements import moments_in, statements_of

with deferred("cedarpy.pst"):  # syntax trees, which nobody asks for, take longest to load
    import cedarpy

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE = Path(__file__).parent
SHIPPED = HERE / "policies"
SCHEMA = HERE / "schema.cedarschema"
STORE = {"type": "Store", "id": "store"}
ACTOR = {"type": "Actor", "id": "actor"}
MOST_SITUATIONS = 500
MOST_REMEMBERED = 50_000


@dataclass(slots=True)
class CedarEngine:
    """Cedar policies as a `PolicyEngine`; decisions on parts of records are remembered."""

    digest: str
    cuts_ms: tuple[int, ...]
    _policies: cedarpy.PolicySet = field(repr=False)
    _decided: dict[Situation, dict[Action, Decision]] = field(default_factory=dict, repr=False)
    _remembered: dict[tuple[Situation, Part], Decision] = field(default_factory=dict, repr=False)

    def decide(self, situation: Situation) -> dict[Action, Decision]:
        """Whether each action may be done with the store at all."""
        decided = self._decided.get(situation)
        if decided is None:
            decided = self._decide(situation)
            if len(self._decided) >= MOST_SITUATIONS:
                self._decided.clear()
            self._decided[situation] = decided
        return decided

    def look(self, situation: Situation, parts: Sequence[Part]) -> list[Decision]:
        """Whether each of `parts` may be seen."""
        wanted = dict.fromkeys(parts)
        known = {part: self._remembered.get((situation, part)) for part in wanted}
        new = [part for part, decision in known.items() if decision is None]
        found = dict(zip(new, self._look(situation, new), strict=True)) if new else {}
        if len(self._remembered) + len(new) > MOST_REMEMBERED:
            self._remembered.clear()
        self._remembered.update(((situation, part), decision) for part, decision in found.items())
        return [known[part] or found[part] for part in parts]

    def _decide(self, situation: Situation) -> dict[Action, Decision]:
        asked = [(action, STORE) for action in Action if action is not Action.LOOK]
        entities = [_actor(situation), {"uid": STORE, "attrs": {}, "parents": []}]
        decisions = self._asked(situation, asked, entities)
        return {action: decision for (action, _), decision in zip(asked, decisions, strict=True)}

    def _look(self, situation: Situation, parts: list[Part]) -> list[Decision]:
        entities = [_actor(situation), *(_part(number, part) for number, part in enumerate(parts))]
        asked = [(Action.LOOK, {"type": "Part", "id": str(n)}) for n in range(len(parts))]
        return self._asked(situation, asked, entities)

    def _asked(
        self,
        situation: Situation,
        asked: Sequence[tuple[Action, dict[str, str]]],
        entities: list[dict[str, Any]],
    ) -> list[Decision]:
        context = json.dumps(_context(situation))
        requests = [
            {
                "principal": ACTOR,
                "action": {"type": "Action", "id": str(action)},
                "resource": resource,
                "context": context,
            }
            for action, resource in asked
        ]
        known = cedarpy.Entities.from_json_str(json.dumps(entities), _schema())
        answers = cedarpy.is_authorized_batch(requests, self._policies, known, _schema())
        return [_decision(answer) for answer in answers]


def _decision(answer: cedarpy.AuthzResult) -> Decision:
    found = answer.diagnostics
    named = found.id_annotations_by_reason
    return Decision(
        is_permitted=answer.allowed and not found.errors,
        policies=tuple(sorted(named.get(reason, reason) for reason in found.reasons)),
    )


def load_policies(folder: Path = SHIPPED) -> CedarEngine:
    """The policies of every ``*.cedar`` file in `folder`.

    Raises
    ------
    ConfigError
        There is none, or one has an error: the message names file, line and what is wrong.
    """
    files = sorted(folder.glob("*.cedar"))
    if not files:
        raise ConfigError(
            f"there is no policy in {folder.name}: without one nobody could see anything. Put a *.cedar file there, or "
            "take the setting away."
        )
    return _loaded(tuple((path.name, read_shipped(path, ConfigError)) for path in files))


@lru_cache(maxsize=16)
def _loaded(files: tuple[tuple[str, str], ...]) -> CedarEngine:
    moments: set[int] = set()
    names: dict[str, str] = {}
    for name, text in files:
        moments |= _checked(name, text, names)
    whole = "\n".join(text for _, text in files)
    return CedarEngine(
        digest=hashlib.sha256(whole.encode()).hexdigest(),
        cuts_ms=tuple(sorted({cut for moment in moments for cut in (moment, moment + 1)})),
        _policies=cedarpy.PolicySet.from_str(whole),
    )


def _checked(file: str, text: str, names: dict[str, str]) -> set[int]:
    """The moments that the policies of a file compare with, after checking each; `names` grows by their ids."""
    moments: set[int] = set()
    for statement in statements_of(text):
        where = f"{file}, line {statement.line}"
        found = cedarpy.validate_policies(statement.text, _schema())
        if not found:
            raise ConfigError(f"{where}: {'; '.join(_words(each) for each in found.errors)}.")
        policy = _only(json.loads(cedarpy.policies_to_json_str(statement.text)), where)
        name = policy.get("annotations", {}).get("id")
        if not name:
            raise ConfigError(f'{where}: a policy without a name. Write @id("...") before it.')
        if name in names:
            raise ConfigError(f"{where}: '{name}' is a policy of {names[name]} already.")
        names[name] = where
        try:
            moments |= moments_in(policy)
        except ValueError as wrong:
            raise ConfigError(f"{where}: {wrong}.") from None
    return moments


def _only(parsed: dict[str, Any], where: str) -> dict[str, Any]:
    policies = list(parsed.get("staticPolicies", {}).values())
    if parsed.get("templates") or len(policies) != 1:
        raise ConfigError(f"{where}: templates are not used here. Write the policy out.")
    policy: dict[str, Any] = policies[0]
    return policy


def _words(error: cedarpy.ValidationError) -> str:
    return error.error.removeprefix(f"for policy `{error.policy_id}`, ").removeprefix(
        f"for policy `{error.policy_id}`: "
    )


@lru_cache(maxsize=1)
def _schema() -> cedarpy.Schema:
    return cedarpy.Schema.from_str(read_shipped(SCHEMA, ConfigError))


def _entity(kind: str, name: str) -> dict[str, dict[str, str]]:
    return {"__entity": {"type": kind, "id": name}}


def _actor(situation: Situation) -> dict[str, Any]:
    who = situation.identity
    attributes: dict[str, Any] = {
        "name": who.actor.name,
        "role": who.actor.role,
        "roles": sorted({*who.roles, who.actor.role}),
        "issuer": who.issuer,
    }
    if who.client is not None:
        attributes["client"] = who.client
    return {"uid": ACTOR, "attrs": attributes, "parents": []}


def _context(situation: Situation) -> dict[str, Any]:
    return {
        "use": _entity("Use", situation.use),
        "identifiability": _entity("Identifiability", situation.identifiability),
        "relationship_required": situation.relationship_required,
        "consent_required": situation.consent_required,
        "labels_in_force": bool(situation.protected),
        "bound_to_patient": situation.identity.patient is not None,
    }


def _part(number: int, part: Part) -> dict[str, Any]:
    attributes: dict[str, Any] = {
        "categories": [_entity("Category", name) for name in sorted(part.categories)],
        "labels": [_entity("Label", name) for name in sorted(part.labels)],
        "column": _entity("Column", part.column),
        "consent": _entity("Consent", part.consent),
        "related": part.is_related,
        "in_context": part.is_in_context,
        "in_scope": part.is_in_scope,
        "emergency": part.is_emergency,
    }
    if part.time_ms is not None:
        attributes["time"] = _moment(part.time_ms)
    return {"uid": {"type": "Part", "id": str(number)}, "attrs": attributes, "parents": []}


def _moment(milliseconds: int) -> dict[str, Any]:
    """A Cedar datetime, which is milliseconds since 1970; counted from 1970, so that no year is out of range."""
    return {
        "__extn": {
            "fn": "offset",
            "args": [
                {"__extn": {"fn": "datetime", "arg": "1970-01-01"}},
                {"__extn": {"fn": "duration", "arg": f"{milliseconds}ms"}},
            ],
        }
    }
