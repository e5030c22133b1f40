"""The audit log: every look is there, and any change to it is found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import pytest
from fhir.resources.R4B.auditevent import AuditEvent

from lifecourse.base.errors import StoreDamaged
from lifecourse.privacy.accounting import accounting, audit_events
from lifecourse.privacy.audit import HEAD, AuditLog
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


@pytest.mark.parametrize(
    "damage", ["flip", "drop", "reorder", "cut", "cut with its seal", "no seal"]
)
def test_any_change_to_the_log_is_found(tmp_path: Path, damage: str) -> None:
    log = filled(tmp_path)
    lines = log.path.read_bytes().splitlines(keepends=True)
    if damage == "flip":
        lines[1] = lines[1].replace(b'"subject/a', b'"subject/b')
    elif damage == "drop":
        del lines[1]
    elif damage == "reorder":
        lines[1], lines[2] = lines[2], lines[1]
    elif damage.startswith("cut"):
        del lines[2:]
    log.path.write_bytes(b"".join(lines))
    if damage == "cut with its seal":
        last = orjson.loads(lines[-1])
        head = {"seq": last["seq"], "hash": last["hash"], "signature": "0" * 64}
        (tmp_path / HEAD).write_bytes(orjson.dumps(head))
    if damage == "no seal":
        (tmp_path / HEAD).unlink()
    with pytest.raises(StoreDamaged, match=r"audit (entry|log)"):
        log.verify()


def test_torn_last_line_is_cut_and_the_chain_goes_on(tmp_path: Path) -> None:
    log = filled(tmp_path)
    with log.path.open("ab") as handle:
        handle.write(b'{"seq": 5, "ti')
    log.record(actor=WHO, purpose=Purpose.DIRECT_CARE, action="look", target="subject/7")
    assert log.verify() == 5


def test_an_entry_whose_seal_was_lost_in_a_power_cut_is_no_damage(tmp_path: Path) -> None:
    log = filled(tmp_path)
    seal = (tmp_path / HEAD).read_bytes()
    log.record(actor=WHO, purpose=Purpose.DIRECT_CARE, action="look", target="subject/7")
    (tmp_path / HEAD).write_bytes(seal)
    assert log.verify() == 5


def test_accounting_says_who_looked_at_one_person_and_export_is_fhir(tmp_path: Path) -> None:
    log = filled(tmp_path)
    log.record(
        actor=WHO, purpose=Purpose.DIRECT_CARE, action="look", target="subject/2", outcome="refused"
    )
    log.record(actor=WHO, purpose=Purpose.OPERATIONS, action="look at all", target="store")
    assert [row["outcome"] for row in accounting(log, 2)] == ["success", "refused"]
    assert accounting(log, 99) == []
    events = list(audit_events(log))
    assert len(events) == 6
    for event in events:
        AuditEvent.model_validate(event)
    named = [event["entity"][0]["what"].get("identifier", {}).get("value") for event in events]
    assert named[2] == named[4] == log.alias_of(2)
    assert not any("subject" in orjson.dumps(event).decode() for event in events)
    log.forget(2)
    assert accounting(log, 2) == []
    assert log.verify() == 6
