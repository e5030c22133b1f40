"""VCF files made to fill memory or time, or that lie: one clear error each, within bounds."""

from __future__ import annotations

import gzip
import struct
from typing import TYPE_CHECKING

import pytest
from bounds import outcome

from lifecourse.base.errors import SourceError
from lifecourse.records.genome import guarding
from lifecourse.records.registry import open_source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HEAD = (
    "##fileformat=VCFv4.3\n##contig=<ID=chr10,length=133797422>\n"
    '##FORMAT=<ID=GT,Number=1,Type=String,Description="x">\n'
    "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\ts1\n"
)
LINE = "chr10\t%d\t.\tG\tA\t.\tPASS\t.\tGT\t0/1\n"
MEGABYTE = 1 << 20


def packed(text: bytes) -> bytes:
    """`text` as bgzip packs it, in blocks of 4 KB (SAM/BAM format specification, 4.1)."""
    blocks = []
    for start in range(0, len(text), 4_096):
        raw = gzip.compress(text[start : start + 4_096], mtime=0)[10:]
        size = 18 + len(raw) - 1
        blocks.append(
            b"\x1f\x8b\x08\x04"
            + bytes(4)
            + b"\x00\xff\x06\x00BC\x02\x00"
            + struct.pack("<H", size)
            + raw
        )
    return b"".join(blocks) + guarding.BGZIP_END


def read(path: Path) -> int:
    source = open_source(path, kind="genome")
    return sum(b.rows_read for unit in source.units() for b in source.read(unit))


def test_a_file_of_bgzip_is_whole_only_with_its_end(tmp_path: Path) -> None:
    text = (HEAD + "".join(LINE % n for n in range(1, 2_000))).encode()
    path = tmp_path / "x.vcf.gz"
    path.write_bytes(packed(text))
    assert read(path) == 1_999
    # Cut between two blocks, what is left is a whole file to whoever only unpacks it.
    path.write_bytes(packed(text[: 4_096 * 5])[: -len(guarding.BGZIP_END)])
    with pytest.raises(SourceError, match="cut short"):
        read(path)
    path.write_bytes(packed(text)[:-500])
    with pytest.raises(SourceError, match="cut short"):
        read(path)


@pytest.mark.parametrize("name", ["x.vcf", "x.vcf.gz"])
@pytest.mark.parametrize(
    ("content", "why"),
    [
        (HEAD + (LINE % 5).replace("0/1", "0/1" * 200), "more than"),
        ("##" + "x" * 900 + "\n" + HEAD, "more than"),
        ("##fileformat=VCFv4.3\n" + "##x=1\n" * 400 + HEAD, "header"),
    ],
)
def test_a_line_or_a_header_of_any_length_is_one_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: str, why: str
) -> None:
    text = content.encode()
    limited = [text[at : at + 64] for at in range(0, len(text), 64)]
    monkeypatch.setattr(guarding, "LONGEST_BYTES", 512)
    with pytest.raises(guarding.GuardError, match=why):
        list(guarding.checked(iter(limited)))


def test_a_bcf_record_of_any_length_is_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarding, "LONGEST_BYTES", 100)
    head = b"BCF\x02\x02" + struct.pack("<I", 20) + b"h" * 20
    small = struct.pack("<II", 3, 4) + b"r" * 7

    def pieces(text: bytes, size: int) -> Iterator[bytes]:
        yield from (text[at : at + size] for at in range(0, len(text), size))

    for size in (5, 7, 9, 13, 1_000):
        whole = head + small * 9
        assert b"".join(guarding.checked(pieces(whole, size))) == whole
        with pytest.raises(guarding.GuardError, match="record"):
            list(guarding.checked(pieces(whole + struct.pack("<II", 90, 90), size)))
        with pytest.raises(guarding.GuardError, match="header"):
            list(guarding.checked(pieces(b"BCF\x02\x02" + struct.pack("<I", 200) + b"h", size)))


@pytest.mark.parametrize(
    "lines",
    [
        "\n",
        LINE % 5 + "\n\n",
        "chr10\tx\t.\tG\tA\t.\tPASS\t.\tGT\t0/1\n",
        "chr10\t5\t.\tG\tA\n",
        "\x00\x01\x02\n",
        (LINE % 94781859).replace("0/1", "9/9"),
        (LINE % 94781859).replace("0/1", "0/1\t0/1\t1/1"),
        (LINE % 94781859).replace("GT", "XX"),
    ],
)
def test_lines_that_are_not_what_the_header_says_are_an_error_or_nothing(
    tmp_path: Path, lines: str
) -> None:
    path = tmp_path / "x.vcf"
    path.write_text(HEAD + lines)
    said = ""
    events = 0
    source = open_source(path, kind="genome")
    try:
        events = sum(
            b.events.height for u in source.units() for b in source.read(u) if b.events is not None
        )
    except SourceError as error:
        said = str(error)
    assert events == 0
    assert said == "" or "x.vcf cannot be read" in said


@pytest.mark.prove
@pytest.mark.parametrize("name", ["x.vcf", "x.vcf.gz"])
def test_line_of_two_gigabytes_is_one_clear_error(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with gzip.open(path, "wb", 1) if name.endswith(".gz") else path.open("wb") as handle:
        handle.write((HEAD + (LINE % 5).strip()).encode())
        for _ in range(2_048):
            handle.write(b"\t0/1" * (MEGABYTE // 4))
    assert "a record of more than 64 MB" in outcome(path, "genome")


@pytest.mark.prove
@pytest.mark.parametrize("piece", [b"\x00", b"#", b"##x=1\n", b"\n", b"chr10\t5\n"])
def test_bomb_of_ten_gigabytes_is_one_clear_error(tmp_path: Path, piece: bytes) -> None:
    member = gzip.compress(piece * (64 * MEGABYTE // len(piece)))
    (tmp_path / "x.vcf.gz").write_bytes(gzip.compress(HEAD.encode()) + member * 160)
    assert "cannot be read" in outcome(tmp_path / "x.vcf.gz", "genome")
    (tmp_path / "x.vcf.gz").write_bytes(member * 160)
    assert "cannot be read" in outcome(tmp_path / "x.vcf.gz", "genome")
