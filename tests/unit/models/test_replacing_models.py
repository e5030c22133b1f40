"""A model's folder is replaced whole: killed at any moment, it has the old model or the new one; strangers in it stay."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import numpy as np
import orjson
import pytest

from lifecourse.base.errors import ModelError
from lifecourse.models.persistence import check_place, read_signed, write_no_model, write_signed
from lifecourse.timeline.derived import PLAIN

if TYPE_CHECKING:
    from pathlib import Path

WRITING = """
import sys
from pathlib import Path
from lifecourse.models.persistence import write_signed
from lifecourse.timeline.derived import PLAIN
print("started", flush=True)
for text in sys.argv[2:]:
    files = {name: text.encode() * 5000 for name in ("trees.ubj", "model.json", "card.json")}
    write_signed(files, Path(sys.argv[1]), PLAIN, notes={"outcome.json": text})
print("ended", flush=True)
"""


def files(text: str) -> dict[str, bytes]:
    return {name: text.encode() for name in ("trees.ubj", "model.json", "card.json")}


def writer(folder: Path, texts: list[str]) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITING, str(folder), *texts], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def test_killed_at_any_moment_it_is_one_whole_model_with_its_own_note(tmp_path: Path) -> None:
    folder, random = tmp_path / "m", np.random.default_rng(5)
    texts = ["ab"[number % 2] for number in range(20)]
    with writer(folder, texts) as process:
        began = time.monotonic()
        process.wait()
        took = time.monotonic() - began
    for _ in range(12):
        with writer(folder, texts) as process:
            time.sleep(random.uniform(0, took))
            process.send_signal(signal.SIGKILL)
        found = {content[:1] for content in read_signed(folder, PLAIN).values()}
        note = orjson.loads((folder / "outcome.json").read_bytes())
        assert found == {note.encode()}
    write_signed(files("c"), folder, PLAIN)
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_of_the_model_before_nothing_stays_but_notes_where_none_are_given(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    write_signed({**files("a"), "trees7.ubj": b"a"}, folder, PLAIN, notes={"outcome.json": "a"})
    (folder / "evaluation.json").write_text('"a"')
    (folder / "README.txt").write_text("mine")
    before = {path.name for path in folder.iterdir()}
    write_signed(files("b"), folder, PLAIN)
    assert {path.name for path in folder.iterdir()} == before - {"trees7.ubj"}
    write_signed(files("c"), folder, PLAIN, notes={"outcome.json": "c"})
    assert not (folder / "evaluation.json").exists()
    write_no_model({"outcome.json": "d"}, folder, PLAIN)
    assert {path.name for path in folder.iterdir()} == {"README.txt", "outcome.json"}
    with pytest.raises(ModelError, match="no model"):
        read_signed(folder, PLAIN)


def test_a_model_lies_in_no_file_and_among_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").write_text("")
    (tmp_path / "empty").mkdir()
    for place, said in (
        (tmp_path / "file", "is a file"),
        (tmp_path / "file" / "m", "'file' is a file"),
        (tmp_path / "other", "has other things in it"),
    ):
        for check in (check_place, lambda at: write_signed(files("a"), at, PLAIN)):
            with pytest.raises(ModelError, match=said):
                check(place)
    for place in (tmp_path / "empty", tmp_path / "new" / "deep"):
        write_signed(files("a"), place, PLAIN)
        check_place(place)
    assert (tmp_path / "other" / "thesis.tex").exists()
