"""A model of another store, judged here before it is used here: signed by that store, whole, and adopted at last."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from cohorts import RECIPE, TASK, cohort
from sources import write_meds

from lifecourse.base.errors import ModelError
from lifecourse.cli import main
from lifecourse.models import load_model
from lifecourse.models.persistence import SIGNATURE
from lifecourse.timeline.derived import Derived
from lifecourse.timeline.ingestion import ingest

if TYPE_CHECKING:
    from pathlib import Path

ADA = ("--actor", "ada")


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """The model of a store, handed over as a folder."""
    store = tmp_path / "there/store"
    ingest(write_meds(tmp_path / "source", cohort()), store, plain=True)
    (tmp_path / "task.yaml").write_text(TASK.model_dump_json())
    (tmp_path / "recipe.yaml").write_text(RECIPE.model_dump_json())
    asked = ("--task", str(tmp_path / "task.yaml"), "--recipe", str(tmp_path / "recipe.yaml"))
    assert main(["train", str(store), *asked, "--out", str(tmp_path / "made/models/m"), *ADA]) == 0
    shutil.move(tmp_path / "made/models/m", tmp_path / "handed")
    return tmp_path / "handed"


@pytest.fixture
def here(tmp_path: Path, there: Path) -> Path:
    """Another workspace, whose store has signed a model of its own."""
    ingest(write_meds(tmp_path / "own", cohort()), tmp_path / "here/store", plain=True)
    Derived.of(tmp_path / "here/store").signer(create=True)
    return tmp_path / "here"


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any], str]:
    capsys.readouterr()
    code = main([*arguments, *ADA, "--json"])
    out, err = capsys.readouterr()
    return code, json.loads(out or "{}"), err


def test_it_is_evaluated_here_and_refused_where_it_would_be_used(
    there: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, found, _ = told(capsys, "evaluate", str(there), str(here))
    assert code == 0
    assert "auroc" in json.dumps(found)
    code, _, said = told(capsys, "predict", str(there), str(here))
    assert code == 2
    assert "another store's key" in said
    assert "lifecourse recalibrate" in said


def test_what_is_read_in_a_terminal_has_a_table_of_groups_and_no_curves(
    there: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["evaluate", str(there), str(here), *ADA]) == 0
    out = capsys.readouterr().out
    assert "\n\nsubgroups\n" in out
    assert "sex: female" in out
    assert "{" not in out
    assert "decision_curve" not in out
    assert max(map(len, out.splitlines())) < 200


@pytest.mark.parametrize("content", ["{", "[]", "null", "{}", '{"key": 7, "signature": []}'])
def test_a_broken_signature_is_one_error_for_who_judges_and_who_adopts(
    there: Path, here: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    (there / SIGNATURE).write_text(content)
    out = str(here / "models/adopted")
    for asked in (("evaluate", str(there), str(here)),
                  ("recalibrate", str(there), str(here), "--out", out)):  # fmt: skip
        code, _, said = told(capsys, *asked)
        assert code == 2
        assert said.startswith("ModelError")
    assert not (here / "models").exists()


def test_one_that_was_changed_or_that_nobody_signed_is_not_even_judged(
    there: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card = there / "card.json"
    card.write_bytes(card.read_bytes() + b" ")
    code, _, said = told(capsys, "evaluate", str(there), str(here))
    assert code == 2
    assert "card.json" in said
    (there / SIGNATURE).unlink()
    code, _, said = told(capsys, "evaluate", str(there), str(here))
    assert code == 2
    assert "not signed" in said


def test_recalibrated_it_is_this_stores(
    there: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = here / "models/adopted"
    code, _, _ = told(
        capsys, "recalibrate", str(there), str(here), "--method", "intercept", "--out", str(out)
    )
    assert code == 0
    code, found, _ = told(capsys, "predict", "adopted", str(here))
    assert code == 0
    assert found
    with pytest.raises(ModelError, match="another store"):
        load_model(out, Derived.of(there.parent / "there/store"))
