"""Two writers and an eraser compete for one store and are killed at random moments: a program of its own.

It loads lifecourse, works on nothing itself, and forks whoever works, so that a process costs milliseconds; what is
found is written to stdout as JSON. ``python storm.py FOLDER KILLS SEED``; FOLDER has ``base`` and ``a-000`` and so on.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lifecourse.base.errors import StoreBusy, UserError
from lifecourse.schema.actor import Actor, Purpose
from lifecourse.timeline import manifest as log
from lifecourse.timeline.access import open_timeline
from lifecourse.timeline.erasure import erase
from lifecourse.timeline.ingestion import ingest
from lifecourse.timeline.inspection import verify
from lifecourse.timeline.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

ASKED = {"actor": Actor(name="storm"), "purpose": Purpose.OPERATIONS}
WRITERS = ("a", "b")
LONGEST_SECONDS = 0.7
LEAST_COMMITTED, LEAST_ERASED, MOST_KILLS = 5, 2, 5
EVENTS_EACH = 6
PEOPLE_EACH = 3
OF_THE_BASE = 400
"""People of the first load have ids from 1 on: these the eraser erases, one after the other."""


def people_of(batch: str) -> list[int]:
    """The ids of the people of a batch, ``a-007``."""
    writer, _, number = batch.partition("-")
    first = (WRITERS.index(writer) + 1) * 100_000 + int(number) * PEOPLE_EACH
    return list(range(first, first + PEOPLE_EACH))


def said(folder: Path, name: str) -> list[str]:
    """The whole lines of a note."""
    path = folder / name
    return path.read_text().splitlines() if path.is_file() else []


def note(folder: Path, name: str, line: str) -> None:
    """Write a line down durably."""
    descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(descriptor, f"{line}\n".encode())
    os.fsync(descriptor)
    os.close(descriptor)


def write(folder: Path, writer: str) -> None:
    """Ingest one batch after the other, and write down which the store has."""
    batches = sorted(path.name for path in folder.glob(f"{writer}-*"))
    committed = set(said(folder, "committed"))
    for batch in batches:
        while batch not in committed:
            try:
                ingest(folder / batch, folder / "store")
            except StoreBusy:
                time.sleep(0.005)
                continue
            note(folder, "committed", batch)
            committed.add(batch)


def forget(folder: Path) -> None:
    """Erase one person of the first load after the other, and write down who is gone."""
    done = {int(line) for line in said(folder, "erased")}
    for who in range(1, OF_THE_BASE + 1):
        while who not in done:
            note(folder, "begun", str(who))
            try:
                erase(folder / "store", who, keep_days=0, **ASKED)
            except StoreBusy:
                time.sleep(0.005)
                continue
            except UserError:
                pass  # killed after it was done and before that was written down
            note(folder, "erased", str(who))
            done.add(who)


def check(folder: Path) -> None:
    """The store opens in every version and verifies; all that was committed is there, nobody who was erased is."""
    store = folder / "store"
    verify(store, **ASKED)
    known = log.versions(store)
    assert known == list(range(1, len(known) + 1)), "a version is missing"
    gone = {int(line) for line in said(folder, "erased")}
    maybe = gone | {int(line) for line in said(folder, "begun")}
    found = Store.at(store)
    for version in known:
        people = set(found.read(found.manifest(version).persons)["subject_id"].to_list())
        assert not people & gone, f"version {version} still has somebody who was erased"
        assert set(range(1, OF_THE_BASE + 1)) - maybe <= people, f"version {version} lost somebody"
    timeline = open_timeline(store, **ASKED)
    held = {}
    for shard in timeline.shards():
        sizes = np.diff(shard.offsets).tolist()
        held.update(zip(shard.subject_ids.tolist(), sizes, strict=True))
    committed = said(folder, "committed")
    for batch in committed:
        for who in people_of(batch):
            assert held.get(who) == EVENTS_EACH, f"{batch} was committed and is not whole"
    assert timeline.n_events == sum(held.values())
    (folder / "counts").write_text(f"{len(known)} {len(committed)} {len(gone)}")


def forked(work: Callable[[], None]) -> int:
    """The id of a process that does `work`."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        work()
        code = 0
    except BaseException:  # noqa: BLE001 -- whatever it is, the storm tells it
        sys.stderr.write(traceback.format_exc())
    finally:
        sys.stderr.flush()
        os._exit(code)


def storm(folder: Path, kills: int, seed: int) -> dict[str, int]:
    """Kill all three, again and again, checking the store each time; longer, where little got done in between."""
    moments = np.random.default_rng(seed)
    killed = failed = versions = committed = erased = 0
    while not failed and killed < MOST_KILLS * kills:
        if killed >= kills and committed >= LEAST_COMMITTED and erased >= LEAST_ERASED:
            break
        works = [lambda w=w: write(folder, w) for w in WRITERS] + [lambda: forget(folder)]
        children = [forked(work) for work in works]
        # Each at a moment of its own, so that the others meet what a dead one left.
        for place in moments.permutation(len(children)).tolist():
            time.sleep(moments.uniform(0, LONGEST_SECONDS / len(children) * 2))
            os.kill(children[place], signal.SIGKILL)
            _, status = os.waitpid(children[place], 0)
            killed += os.WIFSIGNALED(status)
            failed += os.WIFEXITED(status) and os.WEXITSTATUS(status) != 0
        _, status = os.waitpid(forked(lambda: check(folder)), 0)
        failed += status != 0
        if not failed:
            versions, committed, erased = map(int, (folder / "counts").read_text().split())
    return {
        "kills": killed,
        "failed": failed,
        "versions": versions,
        "committed": committed,
        "erased": erased,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(storm(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
