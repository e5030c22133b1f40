"""Every page and its JSON twin, asked for in process."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from hospital import (
    DORA,
    MALICIOUS,
    NEWBORN,
    SCRIPT,
    TIMELESS,
    made_up_plan,
    make_workspace,
)
from pages import outline, signed_in

from lifecourse.privacy.audit import AuditLog
from lifecourse.schema.actor import Actor
from lifecourse.serve import create_app, sign_in_link, write_static_pages
from lifecourse.serve.limits import PAGE

if TYPE_CHECKING:
    from pathlib import Path

    from fastapi.testclient import TestClient

PAGES = ("/", f"/patients/{DORA}", "/models", "/models/mortality_1y", "/findings", "/tasks")
TWINS = (
    "/api/patients",
    f"/api/patients/{DORA}",
    "/api/models",
    "/api/models/mortality_1y",
    "/api/findings",
    "/api/tasks",
)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_workspace(tmp_path_factory.mktemp("hospital"))


@pytest.fixture(autouse=True)
def made_up_care(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lifecourse.serve.patient.plan_of", made_up_plan)


@pytest.fixture
def client(workspace: Path) -> TestClient:
    return signed_in(workspace)


@pytest.fixture
def stranger(workspace: Path) -> TestClient:
    from fastapi.testclient import TestClient

    return TestClient(create_app(workspace), base_url="http://127.0.0.1:8000")


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_whole_and_has_no_inline_script_handler_or_style(
    client: TestClient, path: str
) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    page = outline(answer.text)
    assert len(page.ids) == len(set(page.ids))
    assert page.handlers == []
    assert [script["src"] for script in page.scripts] == ["/static/page.mjs"]
    assert "Decision support for clinicians, not a cleared medical device" in answer.text


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_not_shown_to_a_stranger(stranger: TestClient, path: str) -> None:
    answer = stranger.get(path)
    assert answer.status_code == 401
    assert "Please sign in" in answer.text
    assert "statin" not in answer.text


@pytest.mark.parametrize("path", TWINS)
def test_a_twin_has_the_envelope_and_is_not_shown_to_a_stranger(
    client: TestClient, stranger: TestClient, path: str
) -> None:
    assert set(client.get(path).json()) == {"data", "meta"}
    refused = stranger.get(path)
    assert refused.status_code == 401
    assert set(refused.json()) == {"error"}
    assert set(refused.json()["error"]) == {"number", "message"}


@pytest.mark.parametrize("path", [*PAGES, *TWINS, "/healthz", "/static/page.css", "/no-such-page"])
def test_every_answer_keeps_the_page_to_itself(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cache-control"] == ("no-cache" if path.startswith("/static") else "no-store")


def test_the_twin_says_what_the_patient_page_says(client: TestClient) -> None:
    data = client.get(f"/api/patients/{DORA}").json()["data"]
    html = client.get(f"/patients/{DORA}").text
    assert data["who"]["age"] == "62 years"
    assert data["who"]["allergies"] == ["Allergy to penicillin"]
    assert data["as_of"] == "2025-03-01"
    risk = data["likely"]["made"][0]
    assert (risk["shown"], risk["horizon"]) == ("18 %", "10 years")
    for words in (risk["shown"], risk["comparator"], "Allergy to penicillin", "as of", "62 years"):
        assert words in html
    assert data["plan"]["counts"] == {
        "fires": 1, "missing_data": 1, "already_done": 1, "excluded": 1, "not_applicable": 1,
    }  # fmt: skip
    for title in (
        "Cannot tell: data missing",
        "Already done",
        "Not advised here",
        "Does not apply",
    ):
        assert title in html


def test_units_are_shown_both_ways(client: TestClient) -> None:
    by_name = {
        row["title"]: row for row in client.get(f"/api/patients/{DORA}").json()["data"]["latest"]
    }
    assert by_name["HbA1c"]["us"] == "8.2 %"
    assert by_name["HbA1c"]["si"] == "66.1 mmol/mol"  # 10.93 x 8.2 - 23.5
    assert by_name["LDL cholesterol"]["us"] == "131 mg/dL"
    assert by_name["LDL cholesterol"]["si"] == "3.39 mmol/L"
    html = client.get(f"/patients/{DORA}").text
    assert "8.2 %" in html
    assert "66.1 mmol/mol" in html


def test_what_decides_is_linked_to_its_event_on_the_same_page(client: TestClient) -> None:
    html = client.get(f"/patients/{DORA}").text
    page = outline(html)
    inner = [link.removeprefix("#") for link in page.links if link.startswith("#")]
    assert len([link for link in inner if link.startswith("event-")]) >= 4
    assert set(inner) <= set(page.ids)


def test_a_look_is_audited_before_the_page_is_given(workspace: Path, client: TestClient) -> None:
    log = AuditLog(workspace / "audit")
    before = [entry for entry in log.entries() if entry["target"] == f"subject/{DORA}"]
    html = client.get(f"/patients/{DORA}").text
    after = [entry for entry in log.entries() if entry["target"] == f"subject/{DORA}"]
    assert len(after) == len(before) + 1
    assert after[-1]["actor"] == "ada"
    assert after[-1]["purpose"] == "direct_care"
    assert "Who looked at this chart" in html
    log.verify()


def test_words_in_records_are_words_on_the_page(client: TestClient) -> None:
    for path in (f"/patients/{MALICIOUS}", "/findings"):
        html = client.get(path).text
        page = outline(html)
        assert SCRIPT not in html
        assert "&lt;script&gt;" in html
        assert page.handlers == []
        assert len(page.scripts) == 1


def test_findings_are_read_with_their_intervals_on_both_halves(client: TestClient) -> None:
    html = client.get("/findings").text
    for words in (
        "2.1 (1.4 to 3)", "1.9 (1.2 to 2.9)", "SNOMED 433144002", "Associations, not", "an early sign",
        "8 (6 to 10)", "Looks like a pattern, is none", "20 days", "2.7 years", "confirms 0",
    ):  # fmt: skip
        assert words in html
    assert html.count("<svg") >= 2


def test_a_newborn_and_someone_without_any_date_have_pages(client: TestClient) -> None:
    newborn = client.get(f"/patients/{NEWBORN}")
    assert newborn.status_code == 200
    assert "0 days" in newborn.text
    assert "None of the measurements drawn here was ever taken" in newborn.text
    timeless = client.get(f"/patients/{TIMELESS}")
    assert timeless.status_code == 200
    assert "Nothing dated is recorded yet" in timeless.text
    outline(newborn.text)
    outline(timeless.text)


@pytest.mark.parametrize("path", ["/patients/999", "/models/none", "/no-such-page"])
def test_what_is_not_there_is_said_in_words(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    outline(answer.text)
    twin = client.get(f"/api{path}")
    assert twin.status_code == 404
    assert twin.json()["error"]["message"]


def test_a_malformed_request_is_refused_without_quoting_it(client: TestClient) -> None:
    answer = client.get("/api/patients/Ms-Secret-Name")
    assert answer.status_code == 422
    assert "Secret" not in answer.text
    assert answer.json()["error"]["number"] == 422


@pytest.mark.parametrize("years", ["1", "5", "all", "nonsense", "<b>"])
def test_the_drawing_takes_a_range_of_years(client: TestClient, years: str) -> None:
    drawing = client.get(f"/api/patients/{DORA}", params={"years": years}).json()["data"]["drawing"]
    assert drawing["years"] in drawing["ranges"]
    hba1c = [row for row in drawing["rows"] if row["what"] == "HbA1c"]
    assert len(hba1c) == {"1": 2, "5": 6}.get(years, 10)


def test_the_list_is_searched_filtered_and_paged(client: TestClient) -> None:
    everyone = client.get("/api/patients").json()["data"]
    assert (everyone["found"], everyone["of"]) == (4, 4)
    assert everyone["recommendations"] == [
        {"name": "statin", "title": "Start a statin", "patients": 1}
    ]
    firing = client.get("/api/patients", params={"fires": "statin"}).json()["data"]
    assert [row["subject_id"] for row in firing["patients"]] == [DORA]
    gaining = client.get("/api/patients", params={"order": "gain"}).json()["data"]
    assert gaining["patients"][0]["subject_id"] == DORA
    assert "To gain" in client.get("/", params={"order": "gain"}).text
    found = client.get("/api/patients", params={"q": "103"}).json()["data"]
    assert [row["subject_id"] for row in found["patients"]] == [TIMELESS]
    assert client.get("/api/patients", params={"q": ".*"}).json()["data"]["found"] == 0
    assert client.get("/api/patients", params={"page": 99}).json()["data"]["page"] == 1


def test_an_empty_store_has_a_list_that_says_so(tmp_path: Path) -> None:
    client = signed_in(make_workspace(tmp_path, rows=[]))
    answer = client.get("/")
    assert answer.status_code == 200
    assert "The store is empty" in answer.text


def test_a_link_signs_in_once(workspace: Path, stranger: TestClient) -> None:
    link = sign_in_link(workspace, Actor(name="grace"))
    path = link.removeprefix("http://127.0.0.1:8000")
    answer = stranger.get(path)
    assert answer.status_code == 200
    assert "Signed in as grace" in answer.text
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    assert stranger.get("/").status_code == 200
    assert stranger.get(path).status_code == 401


def test_signing_out_makes_the_session_worthless(workspace: Path) -> None:
    client = signed_in(workspace)
    kept = dict(client.cookies)
    assert client.post("/sign-out").status_code == 200
    client.cookies.update(kept)
    assert client.get("/").status_code == 401


def test_a_changed_or_foreign_token_signs_nobody_in(
    workspace: Path, stranger: TestClient, tmp_path: Path
) -> None:
    from lifecourse.serve.auth import COOKIE, local_issuer

    ours = local_issuer(workspace).session_token(Actor(name="ada"))
    body, _, seal = ours.partition(".")
    link = local_issuer(workspace).link_token(Actor(name="ada"))
    foreign = local_issuer(tmp_path).session_token(Actor(name="ada"))
    for token in (f"{body}x.{seal}", f"{body}.{seal[:-1]}0x", "", ".", "ä.ö", link, foreign):
        cookie = f"{COOKIE}={token}".encode("latin-1")
        assert stranger.get("/", headers={"cookie": cookie}).status_code == 401


def test_the_signing_key_is_read_by_its_owner_alone(workspace: Path, client: TestClient) -> None:
    del client
    assert (workspace / ".sign-in" / "key").stat().st_mode & 0o777 == 0o600


def test_a_form_of_another_site_is_refused(client: TestClient) -> None:
    answer = client.post(
        f"/patients/{DORA}/answers",
        data={"recommendation": "statin", "outcome": "accepted"},
        headers={"origin": "https://elsewhere.example"},
    )
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "null"}, {"origin": "http://127.0.0.1:8001"}, {"origin": "https://127.0.0.1:8000"},
        {"origin": "http://127.0.0.1:8000.evil.example"}, {"origin": ""}, {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"}, {"sec-fetch-site": "none"}, {},
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize(
    "path", [f"/patients/{DORA}/answers", "/sign-out", "/reviews/type_2_diabetes"]
)
def test_a_change_by_cookie_is_asked_for_by_our_own_page_alone(
    workspace: Path, path: str, headers: dict[str, str]
) -> None:
    client = signed_in(workspace)
    del client.headers["origin"]
    assert client.post(path, data={"outcome": "accepted"}, headers=headers).status_code == 403
    assert client.get("/").status_code == 200


def test_sign_out_clears_what_the_browser_keeps(workspace: Path) -> None:
    answer = signed_in(workspace).post("/sign-out")
    assert answer.headers["clear-site-data"] == '"storage"'


def test_methods_that_nothing_takes_are_refused(client: TestClient) -> None:
    for method in ("TRACE", "PUT", "DELETE", "PATCH", "CONNECT", "OPTIONS"):
        assert client.request(method, "/").status_code == 405


def test_another_name_of_this_server_is_refused(client: TestClient) -> None:
    assert client.get("/", headers={"host": "rebound.example"}).status_code == 400


def test_an_answer_is_kept_and_shown(client: TestClient) -> None:
    path = f"/patients/{DORA}/answers"
    form = {"recommendation": "statin", "outcome": "overridden", "reason": "patient-declined"}
    answer = client.post(path, data=form)
    assert answer.status_code == 200
    assert "Not now: The patient prefers not to" in answer.text
    assert client.post(path, data={**form, "reason": "whatever"}).status_code == 400
    assert client.post(path, data={**form, "recommendation": "af"}).status_code == 400


def test_a_large_body_is_refused(client: TestClient) -> None:
    body = {"recommendation": "x" * (PAGE.bytes + 1), "outcome": "accepted"}
    assert client.post(f"/patients/{DORA}/answers", data=body).status_code == 413


def test_health_says_nothing_of_people(stranger: TestClient, tmp_path: Path) -> None:
    from fastapi.testclient import TestClient

    assert stranger.get("/healthz").json()["data"] == {"status": "alive"}
    assert stranger.get("/readyz").json()["data"] == {"status": "ready"}
    nothing = TestClient(create_app(tmp_path), base_url="http://127.0.0.1")
    assert nothing.get("/readyz").status_code == 503


def test_log_lines_have_the_route_and_never_who(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", logger="lifecourse.serve"):
        client.get(f"/patients/{DORA}?years=2")
        client.get("/patients/Ms-Secret-Name")
        client.get("/Ms-Secret-Name")
    lines = [
        json.loads(record.getMessage())
        for record in caplog.records
        if record.name == "lifecourse.serve"
    ]
    assert [line["route"] for line in lines] == [
        "/patients/{subject_id}",
        "/patients/{subject_id}",
        "no such route",
    ]
    assert [line["status"] for line in lines] == [200, 422, 404]
    assert not re.search(f"{DORA}|Secret", " ".join(map(str, lines)))


def test_an_unexpected_error_is_one_line_without_its_words(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("Ms Secret Name")

    monkeypatch.setattr("lifecourse.serve.patient.plan_of", broken)
    client = signed_in(workspace)
    answer = client.get(f"/api/patients/{DORA}")
    assert answer.status_code == 500
    assert answer.json()["error"]["number"] == 500
    assert "Secret" not in answer.text
    assert "ValueError in broken" in caplog.text
    assert answer.headers["cache-control"] == "no-store"


def test_pages_as_files_link_to_each_other_and_nowhere_else(
    workspace: Path, tmp_path: Path
) -> None:
    index = write_static_pages(workspace, tmp_path / "pages", actor=Actor(name="ada"))
    for file in (index, *sorted((tmp_path / "pages" / "patients").glob("*.html"))):
        page = outline(file.read_text())
        assert page.scripts == []
        for link in page.links:
            if not link.startswith(("#", "https://doi.org/")):
                assert (file.parent / link).exists(), link
    assert len(list((tmp_path / "pages" / "patients").glob("*.html"))) == 4


def test_pages_as_files_are_of_who_gains_most(
    workspace: Path, client: TestClient, tmp_path: Path
) -> None:
    found = client.get("/api/patients?order=gain").json()["data"]
    listed = [row["subject_id"] for row in found["patients"]]
    index = write_static_pages(workspace, tmp_path / "pages", actor=Actor(name="ada"), most=2)
    links = [link for link in outline(index.read_text()).links if link.startswith("patients/")]
    assert links == [f"patients/{subject_id}.html" for subject_id in listed[:2]]
