"""FHIR files: lines, Bundles and gzip; what is damaged is rejected by reason and the rest goes on."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from fhirs import (
    PATIENT,
    RXNORM,
    SUBJECT,
    bundle,
    concept,
    condition,
    events,
    read,
    rejects,
    write_ndjson,
)

from lifecourse.base.errors import SourceError
from lifecourse.records.fhir import source as source_module

if TYPE_CHECKING:
    from pathlib import Path

CODE = "SNOMED//44054006"


def rows_read(batches: list[Any]) -> int:
    return sum(batch.rows_read for batch in batches)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{not json", "not valid JSON"),
        ('{"resourceType": "Observation", "valueInteger": NaN}', "not valid JSON"),
        ('{"resourceType":"Condition","id":"a","id":"b"}', "a key stands twice in an object"),
        ('{"resourceType": "Condition", "id": "a", "id" : "b"}', "a key stands twice in an object"),
        ('{"a":1,"a":2,"b" :3}', "a key stands twice in an object"),
        ("[" * 600 + "]" * 600, "nested too deeply"),
        ("[]", "not a FHIR resource"),
        ("null", "not a FHIR resource"),
        ('"Condition"', "not a FHIR resource"),
        ('{"id": "x"}', "not a FHIR resource"),
        (condition(subject=None), "no subject"),
        (condition(subject={"display": "someone"}), "no subject"),
        (condition(subject={"reference": "Group/1"}), "subject is not a patient"),
        (condition(subject={"reference": "#p"}), "subject is not a patient"),
        (condition(subject={"reference": "Patient?identifier=7"}), "subject named by a search, not by id"),
        (condition(subject="Patient/p1"), "not shaped as FHIR says"),
        (condition(code=None), "no code"),
        (condition(code={"coding": "x"}), "no code"),
        (condition(code={"coding": 5}), "no code"),
        (condition(verificationStatus="confirmed"), "not shaped as FHIR says"),
        (condition(recordedDate=None), "no time"),
        (condition(recordedDate=2020), "a time that is not text"),
        (condition(recordedDate="last week"), "a time that is no FHIR date or time"),
        ({"resourceType": "Patient", "gender": "male"}, "a patient without an id"),
        (
            {"resourceType": "Observation", "id": "o", "status": "final", "subject": SUBJECT, "code": {"text": "x"},
             "effectiveDateTime": "2020", "valueQuantity": {"value": "7"}},
            "a value that is not a number",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_rejected_and_the_rest_goes_on(
    tmp_path: Path, line: Any, reason: str
) -> None:
    lines = [condition("c1"), line, condition("c3")]
    batches = read(write_ndjson(tmp_path / "x.ndjson", lines))
    assert rejects(batches) == [(2, reason)]
    assert events(batches).select("source_id", "source_row").rows() == [
        ("Condition/c1", 1),
        ("Condition/c3", 3),
    ]
    assert rows_read(batches) == 3


@pytest.mark.parametrize(
    "kind", ["collection", "document", "searchset", "transaction", "batch", "history"]
)
def test_every_kind_of_bundle_gives_its_entries(tmp_path: Path, kind: str) -> None:
    body = bundle({"resource": PATIENT}, {"resource": condition()}, kind=kind)
    (tmp_path / "x.json").write_text(json.dumps(body))
    found = events(read(tmp_path))
    assert found.filter(pl.col("code") == CODE)["source_row"].to_list() == [2]


def test_bundle_within_a_bundle_is_read(tmp_path: Path) -> None:
    inner = bundle({"resource": condition()}, kind="searchset")
    (tmp_path / "x.json").write_text(json.dumps(bundle({"resource": inner}, kind="batch-response")))
    batches = read(tmp_path)
    assert events(batches)["code"].to_list() == [CODE]
    assert rows_read(batches) == 1


@pytest.mark.parametrize(
    "entries", [[{"response": {"status": "201"}}], ["x"], [None], {"resource": {}}]
)
def test_entry_without_a_resource_is_rejected(tmp_path: Path, entries: Any) -> None:
    (tmp_path / "x.json").write_text(json.dumps(bundle() | {"entry": entries}))
    batches = read(tmp_path)
    assert rejects(batches) == [(1, "not a FHIR resource")]
    assert rows_read(batches) == 1


@pytest.mark.parametrize(
    "name", ["x.ndjson", "x.ndjson.gz", "x.jsonl", "X.NDJSON", "x.json", "x.json.gz"]
)
def test_file_reads_the_same_in_every_wrapping(tmp_path: Path, name: str) -> None:
    raw = json.dumps(condition()).encode()
    (tmp_path / name).write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
    assert events(read(tmp_path))["source_id"].to_list() == ["Condition/c1"]


def test_byte_order_mark_and_blank_lines_are_not_rows(tmp_path: Path) -> None:
    line = json.dumps(condition()).encode()
    (tmp_path / "x.ndjson").write_bytes(b"\xef\xbb\xbf" + line + b"\r\n\r\n" + line)
    batches = read(tmp_path)
    assert events(batches)["source_row"].to_list() == [1, 3]
    assert rows_read(batches) == 2


def test_cut_gzip_gives_its_whole_lines_and_says_so(tmp_path: Path) -> None:
    random = "".join(f"{number * 7919 % 10_007:x}" for number in range(40_000))
    lines = [json.dumps(condition(f"c{i}", note=random[i * 50 :])) for i in range(20)]
    raw = gzip.compress("\n".join(lines).encode())
    (tmp_path / "x.ndjson.gz").write_bytes(raw[: len(raw) // 2])
    batches = read(tmp_path)
    whole = events(batches).height
    assert rejects(batches) == [(whole + 1, "a damaged file")]


def test_damaged_file_among_others_is_a_reject_and_alone_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(SourceError, match=r"a\.json"):
        read(tmp_path)
    write_ndjson(tmp_path / "b.ndjson", [condition()])
    batches = read(tmp_path)
    assert rejects(batches) == [(1, "not valid JSON")]
    assert events(batches).height == 1


def test_ranges_of_a_file_cover_each_line_once_with_its_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[Any] = [condition(f"c{i}") for i in range(50)]
    lines[30] = "{broken"
    path = write_ndjson(tmp_path / "x.ndjson", lines)
    monkeypatch.setattr(source_module, "UNIT_BYTES", 700)
    batches = read(path)
    assert len(batches) > 5
    assert rejects(batches) == [(31, "not valid JSON")]
    assert events(batches)["source_row"].to_list() == [i for i in range(1, 51) if i != 31]


def test_nothing_is_lost_between_batches_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_module, "BATCH_RESOURCES", 3)
    lines = [condition(f"c{i}") if i % 4 else "{broken" for i in range(20)]
    batches = read(write_ndjson(tmp_path / "x.ndjson", lines))
    assert len(batches) > 3
    assert [row for row, _ in rejects(batches)] == [1, 5, 9, 13, 17]
    assert events(batches).height == 15
    assert rows_read(batches) == 20


def test_resource_of_another_kind_is_counted_by_kind(tmp_path: Path) -> None:
    lines = [{"resourceType": kind} for kind in ("Organization", "Claim", "Organization")]
    (batch,) = read(write_ndjson(tmp_path / "x.ndjson", lines))
    assert batch.reference_rows == {"Organization": 2, "Claim": 1}


@pytest.mark.parametrize(
    "reference",
    ["Patient/p1", "https://ehr.example/fhir/Patient/p1", "Patient/p1/_history/3", "https://ehr.example/Patient/p1/_history/1"],
)  # fmt: skip
def test_patient_is_found_by_every_form_of_reference(tmp_path: Path, reference: str) -> None:
    path = write_ndjson(tmp_path / "x.ndjson", [condition(subject={"reference": reference})])
    assert events(read(path))["subject_key"].to_list() == ["p1"]


def test_contained_medication_is_read_and_an_absent_one_rejected(tmp_path: Path) -> None:
    inner = {"resourceType": "Medication", "id": "m", "code": concept(RXNORM, "860975")}
    body = {
        "resourceType": "MedicationRequest", "status": "active", "intent": "order", "subject": SUBJECT,
        "authoredOn": "2020-01-01", "contained": [inner], "medicationReference": {"reference": "#m"},
    }  # fmt: skip
    lines = [body, body | {"medicationReference": {"reference": "#other"}}]
    batches = read(write_ndjson(tmp_path / "x.ndjson", lines))
    assert events(batches)["code"].to_list() == ["RxNorm//860975"]
    assert rejects(batches) == [(2, "reference to a medication that is not in the source")]


def test_preferred_coding_wins_wherever_it_stands(tmp_path: Path) -> None:
    icd = {"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "E119"}
    local = {"system": "urn:oid:1.2.3", "code": "DM2"}
    snomed = {"system": "http://snomed.info/sct", "code": "44054006"}
    for number, codings in enumerate(([icd, snomed, local], [local, snomed], [local, icd])):
        body = condition(f"c{number}", code={"coding": codings})
        write_ndjson(tmp_path / f"{number}.ndjson", [body])
    assert events(read(tmp_path))["code"].to_list() == [CODE, CODE, "ICD10CM//E11.9"]


def test_words_without_a_code_are_kept_as_text(tmp_path: Path) -> None:
    path = write_ndjson(tmp_path / "x.ndjson", [condition(code={"text": "sugar"})])
    assert events(read(path)).select("code", "text_value").rows() == [("TEXT//Condition", "sugar")]
