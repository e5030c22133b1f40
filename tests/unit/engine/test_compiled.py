"""Kernels: compiled once, kept, loaded without Numba, and never loaded where what is kept is not what was made."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

PROGRAM = """
import sys
import numpy as np
from thirds import thirds
out = np.zeros(3)
thirds(np.array([3, 6, 7]), 2, out)
print(out.tolist(), "numba" in sys.modules)
"""
MODULE = '''
"""A third of each number, times another."""
from lifecourse.engine.compiled import kernel, part

THREE = 3.0

@part
def _third(number):
    return number / THREE

@kernel("int64[]", "int64", "float64[]")
def thirds(numbers, times, out):
    for i in range(len(numbers)):
        out[i] = times * _third(numbers[i])
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "thirds.py").write_text(MODULE)
    return tmp_path


def run(folder: Path, **environment: str) -> str:
    answer = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return answer.stdout.strip()


def kept(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.object"))


def test_the_second_process_needs_no_compiler(folder: Path) -> None:
    assert run(folder) == "[2.0, 4.0, 4.666666666666667] True"
    assert run(folder) == "[2.0, 4.0, 4.666666666666667] False"
    (one,) = kept(folder)
    assert one.parent.name == "__pycache__"


def test_what_was_kept_and_is_damaged_is_made_again(folder: Path) -> None:
    run(folder)
    (one,) = kept(folder)
    whole = one.read_bytes()
    for damaged in (whole[:-9], whole[:40], b"", whole[:100] + b"\0" + whole[101:]):
        one.write_bytes(damaged)
        assert run(folder) == "[2.0, 4.0, 4.666666666666667] True"
        assert one.read_bytes() == whole


def test_changed_text_is_compiled_anew(folder: Path) -> None:
    run(folder)
    (folder / "thirds.py").write_text(MODULE.replace("THREE = 3.0", "THREE = 6.0"))
    assert run(folder).startswith("[1.0, 2.0, ")
    assert len(kept(folder)) == 2


def test_where_nothing_may_be_written_beside_the_module_the_users_cache_serves(
    folder: Path, tmp_path: Path
) -> None:
    (folder / "__pycache__").write_text("a file, so that no folder can be made here")
    cache = tmp_path / "cache"
    settings = {"XDG_CACHE_HOME": str(cache), "PYTHONDONTWRITEBYTECODE": "1"}
    assert run(folder, **settings).endswith("True")
    assert run(folder, **settings).endswith("False")
    (one,) = kept(cache)
    assert one.parent.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "wrong",
    [
        (np.zeros(3, dtype=np.int32), 2, np.zeros(3)),
        (np.zeros(6, dtype=np.int64)[::2], 2, np.zeros(3)),
        (np.zeros((3, 1), dtype=np.int64), 2, np.zeros(3)),
        (np.zeros(3, dtype=np.int64), 2),
    ],
)
def test_what_a_kernel_would_misread_is_refused(
    folder: Path, wrong: tuple, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(folder))
    sys.modules.pop("thirds", None)
    from thirds import thirds

    with pytest.raises(TypeError):
        thirds(*wrong)


def test_the_plain_function_gives_the_same(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(folder))
    sys.modules.pop("thirds", None)
    from thirds import thirds

    out = np.zeros(2)
    thirds.function(np.array([3, 6]), 1, out)
    assert out.tolist() == [1.0, 2.0]
