"""The audit log: every look is there, and any change to it is found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lifecourse.base.errors import StoreDamaged
from lifecourse.privacy.audit import AuditLog
from lifecourse.schema.actor import Actor, Purpose

if TYPE_CHECKING:
    from pathlib import Path

WHO = Actor(name="dr.test", role="clinician")


def filled(folder: Path, entries: int = 4) -> AuditLog:
    log = AuditLog(folder)
    for number in range(entries):
        log.record(
            actor=WHO, purpose=Purpose.DIRECT_CARE, action="look", target=f"subject/{number}"
        )
    return log


def test_entries_are_kept_in_order_and_verify(tmp_path: Path) -> None:
    log = filled(tmp_path)
    assert log.verify() == 4
    assert [entry["target"] for entry in log.entries()] == [f"subject/{n}" for n in range(4)]


@pytest.mark.parametrize("damage", ["flip", "drop", "reorder"])
def test_any_change_to_the_log_is_found(tmp_path: Path, damage: str) -> None:
    log = filled(tmp_path)
    lines = log.path.read_bytes().splitlines(keepends=True)
    if damage == "flip":
        lines[1] = lines[1].replace(b"\"subject/a", b"\"subject/b")
    elif damage == "drop":
        del lines[1]
    else:
        lines[1], lines[2] = lines[2], lines[1]
    log.path.write_bytes(b"".join(lines))
    with pytest.raises(StoreDamaged, match="audit entry"):
        log.verify()


def test_torn_last_line_is_cut_and_the_chain_goes_on(tmp_path: Path) -> None:
    log = filled(tmp_path)
    with log.path.open("ab") as handle:
        handle.write(b'{"seq": 5, "ti')
    log.record(actor=WHO, purpose=Purpose.DIRECT_CARE, action="look", target="subject/7")
    assert log.verify() == 5
