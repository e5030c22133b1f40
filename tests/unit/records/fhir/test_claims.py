"""Claims are cut out of Bundles before they are parsed; the rest is what it would be without that."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from fhirs import CLAIM, bundle, condition, entry, events, read, rejects, report, timeless

from lifecourse.records.fhir import intake
from lifecourse.records.fhir.claims import shortened

if TYPE_CHECKING:
    from pathlib import Path

POST = {"method": "POST", "url": "Claim"}
SEARCH = {"mode": "match", "extension": [{"url": "x", "valueString": "y"}]}


BUNDLES = {
    "claim last": bundle(entry(condition()), entry(CLAIM)),
    "claims in a row": bundle(entry(CLAIM), entry(CLAIM), entry(condition())),
    "requests": bundle(entry(CLAIM, request=POST), entry(condition(), request=POST)),
    "searched": bundle(entry(CLAIM, search=SEARCH), entry(condition(), search=SEARCH)),
    "deletion between": bundle(
        entry(CLAIM), {"request": {"method": "DELETE", "url": "Condition/c9"}}, entry(condition())
    ),
    "asked before": bundle(
        {"request": POST, "resource": CLAIM}, {"request": POST, "resource": condition()}
    ),
    "answers a claim": bundle(
        entry({**CLAIM, "resourceType": "ClaimResponse", "request": {"reference": "Claim/k1"}}),
        entry(condition()),
    ),
    "within a Bundle": bundle({"resource": bundle(entry(CLAIM), entry(condition()))}),
}


def without_claims(body: Any) -> Any:
    """What `shortened` should leave, made slowly."""
    if isinstance(body, list):
        return [without_claims(one) for one in body]
    if not isinstance(body, dict):
        return body
    if str(body.get("resourceType")).startswith("Claim"):
        return {"resourceType": body["resourceType"]}
    return {key: without_claims(value) for key, value in body.items()}


def read_parts_of(said: Any) -> Any:
    """A Bundle without what nobody reads of an entry."""
    if isinstance(said, dict):
        return {k: read_parts_of(v) for k, v in said.items() if k != "search"}
    return [read_parts_of(one) for one in said] if isinstance(said, list) else said


@pytest.mark.parametrize("indent", [None, 0, 1, 2, 4, "\t"])
@pytest.mark.parametrize("name", BUNDLES)
def test_shortened_bundle_says_the_same_but_for_claims(name: str, indent: int | str | None) -> None:
    raw = json.dumps(BUNDLES[name], indent=indent).encode()
    found = orjson.loads(shortened(raw))
    if found != BUNDLES[name]:
        assert read_parts_of(found) == read_parts_of(without_claims(BUNDLES[name]))
    if name in ("claim last", "claims in a row", "requests", "searched"):
        assert b"total" not in shortened(raw)


@pytest.mark.parametrize("size", [16 << 20, 64])
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("name", BUNDLES)
def test_claims_are_counted_and_the_rest_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, indent: int | None, size: int
) -> None:
    monkeypatch.setattr(intake, "WHOLE_BYTES", size)
    path = tmp_path / "x.json"
    path.write_text(json.dumps(BUNDLES[name], indent=indent))
    batches = read(path)
    counted: dict[str, int] = {}
    for batch in batches:
        for kind, count in batch.reference_rows.items():
            counted[kind] = counted.get(kind, 0) + count
    claims = {k: n for k, n in counted.items() if k.startswith("Claim")}
    assert sum(claims.values()) == (2 if name == "claims in a row" else 1)
    assert events(batches)["code"].to_list() == ["SNOMED//44054006"]
    assert sum(batch.rows_read for batch in batches) == sum(counted.values()) + 1
    if name == "deletion between":
        assert counted["deletion"] == 1
    assert rejects(batches) == []


def test_brackets_and_quotes_within_texts_do_not_end_a_claim() -> None:
    claim = CLAIM | {"note": '} "] \\" {', "z": "\\\\"}
    raw = json.dumps(bundle(entry(claim), entry(condition())), separators=(",", ":")).encode()
    assert orjson.loads(shortened(raw))["entry"][1] == entry(condition())
    assert b"total" not in shortened(raw)
    for cut in range(0, len(raw), 7):
        assert raw[:cut].startswith(shortened(raw[:cut])[:20])


@pytest.mark.parametrize("text", ['{"resource": 1', '"resource": {\n"resourceType": "Claim"'])
def test_text_that_is_no_bundle_is_left_as_it_is(text: str) -> None:
    assert shortened(text.encode()) == text.encode()


@pytest.mark.parametrize("where", ["before", "behind", "nowhere"])
@pytest.mark.parametrize("most", [50_000, 1])
def test_bundle_in_parts_gives_times_as_a_whole_one_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, most: int
) -> None:
    inner = [entry(timeless("o1")), entry(timeless("o2")), entry(report("o1")), entry(condition())]
    told = {"timestamp": "2020-04-01T00:00:00Z"}
    body: dict[str, Any] = {"resourceType": "Bundle", "type": "collection"}
    body |= told if where == "before" else {}
    body |= {"entry": inner}
    body |= told if where == "behind" else {}
    path = tmp_path / "x.json"
    path.write_text(json.dumps(body))
    whole = read(path)
    monkeypatch.setattr(intake, "WHOLE_BYTES", 64)
    monkeypatch.setattr(intake, "CHUNK_BYTES", 16 if most == 1 else 1 << 20)
    in_parts = read(path)
    columns = ["source_id", "source_row", "code", "time", "onset_time"]
    assert (
        events(in_parts)
        .select(columns)
        .sort(columns)
        .equals(events(whole).select(columns).sort(columns))
    )
    assert rejects(in_parts) == rejects(whole) == ([] if where != "nowhere" else [(2, "no time")])
    assert sum(b.rows_read for b in in_parts) == 4
