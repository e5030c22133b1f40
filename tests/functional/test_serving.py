"""The server as it runs: what it prints, who may enter, with the real care behind it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from hospital import DORA, make_workspace
from pages import signed_in

from lifecourse.base.errors import PolicyRefused
from lifecourse.schema.actor import Actor, Identifiability
from lifecourse.serve import write_static_pages
from lifecourse.serve.advice import ANSWERS
from lifecourse.serve.reckoning import warm

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_workspace(tmp_path_factory.mktemp("serving"))


def test_the_page_has_what_care_and_the_command_line_say(workspace: Path) -> None:
    from lifecourse.care import plan
    from lifecourse.schema.actor import Purpose
    from lifecourse.timeline.access import open_timeline

    timeline = open_timeline(workspace, actor=Actor(name="ada"), purpose=Purpose.DIRECT_CARE)
    chart = timeline.chart(DORA)
    assert chart.last_time is not None
    said = plan(chart, chart.last_time).to_dict()
    page = signed_in(workspace).get(f"/api/patients/{DORA}").json()["data"]
    rows = page["plan"]["fires"] + [r for group in page["plan"]["others"] for r in group["rows"]]
    assert {(r["name"], r["answer"]) for r in rows} == {
        (r["name"], r["answer"]) for r in said["recommendations"]
    }
    assert sum(page["plan"]["counts"].values()) == len(said["recommendations"])
    assert set(page["plan"]["counts"]) == set(ANSWERS)
    shown = [r for group in ("made", "quantities") for r in page["likely"][group]]
    assert {r["name"] for r in shown} == {
        s["name"] for s in said["scores"] if s["status"] == "computed"
    }


def test_real_records_are_never_written_as_pages(workspace: Path, tmp_path: Path) -> None:
    from hospital import write_meds

    from lifecourse.timeline.ingestion import ingest

    real = tmp_path / "real"
    source = write_meds(tmp_path / "source", [])
    ingest(source, real / "store", kind="meds", identifiability=Identifiability.IDENTIFIED)
    with pytest.raises(PolicyRefused):
        write_static_pages(real, tmp_path / "out", actor=Actor(name="ada"))
    assert not (tmp_path / "out").exists()
    assert write_static_pages(workspace, tmp_path / "out", actor=Actor(name="ada")).is_file()


def test_a_pseudonymous_store_has_no_pages(tmp_path: Path) -> None:
    from hospital import write_meds

    from lifecourse.timeline.ingestion import ingest

    source = write_meds(tmp_path / "source", [])
    ingest(source, tmp_path / "store", kind="meds", identifiability=Identifiability.PSEUDONYMOUS)
    client = signed_in(tmp_path)
    assert client.get("/").status_code == 403
    assert client.get("/api/patients").json()["error"]["number"] == 300


def test_without_a_store_pages_say_what_to_do(tmp_path: Path) -> None:
    answer = signed_in(tmp_path).get("/api/patients")
    assert answer.status_code == 503
    assert answer.json()["error"]["message"]


def test_the_server_prints_a_link_that_works(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import httpx
    import uvicorn

    from lifecourse.serve import serve

    servers: list[uvicorn.Server] = []
    made = uvicorn.Server.__init__

    def remember(self: uvicorn.Server, config: uvicorn.Config) -> None:
        made(self, config)
        self.install_signal_handlers = lambda: None  # type: ignore[attr-defined]  # a server in a thread has no signals
        servers.append(self)

    monkeypatch.setattr(uvicorn.Server, "__init__", remember)
    lines: list[str] = []
    said = threading.Event()

    def announce(line: str) -> None:
        lines.append(line)
        if "Ctrl-C" in line:
            said.set()

    running = threading.Thread(
        target=serve,
        args=(workspace,),
        kwargs={"port": 0, "actor": "ada", "announce": announce},
        daemon=True,
    )
    running.start()
    assert said.wait(20)
    link = next(word for line in lines for word in line.split() if "/sign-in?token=" in word)
    with httpx.Client(timeout=30) as client:
        assert client.get(link).status_code == 200
        address = link.partition("/sign-in")[0]
        assert client.get(f"{address}/healthz").status_code == 200
        assert client.get(f"{address}/api/patients").json()["data"]["of"] == 4
        token = (workspace / ".sign-in" / "cds-token").read_text().strip()
        bearer = {"authorization": f"Bearer {token}"}
        assert httpx.get(f"{address}/cds-services", headers=bearer).status_code == 200
        assert httpx.get(f"{address}/cds-services").status_code == 401
    servers[0].should_exit = True
    running.join(timeout=10)
    assert not any(str(DORA) in line for line in lines if line.startswith("{"))
    assert (workspace / ".sign-in" / "cds-token").stat().st_mode & 0o777 == 0o600


def test_warming_up_needs_no_store() -> None:
    warm()
