"""Time and memory of hostile files at their real size; `make prove` runs it."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest
from bounds import outcome

if TYPE_CHECKING:
    from pathlib import Path

MEGABYTE = 1 << 20


@pytest.mark.prove
@pytest.mark.parametrize("name", ["x.ndjson", "x.json"])
def test_line_of_two_gigabytes_is_one_reason(tmp_path: Path, name: str) -> None:
    with (tmp_path / name).open("wb") as handle:
        handle.write(b'{"resourceType":"Condition","note":"')
        for _ in range(2_048):
            handle.write(b"x" * MEGABYTE)
        handle.write(b'"}\n')
    assert "a record of more than 64 MB" in outcome(tmp_path / name, "fhir")


@pytest.mark.prove
@pytest.mark.parametrize("name", ["x.ndjson.gz", "x.json.gz", "x.tar.gz"])
@pytest.mark.parametrize("piece", [b" ", b"[", b"{}\n", b'{"a":'])
def test_bomb_of_ten_gigabytes_is_one_clear_error(tmp_path: Path, name: str, piece: bytes) -> None:
    # Members one after the other are one file to gzip: 160 times 64 MB.
    member = gzip.compress(piece * (64 * MEGABYTE // len(piece)))
    (tmp_path / name).write_bytes(member * 160)
    said = outcome(tmp_path / name, "fhir")
    assert said.startswith("SourceError 110") or "unpacks to far more" in said
