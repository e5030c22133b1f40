"""The server as it runs: what it prints, who may enter, with the real care behind it."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import pytest
import uvicorn
from hospital import DORA, make_workspace
from pages import signed_in

from lifecourse.base.errors import PolicyRefused
from lifecourse.schema.actor import Actor, Identifiability
from lifecourse.serve import serve, write_static_pages
from lifecourse.serve.advice import ANSWERS
from lifecourse.serve.reckoning import warm
from lifecourse.timeline.about import audit_of

if TYPE_CHECKING:
    from collections.abc import Iterator
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
    alone = [r for r in said["recommendations"] if r["same_as"] is None]
    assert {(r["name"], r["answer"]) for r in rows} == {(r["name"], r["answer"]) for r in alone}
    same = {(r["same_as"], r["title"]) for r in said["recommendations"] if r["same_as"]}
    assert {(r["name"], title) for r in page["plan"]["fires"] for title in r["also"]} == same
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


@contextmanager
def served(workspace: Path, **options: Any) -> Iterator[list[str]]:
    """What `serve` says, while it serves."""
    servers: list[uvicorn.Server] = []
    made = uvicorn.Server.__init__

    def remember(self: uvicorn.Server, config: uvicorn.Config) -> None:
        made(self, config)
        self.install_signal_handlers = lambda: None  # type: ignore[attr-defined]  # a server in a thread has no signals
        servers.append(self)

    lines: list[str] = []
    said = threading.Event()

    def announce(line: str) -> None:
        lines.append(line)
        if "Ctrl-C" in line:
            said.set()

    options = {"port": 0, "actor": "ada", "announce": announce, **options}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(uvicorn.Server, "__init__", remember)
        running = threading.Thread(target=serve, args=(workspace,), kwargs=options, daemon=True)
        running.start()
        assert said.wait(20)
        yield lines
        servers[0].should_exit = True
        running.join(timeout=10)


def link_in(lines: list[str]) -> str:
    return next(word for line in lines for word in line.split() if "/sign-in?token=" in word)


def address_in(lines: list[str]) -> str:
    return link_in(lines).partition("/sign-in")[0]


def test_the_server_prints_a_link_that_works(workspace: Path) -> None:
    with served(workspace) as lines, httpx.Client(timeout=30) as client:
        address = address_in(lines)
        assert client.get(link_in(lines)).status_code == 200
        assert client.get(f"{address}/healthz").status_code == 200
        assert client.get(f"{address}/api/patients").json()["data"]["of"] == 4
        token = (workspace / ".sign-in" / "cds-token").read_text().strip()
        bearer = {"authorization": f"Bearer {token}"}
        assert httpx.get(f"{address}/cds-services", headers=bearer).status_code == 200
        assert httpx.get(f"{address}/cds-services").status_code == 401
    assert not any(str(DORA) in line for line in lines if line.startswith("{"))
    assert (workspace / ".sign-in" / "cds-token").stat().st_mode & 0o777 == 0o600


def test_lengths_that_contradict_each_other_are_refused(workspace: Path) -> None:
    smuggled = (
        b"POST /sign-out HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    )
    twice = b"POST /sign-out HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n123456"
    with served(workspace) as lines:
        parts = urlsplit(address_in(lines))
        for sent in (smuggled, twice):
            answer = b""
            with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
                connection.sendall(sent)
                while chunk := connection.recv(65_536):
                    answer += chunk
            assert answer.startswith(b"HTTP/1.1 400")
            assert answer.count(b"HTTP/1.1 ") == 1


def test_what_a_proxy_says_is_believed_of_the_configured_one_alone(workspace: Path) -> None:
    forwarded = {
        "x-forwarded-for": "203.0.113.9",
        "x-forwarded-proto": "https",
        "x-forwarded-host": "evil.example",
    }
    for proxy, believed in (
        (None, "127.0.0.1"),
        ("127.0.0.1", "203.0.113.9"),
        ("10.9.9.9", "127.0.0.1"),
    ):
        with served(workspace, proxy=proxy) as lines:
            answer = httpx.get(f"{address_in(lines)}/api/models", headers=forwarded)
            assert answer.status_code == 401
        last = list(audit_of(workspace).entries())[-1]
        assert last["address"] == believed


def test_warming_up_needs_no_store() -> None:
    warm()
