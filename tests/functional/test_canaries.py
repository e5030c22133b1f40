"""What identifies a person is in no output, log, error, file name or statistic of any command, whatever is fed to it."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from canaries import SOURCES, Canaries, leaks
from cohorts import RECIPE, TASK, cohort

from lifecourse.cli import main
from lifecourse.cli.command import COMMANDS
from lifecourse.models import save_model, train
from lifecourse.schema.actor import Actor, Purpose
from lifecourse.timeline.access import open_timeline
from lifecourse.timeline.unstored import timeline_from_events

if TYPE_CHECKING:
    from httpx import Response

RECORD = (
    "OBX-5 number",
    "id",
    "OBR-3",
    "OBX-5",
    "a segment",
    "person_id",
    "valueString",
    "code.text",
    "display of a code",
    "a local code",
)
"""What tells one event of a record from another: whoever asks for one person's plan is shown the events behind it."""


class Said:
    """What commands say on all channels; apart from it, what shows one person's record because somebody asked for it."""

    def __init__(self) -> None:
        self.text = io.StringIO()
        self.records = io.StringIO()
        self.asked: set[str] = set()

    def ask(self, *words: object) -> int:
        """Run a command."""
        self.asked.add(str(words[0]))
        handler = logging.StreamHandler(self.text)
        logging.getLogger().addHandler(handler)
        out = self.records if words[0] == "plan" and "--subject" in words else self.text
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(self.text):
                try:
                    return main([str(word) for word in words])
                except SystemExit as stopped:
                    return int(stopped.code or 0)
        finally:
            logging.getLogger().removeHandler(handler)

    def done(self, *words: object) -> None:
        """Run a command that has to do what it is asked."""
        before = self.text.tell()
        assert self.ask(*words) == 0, self.text.getvalue()[before:]


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a process may leave what it likes: it is searched too."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    for name in ("TMPDIR", "HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(folder))
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def first_person(workspace: Path) -> int:
    timeline = open_timeline(workspace, actor=Actor(name="t"), purpose=Purpose.OPERATIONS)
    return int(timeline.subject_ids()[0])


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of other people, to be asked of these."""
    folder = tmp_path_factory.mktemp("model")
    trained = train(timeline_from_events(cohort()), TASK, recipe=RECIPE).model
    assert trained is not None
    save_model(trained, folder / "stroke")
    return folder / "stroke"


def every_command(said: Said, source: Path, workspace: Path, folder: Path, model: Path) -> None:
    """Everything that can be asked of records, in the order in which it makes sense."""
    mapping = ("--mapping", source / "mapping.yaml") if (source / "mapping.yaml").exists() else ()
    store, out = workspace / "store", folder / "labels"
    said.done("run", source, "--out", workspace, *mapping)
    said.done("ingest", source, "--store", store, "--json", *mapping)
    one = ("--subject", first_person(workspace))
    said.done("inspect", workspace)
    said.done("inspect", workspace, "--json", "--page", folder / "quality")
    said.done("label", workspace, "mortality_1y", "--out", out, "--json")
    said.ask("label", workspace, "nothing", "--out", out)
    said.ask(
        "featurize",
        workspace,
        "--labels",
        out / "mortality_1y.parquet",
        "--out",
        folder / "features",
    )
    said.ask("train", workspace, "--task", "mortality_1y", "--out", folder / "model")
    said.ask("evaluate", model, workspace)
    said.ask("predict", model, workspace, "--purpose", "operations", "--json")
    said.ask("monitor", model, workspace)
    said.ask("report", model, workspace)
    said.ask("consent", workspace, source)
    said.done("discover", workspace, "--json")
    said.ask("phenotypes", workspace, "--draw", "type_2_diabetes", "--each", "2")
    said.ask("plan", workspace, *one, "--json")
    said.ask("plan", workspace, "--all", "--out", folder / "plans")
    said.ask("score", "no-such-score")
    said.ask("pgx", source)
    said.ask("pages", workspace, "--out", folder / "pages")
    said.ask("link", workspace, workspace, "--out", folder / "link.csv")
    said.done("config", "show", workspace)
    said.ask("vocabulary", "build", folder / "vocabulary", "--athena", source)
    said.ask(
        "simulate",
        "--subjects",
        "2",
        "--seed",
        "1",
        "--format",
        "meds",
        "--futures",
        "0",
        "--out",
        folder / "made",
    )
    said.ask("serve", workspace / "nowhere")
    said.done("audit", "verify", workspace)
    said.done("audit", "checkpoint", workspace)
    said.done("audit", "accounting", workspace, *one, "--all")
    said.done("audit", "export", workspace, "--out", folder / "events.ndjson")
    said.done("store", "verify", workspace)
    said.done("store", "backup", workspace, "--to", folder / "backup")
    said.ask("store", "restore", folder / "backup", "--from", folder / "nowhere")
    said.ask("erase", workspace, *one)
    said.done("erase", workspace, *one, "--yes")
    assert "usage:" not in said.text.getvalue(), "a command was not asked as it wants to be"
    for name in COMMANDS:
        said.ask(name, "--no-such-option")


def not_of_a_record(found: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Leaks but for what a person's own plan says of the events behind it."""
    return [
        (place, where)
        for place, where in found
        if not (place == "record" and where.endswith(RECORD))
    ]


@pytest.mark.parametrize("kind", SOURCES)
def test_no_command_says_who_anybody_is(
    kind: str, tmp_path: Path, scratch: Path, model: Path
) -> None:
    canaries, said = Canaries(), Said()
    source = SOURCES[kind](tmp_path / "source", canaries)
    workspace, folder = tmp_path / "workspace", tmp_path / "out"
    folder.mkdir()
    every_command(said, source, workspace, folder, model)
    assert said.asked == set(COMMANDS)
    assert "Our mistake" not in said.text.getvalue()
    found = leaks(canaries, workspace, folder, scratch, said=said.text.getvalue())
    shown = [("record", where) for where in canaries.within(said.records.getvalue().encode())]
    assert not_of_a_record([*found, *shown]) == []


@pytest.mark.parametrize("kind", SOURCES)
def test_the_search_would_find_what_it_looks_for(kind: str, tmp_path: Path) -> None:
    canaries = Canaries()
    source = SOURCES[kind](tmp_path / "source", canaries)
    assert len(canaries.planted) >= 7
    found = {where for _, where in leaks(canaries, source)}
    packed = {"FHIR note of DocumentReference"}  # in base64, as FHIR has it
    assert found == set(canaries.planted.values()) - packed


def run_python(program: str, *words: object, **options: Any) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-X", "dev", "-c", program, *map(str, words)],
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONASYNCIODEBUG": "1", "PYTHONWARNINGS": "default"},
        timeout=120,
        **options,
    )


BREAK = """
import sys
import lifecourse.timeline.{module} as module
from lifecourse.cli import main
word = sys.argv.pop(1)
def broken(*given, **named):
    private = word
    try:
        raise ValueError(f"cannot read {{word}}")
    except ValueError as error:
        error.add_note(f"of {{word}}")
        raise RuntimeError(f"while reading {{word}}") from error
module.{name} = broken
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize(
    ("module", "name", "command"),
    [
        ("ingestion", "ingest", ("ingest", "{source}", "--store", "{store}")),
        ("access", "open_timeline", ("inspect", "{store}")),
        ("access", "open_timeline", ("plan", "{store}", "--subject", "1", "--json")),
    ],
)
def test_our_own_mistakes_say_where_and_quote_nothing(
    tmp_path: Path, module: str, name: str, command: tuple[str, ...]
) -> None:
    canaries = Canaries()
    source = SOURCES["fhir"](tmp_path / "source", canaries)
    store = tmp_path / "store"
    assert main(["ingest", str(source), "--store", str(store)]) == 0
    word = canaries.word("an exception of ours")
    words = [each.format(source=source, store=store) for each in command]
    answer = run_python(BREAK.format(module=module, name=name), word, *words)
    assert answer.returncode == 1
    said = answer.stdout + answer.stderr
    assert canaries.within(said) == []
    assert b"RuntimeError" in said
    assert b"ValueError" in said
    assert b"in broken" in said


@pytest.mark.parametrize("kind", ["fhir, broken", "hl7v2", "omop"])
def test_with_every_warning_and_debugging_on_nothing_more_is_said(
    kind: str, tmp_path: Path, scratch: Path
) -> None:
    canaries = Canaries()
    source = SOURCES[kind](tmp_path / "source", canaries)
    program = "import sys; from lifecourse.cli import main; sys.exit(main(sys.argv[1:]))"
    for words in (
        ("ingest", source, "--store", tmp_path / "store"),
        ("inspect", tmp_path / "store"),
    ):
        answer = run_python(program, *words)
        assert canaries.within(answer.stdout + answer.stderr) == []
        assert answer.returncode == 0
    assert leaks(canaries, tmp_path / "store", scratch) == []


INGEST = "import sys; from lifecourse.cli import main; sys.exit(main(sys.argv[1:]))"


def ingesting(source: Path, store: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", INGEST, "ingest", str(source), "--store", str(store)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


@pytest.mark.parametrize("kind", ["fhir", "omop", "hl7v2"])
def test_a_killed_ingest_leaves_nothing_that_names_anybody(
    kind: str, tmp_path: Path, scratch: Path
) -> None:
    canaries = Canaries()
    source = SOURCES[kind](tmp_path / "source", canaries)
    begun = time.monotonic()
    whole = ingesting(source, tmp_path / "whole")
    whole.communicate()
    assert whole.returncode == 0
    seconds = time.monotonic() - begun
    store, killed = tmp_path / "store", 0
    for share in np.linspace(0.05, 0.95, int(os.environ.get("LIFECOURSE_KILLS", "6"))):
        process = ingesting(source, store)
        time.sleep(share * seconds)
        killed += process.poll() is None
        os.killpg(process.pid, signal.SIGKILL) if process.poll() is None else None
        out, err = process.communicate()
        assert canaries.within(out + err) == []
        assert leaks(canaries, store, scratch) == []
    assert killed, "every ingest was faster than its killer"


# -- the server ----------------------------------------------------------------------------------------------

ADDRESSES = (
    "/",
    "/?q={word}",
    "/patients/{word}",
    "/patients/{subject}",
    "/patients/{subject}?years={word}",
    "/api/patients?q={word}&fires={word}",
    "/api/patients/{subject}",
    "/api/patients/{subject}/fhir",
    "/models/{word}",
    "/reviews/{word}",
    "/reviews/{word}/charts/1",
    "/sign-in?token={word}",
    "/audit?who={word}&whom={word}",
    "/audit/people/{word}",
    "/{word}",
    "/static/{word}",
)


def test_the_server_s_log_and_its_errors_name_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from fastapi.testclient import TestClient
    from pages import signed_in

    canaries = Canaries()
    source = SOURCES["fhir"](tmp_path / "source", canaries)
    workspace = tmp_path / "workspace"
    assert main(["run", str(source), "--out", str(workspace)]) == 0
    subject = named_person(workspace)
    word = canaries.word("what somebody asks for")
    canaries.planted[str(subject)] = "a subject id"
    client, stranger = signed_in(workspace), signed_in(workspace)
    stranger.cookies.clear()
    caplog.set_level(logging.DEBUG)
    caplog.clear()
    hooks = "/cds-services/lifecourse-patient-view"

    def ask_everything(who: TestClient) -> list[Response]:
        told = [who.get(each.format(word=word, subject=subject)) for each in ADDRESSES]
        told.append(
            who.post(hooks, json={"hook": word, "context": {"patientId": word}, word: [word]})
        )
        told.append(who.post(hooks, content=f'{{"{word}": {word}'))
        told.append(
            who.post(f"/patients/{subject}/answers", data={"recommendation": word, "outcome": word})
        )
        told.append(who.post(f"/reviews/{word}", data={"each": word, "purpose": word}))
        told.append(who.request(f"X{word}"[:12], "/", headers={"host": "127.0.0.1"}))
        return told

    for answer in ask_everything(stranger):
        assert canaries.within(answer.content) == [], answer.url
    for answer in ask_everything(client):
        if answer.status_code >= 400:
            assert canaries.within(answer.content) == [], answer.url

    def broken(*given: object) -> object:
        raise ValueError(f"cannot read {word}")

    monkeypatch.setattr("lifecourse.serve.patient.plan_of", broken)
    client.app.debug = True  # type: ignore[attr-defined]  # as a developer would
    answer = client.get(f"/patients/{subject}")
    assert answer.status_code == 500
    assert canaries.within(answer.content) == []
    ours = [
        record for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))
    ]
    assert any("ValueError" in record.getMessage() for record in ours)
    lines = "\n".join(logging.Formatter().format(record) for record in ours)
    assert canaries.within(lines.encode()) == []
    for name in ("audit.jsonl", "subjects.jsonl", "head.json"):
        assert canaries.within((workspace / "audit" / name).read_bytes()) == []


def named_person(workspace: Path) -> int:
    """The person with the canaries: the only one who has a name."""
    timeline = open_timeline(workspace, actor=Actor(name="t"), purpose=Purpose.DIRECT_CARE)
    return int(timeline.names()["subject_id"][0])
