"""What somebody waits for a patient's page with every rule in force: ``python -m benchmarks.pages FOLDER [SIZE]``.

A real server of a workspace of simulated people in an encrypted store, asked over loopback by one clinician: treatment
relationship required, all four sensitivity labels protected, a FHIR Consent of every tenth person, plans of a run and a
trained model beside it, one durable audit entry a request. Every page is of another person. Then the same without any
rule.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
from benchmarks.workload import ROOT, Result, report

SUBJECTS = {"S": 500, "M": 5_000}
PAGES = 300
P95_MS = 150.0
RULES = """\
access:
  treatment_relationship: required
  protected: [substance_use, behavioural_health, hiv, reproductive]
"""
TASK = "mortality_1y"


def main(folder: Path, size: str) -> None:
    """Make the workspace on first use, then measure pages, lists and decisions."""
    workspace = made(folder, SUBJECTS[size])
    decide()
    for name, rules in (("every rule in force", RULES), ("no rule", "")):
        (workspace / "lifecourse.yaml").write_text(f"timezone: UTC\n{rules}")
        page, listed = served(workspace)
        for what, times, target in (
            (f"patient page, {name}, p95", page, P95_MS),
            (f"list of patients, {name}, p95", listed, None),
        ):
            report(
                Result(
                    work=what,
                    size=size,
                    peer="",
                    ours=float(np.percentile(times, 95)) * 1e3,
                    theirs=None,
                    unit="ms",
                    target=target,
                    checked=f"median {statistics.median(times) * 1e3:.0f} ms of {len(times)}",
                    command=f"python -m benchmarks.pages {folder} {size}",
                )
            )


def made(folder: Path, subjects: int) -> Path:
    """The workspace: simulated, ingested, planned, one model trained; with consents and a care team."""
    workspace = folder / f"pages-{subjects}"
    if (workspace / "done").is_file():
        return workspace
    shutil.rmtree(workspace, ignore_errors=True)
    source = folder / f"hospital-{subjects}"
    shutil.rmtree(source, ignore_errors=True)
    store = workspace / "store"
    _command(
        "simulate",
        "--subjects",
        str(subjects),
        "--seed",
        "5",
        "--format",
        "fhir",
        "--futures",
        "0",
        "--out",
        str(source),
    )
    workspace.mkdir(parents=True)
    (workspace / "lifecourse.yaml").write_text("timezone: UTC\n")
    _command("ingest", str(source), "--as", "fhir", "--store", str(store))
    shutil.rmtree(source)
    _command("train", str(store), "--task", TASK)
    _command("plan", str(workspace), "--all", "--out", str(workspace / "plans"))
    with_people(workspace)
    (workspace / "done").touch()
    return workspace


def with_people(workspace: Path) -> None:
    """Every second person is treated by Ada, every tenth has a consent."""
    from lifecourse.privacy.access.consents import Consents
    from lifecourse.schema.actor import Actor, Purpose
    from lifecourse.timeline.access import open_timeline
    from lifecourse.timeline.seals import seals_of
    from lifecourse.timeline.store import Store

    timeline = open_timeline(workspace, actor=Actor(name="ada"), purpose=Purpose.OPERATIONS)
    people = timeline.subject_ids().tolist()
    denial = {"type": "deny", "securityLabel": [{"code": "HIV"}]}
    consent = {
        "resourceType": "Consent", "status": "active", "policyRule": {"coding": [{"code": "OPTIN"}]},
        "provision": {"provision": [denial]},
    }  # fmt: skip
    Consents(home=workspace, keys=seals_of(Store.at(workspace))).keep(
        (person, {**consent, "id": f"c{person}"}) for person in people[::10]
    )
    lines = ["actor,subject_id,from,until", *(f"ada,{person},," for person in people[::2])]
    (workspace / "access" / "care_team.csv").write_text("\n".join(lines) + "\n")


def served(workspace: Path) -> tuple[list[float], list[float]]:
    """Seconds of each of `PAGES` patients' pages, and of as many pages of the list."""
    import httpx
    import uvicorn

    from lifecourse.schema.actor import Actor
    from lifecourse.serve import create_app, sign_in_link
    from lifecourse.serve.reckoning import warm
    from lifecourse.serve.running import _listen

    warm()

    listening = _listen("127.0.0.1", 0)
    address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    server = uvicorn.Server(
        uvicorn.Config(create_app(workspace), log_level="error", access_log=False)
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    with httpx.Client(base_url=address, timeout=120, follow_redirects=True) as client:
        client.get(sign_in_link(workspace, Actor(name="ada", role="clinician"), address=address))
        first = client.get("/api/patients", params={"page": 1}).json()["data"]
        listed, people = [], []
        for number in range(1, min(first["pages"], PAGES // 25 + 2) + 1):
            seconds, answer = _asked(client, "/api/patients", page=number)
            listed.append(seconds)
            people += [row["subject_id"] for row in answer.json()["data"]["patients"]]
        page = [_asked(client, f"/patients/{person}")[0] for person in people[: PAGES + 5]][5:]
    server.should_exit = True
    thread.join(timeout=10)
    return page, listed


def _asked(client: object, path: str, **query: object) -> tuple[float, object]:
    started = time.perf_counter()
    answer = client.get(path, params=query)
    seconds = time.perf_counter() - started
    answer.raise_for_status()
    return seconds, answer


def decide() -> None:
    """Single decisions, none remembered."""
    from dataclasses import replace

    from lifecourse.privacy.access.asking import Part, Situation, Use
    from lifecourse.privacy.access.cedar import load_policies
    from lifecourse.schema.actor import Actor, Identifiability
    from lifecourse.schema.identity import Identity

    engine = load_policies()
    who = Situation(
        identity=Identity(actor=Actor(name="ada", role="clinician")),
        use=Use.TREAT,
        identifiability=Identifiability.IDENTIFIED,
        relationship_required=True,
        protected=frozenset({"hiv"}),
    )
    part = Part(categories=frozenset({"Condition"}), labels=frozenset({"hiv"}), is_related=True)
    times = []
    for moment in range(1_000):
        started = time.perf_counter()
        engine.look(who, [replace(part, time_ms=moment)])
        times.append(time.perf_counter() - started)
    report(
        Result(
            work="policy decision by itself, p95", size="1", peer="", ours=float(np.percentile(times, 95)) * 1e3,
            theirs=None, unit="ms", target=1.0, checked=f"median {statistics.median(times) * 1e3:.2f} ms of 1,000",
            command="python -m benchmarks.pages FOLDER",
        )
    )  # fmt: skip


def _command(*words: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "lifecourse.cli", *words],
        check=True,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "M")
