"""After `erase`, nothing in the store, its history, its log or its workspace yields the person."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import polars as pl
import pytest
from sources import meds_events, write_meds

from lifecourse.base.errors import UserError
from lifecourse.base.files import removed_for_good, rewritten_for_good
from lifecourse.cli import main
from lifecourse.privacy.audit import AuditLog
from lifecourse.schema.actor import Actor, Purpose
from lifecourse.serve.feedback import Answers
from lifecourse.serve.site import Site
from lifecourse.tasks.review import draw_charts
from lifecourse.tasks.verdicts import Reviews
from lifecourse.timeline import manifest as log
from lifecourse.timeline.access import open_timeline
from lifecourse.timeline.derived import Derived
from lifecourse.timeline.erasure import erase
from lifecourse.timeline.ingestion import ingest
from lifecourse.timeline.rewriting import JOURNAL
from lifecourse.timeline.store import Store

if TYPE_CHECKING:
    from pathlib import Path

WHO = Actor(name="officer")
CANARIES = ("Zebulon-Canary", "zz-mrn-774411", "LOCAL-777-canary", "p-canary", "canary words")


def resources(name: str, family: str, mrn: str, day: int, code: str, words: str) -> list[Any]:
    reference = {"reference": f"Patient/{name}"}
    own = {"system": "urn:local:lab", "code": code, "display": f"{code} display"}
    return [
        {
            "resourceType": "Patient", "id": name, "gender": "female", "birthDate": "1970-03-01",
            "name": [{"family": family}], "identifier": [{"system": "urn:mrn", "value": mrn}],
        },
        {
            "resourceType": "Observation", "id": f"{name}-{day}", "status": "final",
            "subject": reference, "effectiveDateTime": f"2021-02-{day:02}T08:00:00Z",
            "code": {"coding": [own], "text": words}, "valueString": words,
        },
        {
            "resourceType": "Observation", "id": f"{name}-b{day}", "status": "final",
            "subject": reference, "effectiveDateTime": f"2021-03-{day:02}T08:00:00Z",
            "code": {"coding": [{"system": "http://loinc.org", "code": "2160-0"}]},
            "valueQuantity": {"value": 1.1, "unit": "mg/dL"},
        },
        # Nothing can be made of it: it is laid aside whole, with what it says.
        {"resourceType": "Observation", "id": "x", "status": "final", "subject": reference, "note": mrn},
    ]  # fmt: skip


def export(folder: Path, day: int) -> Path:
    folder.mkdir(parents=True)
    for number in range(12):
        lines = resources(
            f"other{number}", f"Other{number}", f"mrn{number}00", day, "LAB-1", "seen"
        )
        text = b"\n".join(orjson.dumps(line) for line in lines)
        (folder / f"other{number}.ndjson").write_bytes(text + b"\n")
    family, mrn, code, name, words = CANARIES
    text = b"\n".join(orjson.dumps(line) for line in resources(name, family, mrn, day, code, words))
    (folder / f"{CANARIES[0]}.ndjson").write_bytes(text + b"\n")
    return folder


def subject_of(store: Path) -> int:
    found = Store.at(store)
    identity = found.manifest().identity
    assert identity is not None
    rows = found.read(identity).filter(pl.col("value") == CANARIES[1])
    return int(rows["subject_id"][0])


def everything(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def tables(store: Path) -> str:
    """What every table of every version says."""
    found, told = Store.at(store), []
    for version in log.versions(found.path):
        told += [
            json.dumps(found.read(entry).to_dicts(), default=str)
            for entry in found.manifest(version).files
        ]
    return "\n".join(told)


def test_no_version_table_manifest_or_log_yields_an_erased_person(tmp_path: Path) -> None:
    store = tmp_path / "store"
    ingest(export(tmp_path / "first", 3), store)
    ingest(export(tmp_path / "second", 9), store)
    who = subject_of(store)
    open_timeline(store, actor=WHO, purpose=Purpose.DIRECT_CARE).chart(who)
    before = {version: Store(store).manifest(version) for version in log.versions(store)}
    old_keys = {e.wrapped_key for m in before.values() for e in m.files if e.wrapped_key}
    assert all(word in tables(store) for word in CANARIES)
    events = open_timeline(store, actor=WHO, purpose=Purpose.OPERATIONS).n_events

    report = erase(store, who, actor=WHO, purpose=Purpose.OPERATIONS)

    assert report["versions"] == 2
    said = tables(store)
    assert not [word for word in (*CANARIES, str(who)) if word in said]
    assert "Other3" in said
    bytes_ = everything(store)
    for word in (*CANARIES, str(who)):
        assert not [name for name, text in bytes_.items() if word.encode() in text], word
        assert not [name for name in bytes_ if word in name]
    left = [e for v in log.versions(store) for e in Store(store).manifest(v).files]
    gone = {e.path for m in before.values() for e in m.files} - {e.path for e in left}
    assert gone
    assert not [path for path in gone if (store / path).exists()]
    still = {e.wrapped_key for e in left} & old_keys
    assert {e.path for e in left if e.wrapped_key in still} <= {
        e.path for m in before.values() for e in m.files
    }
    assert Store(store).verify() == len({entry.path for entry in left})
    after = open_timeline(store, actor=WHO, purpose=Purpose.DIRECT_CARE)
    assert after.n_subjects == 12
    assert after.n_events == sum(shard.n_events for shard in after.shards()) < events
    assert (
        open_timeline(store, actor=WHO, purpose=Purpose.OPERATIONS, as_of_version=1).n_subjects
        == 12
    )
    with pytest.raises(UserError):
        after.chart(who)


def test_the_audit_log_still_verifies_and_no_longer_says_whom_it_means(tmp_path: Path) -> None:
    store = tmp_path / "store"
    ingest(export(tmp_path / "first", 3), store)
    who = subject_of(store)
    timeline = open_timeline(store, actor=WHO, purpose=Purpose.DIRECT_CARE)
    timeline.chart(who)
    audit = AuditLog(Store(store).audit_folder)
    assert f"subject/{who}" in [entry["target"] for entry in audit.entries()]
    count = audit.verify()
    erase(store, who, actor=WHO, purpose=Purpose.OPERATIONS)
    assert audit.verify() == count + 1
    targets = [entry["target"] for entry in audit.entries()]
    assert "subject/erased" in targets
    assert f"subject/{who}" not in targets


def opened(workspace: Path) -> dict[str, bytes]:
    """What every file of a workspace but its store says to whoever has the keys."""
    derived, said = Derived.of(workspace), {}
    for name in everything(workspace):
        path = workspace / name
        if path.is_relative_to(workspace / "store"):
            continue
        if path.suffix == ".jsonl" and path.stem in ("answers", "verdicts"):
            said[name] = b"\n".join(orjson.dumps(line) for line in derived.lines(path))
        else:
            content = derived.read_bytes(path)
            is_table = content.startswith(b"PAR1")
            said[name] = str(derived.read_table(path).to_dicts()).encode() if is_table else content
    return said


def fill(workspace: Path, who: int, tmp_path: Path) -> None:
    """Everything that commands and pages make of a person: labels, features, a model, answers, verdicts, a draw."""
    timeline = open_timeline(workspace, actor=WHO, purpose=Purpose.OPERATIONS)
    task = tmp_path / "task.yaml"
    task.write_text(
        "name: any\ntrigger: {codes: [LAB//LAB-1, LOINC//2160-0], which: every}\noutcome: {codes: [MEDS_DEATH]}\n"
        "outcome_window_days: 30\ncensoring: negative\n"
    )
    labels = workspace / "labels" / "any.parquet"
    assert main(["label", str(workspace), str(task), "--out", str(labels)]) == 0
    words = ["featurize", str(workspace), "--labels", str(labels)]
    assert main([*words, "--out", str(workspace / "features")]) == 0
    answer = {"subject_id": who, "recommendation": "statin", "outcome": "accepted"}
    Answers(workspace).add(WHO, answer)
    Answers(workspace).add(WHO, {**answer, "subject_id": 7})
    sample = draw_charts(timeline, "type_2_diabetes", each=500, seed=1)
    reviews = Reviews(workspace)
    reviews.keep(sample)
    for chart in sample.charts:
        reviews.add(WHO, sample, chart, "yes", CANARIES[4] if chart.subject_id == who else "sure")
    timeline.derived.write_json(
        workspace / "models" / "learned" / "outcome.json", {"outcome": "model", "task": "learned"}
    )


@pytest.mark.parametrize("options", [[], ["--plain"]])
def test_the_command_clears_what_a_workspace_made(
    tmp_path: Path, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = tmp_path / "workspace"
    main(["run", str(export(tmp_path / "first", 3)), "--out", str(workspace), *options])
    who = subject_of(workspace / "store")
    fill(workspace, who, tmp_path)
    derived = Derived.of(workspace)
    plan = f"{derived.name_of(who)}.json"
    assert (workspace / "plans" / plan).is_file()
    assert derived.seals is (not options)
    kinds = {
        name.split("/")[0] for name, said in opened(workspace).items() if str(who).encode() in said
    }
    assert {"labels", "features", "plans", "reviews", "audit"} <= kinds
    capsys.readouterr()
    assert main(["erase", str(workspace), "--subject", str(who)]) == 2
    assert "--yes" in capsys.readouterr().err
    assert main(["erase", str(workspace), "--subject", str(who), "--yes", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["derived_deleted"] >= 3
    assert report["derived_rewritten"] >= 3
    assert report["models_to_retrain"] == ["learned"]
    assert (report["earlier_backups_open_until"] is None) is bool(options)
    for contents in (everything(workspace), opened(workspace)):
        for word in (*CANARIES, str(who), plan):
            assert not [name for name, text in contents.items() if word.encode() in text], word
            assert not [name for name in contents if word in name]
    assert not list((workspace / "features").iterdir())
    labels = [derived.read_table(path) for path in (workspace / "labels").glob("*.parquet")]
    assert labels
    assert not any(who in table["subject_id"] for table in labels)
    assert Answers(workspace).of(7)
    assert Reviews(workspace).verdicts("type_2_diabetes")
    assert "retrain" in derived.read_json(workspace / "models/learned/outcome.json")
    assert main(["store", "verify", str(workspace)]) == 0
    assert main(["erase", str(workspace), "--subject", str(who), "--yes"]) == 2


def test_a_running_server_no_longer_shows_who_was_erased(tmp_path: Path) -> None:
    """What it keeps open for a minute is let go at once: of timelines, plans that fire and answers."""
    workspace = tmp_path / "workspace"
    main(["run", str(export(tmp_path / "first", 3)), "--out", str(workspace)])
    who = subject_of(workspace / "store")
    site, answers = Site(workspace=workspace), Answers(workspace)
    answers.add(WHO, {"subject_id": who, "recommendation": "statin", "outcome": "accepted"})
    held = site.timeline(WHO)
    assert site.timeline(WHO) is held
    assert held.chart(who).events.height
    assert who in site.firing(held)
    assert answers.of(who)
    assert main(["erase", str(workspace), "--subject", str(who), "--yes"]) == 0
    with pytest.raises(UserError):
        site.timeline(WHO).chart(who)
    assert who not in site.timeline(WHO).subject_ids()
    assert who not in site.firing(site.timeline(WHO))
    assert answers.of(who) == {}


def test_a_running_server_sees_a_new_version_at_once(tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    main(["run", str(export(tmp_path / "first", 3)), "--out", str(workspace)])
    site = Site(workspace=workspace)
    before = site.timeline(WHO).version
    ingest(export(tmp_path / "second", 9), workspace / "store")
    assert site.timeline(WHO).version == before + 1


ERASE = """
import sys
from pathlib import Path
from lifecourse.schema.actor import Actor, Purpose
from lifecourse.timeline.erasure import erase
print("started", flush=True)
erase(Path(sys.argv[1]), int(sys.argv[2]), actor=Actor(name="o"), purpose=Purpose.OPERATIONS)
"""


def test_killed_at_any_moment_the_person_is_there_whole_or_gone(tmp_path: Path) -> None:
    store = tmp_path / "store"
    ingest(write_meds(tmp_path / "source", meds_events(60, events_each=50)), store)
    moments = np.random.default_rng(3)
    ids = open_timeline(store, actor=WHO, purpose=Purpose.OPERATIONS).subject_ids().tolist()
    for who in ids[: int(os.environ.get("LIFECOURSE_KILLS", "10"))]:
        process = subprocess.Popen(
            [sys.executable, "-c", ERASE, str(store), str(who)], stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(moments.uniform(0, 0.25))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        timeline = open_timeline(store, actor=WHO, purpose=Purpose.OPERATIONS)
        assert timeline.n_events == sum(shard.n_events for shard in timeline.shards())
        assert timeline.n_subjects >= len(ids) - 1
        # Where the journal was whole when it was killed, the next writer ends what was begun.
        with suppress(UserError):
            erase(store, who, actor=WHO, purpose=Purpose.OPERATIONS)
        Store(store).verify()
        ids = (
            open_timeline(store, actor=WHO, purpose=Purpose.OPERATIONS).subject_ids().tolist()
            or ids
        )
        assert who not in ids
    assert not (store / "log" / JOURNAL).exists()


def test_killed_while_the_journal_is_overwritten_the_next_writer_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "store"
    ingest(write_meds(tmp_path / "source", meds_events(10)), store)
    who = int(open_timeline(store, actor=WHO, purpose=Purpose.OPERATIONS).subject_ids()[0])

    def dies(path: Path) -> None:
        if path.suffix == ".done" and path.is_file():
            path.write_bytes(bytes(path.stat().st_size))
            raise KeyboardInterrupt
        removed_for_good(path)

    with monkeypatch.context() as patched:
        patched.setattr("lifecourse.timeline.rewriting.removed_for_good", dies)
        with pytest.raises(KeyboardInterrupt):
            erase(store, who, actor=WHO, purpose=Purpose.OPERATIONS)
    ingest(write_meds(tmp_path / "more", meds_events(14, seed=9)), store)
    Store(store).verify()
    assert not [path.name for path in (store / "log").iterdir() if path.suffix == ".done"]


@pytest.mark.parametrize("is_replaced", [False, True])
def test_what_a_killed_rewriting_left_of_a_file_goes_with_the_next(
    tmp_path: Path, is_replaced: bool
) -> None:
    """The old bytes under another name; before anything took their place these are the bytes of today."""
    path = tmp_path / "subjects.jsonl"
    path.write_bytes(b"old" * 100)
    os.link(path, tmp_path / ".subjects.jsonl.0a1b2c3d.old")
    if is_replaced:
        path.unlink()
        path.write_bytes(b"new")
    before = path.read_bytes()
    with rewritten_for_good(path) as temporary:
        assert path.read_bytes() == before
        temporary.write_bytes(b"newest")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["subjects.jsonl"]
    assert path.read_bytes() == b"newest"


def test_what_a_killed_ingest_had_laid_aside_goes_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "store"
    ingest(export(tmp_path / "first", 3), store, plain=True)
    who = subject_of(store)

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Store, "publish", dies)
        with pytest.raises(KeyboardInterrupt):
            ingest(export(tmp_path / "second", 9), store)
    assert [
        name for name, text in everything(store / ".ingest").items() if CANARIES[4].encode() in text
    ]
    erase(store, who, actor=WHO, purpose=Purpose.OPERATIONS)
    for word in (*CANARIES, str(who)):
        assert not [name for name, text in everything(store).items() if word.encode() in text], word


def test_an_erasure_whose_journal_stands_is_ended_by_the_next_ingest(tmp_path: Path) -> None:
    store = tmp_path / "store"
    first = write_meds(tmp_path / "source", meds_events(10))
    ingest(first, store)
    who = int(open_timeline(store, actor=WHO, purpose=Purpose.OPERATIONS).subject_ids()[0])
    erase(store, who, actor=WHO, purpose=Purpose.OPERATIONS)
    ingest(write_meds(tmp_path / "more", meds_events(14, seed=9)), store)
    Store(store).verify()
