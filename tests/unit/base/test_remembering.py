"""What was worked out is kept, is right again after damage, and names nothing that was asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lifecourse.base.remembering import remembered

if TYPE_CHECKING:
    from pathlib import Path

QUESTION = "how many mg in a Zebrafink"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def counted(answer: Any) -> tuple[list[int], Any]:
    asked: list[int] = []

    def work_out() -> Any:
        asked.append(1)
        return answer

    return asked, work_out


@pytest.mark.parametrize("answer", [None, [0.45359237, 0.0], {"a": [1, "no", True]}])
def test_an_answer_is_worked_out_once(cache: Path, answer: Any) -> None:
    asked, work_out = counted(answer)
    assert [remembered("tests", QUESTION, work_out) for _ in range(3)] == [answer] * 3
    assert asked == [1]


def test_another_question_and_another_kind_have_answers_of_their_own(cache: Path) -> None:
    assert remembered("tests", QUESTION, lambda: 1) == 1
    assert remembered("tests", QUESTION + "?", lambda: 2) == 2
    assert remembered("others", QUESTION, lambda: 3) == 3


def test_a_damaged_answer_is_worked_out_again(cache: Path) -> None:
    remembered("tests", QUESTION, lambda: [1, 2])
    (path,) = cache.rglob("*.json")
    path.write_bytes(path.read_bytes()[:-1])
    assert remembered("tests", QUESTION, lambda: [1, 2]) == [1, 2]
    assert path.read_bytes() == b"[1,2]"


def test_the_question_stands_nowhere(cache: Path) -> None:
    remembered("tests", QUESTION, lambda: 1)
    (path,) = cache.rglob("*.json")
    assert "Zebrafink" not in str(path)
    assert b"Zebrafink" not in path.read_bytes()


def test_without_a_cache_the_answer_is_given_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert remembered("tests", QUESTION, lambda: 1) == 1
