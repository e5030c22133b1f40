"""A store survives kill -9 at any moment: it opens with its last good version, and a second run completes it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sources import meds_events, write_meds

from lifecourse.schema.actor import Actor, Purpose
from lifecourse.timeline.access import open_timeline
from lifecourse.timeline.ingestion import ingest
from lifecourse.timeline.store import Store

if TYPE_CHECKING:
    from pathlib import Path

INGEST = """
import sys
from pathlib import Path
from lifecourse.timeline.ingestion import ingest
print("started", flush=True)
ingest(Path(sys.argv[1]), Path(sys.argv[2]))
"""
LONGEST_SECONDS = 0.8


def killed_ingest(source: Path, store: Path, after_seconds: float) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", INGEST, str(source), str(store)], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(after_seconds)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()


def check_survives(folder: Path, kills: int, seed: int) -> None:
    moments = np.random.default_rng(seed)
    store = folder / "store"
    base = write_meds(folder / "base", meds_events(30, events_each=40))
    more = write_meds(folder / "more", meds_events(400, seed=5, events_each=300), files=6)
    first = ingest(base, store)
    whole = ingest(more, folder / "twin")
    ingest(base, folder / "twin")
    for _ in range(kills):
        killed_ingest(more, store, moments.uniform(0, LONGEST_SECONDS))
        Store(store).verify()
        timeline = open_timeline(store, actor=Actor(name="test"), purpose=Purpose.DIRECT_CARE)
        assert timeline.version in (first.version, first.version + 1)
        assert timeline.n_events == sum(shard.n_events for shard in timeline.shards())
    ingest(more, store)
    final = open_timeline(store, actor=Actor(name="test"), purpose=Purpose.DIRECT_CARE)
    assert final.n_events >= whole.events
    assert not (store / ".ingest").exists()


def test_store_opens_after_kill_at_random_moments(tmp_path: Path) -> None:
    check_survives(tmp_path, kills=int(os.environ.get("LIFECOURSE_KILLS", "20")), seed=1)


@pytest.mark.prove
def test_store_opens_after_200_kills(tmp_path: Path) -> None:
    check_survives(tmp_path, kills=200, seed=2)
