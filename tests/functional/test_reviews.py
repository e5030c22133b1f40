"""Clinicians judge a phenotype by charts: asked for in process."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import polars as pl
import pytest
from hospital import DORA, SCRIPT, make_workspace
from pages import signed_in

from lifecourse.cli import main
from lifecourse.privacy.audit import AuditLog
from lifecourse.timeline.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from fastapi.testclient import TestClient

T2D = "/reviews/type_2_diabetes"
DRAW = {"each": "10", "seed": "3", "purpose": "operations"}


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return make_workspace(tmp_path)


@pytest.fixture
def client(workspace: Path) -> TestClient:
    return signed_in(workspace)


def found_chart(client: TestClient) -> int:
    """The number of Dora's chart, the only one of which the phenotype says yes: no page says whose it is."""
    pages = [client.get(f"{T2D}/charts/{number}").text for number in (1, 2, 3)]
    (found,) = [number for number, page in enumerate(pages, start=1) if "Yes, since" in page]
    return found


def test_charts_are_drawn_judged_and_summed_up(workspace: Path, client: TestClient) -> None:
    assert "no charts drawn" in client.get("/reviews").text
    assert client.get("/api/reviews/type_2_diabetes").json()["data"]["sample"] is None
    page = client.post(T2D, data=DRAW)
    assert page.status_code == 200
    assert "0 of 3 charts are judged" in page.text
    for number in (1, 2, 3):
        shown = client.get(f"{T2D}/charts/{number}")
        answer = "yes" if "Yes, since 2016-03-01" in shown.text else "no"
        after = client.post(
            f"{T2D}/charts/{number}", data={"answer": answer}, follow_redirects=False
        )
        assert after.status_code == 303
        assert after.headers["location"] == (T2D if number == 3 else f"{T2D}/charts/{number + 1}")
    found = client.get("/api/reviews/type_2_diabetes").json()["data"]
    assert found["next"] is None
    assert found["agreement"]["ppv"]["value"] == 1.0
    assert found["agreement"]["sensitivity"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    labels = pl.read_parquet(workspace / "labels" / "reviewed_type_2_diabetes.parquet")
    assert labels.filter("boolean_value")["subject_id"].to_list() == [DORA]
    assert labels.height == 3


def test_a_chart_says_why_with_the_deciding_events_linked_on_the_page(client: TestClient) -> None:
    client.post(T2D, data=DRAW)
    page = client.get(f"{T2D}/charts/{found_chart(client)}").text
    why = page.partition('id="why"')[2].partition("</section>")[0]
    assert "Met 2016-03-01:" in why
    assert "Haemoglobin A1c of 6.5 or more, on 2 days" in why
    assert re.findall(r"(\d{4}-\d\d-\d\d)</span> <a[^>]*>HbA1c", why) == [
        "2017-03-01",
        "2018-03-01",
    ]
    targets = re.findall(r'href="#(event-\d+)"', page)
    assert targets
    assert all(f'id="{target}"' in page for target in targets)
    hints = why.partition("Points to it, proves nothing")[2]
    assert "Metformin" in hints


def test_looks_and_answers_are_audited_with_their_purpose(
    workspace: Path, client: TestClient
) -> None:
    client.post(T2D, data=DRAW)
    number = found_chart(client)
    client.post(f"{T2D}/charts/{number}", data={"answer": "yes", "reason": "tests show it"})
    log = AuditLog(Store.at(workspace / "store").audit_folder)
    told = [(e["actor"], e["purpose"], e["action"], e["target"]) for e in log.entries()]
    assert ("ada", "operations", "draw charts to review", "phenotype/type_2_diabetes") in told
    assert ("ada", "operations", "look", f"subject/{DORA}") in told
    assert ("ada", "operations", "judge type_2_diabetes", f"subject/{DORA}") in told
    assert log.verify() == len(told)


def test_what_the_phenotype_said_is_kept_back_in_a_blind_review(client: TestClient) -> None:
    client.post(T2D, data={**DRAW, "blind": "yes"})
    for number in (1, 2, 3):
        path = f"{T2D}/charts/{number}"
        assert "this review is blind" in client.get(path).text
        hidden = client.get(f"/api{path}").json()["data"]
        assert (hidden["why"], hidden["stratum"]) == (None, None)
        client.post(path, data={"answer": "cannot tell"})
        assert client.get(f"/api{path}").json()["data"]["why"] is not None


def test_an_answer_is_changed_and_others_are_shown_only_to_who_has_answered(
    workspace: Path, client: TestClient
) -> None:
    client.post(T2D, data=DRAW)
    other = signed_in(workspace, actor="bob")
    client.post(f"{T2D}/charts/1", data={"answer": "no"})
    client.post(f"{T2D}/charts/1", data={"answer": "yes", "reason": "tests show it"})
    assert "You said yes: tests show it" in client.get(f"{T2D}/charts/1").text
    assert "ada said" not in other.get(f"{T2D}/charts/1").text
    other.post(f"{T2D}/charts/1", data={"answer": "no"})
    assert "ada said yes: tests show it" in other.get(f"{T2D}/charts/1").text
    found = client.get("/api/reviews/type_2_diabetes").json()["data"]["agreement"]
    assert sum(row["disputed"] for row in found["strata"]) == 1
    assert found["kappas"][0]["reviewers"] == ["ada", "bob"]
    assert "agree on 0 of 1 charts" in client.get(T2D).text


def test_words_in_records_and_reasons_are_words_on_the_page(client: TestClient) -> None:
    client.post("/reviews/hypertension", data=DRAW)
    for number in (1, 2, 3):
        path = f"/reviews/hypertension/charts/{number}"
        client.post(path, data={"answer": "yes", "reason": SCRIPT})
        page = client.get(path).text
        assert SCRIPT not in page
        assert "&lt;script&gt;" in page


def test_what_is_not_there_is_said_in_words(client: TestClient) -> None:
    assert client.get("/reviews/sugar").status_code == 404
    assert client.get("/reviews/..%2f..%2fstore").status_code == 404
    assert client.get(f"{T2D}/charts/1").status_code == 404
    client.post(T2D, data=DRAW)
    assert client.get(f"{T2D}/charts/4").status_code == 404
    assert client.get(f"{T2D}/charts/0").status_code == 404
    assert client.post(f"{T2D}/charts/1", data={"answer": "perhaps"}).status_code == 400
    assert client.post(T2D, data={**DRAW, "purpose": "curiosity"}).status_code == 400
    assert client.post(T2D, data={**DRAW, "each": "0"}).status_code == 400


def test_a_form_of_another_site_is_refused(client: TestClient) -> None:
    away = {"origin": "https://elsewhere.example"}
    assert client.post(T2D, data=DRAW, headers=away).status_code == 403
    client.post(T2D, data=DRAW)
    answer = client.post(f"{T2D}/charts/1", data={"answer": "yes"}, headers=away)
    assert answer.status_code == 403


def test_verdicts_are_drawn_for_and_exported_by_the_command(
    workspace: Path, client: TestClient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["phenotypes", str(workspace), "--verdicts", str(out)]) != 0
    assert "no charts were drawn" in capsys.readouterr().err
    drawn = ["phenotypes", str(workspace), "--draw", "type_2_diabetes", "--each", "5", "--blind"]
    assert main([*drawn, "--seed", "9"]) == 0
    capsys.readouterr()
    client.post(f"{T2D}/charts/{1}", data={"answer": "cannot tell", "reason": "too little"})
    client.post(f"{T2D}/charts/{2}", data={"answer": "no"})
    assert main(["phenotypes", str(workspace), "--verdicts", str(out), "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["reviews"]
    assert (row["phenotype"], row["charts"], row["judged"]) == ("type_2_diabetes", 3, 2)
    assert row["sensitivity"] is None
    labels = pl.read_parquet(out / "type_2_diabetes.labels.parquet")
    assert labels["boolean_value"].to_list() == [False]
    told = pl.read_parquet(out / "type_2_diabetes.verdicts.parquet")
    assert told["reason"].to_list() == ["too little", ""]
    assert main(["phenotypes", str(workspace / "store"), "--verdicts", str(out)]) == 0
    assert "type_2_diabetes" in capsys.readouterr().out


def test_an_erased_person_leaves_the_review_and_its_labels(
    workspace: Path, client: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    client.post(T2D, data=DRAW)
    for number in (1, 2, 3):
        client.post(f"{T2D}/charts/{number}", data={"answer": "yes"})
    assert main(["erase", str(workspace), "--subject", str(DORA), "--yes"]) == 0
    capsys.readouterr()
    kept = [path for folder in ("reviews", "labels") for path in (workspace / folder).rglob("*")]
    assert not [path for path in kept if path.is_file() and str(DORA).encode() in path.read_bytes()]
    labels = pl.read_parquet(workspace / "labels" / "reviewed_type_2_diabetes.parquet")
    assert labels.height == 2
    assert DORA not in labels["subject_id"]
    fresh = signed_in(workspace)
    found = fresh.get("/api/reviews/type_2_diabetes").json()["data"]
    assert (found["agreement"]["charts"], found["agreement"]["judged"]) == (2, 2)
    assert [fresh.get(f"{T2D}/charts/{number}").status_code for number in (1, 2, 3)] == [
        200,
        200,
        404,
    ]
