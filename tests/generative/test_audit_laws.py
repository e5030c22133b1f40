"""Whatever is done to the lines of an audit log is found, and the line is named; a thief of its key needs a witness."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecourse.base.errors import StoreDamaged
from lifecourse.privacy import audit as module
from lifecourse.privacy.audit import HEAD, AuditLog
from lifecourse.privacy.checkpoints import Checkpoint, Signer
from lifecourse.schema.actor import Actor, Purpose

WHO = Actor(name="dr.test", role="clinician")
ENTRIES = 9


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    log = AuditLog(folder)
    for number in range(ENTRIES):
        log.record(
            actor=WHO,
            purpose=Purpose.DIRECT_CARE,
            action="look",
            target=f"subject/{number % 4}",
            rows=number,
            query=["years"],
        )
    return folder


def lines_of(folder: Path) -> list[bytes]:
    return (folder / "audit.jsonl").read_bytes().splitlines(keepends=True)


def copied(whole: Path, lines: list[bytes]) -> AuditLog:
    folder = whole.parent / "copy"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(whole, folder)
    log = AuditLog(folder)
    log.path.write_bytes(b"".join(lines))
    return log


def found(log: AuditLog, checkpoints: list[Checkpoint] | None = None) -> int:
    """The first line that is named."""
    with pytest.raises(StoreDamaged) as refusal:
        log.verify(checkpoints or [])
    named = re.search(r"entry (\d+)", str(refusal.value))
    assert named, refusal.value
    return int(named[1])


@given(st.data())
def test_any_changed_byte_is_found_in_its_line(whole: Path, data: st.DataObject) -> None:
    lines = lines_of(whole)
    line = data.draw(st.integers(0, ENTRIES - 1))
    place = data.draw(st.integers(0, len(lines[line]) - 1))
    changed = bytearray(lines[line])
    changed[place] ^= data.draw(st.integers(1, 255))
    lines[line] = bytes(changed)
    # A byte may become the end of a line, and the end of a line another byte: then two lines are the place.
    assert found(copied(whole, lines)) in (line + 1, line + 2)


@given(st.data())
def test_a_dropped_moved_or_repeated_line_is_found_where_the_order_breaks(
    whole: Path, data: st.DataObject
) -> None:
    lines = lines_of(whole)
    how = data.draw(st.sampled_from(["drop", "move", "repeat"]))
    line = data.draw(st.integers(0, ENTRIES - 1))
    taken = lines[line]
    if how != "repeat":
        del lines[line]
    if how != "drop":
        to = data.draw(st.integers(0, len(lines)).filter(lambda place: place != line))
        lines.insert(to, taken)
    if lines == lines_of(whole):
        return
    first = next(
        (n for n, (a, b) in enumerate(zip(lines, lines_of(whole), strict=False)) if a != b),
        min(len(lines), ENTRIES),
    )
    assert found(copied(whole, lines)) == first + 1


@given(st.integers(0, ENTRIES - 1), st.integers(0, 40))
def test_a_shorter_log_is_found_where_it_was_cut(whole: Path, kept: int, torn: int) -> None:
    lines = lines_of(whole)
    log = copied(whole, [*lines[:kept], lines[kept][:torn]])
    assert found(log) == kept + 1
    log.record(actor=WHO, purpose=Purpose.DIRECT_CARE, action="look", target="subject/1")
    assert found(log) == kept + 1, "the next look must not close the gap"


@given(st.integers(0, ENTRIES))
def test_who_has_not_the_key_can_neither_continue_nor_fork_the_log(whole: Path, at: int) -> None:
    lines = lines_of(whole)
    forged = chained(lines[:at], ENTRIES + 1, code="0" * 64)
    assert found(copied(whole, forged)) == at + 1


@given(st.integers(0, ENTRIES - 1), st.integers(0, 3))
def test_who_has_the_key_is_found_by_a_checkpoint_elsewhere(
    whole: Path, at: int, beyond: int
) -> None:
    signed = Checkpoint(origin="x", size=ENTRIES, root=AuditLog(whole).roots([ENTRIES])[ENTRIES])
    log = copied(whole, lines_of(whole)[:at])
    (log.folder / HEAD).unlink()
    for _ in range(ENTRIES + beyond - at):
        log.record(actor=WHO, purpose=Purpose.RESEARCH, action="look", target="subject/1")
    if at < 2:  # only then may the head be made anew, as at the log's beginning
        assert log.verify() == ENTRIES + beyond
    else:
        last = orjson.loads(lines_of(log.folder)[-1])
        log._seal(last)
        assert log.verify() == ENTRIES + beyond
    with pytest.raises(StoreDamaged, match="checkpoint of 9 entries"):
        log.verify([signed])
    cut = copied(whole, lines_of(whole)[:at])
    if at:
        cut._seal(orjson.loads(lines_of(whole)[at - 1]))
        assert cut.verify() == at
        assert found(cut, [signed]) == at + 1


@given(st.integers(1, ENTRIES), st.integers(0, 5))
def test_a_checkpoint_of_the_log_holds_however_it_grows(whole: Path, size: int, more: int) -> None:
    log = copied(whole, lines_of(whole))
    signer = Signer(log.folder)
    origin = signer.verifier().name
    note = signer.sign(Checkpoint(origin=origin, size=size, root=log.roots([size])[size]))
    for _ in range(more):
        log.record(actor=WHO, purpose=Purpose.DIRECT_CARE, action="look", target="subject/1")
    assert log.verify([signer.verifier().read(note)]) == ENTRIES + more


@given(st.data())
def test_a_changed_checkpoint_is_refused(whole: Path, data: st.DataObject) -> None:
    signer = Signer(whole)
    verifier = signer.verifier()
    root = AuditLog(whole).roots([3])[3]
    note = signer.sign(Checkpoint(origin=verifier.name, size=3, root=root)).encode()
    changed = bytearray(note)
    place = data.draw(st.integers(0, len(note) - 1))
    changed[place] ^= data.draw(st.integers(1, 255))
    text = bytes(changed).decode(errors="replace")
    try:
        read = verifier.read(text)
    except StoreDamaged:
        return
    # Only what is not signed may differ: the encoding of a signature has bits that mean nothing.
    assert (read.size, read.root) == (3, root)


def chained(lines: list[bytes], until: int, code: str) -> list[bytes]:
    """`lines` and more of them that follow by their hashes, with codes made up."""
    forged = list(lines)
    previous = orjson.loads(lines[-1])["hash"] if lines else module.GENESIS
    for number in range(len(lines) + 1, until + 1):
        entry = {
            "seq": number,
            "time": "2026-01-01T00:00:00+00:00",
            "actor": "eve",
            "role": "user",
            "purpose": "direct_care",
            "action": "look",
            "target": "store",
            "outcome": "success",
            "previous": previous,
        }
        entry["hash"] = previous = module._hash(entry)
        forged.append(orjson.dumps({**entry, "mac": code}, option=orjson.OPT_APPEND_NEWLINE))
    return forged
