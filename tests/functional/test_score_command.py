"""`lifecourse score`: one object for an object, a list for a list, and an error that helps."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from lifecourse.cli import main

if TYPE_CHECKING:
    from pathlib import Path

PERSON = {"age": 60, "sex": "female", "scr_mg_dl": 1.2}


def test_inputs_on_the_line_and_in_a_file_give_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "inputs.json"
    file.write_text(json.dumps(PERSON))
    assert main(["score", "ckd_epi_2021", "--inputs", str(file), "--json"]) == 0
    from_file = json.loads(capsys.readouterr().out)
    words = [f"{name}={value}" for name, value in PERSON.items()]
    assert main(["score", "ckd_epi_2021", *words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == from_file
    assert from_file["egfr"] == pytest.approx(51.8, abs=0.05)


def test_a_list_gives_a_list_in_the_same_order(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "inputs.json"
    file.write_text(json.dumps([PERSON, PERSON | {"age": 12}]))
    assert main(["score", "ckd_epi_2021", "--inputs", str(file), "--json"]) == 0
    first, second = json.loads(capsys.readouterr().out)
    assert (first["status"], second["status"]) == ("computed", "not_applicable")
    assert second["egfr"] is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["score", "nonsense", "age=60"], "no score 'nonsense'"),
        (["score", "ckd_epi_2021", "height=60"], "no input height"),
        (["score", "ckd_epi_2021", "age=old"], "age must be a number"),
        (["score", "ckd_epi_2021", "--inputs", "absent.json"], "cannot read absent.json"),
    ],
)
def test_a_wrong_question_is_a_user_error(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert said in capsys.readouterr().err


def test_a_file_that_is_not_json_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "inputs.json"
    file.write_text("{")
    assert main(["score", "ckd_epi_2021", "--inputs", str(file)]) == 2
    assert "inputs.json, line 1: not valid JSON" in capsys.readouterr().err
