"""FHIR through ingest: references in any order, versions, deletions, and every row accounted for."""

from __future__ import annotations

import json
import tarfile
from itertools import permutations
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from fhirs import PATIENT, RXNORM, bundle, concept, condition, write_ndjson

from lifecourse.schema.actor import Actor, Identifiability, Purpose
from lifecourse.timeline.access import open_timeline
from lifecourse.timeline.ingestion import ingest

if TYPE_CHECKING:
    from pathlib import Path

    from lifecourse.timeline.assembly import IngestReport

WHO = Actor(name="tester")
URN = "urn:uuid:7c0f4d1e-0000-4000-8000-000000000001"
DRUG_URN = "urn:uuid:7c0f4d1e-0000-4000-8000-000000000002"
MEDICATION = {
    "resourceType": "Medication",
    "id": "m1",
    "code": concept(RXNORM, "860975", "Metformin"),
}
DELETION = {"request": {"method": "DELETE", "url": "Condition/c1"}}


def request(subject: str, medicine: str, **fields: Any) -> dict[str, Any]:
    return {
        "resourceType": "MedicationRequest", "id": "r1", "status": "active", "intent": "order",
        "subject": {"reference": subject}, "authoredOn": "2020-01-01T00:00:00Z",
        "medicationReference": {"reference": medicine}, **fields,
    }  # fmt: skip


def take(source: Path, store: Path) -> IngestReport:
    report = ingest(source, store, kind="fhir", identifiability=Identifiability.SYNTHETIC)
    accounted = report.event_rows + report.duplicate_rows + sum(report.rejects.values())
    assert report.rows_read == accounted + sum(report.reference_rows.values())
    return report


def stored(store: Path) -> pl.DataFrame:
    timeline = open_timeline(store, actor=WHO, purpose=Purpose.DIRECT_CARE)
    charts = [timeline.chart(int(subject)).events for subject in timeline.subject_ids()]
    return pl.concat(charts) if charts else pl.DataFrame({"code": []}, schema={"code": pl.String})


def codes(store: Path) -> list[str]:
    return sorted(code for code in stored(store)["code"] if "//" in code and "SEX" not in code)


@pytest.mark.parametrize("order", list(permutations("abc")))
def test_references_between_files_are_found_in_any_order(tmp_path: Path, order: tuple[str]) -> None:
    source = tmp_path / "source"
    source.mkdir()
    parts = [
        {"fullUrl": URN, "resource": PATIENT},
        {"fullUrl": DRUG_URN, "resource": MEDICATION},
        {"resource": request(URN, DRUG_URN)},
    ]
    for letter, part in zip(order, parts, strict=True):
        (source / f"{letter}.json").write_text(json.dumps(bundle(part)))
    report = take(source, tmp_path / "store")
    assert report.subjects == 1
    assert codes(tmp_path / "store") == ["RxNorm//860975"]


@pytest.mark.parametrize(
    "reference", ["Medication/m1", "https://ehr.example/fhir/Medication/m1", "Medication/m1/_history/2"]
)  # fmt: skip
def test_medication_of_another_file_gives_its_code_and_keeps_the_status(
    tmp_path: Path, reference: str
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    asked = request("Patient/p1", reference, doNotPerform=True)
    write_ndjson(source / "a.ndjson", [asked])
    write_ndjson(source / "b.ndjson", [PATIENT])
    write_ndjson(source / "c.ndjson", [MEDICATION])
    take(source, tmp_path / "store")
    assert codes(tmp_path / "store") == ["NOT_DONE//RxNorm//860975"]


def test_medication_that_is_nowhere_is_a_reject_with_its_reason(tmp_path: Path) -> None:
    path = write_ndjson(tmp_path / "x.ndjson", [PATIENT, request("Patient/p1", "Medication/no")])
    report = take(path, tmp_path / "store")
    assert report.rejects == {"reference to a medication that is not in the source": 1}
    assert codes(tmp_path / "store") == []


def test_patient_by_urn_and_by_id_is_one_subject(tmp_path: Path) -> None:
    body = bundle(
        {"resource": condition("c1", subject={"reference": URN})},
        {"resource": condition("c2", subject={"reference": "Patient/p1"})},
        {"fullUrl": URN, "resource": PATIENT},
        kind="transaction",
    )
    (tmp_path / "x.json").write_text(json.dumps(body))
    assert take(tmp_path / "x.json", tmp_path / "store").subjects == 1
    assert len(codes(tmp_path / "store")) == 2


def _version(day: int, code: str) -> dict[str, Any]:
    meta = {"lastUpdated": f"2021-01-{day:02}T00:00:00Z"}
    return condition(meta=meta, code=concept("http://snomed.info/sct", code))


@pytest.mark.parametrize("days", list(permutations((1, 2, 3))))
def test_newest_version_stands_in_whatever_order_they_come(
    tmp_path: Path, days: tuple[int, ...]
) -> None:
    versions = [_version(day, str(day)) for day in days]
    take(write_ndjson(tmp_path / "x.ndjson", [PATIENT, *versions]), tmp_path / "store")
    assert codes(tmp_path / "store") == ["SNOMED//3"]


def test_later_export_replaces_by_id_and_equals_a_fresh_load(tmp_path: Path) -> None:
    store = tmp_path / "store"
    take(write_ndjson(tmp_path / "monday.ndjson", [PATIENT, _version(1, "1")]), store)
    take(write_ndjson(tmp_path / "tuesday.ndjson", [PATIENT, _version(2, "2")]), store)
    assert codes(store) == ["SNOMED//2"]


def test_correction_to_entered_in_error_removes_what_stood(tmp_path: Path) -> None:
    store = tmp_path / "store"
    take(write_ndjson(tmp_path / "monday.ndjson", [PATIENT, _version(1, "1")]), store)
    wrong = _version(2, "1") | {"verificationStatus": {"coding": [{"code": "entered-in-error"}]}}
    take(write_ndjson(tmp_path / "tuesday.ndjson", [PATIENT, wrong]), store)
    assert codes(store) == []


def test_bulk_deletion_removes_the_record(tmp_path: Path) -> None:
    store = tmp_path / "store"
    take(
        write_ndjson(tmp_path / "monday.ndjson", [PATIENT, condition("c1"), condition("c2")]), store
    )
    write_ndjson(tmp_path / "deleted.ndjson", [bundle(DELETION, kind="transaction")])
    report = take(tmp_path / "deleted.ndjson", store)
    assert report.removed == 1
    assert stored(store)["source_id"].drop_nulls().unique().sort().to_list() == [
        "Condition/c2",
        "Patient/p1",
    ]


def test_withdrawn_in_the_same_file_never_stands(tmp_path: Path) -> None:
    wrong = _version(2, "1") | {"verificationStatus": {"coding": [{"code": "entered-in-error"}]}}
    lines = [PATIENT, _version(1, "1"), wrong]
    report = take(write_ndjson(tmp_path / "x.ndjson", lines), tmp_path / "store")
    assert report.rejects["entered in error"] == 1
    assert codes(tmp_path / "store") == []


def test_deletion_by_one_hospital_leaves_anothers_record_of_the_same_id(tmp_path: Path) -> None:
    store = tmp_path / "store"
    mine = write_ndjson(tmp_path / "mine.ndjson", [PATIENT, condition("c1")])
    ingest(mine, store, issuer="north", identifiability=Identifiability.SYNTHETIC)
    ingest(mine, store, issuer="south")
    gone = write_ndjson(tmp_path / "gone.ndjson", [bundle(DELETION, kind="transaction")])
    ingest(gone, store, kind="fhir", issuer="south")
    timeline = open_timeline(store, actor=WHO, purpose=Purpose.DIRECT_CARE)
    assert timeline.n_subjects == 2
    assert codes(store) == ["SNOMED//44054006"]


def test_same_folder_twice_adds_nothing(tmp_path: Path) -> None:
    path = write_ndjson(tmp_path / "x.ndjson", [PATIENT, condition("c1")])
    first = take(path, tmp_path / "store")
    second = take(path, tmp_path / "store")
    assert (second.version, second.added, second.content_hash) == (1, 0, first.content_hash)


@pytest.mark.parametrize(
    ("name", "rows", "subjects"),
    [("synthea-r4", None, 65), ("synthea-bundles", 46_497, 79), ("us-core", 236, None)],
)
def test_every_resource_of_public_records_is_accounted_for(
    shared_data: Path, tmp_path: Path, name: str, rows: int | None, subjects: int | None
) -> None:
    source = shared_data / name
    archives = sorted(source.glob("*.tgz")) + sorted(source.glob("*.tar*"))
    for archive in archives:
        source = tmp_path / "extracted"
        with tarfile.open(archive) as packed:
            packed.extractall(source, filter="data")
    report = take(source, tmp_path / "store")
    assert rows is None or report.rows_read == rows
    assert subjects is None or report.subjects == subjects
    assert "not shaped as FHIR says" not in report.rejects


IDENTIFIER = {"system": "http://hospital.example/mrn", "value": "77"}


@pytest.mark.parametrize("order", list(permutations("ab")))
def test_subject_named_by_an_identifier_is_the_patient_who_has_it(
    tmp_path: Path, order: tuple[str]
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    lines = [PATIENT | {"identifier": [IDENTIFIER]}, condition(subject={"identifier": IDENTIFIER})]
    for letter, line in zip(order, lines, strict=True):
        write_ndjson(source / f"{letter}.ndjson", [line])
    assert take(source, tmp_path / "store").subjects == 1


def test_identifier_that_no_patient_has_is_a_person_of_its_own(tmp_path: Path) -> None:
    other = IDENTIFIER | {"value": "78"}
    lines = [condition(f"c{n}", subject={"identifier": i}) for n, i in enumerate((IDENTIFIER, other, other))]  # fmt: skip
    report = take(write_ndjson(tmp_path / "x.ndjson", lines), tmp_path / "store")
    assert (report.subjects, report.event_rows) == (2, 3)


def test_identifier_of_two_patients_names_neither(tmp_path: Path) -> None:
    patients = [{**PATIENT, "id": name, "identifier": [IDENTIFIER]} for name in ("p1", "p2")]
    lines = [*patients, condition(subject={"identifier": IDENTIFIER})]
    report = take(write_ndjson(tmp_path / "x.ndjson", lines), tmp_path / "store")
    assert report.rejects == {"reference to a patient that is not in the source": 1}


def test_contained_patient_is_known_by_an_identifier(tmp_path: Path) -> None:
    inner = {"resourceType": "Patient", "id": "p", "identifier": [IDENTIFIER]}
    body = condition(subject={"reference": "#p"}, contained=[inner])
    report = take(write_ndjson(tmp_path / "x.ndjson", [body]), tmp_path / "store")
    assert (report.subjects, report.event_rows) == (1, 1)
