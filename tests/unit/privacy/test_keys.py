"""Whoever keeps the key: what it wraps opens for the same use alone, after turning too, and never after retiring."""

from __future__ import annotations

import os
import secrets
import shutil
import stat
import subprocess
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from transit import TOKEN, Engine, transit

from lifecourse.base.clock import now
from lifecourse.base.errors import ConfigError, KeyUnavailable, WrongKey
from lifecourse.privacy.keepers import provider_of
from lifecourse.privacy.keys import FileKeyProvider, KeyProvider

if TYPE_CHECKING:
    from collections.abc import Iterator

SOFTHSM = Path("/usr/lib/softhsm/libsofthsm2.so")


@pytest.fixture
def file_keeper(tmp_path: Path) -> KeyProvider:
    return FileKeyProvider(tmp_path / "store.key").create()


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    with transit() as (address, engine):
        monkeypatch.setenv("LIFECOURSE_KEYS", f"vault:{address}/transit/hospital")
        monkeypatch.setenv("VAULT_TOKEN", TOKEN)
        yield engine


@pytest.fixture
def vault_keeper(engine: Engine) -> KeyProvider:
    del engine
    return provider_of(Path("store")).create()


@pytest.fixture
def hardware_keeper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KeyProvider:
    pytest.importorskip("pkcs11", reason="the extra hsm is not installed")
    if not SOFTHSM.is_file() or shutil.which("softhsm2-util") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI has no SoftHSM: .ci/run installs softhsm2")
        pytest.skip("no SoftHSM on this machine (Debian: softhsm2)")
    tokens = tmp_path / "tokens"
    tokens.mkdir()
    settings = tmp_path / "softhsm2.conf"
    settings.write_text(f"directories.tokendir = {tokens}\n")
    # The library reads its settings once a process: all tests share the first token folder.
    if "SOFTHSM2_CONF" not in os.environ:
        os.environ["SOFTHSM2_CONF"] = str(settings)
    label = f"token-{secrets.token_hex(4)}"
    words = [
        "softhsm2-util",
        "--init-token",
        "--free",
        "--label",
        label,
        "--pin",
        "1234",
        "--so-pin",
        "5678",
    ]
    subprocess.run(words, check=True, capture_output=True)
    pin = tmp_path / "pin"
    pin.write_text("1234\n")
    monkeypatch.setenv("LIFECOURSE_PKCS11_PIN_FILE", str(pin))
    monkeypatch.setenv("LIFECOURSE_KEYS", f"pkcs11:{SOFTHSM}?token={label}&object=hospital")
    import pkcs11

    pkcs11.lib(str(SOFTHSM)).reinitialize()
    return provider_of(Path("store")).create()


@pytest.fixture(params=["file_keeper", "vault_keeper", "hardware_keeper"])
def keeper(request: pytest.FixtureRequest) -> KeyProvider:
    found: KeyProvider = request.getfixturevalue(request.param)
    return found


def test_what_is_wrapped_opens_for_the_same_use_alone(keeper: KeyProvider) -> None:
    wrapped = keeper.wrap(b"a key", "parts/a")
    assert b"a key" not in wrapped.encode()
    assert keeper.unwrap(wrapped, "parts/a") == b"a key"
    with pytest.raises(WrongKey):
        keeper.unwrap(wrapped, "parts/b")
    # The last letters of base64 may carry bits that mean nothing: one in the middle does not.
    middle = len(wrapped) // 2 + 8
    other = "A" if wrapped[middle] != "A" else "B"
    with pytest.raises(WrongKey):
        keeper.unwrap(wrapped[:middle] + other + wrapped[middle + 1 :], "parts/a")


def test_a_turned_key_still_opens_and_a_retired_one_does_not(keeper: KeyProvider) -> None:
    before = keeper.wrap(b"a key", "x")
    marks = keeper.rotate()
    after = keeper.wrap(b"a key", "x")
    assert keeper.unwrap(before, "x") == keeper.unwrap(after, "x") == b"a key"
    for mark in (*marks, *marks):
        keeper.retire(mark)
    assert keeper.unwrap(after, "x") == b"a key"
    with pytest.raises(WrongKey):
        keeper.unwrap(before, "x")


def test_creating_twice_is_creating_once(keeper: KeyProvider) -> None:
    wrapped = keeper.wrap(b"a key", "x")
    assert keeper.create().unwrap(wrapped, "x") == b"a key"
    assert keeper.is_there()


def test_a_key_file_is_its_owners_alone_also_after_turning(tmp_path: Path) -> None:
    keeper = FileKeyProvider(tmp_path / "store.key").create()
    keeper.rotate()
    assert stat.S_IMODE(keeper.path.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["store.key"]


def test_a_key_file_of_format_1_opens_what_it_wrapped(tmp_path: Path) -> None:
    keeper = FileKeyProvider(tmp_path / "store.key").create()
    assert len(keeper.path.read_bytes().split()) == 1
    keeper.path.write_text("not a key\n")
    with pytest.raises(KeyUnavailable):
        keeper.wrap(b"a key", "x")


def test_a_vault_is_asked_at_its_address_with_the_token(
    engine: Engine, vault_keeper: KeyProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrapped = vault_keeper.wrap(b"a key", "x")
    assert wrapped.startswith("vault:v1:")
    assert ("POST", "encrypt/hospital") in engine.asked
    monkeypatch.setenv("VAULT_TOKEN", "another")
    with pytest.raises(KeyUnavailable, match="403"):
        provider_of(Path("store")).unwrap(wrapped, "x")
    monkeypatch.delenv("VAULT_TOKEN")
    with pytest.raises(KeyUnavailable, match="no token"):
        provider_of(Path("store"))


def test_a_vault_that_does_not_answer_closes_the_door(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_TOKEN", TOKEN)
    with transit() as (address, _):
        monkeypatch.setenv("LIFECOURSE_KEYS", f"vault:{address}/transit/hospital")
        keeper = provider_of(Path("store")).create()
    with pytest.raises(KeyUnavailable, match="does not answer"):
        keeper.wrap(b"a key", "x")


@pytest.mark.parametrize(
    "named",
    [
        "vault:http://vault.example/transit/key",
        "vault:https://vault.example/key",
        "vault:https://user:word@vault.example/transit/key",
        "vault:ftp://127.0.0.1/transit/key",
        "pkcs11:/lib/x.so",
        "kms:somewhere",
    ],
)
def test_no_keeper_but_those_documented(named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIFECOURSE_KEYS", named)
    monkeypatch.setenv("VAULT_TOKEN", TOKEN)
    with pytest.raises(ConfigError):
        provider_of(Path("store"))


def test_a_vault_with_a_certificate_that_nobody_vouches_for_is_not_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_TOKEN", TOKEN)
    with transit(certificate=self_signed(tmp_path)) as (address, engine):
        monkeypatch.setenv("LIFECOURSE_KEYS", f"vault:{address}/transit/hospital")
        with pytest.raises(KeyUnavailable, match="does not answer"):
            provider_of(Path("store")).create()
        assert engine.asked == []


def test_a_vault_that_sends_us_elsewhere_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_TOKEN", TOKEN)
    with transit() as (other, engine), transit(elsewhere=other) as (address, _):
        monkeypatch.setenv("LIFECOURSE_KEYS", f"vault:{address}/transit/hospital")
        with pytest.raises(KeyUnavailable, match="307"):
            provider_of(Path("store")).create()
        assert engine.asked == []


def self_signed(folder: Path) -> Path:
    """A key and a certificate for 127.0.0.1 that nobody vouches for, as one PEM."""
    own = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    began = now() - timedelta(days=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(began)
        .not_valid_after(began + timedelta(days=9))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(own, hashes.SHA256())
    )
    path = folder / "server.pem"
    key = own.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(key + made.public_bytes(serialization.Encoding.PEM))
    return path
