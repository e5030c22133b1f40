"""Tokens that are not believed: one 401, the same to the byte, whatever is wrong, wherever a token is taken."""

from __future__ import annotations

import hmac
import json
import logging
import time
from base64 import urlsafe_b64decode
from typing import TYPE_CHECKING, Any

import pytest
from fastapi.testclient import TestClient
from hospital import make_workspace
from hypothesis import given
from hypothesis import strategies as st
from issuers import LOOPBACK, claims, encoded, key, serving, signed, write_keys
from joserfc.errors import SecurityWarning

from lifecourse.privacy.pseudonyms import subject_id
from lifecourse.serve import create_app
from lifecourse.serve.auth.trust import Trust

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

US = "http://127.0.0.1:8000"
ISSUER = "https://id.hospital.example"
EHR = "https://ehr.hospital.example"
PROGRAM = "registry-feed"
HOOK = "/cds-services/lifecourse-patient-view"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = make_workspace(tmp_path_factory.mktemp("forged"), rows=[])
    write_keys(made / "keys.json", "ec-1", "rsa-1")
    return made


@pytest.fixture(scope="module")
def canary() -> Iterator[Any]:
    """A server at addresses that tokens name; it must never be asked."""
    with serving() as server:
        yield server
        assert server.asked == []


def app_of(workspace: Path, **issuer: Any) -> TestClient:
    trust = Trust.model_validate(
        {
            "issuers": [{"issuer": ISSUER, "jwks": "keys.json", **issuer}],
            "hook_clients": [{"issuer": EHR, "jwks": "keys.json"}],
            "backend_clients": [
                {
                    "client_id": PROGRAM,
                    "jwks": "keys.json",
                    "scopes": ["system/Patient.rs", "system/Observation.r"],
                }
            ],
            "networks": LOOPBACK,
        }
    )
    return TestClient(create_app(workspace, trust=trust), base_url=US)


@pytest.fixture(scope="module")
def client(workspace: Path) -> TestClient:
    return app_of(workspace)


@pytest.fixture(scope="module")
def strict(workspace: Path) -> TestClient:
    return app_of(workspace, single_use=True)


class Taken:
    """A place where tokens are taken: whose, for which audience, and how one is brought there."""

    def __init__(
        self, issuer: str, audience: str, bring: Callable[[TestClient, str], Any], **more: Any
    ) -> None:
        self.issuer, self.audience, self.bring, self.more = issuer, audience, bring, more

    def claims(self, **changed: Any) -> dict[str, Any]:
        return claims(self.issuer, self.audience, **{**self.more, **changed})


def bearer(path: str) -> Callable[[TestClient, str], Any]:
    return lambda client, token: client.get(path, headers={"authorization": f"Bearer {token}"})


def assertion(client: TestClient, token: str) -> Any:
    form = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION, "client_assertion": token,
            "scope": "system/Patient.rs"}  # fmt: skip
    return client.post("/token", data=form)


PLACES = {
    "resource": Taken(ISSUER, US, bearer("/api/models"), scope="user/*.rs"),
    "hook": Taken(EHR, f"{US}/cds-services", bearer("/cds-services"), sub="cds"),
    "assertion": Taken(PROGRAM, f"{US}/token", assertion, sub=PROGRAM),
}


def with_public_key_as_secret(good: dict[str, Any]) -> str:
    said = f"{encoded(json.dumps({'alg': 'HS256', 'kid': 'rsa-1'}).encode())}.{encoded(json.dumps(good).encode())}"
    secret = key("rsa-1").as_pem(private=False)
    return f"{said}.{encoded(hmac.digest(secret, said.encode(), 'sha256'))}"


def unsigned(good: dict[str, Any]) -> str:
    header = json.dumps({"alg": "none", "kid": "ec-1"}).encode()
    return f"{encoded(header)}.{encoded(json.dumps(good).encode())}."


def tampered(good: dict[str, Any]) -> str:
    header, body, signature = signed(good).split(".")
    said = json.loads(urlsafe_b64decode(body + "=="))
    said["sub"] = "somebody else"
    return ".".join((header, encoded(json.dumps(said).encode()), signature))


def twice(name: str) -> Callable[[dict[str, Any]], str]:
    def build(good: dict[str, Any]) -> str:
        first = json.dumps({name: good[name]})[:-1]
        return signed(f"{first}, {json.dumps(good)[1:]}".encode())

    return build


def header(**more: Any) -> Callable[[dict[str, Any]], str]:
    return lambda good: signed(good, header=more)


def changed(**more: Any) -> Callable[[dict[str, Any]], str]:
    return lambda good: signed(
        {name: value for name, value in {**good, **more}.items() if value is not None}
    )


NOW = int(time.time())
FORGERIES: dict[str, Callable[[dict[str, Any]], str]] = {
    "none": unsigned,
    "none, with a signature": lambda good: unsigned(good) + "eA",
    "HS256 with the public key": with_public_key_as_secret,
    "kid a path": header(kid="../../keys.json"),
    "kid /dev/null": header(kid="/dev/null"),
    "kid like SQL": header(kid="ec-1' OR '1'='1"),
    "kid unknown": header(kid="ec-2"),
    "kid of the other kind": header(kid="rsa-1"),
    "kid absent": header(kid=None),
    "kid a number": header(kid=1),
    "kid a list": header(kid=["ec-1"]),
    "crit": header(crit=["exp"]),
    "b64": header(b64=False, crit=["b64"]),
    "typ of something else": header(typ="JWE"),
    "expired": changed(iat=NOW - 900, exp=NOW - 600, nbf=None),
    "no end": changed(exp=None),
    "an end in words": changed(exp="tomorrow"),
    "endless": changed(exp=NOW + 10 * 365 * 86400),
    "an end beyond numbers": changed(exp=1e300),
    "not yet valid": changed(nbf=NOW + 3600, exp=NOW + 3700),
    "issued in the future": changed(iat=NOW + 3600, exp=NOW + 3700),
    "no beginning": changed(iat=None),
    "another's audience": changed(aud="https://elsewhere.example"),
    "audiences without us": changed(aud=["https://elsewhere.example", "x"]),
    "no audience": changed(aud=None),
    "an audience that begins like ours": changed(aud=f"{US}/token.evil.example"),
    "another issuer": changed(iss="https://evil.example"),
    "no issuer": changed(iss=None),
    "no subject": changed(sub=None),
    "an empty subject": changed(sub=""),
    "a subject that is no text": changed(sub={"a": 1}),
    "a token id that is no text": changed(jti=7),
    "another key's signature": lambda good: signed(good, with_key=key("ec-9")),
    "claims changed after signing": tampered,
    "RS256": lambda good: signed(good, by="rsa-1", algorithm="RS256"),
    "PS256": lambda good: signed(good, by="rsa-1", algorithm="PS256"),
    "PS384": lambda good: signed(good, by="rsa-1", algorithm="PS384"),
    "ES256 on the wrong curve": lambda good: signed(good, algorithm="ES256", with_key=key("ec-p256", curve="P-256")),
    "the algorithm in small letters": lambda good: signed(good).replace(
        signed(good).partition(".")[0], encoded(b'{"alg":"es384","kid":"ec-1"}')
    ),
    "issuer twice": twice("iss"),
    "audience twice": twice("aud"),
    "subject twice": twice("sub"),
    "NaN": lambda good: signed(json.dumps({**good, "exp": float("nan")}).encode()),
    "claims that are a list": lambda good: signed(json.dumps([good]).encode()),
    "claims that are no JSON": lambda _: signed(b"claims"),
    "deep claims": lambda good: signed(json.dumps(good)[:-1].encode() + b',"a":' + b"[" * 5000 + b"]" * 5000 + b"}"),
    "oversized": changed(more="x" * 20_000),
    "padded": lambda good: signed(good) + "=",
    "a fourth part": lambda good: signed(good) + ".eA",
    "a space within": lambda good: signed(good).replace(".", ". ", 1),
    "nothing": lambda _: "..",
    "two empty parts": lambda _: "e30.e30.",
}  # fmt: skip


@pytest.fixture(scope="module")
def body_without_any(client: TestClient) -> dict[str, bytes]:
    """What somebody who brings nothing is answered."""
    return {
        "resource": client.get("/api/models").content,
        "hook": client.get("/cds-services").content,
        "assertion": client.post("/token", data={}).content,
    }


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_token_is_refused_without_detail(
    client: TestClient, body_without_any: dict[str, bytes], place: str, forgery: str
) -> None:
    taken = PLACES[place]
    answer = taken.bring(client, FORGERIES[forgery](taken.claims()))
    assert answer.status_code == 401
    assert answer.content == body_without_any[place]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", ["jku", "x5u", "jwk", "x5c"])
def test_a_key_that_a_token_brings_or_points_at_is_neither_used_nor_fetched(
    client: TestClient, canary: Any, body_without_any: dict[str, bytes], place: str, name: str
) -> None:
    brought = {
        "jku": f"{canary.address}/jwks",
        "x5u": f"{canary.address}/certificate",
        "jwk": key("ec-9").as_dict(private=False),
        "x5c": ["eA=="],
    }[name]
    for by in ("ec-1", "ec-9"):
        token = signed(PLACES[place].claims(), by=by, header={name: brought})
        answer = PLACES[place].bring(client, token)
        assert (answer.status_code, answer.content) == (401, body_without_any[place])
    assert canary.asked == []


@given(st.data())
def test_a_token_with_any_character_changed_is_refused(
    client: TestClient, data: st.DataObject
) -> None:
    place = data.draw(st.sampled_from(sorted(PLACES)))
    token = signed(PLACES[place].claims())
    at = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(
        st.sampled_from("ABCxyz019-_.=+/ é\0").filter(lambda each: each != token[at])
    )
    changed = data.draw(
        st.sampled_from([token[:at] + letter + token[at + 1 :], token[:at] + letter + token[at:], token[:at], token[at:][1:]])
    )  # fmt: skip
    if place == "assertion":
        answer = assertion(client, changed)
    else:
        path = "/api/models" if place == "resource" else "/cds-services"
        answer = client.get(
            path, headers=[(b"authorization", b"Bearer " + changed.encode("latin-1"))]
        )
    assert answer.status_code == 401
    assert PLACES[place].bring(client, token).status_code == 200


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("by", ["ec-1", "rsa-1"])
def test_what_is_signed_as_it_should_be_is_believed(
    client: TestClient, place: str, by: str
) -> None:
    answer = PLACES[place].bring(client, signed(PLACES[place].claims(), by=by))
    assert answer.status_code == 200


@pytest.mark.parametrize("place", PLACES)
def test_a_token_that_is_good_once_is_refused_the_second_time_and_by_another_process(
    workspace: Path, strict: TestClient, body_without_any: dict[str, bytes], place: str
) -> None:
    token = signed(PLACES[place].claims())
    assert PLACES[place].bring(strict, token).status_code == 200
    for again in (strict, app_of(workspace, single_use=True)):
        answer = PLACES[place].bring(again, token)
        assert (answer.status_code, answer.content) == (401, body_without_any[place])


@pytest.mark.parametrize("place", ["hook", "assertion"])
@pytest.mark.parametrize("changes", [{"jti": None}, {"jti": ""}, {"exp": NOW + 3600}], ids=str)
def test_what_a_program_signs_itself_has_an_id_and_lives_five_minutes(
    client: TestClient, body_without_any: dict[str, bytes], place: str, changes: dict[str, Any]
) -> None:
    answer = PLACES[place].bring(client, signed(PLACES[place].claims(**changes)))
    assert (answer.status_code, answer.content) == (401, body_without_any[place])


def test_a_token_of_one_place_is_worth_nothing_at_another(client: TestClient) -> None:
    for name, taken in PLACES.items():
        for other, elsewhere in PLACES.items():
            if name != other:
                assert elsewhere.bring(client, signed(taken.claims())).status_code == 401


def test_a_hook_is_called_with_its_own_address_as_audience(client: TestClient) -> None:
    sent = {"authorization": f"Bearer {signed(PLACES['hook'].claims())}"}
    assert client.post(HOOK, json={}, headers=sent).status_code == 401
    right = signed(PLACES["hook"].claims(aud=US + HOOK))
    assert (
        client.post(HOOK, json={}, headers={"authorization": f"Bearer {right}"}).status_code == 422
    )


def test_a_program_gets_a_token_for_what_it_is_registered_for_and_no_more(
    client: TestClient,
) -> None:
    asked = "system/Patient.r system/Patient.rs system/Observation.rs user/*.rs system/*.rs patient/Patient.r nonsense"
    form = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION, "scope": asked,
            "client_assertion": signed(PLACES["assertion"].claims())}  # fmt: skip
    answer = client.post("/token", data=form).json()
    assert answer["scope"] == "system/Patient.r system/Patient.rs"
    assert (answer["token_type"], answer["expires_in"]) == ("bearer", 300)
    identity = client.app.state.door.bearer(answer["access_token"], base=US, path="/api/patients")  # type: ignore[attr-defined]  # the client knows any app
    assert (identity.client, identity.actor.role) == (PROGRAM, "service")
    assert [str(scope) for scope in identity.scopes] == ["system/Patient.r", "system/Patient.rs"]


@pytest.mark.parametrize(
    ("changed", "error"),
    [({"grant_type": "password"}, "unsupported_grant_type"), ({"scope": "system/*.cruds"}, "invalid_scope"),
     ({"scope": ""}, "invalid_scope"), ({"client_assertion_type": "x"}, "invalid_client")],
)  # fmt: skip
def test_what_cannot_be_given_is_said_in_the_shape_of_oauth(
    client: TestClient, changed: dict[str, str], error: str
) -> None:
    form = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION, "scope": "system/Patient.r",
            "client_assertion": signed(PLACES["assertion"].claims())}  # fmt: skip
    assert client.post("/token", data={**form, **changed}).json() == {"error": error}


def test_programs_find_where_to_get_a_token(client: TestClient) -> None:
    document = client.get("/.well-known/smart-configuration").json()
    assert document["token_endpoint"] == f"{US}/token"
    assert document["token_endpoint_auth_signing_alg_values_supported"] == ["ES384", "RS384"]
    assert document["scopes_supported"] == ["system/Observation.r", "system/Patient.rs"]


def test_a_users_token_says_for_what_and_for_whom_it_is(client: TestClient) -> None:
    token = signed(
        PLACES["resource"].claims(
            scope="openid patient/Observation.rs?category=laboratory patient/*.read", patient="p1", client_id="app",
            extensions={"ihe_iua": {"purpose_of_use": [{"system": "x", "code": "TREAT"}]}},
        )
    )  # fmt: skip
    identity = client.app.state.door.bearer(token, base=US, path="/api/patients")  # type: ignore[attr-defined]  # the client knows any app
    assert [str(scope) for scope in identity.scopes] == [
        "patient/Observation.rs?category=laboratory"
    ]
    assert (identity.patient, identity.client, identity.purpose_of_use) == ("p1", "app", "TREAT")
    assert identity.subject_id == subject_id("fhir", "p1")
    assert identity.roles == frozenset()
    assert (
        identity.actor.name == "program@id.hospital.example"
    )  # nobody of another issuer is called so


def test_keys_too_weak_to_trust_are_not_taken(tmp_path: Path) -> None:
    from lifecourse.serve.auth.keysets import public_keys as taken

    with pytest.warns(SecurityWarning):
        small = key("rsa-weak", bits=1024).as_dict(private=False)
    weak = [
        small,
        key("ec-p256", curve="P-256").as_dict(private=False),
        {**key("ec-1").as_dict(private=False), "use": "enc"},
        {"kty": "oct", "kid": "o", "k": "AAAA"},
        {"kty": "EC", "kid": "e"},
        {**key("ec-2").as_dict(private=False)},
        {**key("ec-3").as_dict(private=False), "kid": "ec-2"},
        "no key",
    ]
    assert dict(taken({"keys": weak})) == {}


def test_keys_are_read_when_the_server_starts_and_when_their_file_changes(tmp_path: Path) -> None:
    from lifecourse.base.errors import ConfigError
    from lifecourse.serve import serve

    make_workspace(tmp_path, rows=[])
    workspace = next(tmp_path.rglob("store")).parent
    trust = Trust.model_validate({"issuers": [{"issuer": ISSUER, "jwks": "keys.json"}]})
    for content in (None, "no JSON", '{"keys": []}', "[]"):
        if content is not None:
            (workspace / "keys.json").write_text(content)
        with pytest.raises(ConfigError, match=r"keys\.json"):
            serve(workspace, port=0, trust=trust)
        client = TestClient(create_app(workspace, trust=trust), base_url=US)
        assert (
            PLACES["resource"].bring(client, signed(PLACES["resource"].claims())).status_code == 401
        )
    write_keys(workspace / "keys.json", "ec-1")
    assert PLACES["resource"].bring(client, signed(PLACES["resource"].claims())).status_code == 200
    time.sleep(0.01)
    write_keys(workspace / "keys.json", "ec-2")
    assert PLACES["resource"].bring(client, signed(PLACES["resource"].claims())).status_code == 401
    assert (
        PLACES["resource"].bring(client, signed(PLACES["resource"].claims(), by="ec-2")).status_code
        == 200
    )


def test_keys_at_an_address_are_fetched_when_a_new_one_signs_and_not_for_every_stranger(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving() as issuer:
        settings = {"issuer": issuer.address, "jwks": f"{issuer.address}/jwks"}
        trust = Trust.model_validate({"issuers": [settings], "networks": LOOPBACK})
        client = TestClient(create_app(workspace, trust=trust), base_url=US)
        taken = Taken(issuer.address, US, bearer("/api/models"), scope="user/*.rs")
        for by, status in (
            ("ec-1", 200),
            ("rsa-1", 200),
            *[(f"ec-{n}", 401) for n in range(5, 15)],
        ):
            assert taken.bring(client, signed(taken.claims(), by=by)).status_code == status
        assert issuer.asked == ["/jwks"]
        monkeypatch.setattr("lifecourse.serve.auth.keysets.RETRY_SECONDS", 0.0)
        assert taken.bring(client, signed(taken.claims(), by="ec-7")).status_code == 401
        assert issuer.asked == ["/jwks", "/jwks"]
    # The issuer is gone: what it published holds for a day.
    assert taken.bring(client, signed(taken.claims())).status_code == 200
    monkeypatch.setattr("lifecourse.serve.auth.keysets.FRESH_SECONDS", 0.0)
    monkeypatch.setattr("lifecourse.serve.auth.keysets.STALE_SECONDS", 0.0)
    assert taken.bring(client, signed(taken.claims())).status_code == 401


def test_why_is_in_the_log_and_nothing_of_the_token(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="lifecourse.serve")
    logging.getLogger("lifecourse.serve").propagate = True
    token = signed(
        PLACES["resource"].claims(sub="Secret-Name", exp=NOW - 600, iat=NOW - 700, nbf=None)
    )
    PLACES["resource"].bring(client, token)
    assert "ExpiredTokenError" in caplog.text
    assert "Secret-Name" not in caplog.text
    assert token not in caplog.text
