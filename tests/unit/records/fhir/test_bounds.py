"""Time and memory of hostile files at their real size; `make prove` runs it."""

from __future__ import annotations

import gzip
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

READ = """
import resource, sys
from pathlib import Path
from lifecourse.base.errors import SourceError
from lifecourse.records.fhir import FhirSource
said = "read"
source = FhirSource(Path(sys.argv[1]))
try:
    reasons = {r for u in source.units() for b in source.read(u) for r in b.rejects["reason"].unique()}
    said = "; ".join(sorted(reasons))
except SourceError as error:
    said = str(error)
print(said)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""
MEGABYTE = 1 << 20
MOST_MB, MOST_SECONDS = 700, 90


def outcome(path: Path) -> str:
    """What reading `path` says, within the memory and the time that are allowed."""
    started = time.monotonic()
    answer = subprocess.run(
        [sys.executable, "-c", READ, str(path)], capture_output=True, text=True, check=True
    )
    said, peak_mb = answer.stdout.strip().rsplit("\n", 1)
    assert int(peak_mb) < MOST_MB
    assert time.monotonic() - started < MOST_SECONDS
    return said


@pytest.mark.prove
@pytest.mark.parametrize("name", ["x.ndjson", "x.json"])
def test_line_of_two_gigabytes_is_one_reason(tmp_path: Path, name: str) -> None:
    with (tmp_path / name).open("wb") as handle:
        handle.write(b'{"resourceType":"Condition","note":"')
        for _ in range(2_048):
            handle.write(b"x" * MEGABYTE)
        handle.write(b'"}\n')
    assert "a record of more than 64 MB" in outcome(tmp_path / name)


@pytest.mark.prove
@pytest.mark.parametrize("name", ["x.ndjson.gz", "x.json.gz", "x.tar.gz"])
@pytest.mark.parametrize("piece", [b" ", b"[", b"{}\n", b'{"a":'])
def test_bomb_of_ten_gigabytes_is_one_clear_error(tmp_path: Path, name: str, piece: bytes) -> None:
    # Members one after the other are one file to gzip: 160 times 64 MB.
    member = gzip.compress(piece * (64 * MEGABYTE // len(piece)))
    (tmp_path / name).write_bytes(member * 160)
    said = outcome(tmp_path / name)
    assert said.startswith("SourceError 110") or "unpacks to far more" in said
