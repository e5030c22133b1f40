"""A folder is replaced whole: wherever its writer is killed, the old or the new one stands there."""

from __future__ import annotations

import errno
import os
import sys
from typing import TYPE_CHECKING

import pytest

from lifecourse.base import folders
from lifecourse.base.folders import recovered, replaced_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KILLED = 9
WATCHED = ("open", "os.", "shutil.", "fcntl.", "tempfile.", "ctypes.dlsym")


def written(folder: Path, text: str) -> None:
    """Three files that say the same: a mixture of two writings shows."""
    with replaced_folder(folder, keeping=lambda name: name == "mine.txt") as passing:
        for number in range(3):
            (passing / f"{number}.txt").write_text(text)


def held(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def whole(text: str) -> dict[str, str]:
    return {f"{number}.txt": text for number in range(3)} | {"mine.txt": "note"}


def killed_at(step: int, work: Callable[[], None]) -> bool:
    """Whether a process that does `work` was killed at its so manieth step in the file system; else it ended."""
    child = os.fork()
    if child == 0:
        done = 0

        def count(event: str, _: object) -> None:
            nonlocal done
            done += event.startswith(WATCHED)
            if done == step:
                os._exit(KILLED)

        sys.addaudithook(count)
        work()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == KILLED


@pytest.fixture(params=["exchanged in one step", "by two renamings"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    if request.param == "by two renamings":
        monkeypatch.setattr(folders, "_exchanged", lambda *_: False)
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "mine.txt").write_text("note")
    return tmp_path / "m"


def test_wherever_a_writer_is_killed_one_whole_folder_stands(folder: Path) -> None:
    seen = set()
    was_killed, step = True, 0
    while was_killed:
        step += 1
        written(folder, "0")
        was_killed = killed_at(step, lambda: written(folder, "1"))
        found = held(recovered(folder))
        assert found in (whole("0"), whole("1")), f"killed at step {step}"
        seen.add((was_killed, found == whole("1")))
        killed_at(1 + step // 2, lambda: written(folder, "2"))  # with what the first one left
        assert held(recovered(folder)) in (found, whole("2")), f"killed at step {step}, then again"
    assert seen == {(True, False), (True, True), (False, True)}
    assert step > 20
    written(folder, "end")
    assert [path.name for path in folder.parent.iterdir()] == ["m"], "leftovers were not cleared"


def test_a_folder_that_could_be_exchanged_is_never_absent(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
    if not folders._exchanged(tmp_path / "a", tmp_path / "b"):
        pytest.skip("this file system cannot exchange two folders")
    folder = tmp_path / "m"
    written(folder, "0")
    for step in range(1, 500):
        was_killed = killed_at(step, lambda: written(folder, "1"))
        assert set(held(folder).values()) in ({"0"}, {"1"})  # without `recovered`
        if not was_killed:
            return
    raise AssertionError("never ended")


def test_a_failed_writer_leaves_the_folder_as_it_was(folder: Path) -> None:
    written(folder, "0")

    def fails() -> None:
        with replaced_folder(folder, keeping=bool) as passing:
            (passing / "0.txt").write_text("1")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()
    assert held(folder) == whole("0")
    assert [path.name for path in folder.parent.iterdir()] == ["m"]


def test_what_another_writer_is_at_is_not_cleared_away(folder: Path) -> None:
    with replaced_folder(folder, keeping=lambda name: name == "mine.txt") as passing:
        (passing / "0.txt").write_text("slow")
        written(folder, "quick")
        assert held(folder) == whole("quick")
    assert held(folder) == {"0.txt": "slow", "mine.txt": "note"}


def test_a_link_to_a_folder_stays_one(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder)
    written(tmp_path / "link", "1")
    assert (tmp_path / "link").is_symlink()
    assert held(folder) == whole("1")


def test_an_error_of_the_disk_is_told(tmp_path: Path) -> None:
    with pytest.raises(OSError) as told:
        folders._exchanged(tmp_path / "none", tmp_path / "neither")
    assert told.value.errno == errno.ENOENT
