"""`lifecourse.yaml`: unknown keys are refused, secrets are hidden."""

from __future__ import annotations

import json
from pathlib import Path

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
