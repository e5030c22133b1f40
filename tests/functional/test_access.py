"""What policies close is closed on every page, twin and command, and is as if it were not there."""

from __future__ import annotations

import ast
import shutil
import sys
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import TYPE_CHECKING, Any

import orjson
import polars as pl
import pytest
from cohorts import RECIPE, RISK, TASK, cohort
from house import ADA, CANARY, ID, KEEPER, RULES, TREATED, closed_rows, make_house
from pages import signed_in

from lifecourse.base import clock
from lifecourse.base.errors import PolicyRefused, UserError
from lifecourse.cli import main
from lifecourse.models import train
from lifecourse.privacy.access.cedar import SHIPPED
from lifecourse.privacy.audit import AuditLog
from lifecourse.schema.actor import Purpose
from lifecourse.serve import create_app
from lifecourse.serve.cds_hooks.request import PREFETCH
from lifecourse.serve.site import Site
from lifecourse.timeline.access import open_timeline
from lifecourse.timeline.store import Store
from lifecourse.timeline.unstored import timeline_from_events

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fastapi.testclient import TestClient
    from httpx import Response

REASON = "unconscious in the emergency room"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_house(tmp_path_factory.mktemp("house"), closed=True)


@pytest.fixture
def own_house(tmp_path: Path) -> Path:
    return make_house(tmp_path, closed=True)


def codes_seen(timeline: Any, name: str) -> set[str]:
    return set(timeline.chart(ID[name]).events["code"])


def test_care_sees_whom_it_treats_without_what_is_protected(house: Path) -> None:
    timeline = open_timeline(house, actor=ADA, purpose=Purpose.DIRECT_CARE)
    assert set(timeline.subject_ids().tolist()) == {ID[n] for n in TREATED if n != "gina"}
    seen = codes_seen(timeline, "dora")
    assert "ICD10CM//I10" in seen
    assert not seen & {"ICD10CM//F10.20", "RxNorm//6813", "LOINC//20447-9"}
    for name in ("gina", "eve", "fred"):
        with pytest.raises(UserError, match="no subject"):
            timeline.chart(ID[name])
    assert timeline.persons()["last_time"].max().year == 2025
    assert set(timeline.names()["name"]) == {"Dora Diabelli", "Carl Czerny", "Nils Newborn"}
    assert CANARY not in str(
        timeline.table(range(timeline.n_shards), ["code", "text_value"]).rows()
    )


def test_who_treats_nobody_sees_nobody(house: Path) -> None:
    timeline = open_timeline(house, actor=KEEPER, purpose=Purpose.DIRECT_CARE)
    assert timeline.n_subjects == timeline.n_events == 0


def test_populations_are_read_without_what_is_protected_or_denied(house: Path) -> None:
    timeline = open_timeline(house, actor=KEEPER, purpose=Purpose.OPERATIONS)
    assert ID["eve"] in timeline.subject_ids()
    assert ID["gina"] not in timeline.subject_ids()
    events = timeline.table(range(timeline.n_shards), ["subject_id", "code"])
    assert "ICD10CM//F10.20" not in set(events["code"])
    reader = timeline.reader()
    assert {h.subject_id for h in reader.histories()} == set(timeline.subject_ids().tolist())
    assert timeline.chart(ID["eve"]).identity is None
    assert timeline.n_events == events.height


def test_a_refusal_and_a_closed_record_are_told_to_the_log_alone(own_house: Path) -> None:
    client = signed_in(own_house)
    closed, absent = client.get(f"/patients/{ID['eve']}"), client.get("/patients/1")
    assert closed.status_code == absent.status_code == 404
    assert closed.text.replace(str(ID["eve"]), "1") == absent.text
    outcomes = [
        entry["outcome"]
        for entry in AuditLog(own_house / "audit").entries()
        if entry["target"] in (f"subject/{ID['eve']}", "subject/1")
    ]
    assert outcomes == ["refused", "not found"]


def test_an_emergency_opens_one_record_and_leaves_its_reason(own_house: Path) -> None:
    client = signed_in(own_house)
    page = client.get(f"/patients/{ID['dora']}").text
    assert "Open this record in an emergency" in page
    assert "F10.20" not in page
    given = client.post(
        f"/patients/{ID['dora']}/break-glass", data={"reason": REASON}, follow_redirects=False
    )
    assert given.status_code == 303
    page = client.get(f"/patients/{ID['dora']}").text
    assert "Opened in an emergency" in page
    assert "F10.20" in page
    assert client.get(f"/patients/{ID['eve']}").status_code == 404
    assert str(ID["eve"]) not in client.get("/api/patients").text
    twin = client.post(f"/api/patients/{ID['gina']}/break-glass", json={"reason": REASON})
    assert twin.json()["data"]["subject_id"] == ID["gina"]
    assert CANARY in client.get(f"/patients/{ID['gina']}").text
    assert "F10.20" not in client.get(f"/patients/{ID['dora']}").text  # one at a time
    entries = [e for e in AuditLog(own_house / "audit").entries() if e["action"] == "break glass"]
    assert [e["target"] for e in entries] == [f"subject/{ID['dora']}", f"subject/{ID['gina']}"]
    assert all(e["emergency"] for e in entries)
    assert REASON.encode() not in b"".join(
        path.read_bytes() for path in own_house.rglob("*") if path.is_file()
    )
    other = signed_in(own_house, actor="bob")
    assert other.get(f"/patients/{ID['gina']}").status_code == 404


def test_an_emergency_needs_a_reason_and_ends(
    own_house: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, address = signed_in(own_house), f"/api/patients/{ID['gina']}/break-glass"
    for reason in ("", "x", " " * 50, "x" * 501):
        assert client.post(address, json={"reason": reason}).status_code in (400, 422)
    assert client.get(f"/patients/{ID['gina']}").status_code == 404
    assert client.post(address, json={"reason": REASON}).status_code == 200
    assert client.get(f"/patients/{ID['gina']}").status_code == 200
    monkeypatch.setattr(
        "lifecourse.privacy.access.glass.now", lambda: clock.now() + timedelta(minutes=16)
    )
    assert client.get(f"/patients/{ID['gina']}").status_code == 404


def test_a_consent_that_is_withdrawn_closes_at_once(own_house: Path, tmp_path: Path) -> None:
    client = signed_in(own_house)
    assert client.get(f"/patients/{ID['carl']}").status_code == 200
    denial = {
        "resourceType": "Consent", "id": "carl-mostly", "status": "active",
        "patient": {"reference": "Patient/carl"}, "policyRule": {"coding": [{"code": "OPTOUT"}]},
    }  # fmt: skip
    (tmp_path / "new.json").write_bytes(orjson.dumps(denial))
    assert main(["consent", str(own_house), str(tmp_path / "new.json")]) == 0
    assert client.get(f"/patients/{ID['carl']}").status_code == 404


@pytest.mark.parametrize(
    "said",
    [
        b'"policyRule": {"coding": [{"code": "OPTOUT"}]}, "policyRule": {"coding": [{"code": "OPTIN"}]}',
        b'"policyRule": {"coding": [{"code": "OPTOUT", "code": "OPTIN"}]}',
        b'"policyRule": NaN',
    ],
)
def test_a_consent_that_two_readers_could_read_differently_is_refused(
    own_house: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], said: bytes
) -> None:
    kept = {path.name: path.read_bytes() for path in (own_house / "access").iterdir()}
    given = tmp_path / "new.json"
    given.write_bytes(
        b'{"resourceType": "Consent", "id": "carl-mostly", "status": "active", '
        b'"patient": {"reference": "Patient/carl"}, ' + said + b"}"
    )
    assert main(["consent", str(own_house), str(given)]) != 0
    told = capsys.readouterr().err
    assert "new.json, line 1" in told
    assert "OPTIN" not in told
    assert {path.name: path.read_bytes() for path in (own_house / "access").iterdir()} == kept


def test_whoever_is_erased_leaves_no_consent_and_no_line_of_the_care_team(own_house: Path) -> None:
    assert main(["erase", str(own_house), "--subject", str(ID["gina"]), "--yes"]) == 0
    kept = b"".join(path.read_bytes() for path in (own_house / "access").iterdir())
    assert str(ID["gina"]).encode() not in kept
    assert str(ID["carl"]).encode() in kept


def hook(who: str) -> dict[str, Any]:
    """What an EHR sends of a patient of 76 with atrial fibrillation."""
    rows = [
        row
        for row in closed_rows()
        if str(row.get("subject")) == str({"reference": "Patient/gina"})
    ]
    text = orjson.dumps([*rows, next(r for r in closed_rows() if r["id"] == "gina")]).decode()
    sent = orjson.loads(text.replace("gina", who))
    prefetch = dict.fromkeys(PREFETCH)
    prefetch["patient"] = sent[-1]
    prefetch["conditions"] = {
        "resourceType": "Bundle",
        "entry": [{"resource": r} for r in sent[:-1]],
    }
    return {
        "hook": "patient-view",
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {"userId": "Practitioner/1", "patientId": who},
        "prefetch": prefetch,
    }


def test_consents_hold_for_a_record_that_is_handed_over(own_house: Path) -> None:
    client = signed_in(own_house)
    service = "/cds-services/lifecourse-patient-view"
    assert len(client.post(service, json=hook("eve")).json()["cards"]) > 0
    assert client.post(service, json=hook("gina")).json() == {"cards": []}


def test_what_was_learned_and_answers_are_asked_of_the_policies(own_house: Path) -> None:
    folder = own_house / "policies"
    shutil.copytree(SHIPPED, folder)
    (folder / "site.cedar").write_text(
        '@id("no-results") forbid (principal, action in [Action::"results", Action::"plan", Action::"answer"], resource);'
    )
    (own_house / "lifecourse.yaml").write_text(f"{RULES}  policies: policies\n")
    client = signed_in(own_house)
    for path in ("/models", "/api/models", "/findings", "/api/tasks"):
        assert client.get(path).status_code == 403
    page = client.get(f"/api/patients/{ID['dora']}").json()["data"]
    assert page["plan"]["fires"] == []
    assert "no advice" in page["plan"]["reason"]
    given = {"recommendation": "statin_diabetes", "outcome": "accepted"}
    assert client.post(f"/patients/{ID['dora']}/answers", data=given).status_code == 403
    hooked = client.post("/cds-services/lifecourse-patient-view", json=hook("eve"))
    assert hooked.status_code == 403
    refused = [e for e in AuditLog(own_house / "audit").entries() if e["outcome"] == "refused"]
    assert len(refused) == 6


@pytest.mark.parametrize(
    ("arguments", "purpose", "allowed"),
    [
        (["plan", "--subject", str(ID["dora"])], "direct_care", True),
        (["plan", "--subject", str(ID["eve"])], "direct_care", False),
        (["plan", "--subject", str(ID["eve"])], "research", False),
        (["inspect"], "operations", True),
        (["inspect"], "research", False),
        (["inspect"], "direct_care", False),
        (["inspect", "--subject", str(ID["gina"])], "operations", False),
        (["audit", "verify"], "operations", True),
        (["audit", "verify"], "research", False),
        (["discover"], "direct_care", False),
    ],
)
def test_commands_hold_to_the_purposes_and_policies(
    house: Path, arguments: list[str], purpose: str, allowed: bool
) -> None:
    command = [arguments[0], *([arguments[1]] if arguments[0] == "audit" else []), str(house)]
    rest = arguments[2:] if arguments[0] == "audit" else arguments[1:]
    code = main([*command, *rest, "--purpose", purpose, "--actor", "ada", "--json"])
    assert (code == 0) is allowed


def test_every_command_says_what_it_opens_a_store_to_do(repository: Path) -> None:
    calls = [
        (path.name, node)
        for path in (repository / "src" / "lifecourse" / "cli").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "open_timeline"
    ]
    assert len(calls) > 10
    for name, call in calls:
        assert "to" in [keyword.arg for keyword in call.keywords], name


def test_counts_are_of_what_may_be_seen(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(house), "--json", "--actor", "ada"]) == 0
    told = orjson.loads(capsys.readouterr().out)
    timeline = open_timeline(house, actor=ADA, purpose=Purpose.OPERATIONS)
    assert told["subjects"] == timeline.n_subjects == 5
    assert told["events"] == timeline.n_events == sum(told["events_by_system"].values())
    assert "rejects" not in told


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("access:\n  protected: [hvi]\n", "lifecourse.yaml, line 2"),
        ("access:\n  policies: none\n", "access.policies"),
        ("access:\n  treatment: required\n", "lifecourse.yaml, line 2"),
    ],
)
def test_rules_that_cannot_be_read_open_nothing(
    own_house: Path, rule: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (own_house / "lifecourse.yaml").write_text(rule)
    assert main(["plan", str(own_house), "--subject", str(ID["dora"]), "--actor", "ada"]) == 2
    assert said in capsys.readouterr().err


def test_a_policy_of_the_house_holds(own_house: Path) -> None:
    folder = own_house / "policies"
    folder.mkdir()
    (folder / "recent.cedar").write_text(
        '@id("recent") permit (principal, action == Action::"look", resource)\n'
        'when { resource has time && resource.time >= datetime("2024-01-01") };\n'
    )
    (own_house / "lifecourse.yaml").write_text("access:\n  policies: policies\n")
    timeline = open_timeline(own_house, actor=ADA, purpose=Purpose.DIRECT_CARE)
    times = timeline.table(range(timeline.n_shards), ["time"])["time"]
    assert times.min().year == 2024
    assert timeline.persons().filter(pl.col("subject_id") == ID["dora"])["birth"].to_list() == [
        None
    ]
    with pytest.raises(PolicyRefused):
        timeline.names()


# ------------------------------------------------------------- two worlds that differ in closed rows alone

VALUES: dict[str, list[str]] = {
    "subject_id": [*(str(i) for i in ID.values()), "1", "x"],
    "name": ["mortality_1y", "type_2_diabetes", "atrial_fibrillation", "none"],
    "number": ["1", "2", "99"],
    "q": ["", "d", "dora", CANARY[:6], str(ID["eve"]), str(ID["dora"])],
    "fires": ["", "anticoagulation_atrial_fibrillation", "alcohol_screening", "statin_diabetes", "none"],
    "order": ["", "gain", "none"],
    "page": ["1", "2", "99"],
    "years": ["5", "all", "none"],
    "token": ["x"],
    "issuer": ["x"],
    "iss": ["x"],
    "launch": ["x"],
    "state": ["x"],
    "code": ["x"],
    "error": ["x"],
    "who": ["", "ada"],
    "whom": ["", str(ID["eve"])],
    "what": ["look"],
    "outcome": [""],
    "purpose": [""],
    "since": [""],
    "until": [""],
    "everything": ["true"],
    "sequence": ["1"],
}  # fmt: skip
EMERGENCY = {"reason": REASON}
BODIES: dict[str, list[dict[str, Any]]] = {
    "/sign-out": [{}],
    "/token": [{"data": {"grant_type": "client_credentials"}}],
    "/patients/{subject_id}/break-glass": [{"data": {"reason": "x"}}],
    "/api/patients/{subject_id}/break-glass": [{"json": {"reason": "x"}}],
    "/patients/{subject_id}/answers": [
        {"data": {"recommendation": name, "outcome": "accepted"}}
        for name in ("statin_diabetes", "alcohol_screening")
    ],
    "/reviews/{name}": [{"data": {"each": "3", "purpose": "operations", "seed": "1"}}],
    "/reviews/{name}/charts/{number}": [{"data": {"answer": "yes"}}],
    "/audit/verify": [{}],
    "/audit/{sequence}/review": [{"data": {"verdict": "justified"}}],
    "/cds-services/lifecourse-patient-view": [{"json": {}}],
    "/cds-services/lifecourse-patient-view/feedback": [{"json": {"feedback": []}}],
}
MOST_COMBINATIONS = 400


def frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same moment wherever anyone asks."""
    present, told = datetime(2026, 11, 26, 8, tzinfo=UTC), clock.now
    for module in list(sys.modules.values()):
        is_ours = getattr(module, "__name__", "").startswith("lifecourse")
        if is_ours and getattr(module, "now", None) is told:
            monkeypatch.setattr(module, "now", lambda: present)


def requests_of(app: Any) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every route of the application, with every value of every parameter; one that nobody thought of fails."""
    for route in _routes(app.routes):
        path_names = [field.name for field in _asked(route.dependant, "path_params")]
        query_names = [field.alias for field in _asked(route.dependant, "query_params")]
        for method in sorted(route.methods - {"HEAD"}):
            if method == "POST" and route.path == "/sign-out":
                continue
            bodies = [{}] if method == "GET" else BODIES[route.path]
            choices = [VALUES[name] for name in (*path_names, *query_names)]
            for chosen in list(product(*choices))[:MOST_COMBINATIONS]:
                values = dict(zip((*path_names, *query_names), chosen, strict=True))
                path = route.path.format(**values)
                query = {name: values[name] for name in query_names}
                for body in bodies:
                    yield method, path, {"params": query, **body}


def _routes(routes: Any) -> Iterator[Any]:
    for route in routes:
        if hasattr(route, "original_router"):
            yield from _routes(route.original_router.routes)
        elif hasattr(route, "dependant"):
            yield route


def _asked(dependant: Any, where: str) -> list[Any]:
    """The parameters of a route, ``path_params`` or ``query_params``, and of what it depends on."""
    own = list(getattr(dependant, where))
    return own + [field for inner in dependant.dependencies for field in _asked(inner, where)]


def answers_of(workspace: Path) -> list[tuple[str, int, bytes]]:
    app = create_app(workspace)
    client: TestClient = signed_in(workspace)
    ask: Callable[..., Response] = client.request
    found = []
    for method, path, given in requests_of(app):
        answer = ask(method, path, follow_redirects=False, **given)
        found.append((f"{method} {path} {given}", answer.status_code, answer.content))
    return found


def closed_to_all_purposes(root: Path, *, closed: bool) -> Path:
    """A house whose care team is asked for in operations too, so that the same rows are closed on every route."""
    workspace = make_house(root, closed=closed, rules=f"{RULES}  policies: policies\n")
    folder = workspace / "policies"
    shutil.copytree(SHIPPED, folder)
    (folder / "site.cedar").write_text(
        '@id("teams-in-operations-too") forbid (principal, action == Action::"look", resource)\n'
        'when { context.use == Use::"HOPERAT" && !resource.related };\n'
    )
    return workspace


def model_of_a_protected_code() -> Any:
    events = cohort(600, seed=3).with_columns(code=pl.col("code").replace(RISK, "ICD10CM//F10.20"))
    model = train(timeline_from_events(events), TASK, recipe=RECIPE).model
    assert model is not None
    assert "ICD10CM//F10.20" in model.vocabulary
    return model


def test_two_worlds_that_differ_in_closed_rows_answer_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worlds = [
        closed_to_all_purposes(tmp_path / name, closed=name == "with") for name in ("a", "with")
    ]
    stored = [Store.at(world).manifest().report["events"] for world in worlds]
    assert stored[1] > stored[0]
    # One model for both, of which a closed code is a column.
    monkeypatch.setattr(Site, "trained", {"stroke": model_of_a_protected_code()})
    frozen(monkeypatch)
    ours, theirs = (answers_of(workspace) for workspace in worlds)
    assert len(ours) == len(theirs) > 300
    for mine, other in zip(ours, theirs, strict=True):
        assert mine == other
    statuses = {status for _, status, _ in ours}
    assert {200, 404, 422} <= statuses
    shown = b"".join(content for _, _, content in ours)
    assert b"Diabelli" in shown
    assert b'"name":"stroke"' in shown
    assert CANARY.encode() not in shown
