"""Hostile messages are laid aside with a reason, in bounded time and memory, and are never exceptions."""

from __future__ import annotations

import gzip
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
from bounds import outcome
from hl7v2s import PID, counts, events, message, read, rejects, write
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecourse.base.errors import SourceError
from lifecourse.records import unpacking
from lifecourse.records.hl7v2.people import People
from lifecourse.records.hl7v2.reading import READERS, read_message
from lifecourse.records.rows import Place, Rows

if TYPE_CHECKING:
    from pathlib import Path

GOOD = "OBX|1|NM|718-7^Hb^LN||13|g/dL||N|||F"
MEGABYTE = 1 << 20


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("MSH||||\r", "encoding characters that cannot be told apart"),
        ("MSH|^^^^|LAB\rPID|1||7\r", "encoding characters that cannot be told apart"),
        ("MSH|ABCD|LAB\rPID|1||7\r", "encoding characters that cannot be told apart"),
        ("MSH|\r", "encoding characters that cannot be told apart"),
        (message(GOOD, patient=""), "no patient"),
        (message("PID|1", GOOD, patient=None), "no patient"),
    ],
)
def test_message_that_is_none_is_laid_aside(tmp_path: Path, text: str, reason: str) -> None:
    batches = read(write(tmp_path, text, message(GOOD, control="2")))
    assert rejects(batches) == [(1, reason)]
    assert 2 in events(batches)["source_row"].to_list()


@pytest.mark.parametrize("cut", [10, 60, 75, 90, 110, 125, 140])
def test_message_that_ends_too_soon_is_no_exception(tmp_path: Path, cut: int) -> None:
    batches = read(write(tmp_path, message(GOOD)[:cut]))
    assert sum(batch.rows_read for batch in batches) == 1


def test_what_is_laid_aside_is_kept_so_that_it_can_be_mended(tmp_path: Path) -> None:
    batches = read(write(tmp_path, "MSH|ABCD|LAB\rPID|1||7\r" + "x" * 9_000, message(GOOD)))
    (raw,) = [raw for b in batches if b.rejects is not None for raw in b.rejects["raw"]]
    assert raw.startswith("MSH|ABCD|LAB\nPID|1||7\n")
    assert len(raw) == 2_000


def test_message_about_nobody_is_counted(tmp_path: Path) -> None:
    batches = read(write(tmp_path, message("MSA|AA|1", kind="ACK", patient=None)))
    assert batches[-1].reference_rows == {"ACK message about no patient": 1}


@pytest.mark.parametrize("content", [b"hello", b"\x00" * 100, b"MSHX^~\\&", b"{}"])
def test_file_without_a_message_is_one_clear_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.hl7"
    path.write_bytes(content)
    if content.strip(b"\x00"):
        with pytest.raises(SourceError, match="no line of it begins with MSH"):
            read(path)
    else:
        assert not rejects(read(path))


def test_nul_bytes_are_left_out(tmp_path: Path) -> None:
    batches = read(write(tmp_path, message("OBX|1|ST|1^x^L||a\x00b||||||F")))
    assert "ab" in events(batches)["text_value"].to_list()


def test_hundred_levels_are_parts_that_nobody_asks_for(tmp_path: Path) -> None:
    deep = "^&" * 100_000 + "x"
    found = events(read(write(tmp_path, message(f"OBX|1|CWE|718-7^Hb^LN||{deep}||||||F", GOOD))))
    assert 13.0 in found["numeric_value"].to_list()


def test_text_of_more_than_a_million_characters_is_left_out(tmp_path: Path) -> None:
    long = "x" * 1_000_001
    batches = read(write(tmp_path, message(f"OBX|1|TX|1^Note^L||{long}||||||F")))
    assert counts(batches)["texts of more than a million characters, left out"] == 1
    assert events(batches).filter(events(batches)["code"] == "LOCAL//1").height == 1


def test_message_of_too_many_segments_or_facts_is_laid_aside(tmp_path: Path) -> None:
    many = message(*(["NTE|1||x"] * 100_001))
    facts = message(*["OBX|1|NM|718-7^Hb^LN||" + "~".join("1" * 1_000) + "||||||F"] * 101)
    batches = read(write(tmp_path, many, facts))
    assert [reason for _, reason in rejects(batches)] == [
        "a message of more than 100,000 segments",
        "a message of more than 100,000 facts",
    ]
    assert not events(batches).height


def test_lines_without_end_are_not_joined_over_and_over(tmp_path: Path) -> None:
    started = time.monotonic()
    batches = read(write(tmp_path, message("OBX|1|TX|1^Note^L||a\r" + "b c\r" * 300_000)))
    assert time.monotonic() - started < 20
    assert counts(batches)["lines that are no segment, read as text of the one before"] == 1


def test_damaged_and_bombed_packed_files_are_one_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "FREE_BYTES", MEGABYTE)
    (tmp_path / "cut.hl7.gz").write_bytes(gzip.compress(message(GOOD).encode())[:-20])
    (tmp_path / "bomb.hl7.gz").write_bytes(gzip.compress(b" " * (24 * MEGABYTE)))
    with pytest.raises(SourceError, match="cannot be read"):
        read(tmp_path / "cut.hl7.gz")
    with pytest.raises(SourceError, match="unpacks to far more"):
        read(tmp_path / "bomb.hl7.gz")


def test_what_was_read_before_the_damage_stands(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    noise = [message(f"NTE|1||{random.bytes(200).hex()}", control=str(n)) for n in range(2_000)]
    path = tmp_path / "cut.hl7.gz"
    path.write_bytes(gzip.compress("".join(noise).encode())[:-400_00])
    batches = read(path)
    assert rejects(batches)[-1][1] == "a damaged file"
    assert events(batches).height > 100


FIELD = st.text(st.sampled_from('AZ09|^~&\\".:<-+/ \n\té血"'), max_size=30)
SEGMENT = st.builds("{}|{}".format, st.sampled_from([*READERS, "MSH", "NK1", "ZZZ"]), FIELD)


@settings(max_examples=200, deadline=None)
@given(st.lists(SEGMENT, max_size=12), st.booleans())
def test_no_segment_of_any_content_is_an_exception(segments: list[str], has_patient: bool) -> None:
    rows, people = Rows(), People(merged={})
    about = [PID.format(patient="7")] if has_patient else []
    text = message(*about, *segments, patient=None)
    read_message(text.encode(), rows, people, Place(file=0, name="x", zone="UTC"), 1)
    people.give(rows)
    rows.batch()


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_are_an_exception(raw: bytes) -> None:
    rows, people = Rows(), People(merged={})
    read_message(b"MSH|^~\\&|" + raw, rows, people, Place(file=0, name="x", zone="UTC"), 1)
    people.give(rows)
    rows.batch()


def test_every_field_of_every_segment_may_be_anything(shared_data: Path) -> None:
    """Fields of real messages exchanged, cut and repeated: no exception, whatever comes of them."""
    random = np.random.default_rng(11)
    paths = sorted(shared_data.joinpath("hl7v2-ccda", "hl7v2").glob("*.hl7"))
    texts = [path.read_text(encoding="utf-8-sig").replace("\n", "\r") for path in paths]
    fields = [field for text in texts for field in text.split("|") if 0 < len(field) < 200]
    for text in texts:
        rows, people = Rows(), People(merged={})
        parts = text.split("|")
        for place in random.integers(4, len(parts), len(parts) // 4):
            parts[place] = fields[int(random.integers(len(fields)))]
        read_message("|".join(parts).encode(), rows, people, Place(file=0, name="x", zone="UTC"), 1)
        people.give(rows)
        rows.batch()


@pytest.mark.prove
@pytest.mark.parametrize(
    ("piece", "megabytes"),
    [
        (b"x", 2_048),
        (b"|", 256),
        (b"^&", 256),
        (b"~1", 256),
        (b"\x00", 256),
        (b"A|\r", 256),
        (b"MSH|\n", 16),
    ],
)
def test_line_of_two_gigabytes_is_laid_aside(tmp_path: Path, piece: bytes, megabytes: int) -> None:
    path = tmp_path / "x.hl7"
    block = piece * (MEGABYTE // len(piece))
    with path.open("wb") as handle:
        handle.write(b"MSH|^~\\&|LAB\rPID|1||7\rOBX|1|TX|1^Note^L||")
        for _ in range(megabytes):
            handle.write(block)
    said = outcome(path, "hl7v2", most_seconds=120)
    assert "a message of more than 24 MB" in said or "cannot be told apart" in said


@pytest.mark.prove
@pytest.mark.parametrize("piece", [b"|", b"^&", b"~1", b"\\T\\", b"OBX|1|NM|c||1\r", b"x\r"])
def test_largest_message_that_is_read_stays_within_memory(tmp_path: Path, piece: bytes) -> None:
    path = tmp_path / "x.hl7"
    head = b"MSH|^~\\&|LAB||||20200101\rPID|1||7\rOBX|1|TX|1^Note^L||"
    path.write_bytes(head + piece * (23 * MEGABYTE // len(piece)))
    outcome(path, "hl7v2", most_seconds=120)


@pytest.mark.prove
def test_bomb_of_ten_gigabytes_is_one_clear_error(tmp_path: Path) -> None:
    member = gzip.compress(b"MSH|^~\\&|" + b" " * (64 * MEGABYTE))
    (tmp_path / "x.hl7.gz").write_bytes(member * 160)
    assert "unpacks to far more" in outcome(tmp_path / "x.hl7.gz", "hl7v2", most_seconds=120)
