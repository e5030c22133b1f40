"""Ingest holds a bounded part of its source, whatever the size."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from memory import peak_megabytes

from lifecourse.simulation import simulate

INGEST = """
import sys
from pathlib import Path
from lifecourse.timeline.ingestion import ingest
if __name__ == "__main__":
    ingest(Path(sys.argv[1]), Path(sys.argv[2]))
"""
LARGEST_RATIO = 1.2


@pytest.mark.prove
@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from Linux's /proc")
def test_peak_memory_of_ten_times_the_source(tmp_path: Path, record_property) -> None:
    script = tmp_path / "ingest.py"
    script.write_text(INGEST)
    peaks = []
    for people in (2_000, 20_000):
        source = tmp_path / f"source-{people}"
        simulate(people, 3, "fhir", source)
        peaks.append(peak_megabytes([str(script), str(source), str(tmp_path / f"store-{people}")]))
    record_property("peak MB, source and ten times the source", peaks)
    assert peaks[1] <= LARGEST_RATIO * peaks[0]
