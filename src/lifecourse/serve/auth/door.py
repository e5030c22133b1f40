"""The door: from what a request carries to the identity of who sends it, or to a 401 that says nothing more."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from lifecourse.privacy.pseudonyms import subject_id
from lifecourse.schema.actor import Actor
from lifecourse.schema.identity import Identity
from lifecourse.schema.scopes import parse_scopes
from lifecourse.serve.auth.idle import LastUse
from lifecourse.serve.auth.keysets import Keys
from lifecourse.serve.auth.spent import Spent
from lifecourse.serve.auth.tokens import Expected, believed, issuer_in, refused
from lifecourse.serve.auth.trust import HookClient, TokenIssuer, Trust
from lifecourse.serve.outbound import Outbound, origin_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lifecourse.serve.auth.local import Issuer

HOOKS = "/cds-services"
ASSERTION_SECONDS = 5 * 60
"""The longest life of a token that a program signs itself: SMART and CDS Hooks say five minutes."""
LONGEST_NAME = 200


@dataclass(kw_only=True)
class Door:
    """Who may come in.

    local : the workspace's own issuer; it signs sessions whoever vouches
    trust : the issuers and programs that the settings name
    workspace : where files of keys are, and what was used once is noted
    address : this server's own, which tokens state as their audience; of each request's when absent
    """

    local: Issuer
    trust: Trust
    workspace: Path
    address: str | None = None
    _last_use: LastUse = field(default_factory=LastUse, repr=False)
    _keys: dict[str, Keys] = field(default_factory=dict, repr=False)

    @cached_property
    def spent(self) -> Spent:
        """What was used once."""
        return Spent(folder=self.local.folder / "once")

    def check(self) -> None:
        """Read every file of keys that the settings name; raises ConfigError where one is no such file."""
        trust = self.trust
        named = [trust.sign_in.jwks] if trust.sign_in and trust.sign_in.jwks else []
        named += [each.jwks for each in trust.issuers]
        named += [each.jwks for each in trust.hook_clients]
        named += [each.jwks for each in trust.backend_clients]
        for place in named:
            self.keys_of(place).check()

    def session(self, token: str) -> Identity:
        """Whose session it is.

        Raises
        ------
        NotSignedIn
            It was not made here, is over, was ended, or nobody used it for an hour.
        """
        found = self.local.session(token)
        if self._last_use.is_idle(found.token_id or token):
            self.local.end_session(token)
            raise refused("idle session")
        return found

    def bearer(self, token: str, *, base: str, path: str) -> Identity:
        """Whose bearer token it is, for the route at `path` of the server at `base`.

        Raises
        ------
        NotSignedIn
            Nobody that this server trusts vouches for it; the answer never says why.
        """
        if token.count(".") != 2:
            return self.local.service(token)
        issuer = issuer_in(token)
        if path.startswith(HOOKS):
            client = next((each for each in self.trust.hook_clients if each.issuer == issuer), None)
            if client is not None:
                return self._hook_client(client, token, audience=base + path)
        else:
            trusted = next((each for each in self.trust.issuers if each.issuer == issuer), None)
            if trusted is not None:
                return self._of_issuer(trusted, token, audience=trusted.audience or base)
        raise refused("issuer")

    def keys_of(self, place: str) -> Keys:
        """The keys at `place`, as the settings name it: a file in the workspace, or an address."""
        if place not in self._keys:
            remote = "://" in place
            self._keys[place] = Keys(
                place=place if remote else self.workspace / place,
                outbound=self.outbound(place) if remote else None,
            )
        return self._keys[place]

    def outbound(self, *addresses: str) -> Outbound:
        """What asks the servers of `addresses` and no others."""
        return Outbound(
            origins=frozenset(origin_of(each) for each in addresses),
            networks=tuple(ipaddress.ip_network(name) for name in self.trust.networks),
        )

    def _hook_client(self, client: HookClient, token: str, *, audience: str) -> Identity:
        expected = Expected(
            issuer=client.issuer,
            audience=audience,
            longest_seconds=ASSERTION_SECONDS,
            key_address=client.jwks,
        )
        keys = self.keys_of(client.jwks)
        claims = believed(token, expected, keys=keys, spent=self.spent)
        return Identity(
            actor=Actor(name=client.issuer[:LONGEST_NAME], role="service"),
            issuer=client.issuer,
            roles=frozenset(("service",)),
            client=claims["sub"] if isinstance(claims.get("sub"), str) else client.issuer,
            token_id=claims["jti"],
        )

    def _of_issuer(self, trusted: TokenIssuer, token: str, *, audience: str) -> Identity:
        expected = Expected(
            issuer=trusted.issuer,
            audience=audience,
            longest_seconds=trusted.longest_minutes * 60,
            once=trusted.single_use,
        )
        keys = self.keys_of(trusted.jwks)
        claims = believed(token, expected, keys=keys, spent=self.spent)
        patient = claims.get("patient")
        scopes = claims.get("scope", "")
        if not isinstance(scopes, str) or not isinstance(patient, str | None):
            raise refused("scope or patient")
        roles = roles_of(claims, trusted.role_claim, trusted.roles)
        return Identity(
            actor=Actor(name=self._name_in(claims, trusted), role=min(roles, default="user")),
            issuer=trusted.issuer,
            roles=roles,
            client=_text(claims.get("client_id")) or _text(claims.get("azp")),
            token_id=_text(claims.get("jti")),
            scopes=parse_scopes(scopes),
            patient=patient,
            subject_id=subject_of(trusted.people, patient),
            purpose_of_use=purpose_in(claims),
        )

    def _name_in(self, claims: Mapping[str, Any], trusted: TokenIssuer) -> str:
        """The name of who asks: one of two issuers cannot say that it is the other's."""
        name = _text(claims.get(trusted.name_claim)) or str(claims["sub"])[:LONGEST_NAME]
        sign_in = self.trust.sign_in
        if sign_in is not None and sign_in.issuer == trusted.issuer:
            return name
        return f"{name}@{urlsplit(trusted.issuer).hostname or trusted.issuer}"


def roles_of(claims: Mapping[str, Any], claim: str, known: Mapping[str, str]) -> frozenset[str]:
    """Our roles for those that `claims` list under the dotted path `claim`; unknown ones give none."""
    found: Any = claims
    for part in [claim] if claim in claims else claim.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    listed = [found] if isinstance(found, str) else found if isinstance(found, list) else []
    return frozenset(known[each] for each in listed if isinstance(each, str) and each in known)


def subject_of(people: str, patient: str | None) -> int | None:
    """The subject id of whom the source called `people` calls `patient`."""
    return None if patient is None else subject_id(people, patient.removeprefix("Patient/"))


def purpose_in(claims: Mapping[str, Any]) -> str | None:
    """The purpose of use of a token: `purpose_of_use`, or where IHE IUA puts it."""
    plain = claims.get("purpose_of_use")
    if isinstance(plain, str):
        return plain[:LONGEST_NAME]
    found: Any = claims
    for part in ("extensions", "ihe_iua", "purpose_of_use"):
        found = found.get(part) if isinstance(found, dict) else None
    first = found[0] if isinstance(found, list) and found else None
    return _text(first.get("code")) if isinstance(first, dict) else None


def _text(value: Any) -> str | None:
    return value[:LONGEST_NAME] if isinstance(value, str) and value else None
