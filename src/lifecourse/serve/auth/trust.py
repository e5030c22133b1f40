"""Whom a hospital trusts to say who asks: the part of `lifecourse.yaml` about issuers, programs and their keys."""

from __future__ import annotations

import ipaddress
from typing import Annotated

from pydantic import Field, SecretStr, field_validator

from lifecourse.base.yaml import Document
from lifecourse.schema.scopes import parse_scope

Role = Annotated[str, Field(pattern=r"^[a-z][a-z_]{0,49}$")]


class SignIn(Document):
    """The OpenID Connect server at which people sign in; its discovery document says the rest.

    issuer : its address, exactly as its tokens state it in `iss`
    also_at : other addresses that it answers at, where its discovery document names some
    client_id : what it calls this server
    client_secret : proves to it that this server asks; without one the client is public, with PKCE
    scopes : what is asked for at sign-in
    name_claim : the claim of its ID token that names a person in the audit log
    role_claim : the claim that lists a person's roles or groups; a path with dots reaches into objects
    roles : its roles to ours, `clinician`, `privacy_officer` and so on; who has none is refused
    jwks : a file of its public keys, in the workspace; fetched from where its discovery says when absent
    fhir_server : the record system that may open our pages for its patient (SMART launch); none may when absent
    people : the issuer name under which the patients of that record system were ingested (`ingest --issuer`)
    """

    issuer: str
    also_at: tuple[str, ...] = ()
    client_id: str
    client_secret: SecretStr | None = None
    scopes: str = "openid profile"
    name_claim: str = "preferred_username"
    role_claim: str = "roles"
    roles: dict[str, Role]
    jwks: str | None = None
    fhir_server: str | None = None
    people: str = "fhir"


class TokenIssuer(Document):
    """An authorization server whose access tokens programs may bring to the JSON routes.

    issuer : its address, exactly as its tokens state it in `iss`
    jwks : its public keys: a file in the workspace, or an https address at the issuer
    audience : what its tokens state in `aud` (default: `serve.address`)
    name_claim : the claim that names who asks; `@` and the issuer's host follow, unless people sign in there too
    role_claim : the claim that lists the roles of the user, where there is one
    roles : its roles to ours
    people : the issuer name under which its patients were ingested (`ingest --issuer`)
    longest_minutes : the longest life of a token that is accepted
    single_use : whether a token may be brought once alone
    """

    issuer: str
    jwks: str
    audience: str | None = None
    name_claim: str = "sub"
    role_claim: str = "roles"
    roles: dict[str, Role] = Field(default_factory=dict)
    people: str = "fhir"
    longest_minutes: int = Field(default=60, ge=1, le=24 * 60)
    single_use: bool = False


class HookClient(Document):
    """A record system that calls the CDS Hooks with tokens of its own.

    issuer : what its tokens state in `iss`
    jwks : its public keys: a file in the workspace, or an https address at the issuer; a token's `jku` may name
        this and nothing else
    fhir_server : its FHIR server, asked for what a call does not bring, with the token that the call lends; nothing is
        asked when absent
    """

    issuer: str
    jwks: str
    fhir_server: str | None = None


class BackendClient(Document):
    """A program without a user that gets tokens from this server (SMART backend services).

    client_id : what it calls itself in `iss` and `sub`
    jwks : its public keys: a file in the workspace, or an https address
    scopes : the most that it is given, such as `system/Patient.rs`
    """

    client_id: str
    jwks: str
    scopes: tuple[str, ...]

    @field_validator("scopes")
    @classmethod
    def are_scopes(cls, words: tuple[str, ...]) -> tuple[str, ...]:
        """Refuse what is no SMART scope of a system."""
        for word in words:
            scope = parse_scope(word)
            if scope is None or scope.level != "system":
                raise ValueError(f"'{word}' is no SMART 2 scope of a system, as system/Patient.rs")
        return words


class Trust(Document):
    """Whom this server believes; nobody but its own sign-in links and tokens when empty.

    sign_in : the OpenID Connect server at which people sign in
    issuers : authorization servers whose access tokens are accepted
    hook_clients : record systems that call the CDS Hooks with signed tokens
    backend_clients : programs that get tokens here
    networks : private networks in which the servers named here may stand, such as 10.20.0.0/16
    """

    sign_in: SignIn | None = None
    issuers: tuple[TokenIssuer, ...] = ()
    hook_clients: tuple[HookClient, ...] = ()
    backend_clients: tuple[BackendClient, ...] = ()
    networks: tuple[str, ...] = ()

    @field_validator("networks")
    @classmethod
    def are_networks(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        """Refuse what is no network."""
        for name in names:
            ipaddress.ip_network(name)
        return names
