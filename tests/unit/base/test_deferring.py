"""A deferred module is loaded with its first use, not with its package; in a process of its own each."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = {"__init__.py": "from slow import part\n", "part.py": "print('loaded')\nANSWER = 42\n"}


@pytest.fixture
def around(tmp_path: Path) -> Path:
    folder = tmp_path / "slow"
    folder.mkdir()
    for name, text in PACKAGE.items():
        (folder / name).write_text(text)
    return tmp_path


def said(around: Path, program: str) -> list[str]:
    begin = "import sys; sys.path.insert(0, sys.argv[1]); from lifecourse.base.deferring import deferred\n"
    return subprocess.run(
        [sys.executable, "-c", begin + program, str(around)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()


def test_a_package_loads_without_its_deferred_part(around: Path) -> None:
    program = "with deferred('slow.part'): import slow\nprint('ready')"
    assert said(around, program) == ["ready"]


def test_the_first_use_loads_the_part_which_then_is_its_own(around: Path) -> None:
    program = (
        "with deferred('slow.part'): import slow\n"
        "before = slow.part; print('ready')\n"
        "print(before.ANSWER, slow.part.ANSWER)\n"
        "import slow.part as now; print(now is slow.part, now is not before, now is sys.modules['slow.part'])"
    )
    assert said(around, program) == ["ready", "loaded", "42", "42", "True", "True", "True"]


def test_a_name_that_the_part_lacks_is_an_attribute_error(around: Path) -> None:
    program = "with deferred('slow.part'): import slow\nprint(hasattr(slow.part, 'nothing'))"
    assert said(around, program) == ["loaded", "False"]


def test_what_is_loaded_already_stays(around: Path) -> None:
    program = (
        "import slow; before = slow.part; \nwith deferred('slow.part'): print(slow.part is before)"
    )
    assert said(around, program) == ["loaded", "True"]


def test_policies_are_decided_without_syntax_trees_which_are_there_when_asked(around: Path) -> None:
    program = (
        "import lifecourse.privacy.access.cedar as cedar, cedarpy\n"
        "cedar.load_policies(); print(type(sys.modules['cedarpy.pst']).__name__)\n"
        "trees = cedarpy.policies_to_pst('permit(principal, action, resource);')\n"
        "print(isinstance(trees, cedarpy.pst.PolicySet), type(sys.modules['cedarpy.pst']).__name__)"
    )
    assert said(around, program) == ["Deferred", "True", "module"]
