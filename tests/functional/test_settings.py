"""`lifecourse.yaml`: unknown keys are refused, secrets are hidden."""

from __future__ import annotations

import json
import re
from pathlib import Path
from textwrap import dedent

import pytest

from lifecourse.cli import main


def show(workspace: Path) -> int:
    return main(["config", "show", str(workspace), "--json"])


def test_without_a_file_the_defaults_are_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert show(tmp_path) == 0
    settings = json.loads(capsys.readouterr().out)
    assert settings["timezone"] == "UTC"
    assert settings["serve"]["host"] == "127.0.0.1"


def test_a_secret_is_never_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "lifecourse.yaml").write_text("serve:\n  signing_key: correct-horse\n")
    assert show(tmp_path) == 0
    said = capsys.readouterr().out
    assert "correct-horse" not in said
    assert json.loads(said)["serve"]["signing_key"] == "***"


def test_an_unknown_key_is_refused_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "lifecourse.yaml").write_text("timezone: UTC\ntimezoen: Europe/Vienna\n")
    assert show(tmp_path) == 2
    error = capsys.readouterr().err
    assert error.startswith("ConfigError 130")
    assert "line 2" in error
    assert "timezoen" in error


def test_no_is_a_word_in_our_yaml_and_no_time_zone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "lifecourse.yaml").write_text("timezone: no\n")
    assert show(tmp_path) == 2
    assert "'no' is no time zone" in capsys.readouterr().err


def test_the_settings_that_the_manual_shows_are_settings(repository: Path, tmp_path: Path) -> None:
    from lifecourse.cli.settings import load_settings

    manual = (repository / "docs/how-to/sign-in.md").read_text()
    shown = [dedent(text) for text in re.findall(r"```yaml\n(.*?)```", manual, re.DOTALL)]
    assert len(shown) >= 5
    for text in shown:
        (tmp_path / "lifecourse.yaml").write_text(text)
        assert load_settings(tmp_path).serve.address == "https://lifecourse.hospital.example"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (
            "serve: {trust: {backend_clients: [{client_id: a, jwks: k, scopes: [user/*.rs]}]}}",
            "scopes",
        ),
        (
            "serve: {trust: {backend_clients: [{client_id: a, jwks: k, scopes: [system/*.read]}]}}",
            "scopes",
        ),
        ("serve: {trust: {networks: [10.0.0.1/8]}}", "networks"),
        ("serve: {trust: {sign_in: {issuer: a, client_id: b, roles: {x: Head Nurse}}}}", "roles"),
        ("serve: {trust: {sign_in: {issuer: a, client_id: b}}}", "roles"),
        ("serve: {address: lifecourse.example}", "address"),
        ("serve: {address: https://lifecourse.example/path}", "address"),
        ("serve: {limits: {client_per_second: 0}}", "client_per_second"),
    ],
)
def test_whom_to_trust_is_read_strictly(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, named: str
) -> None:
    (tmp_path / "lifecourse.yaml").write_text(text)
    assert show(tmp_path) == 2
    assert named in capsys.readouterr().err


def test_secrets_within_settings_are_hidden(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "serve: {trust: {sign_in: {issuer: a, client_id: b, client_secret: correct-horse, roles: {x: clinician}}}}"
    (tmp_path / "lifecourse.yaml").write_text(text)
    for as_json in ([], ["--json"]):
        assert main(["config", "show", str(tmp_path), *as_json]) == 0
        said = capsys.readouterr()
        assert "correct-horse" not in said.out + said.err
