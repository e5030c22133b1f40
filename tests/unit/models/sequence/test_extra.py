"""Without the extra `deep` everything else works, and the sequence model says how to get it."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import pytest

from lifecourse.base.errors import ModelError
from lifecourse.cli import main


def test_ci_has_the_extra_that_these_tests_need() -> None:
    missing = [name for name in ("torch", "safetensors") if importlib.util.find_spec(name) is None]
    assert not (missing and os.environ.get("CI") == "true"), "run `make .stamps/deep`"


@pytest.fixture
def without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [one for one in sys.modules if one.startswith("lifecourse.models.sequence")]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("torch", "safetensors"):
        monkeypatch.setitem(sys.modules, name, None)


@pytest.mark.usefixtures("without_torch")
def test_without_it_one_error_says_how_to_install_it() -> None:
    with pytest.raises(ModelError, match=r"pip install 'lifecourse\[deep\]'"):
        importlib.import_module("lifecourse.models.sequence")


@pytest.mark.usefixtures("without_torch")
def test_the_command_says_so_before_it_reads_anything(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", str(tmp_path / "nothing"), "--outcomes", "all", "--model", "sequence"]
    assert main(words) == 2
    assert "lifecourse[deep]" in capsys.readouterr().err
    assert not (tmp_path / "nothing").exists()
