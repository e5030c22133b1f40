"""The audit log: every look is there, and any change to it is found."""

from __future__ import annotations

import shutil
from pathlib import Path

import orjson
import pytest

from lifecourse.base.errors import StoreDamaged
from lifecourse.privacy.audit import HEAD, MOST_LISTED, AuditLog
from lifecourse.schema.actor import Actor, Purpose

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


def test_a_log_of_an_earlier_version_verifies_and_goes_on(tmp_path: Path) -> None:
    shutil.copytree(Path(__file__).parents[2] / "data" / "audit_1", tmp_path / "audit")
    log = AuditLog(tmp_path / "audit")
    assert log.verify() == 5
    before = list(log.entries())
    assert [entry["target"] for entry in before][1:4] == ["subject/7", "subject/8", "subject/7"]
    log.record(
        actor=WHO, purpose=Purpose.DIRECT_CARE, action="look", target="subject/7", reason="x"
    )
    assert log.verify() == 6
    after = list(log.entries())
    assert after[-1]["reason"] == "x"
    assert (
        orjson.loads(list(log.lines())[-1])["target"]
        == orjson.loads(list(log.lines())[1])["target"]
    )
    log.forget(7)
    assert [entry["target"] for entry in log.entries()][1:4] == [
        "subject/erased",
        "subject/8",
        "subject/erased",
    ]
    assert log.verify() == 6


def test_what_may_name_somebody_is_readable_until_they_are_erased(tmp_path: Path) -> None:
    log = filled(tmp_path)
    reason = "unconscious, found by Zebulon"
    log.record(
        actor=WHO,
        purpose=Purpose.DIRECT_CARE,
        action="look",
        target="subject/2",
        emergency=True,
        reason=reason,
    )
    assert "Zebulon" not in log.path.read_text()
    assert list(log.entries())[-1]["reason"] == reason
    log.forget(2)
    assert list(log.entries())[-1]["reason"] == "erased"
    assert log.verify() == 5


def test_a_list_names_its_people_and_a_cohort_has_a_size_and_a_hash(tmp_path: Path) -> None:
    log = AuditLog(tmp_path)
    told = {"actor": WHO, "purpose": Purpose.RESEARCH, "action": "predict", "target": "store"}
    log.record(**told, people=range(3), rows=3, models=["m@1"])
    log.record(**told, people=range(MOST_LISTED + 1))
    log.record(**told, people=[*range(MOST_LISTED + 1)])
    log.record(**told, people=range(1, MOST_LISTED + 2))
    few, many, same, others = log.entries()
    assert few["people"] == [0, 1, 2]
    assert "people" not in many
    assert many["cohort"]["size"] == MOST_LISTED + 1
    assert many["cohort"] == same["cohort"] != others["cohort"]


def test_the_aliases_are_read_anew_only_where_the_file_grew(tmp_path: Path) -> None:
    log = filled(tmp_path, 30)
    assert [entry["target"] for entry in log.entries()] == [f"subject/{n}" for n in range(30)]
    aliases = [log.alias_of(n) for n in range(30)]
    assert len(set(aliases)) == 30
    log.forget(3)
    assert log.alias_of(3) is None
    assert [log.alias_of(n) for n in range(30) if n != 3] == [a for a in aliases if a != aliases[3]]
    log.record(actor=WHO, purpose=Purpose.DIRECT_CARE, action="look", target="subject/3")
    assert log.alias_of(3) not in (None, aliases[3])
