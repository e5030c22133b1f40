"""Messages are found in files however these are called, framed, batched, packed, encoded and cut into parts."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest
from hl7v2s import counts, events, message, multiset, read, rejects, segment, told, write

from lifecourse.base.errors import SourceError
from lifecourse.records.hl7v2 import framing
from lifecourse.records.hl7v2 import source as source_module
from lifecourse.records.hl7v2.framing import Found, messages
from lifecourse.records.registry import detect, open_source

if TYPE_CHECKING:
    from pathlib import Path

RESULT = "OBX|1|NM|718-7^Hb^LN||{}|g/dL||N|||F"


def feed(count: int, end: str = "\r") -> list[str]:
    return [
        message(
            RESULT.format(n),
            control=str(n),
            patient=str(n % 3),
            sent=f"2020010{1 + n % 9}",
            end=end,
        )
        for n in range(count)
    ]


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
@pytest.mark.parametrize("between", ["", "\n", "\r\n\r\n"])
def test_many_messages_a_file(tmp_path: Path, end: str, between: str) -> None:
    raw = between.join(feed(5, end))
    batches = read(write(tmp_path, raw))
    assert sum(batch.rows_read for batch in batches) == 5
    values = events(batches).filter(events(batches)["numeric_value"].is_not_null())
    assert values["source_row"].to_list() == [1, 2, 3, 4, 5]


def test_blocks_of_mllp(tmp_path: Path) -> None:
    raw = "".join(f"\x0b{one}\x1c\r" for one in feed(3))
    batches = read(write(tmp_path, raw))
    assert sum(batch.rows_read for batch in batches) == 3
    assert not rejects(batches)


def test_batches_with_headers_and_trailers(tmp_path: Path) -> None:
    one, two, three = feed(3)
    raw = f"FHS|^~\\&|A\rBHS|^~\\&|A\r{one}{two}BTS|2\rBHS|^~\\&|B\r{three}BTS|1\rFTS|2\r"
    batches = read(write(tmp_path, raw))
    assert sum(batch.rows_read for batch in batches) == 3
    assert counts(batches)["headers and trailers of batches"] == 6
    assert not rejects(batches)


def test_text_before_the_first_message_is_laid_aside(tmp_path: Path) -> None:
    batches = read(write(tmp_path, "exported by the engine\r\n", *feed(2)))
    assert rejects(batches) == [(1, "text that is no message")]
    assert sum(batch.rows_read for batch in batches) == 3


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    text = message("OBX|1|TX|1^Befund^L||Ödem, µg||||||F")
    (event,) = told(tmp_path, text.encode(encoding))
    assert event["text_value"] == "Ödem, µg"


@pytest.mark.parametrize(
    ("name", "codec", "words"),
    [
        ("8859/1", "latin-1", "Ödem"),
        ("8859/2", "iso8859_2", "Łódź"),
        ("8859/5", "iso8859_5", "кровь"),
        ("UNICODE UTF-8", "utf-8", "血"),
        ("GB 18030-2000", "gb18030", "血压"),
        ("BIG-5", "big5", "功能"),
        ("~ISO IR87", "iso2022_jp", "血圧"),
        ("no such", "utf-8", "Ödem"),
    ],
)
def test_charset_is_that_of_the_message(tmp_path: Path, name: str, codec: str, words: str) -> None:
    header = segment("MSH", {1: "^~\\&", 2: "LAB", 6: "20200102", 8: "ORU^R01", 9: "1", 17: name})
    text = f"{header}\rPID|1||7\rOBX|1|TX|1^x^L||{words}||||||F\r"
    (event,) = told(tmp_path, text.encode(codec))
    assert event["text_value"] == words


def test_packed_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "feed.hl7.gz"
    path.write_bytes(gzip.compress("".join(feed(3)).encode()))
    assert sum(batch.rows_read for batch in read(path)) == 3


@pytest.mark.parametrize("name", ["a.hl7", "a.HL7", "a.txt", "a.dat", "adt_20200101", "a.hl7.gz"])
def test_kind_is_seen_by_ending_or_by_looking(tmp_path: Path, name: str) -> None:
    raw = "".join(feed(1)).encode()
    (tmp_path / name).write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
    assert detect(tmp_path) == "hl7v2"


@pytest.mark.parametrize("head", ["FHS|^~\\&|A\r", "BHS|^~\\&|A\r", "\x0b", "\ufeff", "\r\n"])
def test_kind_is_seen_through_what_comes_before_the_message(tmp_path: Path, head: str) -> None:
    (tmp_path / "feed.txt").write_text(head + feed(1)[0], newline="")
    assert detect(tmp_path) == "hl7v2"


def test_other_texts_are_not_taken_for_messages(tmp_path: Path) -> None:
    (tmp_path / "readme.txt").write_text("MSHA is an agency")
    with pytest.raises(SourceError, match="HL7 v2"):
        detect(tmp_path)


def test_files_beside_the_messages_are_left_alone(tmp_path: Path) -> None:
    write(tmp_path, *feed(2))
    (tmp_path / "readme.txt").write_text("About this export")
    assert [file.name for file in open_source(tmp_path).files()] == ["feed.hl7"]


@pytest.mark.parametrize("size", [300, 700, 5_000])
def test_parts_of_a_file_tell_what_the_whole_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    path = write(tmp_path, *feed(40))
    whole = multiset(read(path))
    monkeypatch.setattr(source_module, "UNIT_BYTES", size)
    monkeypatch.setattr(source_module, "SMALLEST_BYTES", size)
    monkeypatch.setattr(framing, "PIECE_BYTES", 64)
    units = open_source(path).units()
    assert len(units) > 1
    assert all(unit.continues for unit in units[1:])
    parts = read(path)
    assert sum(batch.rows_read for batch in parts) == 40
    # A person's facts are told once a part.
    assert set(multiset(parts)) == set(whole)


@pytest.mark.parametrize("piece", [1, 2, 3, 5, 7, 64, 4096])
def test_messages_are_the_same_however_the_bytes_come(piece: int) -> None:
    raw = ("junk\r" + "".join(feed(4)) + "BTS|4\r\x0b" + feed(1)[0] + "\x1c\r").encode()

    class Slow:
        def __init__(self) -> None:
            self.at = 0

        def read(self, size: int, /) -> bytes:
            start, self.at = self.at, self.at + min(size, piece)
            return raw[start : self.at]

    found = list(messages(Slow()))
    assert [one.kind for one in found] == ["other", *["message"] * 4, "envelope", "message"]
    assert found[1] == Found("message", feed(1)[0].encode().rstrip(b"\r"))


def test_row_is_shown_again_a_line_for_each_segment(tmp_path: Path) -> None:
    path = write(tmp_path, "FHS|^~\\&|A\r", *feed(3))
    source = open_source(path)
    shown = source.row(source.files()[0], 2)  # type: ignore[attr-defined]  # this kind of source has it
    assert shown == feed(3)[1].rstrip("\r").replace("\r", "\n")
    assert source.row(source.files()[0], 4) is None  # type: ignore[attr-defined]  # this kind of source has it
