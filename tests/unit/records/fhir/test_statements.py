"""What each kind of resource says: answers, notes, coverage, goals, plans, requests, genes and values of every kind."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from fhir_resources import SPECIMENS, of
from fhirs import LOINC, SNOMED, SUBJECT, bundle, concept, events, read, rejects, write_ndjson

from lifecourse.records.fhir import notes
from lifecourse.records.fhir.questionnaire import is_loinc

if TYPE_CHECKING:
    from pathlib import Path

TIME = "2020-03-02T10:00:00Z"
AT = datetime(2020, 3, 2, 10)
LATER = datetime(2020, 6, 2, 10)
CODE = "SNOMED//44054006"
SAID = concept(SNOMED, "44054006", "Diabetes")
PERIOD = {"start": TIME, "end": "2020-06-02T10:00:00Z"}
BY_TYPE = {body["resourceType"]: body for body in SPECIMENS}


def told(folder: Path, body: dict[str, Any], *columns: str) -> list[tuple[Any, ...]]:
    """Those columns of the events of one resource."""
    batches = read(write_ndjson(folder / "x.ndjson", [body]))
    assert rejects(batches) == []
    return events(batches).select(columns).rows()


def observation(**fields: Any) -> dict[str, Any]:
    return of("Observation", status="final", code=SAID, effectiveDateTime=TIME, **fields)


@pytest.mark.parametrize(
    ("kind", "codes"),
    [
        ("AdverseEvent", [f"ADVERSE_EVENT//{CODE}"]),
        ("Appointment", [f"PLANNED//APPOINTMENT//{CODE}"]),
        ("CarePlan", [f"CARE_PLAN//{CODE}", f"PLANNED//CARE_PLAN//{CODE}"]),
        ("Coverage", [f"COVERAGE//{CODE}"]),
        ("DeviceUseStatement", ["DEVICE//TEXT//DeviceUseStatement"]),
        ("Goal", [f"GOAL//{CODE}", f"GOAL//{CODE}"]),
        ("ImagingStudy", ["IMAGING//dicom.nema.org//CT"]),
        ("ImmunizationRecommendation", ["PLANNED//IMMUNIZATION//CVX//140", f"PLANNED//IMMUNIZATION//{CODE}"]),
        ("RiskAssessment", [f"RISK//{CODE}", "RISK//other"]),
        ("ServiceRequest", [f"PLANNED//{CODE}"]),
        ("Specimen", [f"SPECIMEN//{CODE}"]),
        ("Task", [f"PLANNED//TASK//{CODE}"]),
    ],
)  # fmt: skip
def test_kind_says_what_it_is_and_never_passes_for_a_diagnosis(
    tmp_path: Path, kind: str, codes: list[str]
) -> None:
    assert [code for (code,) in told(tmp_path, BY_TYPE[kind], "code")] == codes


@pytest.mark.parametrize(
    ("kind", "change", "code"),
    [
        ("ServiceRequest", {"doNotPerform": True}, f"NOT_DONE//{CODE}"),
        ("ServiceRequest", {"status": "revoked"}, f"NOT_DONE//{CODE}"),
        ("Coverage", {"status": "cancelled"}, f"NOT_DONE//COVERAGE//{CODE}"),
        ("Coverage", {"type": None}, "COVERAGE//other"),
        ("AdverseEvent", {"actuality": "potential"}, f"UNCONFIRMED//ADVERSE_EVENT//{CODE}"),
        ("Task", {"status": "completed"}, f"TASK//{CODE}"),
        ("Goal", {"lifecycleStatus": "rejected", "target": []}, f"NOT_DONE//GOAL//{CODE}"),
        ("DocumentReference", {"docStatus": "preliminary", "content": []}, f"UNCONFIRMED//NOTE//{CODE}"),
    ],
)  # fmt: skip
def test_status_stands_before_what_is_said(
    tmp_path: Path, kind: str, change: dict[str, Any], code: str
) -> None:
    assert told(tmp_path, BY_TYPE[kind] | change, "code")[0] == (code,)


def test_coverage_lasts_as_long_as_its_period(tmp_path: Path) -> None:
    assert told(tmp_path, BY_TYPE["Coverage"], "time", "end_time", "onset_time") == [
        (AT, LATER, None)
    ]


def test_every_answer_is_an_event_with_its_place_however_deep(tmp_path: Path) -> None:
    assert told(
        tmp_path, BY_TYPE["QuestionnaireResponse"], "code", "numeric_value", "text_value", "unit", "source_part"
    ) == [
        ("LOINC//44250-9//LOINC//LA6570-1", None, "often", None, "item[0].answer[0]"),
        ("LOINC//44250-9", 2.0, None, None, "item[0].answer[0].item[0].answer[0]"),
        ("QUESTION//phq//2", pytest.approx(7.1), None, "%", "item[1].item[0].answer[0]"),
        ("QUESTION//phq//2", None, "x", None, "item[1].item[0].answer[1]"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("link", "code"),
    [
        ("/93025-5/71802-3", "LOINC//71802-3"),
        ("44250-9", "LOINC//44250-9"),
        ("44250-8", "QUESTION//form//44250-8"),
        ("1.2", "QUESTION//form//1.2"),
    ],
)
def test_question_is_a_loinc_code_only_where_its_check_digit_is_right(
    tmp_path: Path, link: str, code: str
) -> None:
    item = {"linkId": link, "answer": [{"valueBoolean": True}]}
    body = of("QuestionnaireResponse", status="completed", authored=TIME, item=[item])
    assert told(tmp_path, body, "code", "numeric_value") == [(code, 1.0)]


@pytest.mark.parametrize("code", ["4548-4", "8480-6", "72166-2", "2093-3", "100822-6", "1-8"])
def test_check_digits_of_loinc(code: str) -> None:
    digits, check = code.split("-")
    assert is_loinc(digits, check)
    assert not is_loinc(digits, str((int(check) + 1) % 10))


@pytest.mark.parametrize(
    ("value", "number", "unit", "text"),
    [
        ({"valueRange": {"low": {"value": 2, "unit": "mg"}, "high": {"value": 3}}}, None, "mg", "2..3"),
        ({"valueRange": {"low": {"value": 2}, "high": {"value": 2}}}, 2.0, None, "2..2"),
        ({"valueRange": {"low": {"value": 2}}}, None, None, "2.."),
        ({"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 128}}}, 1 / 128, None, "1:128"),
        ({"valuePeriod": PERIOD}, None, None, f"{TIME}/2020-06-02T10:00:00Z"),
        ({"valueString": "12"}, 12.0, None, "12"),
        ({"valueString": "12 or so"}, None, None, "12 or so"),
        ({"valueTime": "10:30:00"}, None, None, "10:30:00"),
        ({"valueSampledData": {"origin": {"value": 10, "code": "mmHg"}, "period": 5, "factor": 2, "dimensions": 1,
                               "data": "1 2 3 E U"}}, 14.0, "mmHg", "3 samples, 2 without a value, 12 to 16"),
        ({"valueSampledData": {"origin": {"value": 0, "code": "mV"}, "period": 5, "dimensions": 2, "data": "1 9 3 9"}},
         2.0, "mV", "2 samples, 1 to 3"),
        ({"valueQuantity": {"value": 5, "comparator": "<", "unit": "mg"}}, 5.0, "mg", "<"),
        ({"valueCodeableConcept": {"text": "pale"}}, None, None, "pale"),
        ({"valueReference": {"display": "a leaflet"}}, None, None, "a leaflet"),
    ],
)  # fmt: skip
def test_values_of_every_kind(
    tmp_path: Path, value: dict[str, Any], number: float | None, unit: str | None, text: str | None
) -> None:
    (found,) = told(tmp_path, observation(**value), "numeric_value", "unit", "text_value")
    assert found == (None if number is None else pytest.approx(number), unit, text)


def test_diplotype_and_phenotype_say_of_which_gene(tmp_path: Path) -> None:
    gene = {"code": concept(LOINC, "48018-6"), "valueCodeableConcept": concept("http://www.genenames.org/geneId", "HGNC:2621", "CYP2C19")}  # fmt: skip
    effect = {"code": concept(LOINC, "53040-2"), "valueCodeableConcept": concept(LOINC, "LA9657-3", "Poor metabolizer")}  # fmt: skip
    body = observation(component=[gene, effect], valueCodeableConcept={"text": "*2/*2"})
    body["code"] = concept(LOINC, "84413-4")
    assert told(tmp_path, body, "code", "text_value", "source_part") == [
        ("LOINC//84413-4", "CYP2C19 *2/*2", None),
        ("LOINC//48018-6//geneId//HGNC:2621", "CYP2C19", "component[0]"),
        ("LOINC//53040-2//LOINC//LA9657-3", "CYP2C19 Poor metabolizer", "component[1]"),
    ]


def test_contained_fact_is_one_of_the_same_person_and_record(tmp_path: Path) -> None:
    rows = told(tmp_path, BY_TYPE["Condition"], "code", "subject_key", "source_id", "source_part")
    assert rows == [
        (CODE, "p1", "Condition/c1", None),
        (CODE, "p1", "Condition/c1", "contained[0]"),
    ]


def _note(data: bytes, kind: str) -> dict[str, Any]:
    attachment = {"contentType": kind, "data": base64.b64encode(data).decode(), "title": "scan"}
    return of("DocumentReference", status="current", type=SAID, date=TIME, content=[{"attachment": attachment}])  # fmt: skip


@pytest.mark.parametrize(
    ("data", "kind", "text"),
    [
        (b"no fever", "text/plain", "no fever"),
        ("Fi\u00e8vre".encode(), "text/plain; charset=utf-8", "Fi\u00e8vre"),
        ("Fi\u00e8vre".encode("latin-1"), "text/plain", "Fi\u00e8vre"),
        (b"<html><p>no&nbsp;fever</p><p>no <b>pain</b></p></html>", "text/html", "no fever\nno pain"),
        (b"%PDF-1.4", "application/pdf", "scan"),
        (b"<" * 4_000 + b"p", "text/html", None),
    ],
)  # fmt: skip
def test_note_is_kept_as_text_where_it_is_text(
    tmp_path: Path, data: bytes, kind: str, text: str | None
) -> None:
    ((code, said),) = told(tmp_path, _note(data, kind), "code", "text_value")
    assert code == f"NOTE//{CODE}"
    assert said == text or text is None


def test_long_note_is_kept_by_its_title_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notes, "LONGEST_CHARACTERS", 100)
    batches = read(write_ndjson(tmp_path / "x.ndjson", [_note(b"x" * 200, "text/plain")]))
    assert events(batches)["text_value"].to_list() == ["scan"]
    assert [b.counts for b in batches] == [
        {"notes kept by title: longer than a million characters": 1}
    ]


def test_document_gives_its_sections_as_notes(tmp_path: Path) -> None:
    assert told(tmp_path, BY_TYPE["Composition"], "code", "text_value", "source_part") == [
        (f"NOTE//{CODE}", "a summary", None),
        (f"NOTE//{CODE}//{CODE}", "words", "section[0]"),
        (f"NOTE//{CODE}//section", "more", "section[0].section[0]"),
    ]


def test_report_keeps_what_it_concludes(tmp_path: Path) -> None:
    assert told(tmp_path, BY_TYPE["DiagnosticReport"], "code", "text_value", "source_part") == [
        (CODE, "Diabetes", None),
        (f"NOTE//{CODE}", "all well", "conclusion"),
        (f"{CODE}//{CODE}", "Diabetes", "conclusionCode[0]"),
    ]


def test_visit_without_a_period_is_known_when_it_was_updated(tmp_path: Path) -> None:
    body = of("Encounter", status="finished", **{"class": {"code": "IMP"}})
    assert told(tmp_path, body, "code", "time") == [("VISIT//inpatient", LATER)]


# -- what surrounds a resource ----------------------------------------------------------------------------------


def test_result_without_a_time_is_known_when_its_report_was_issued(tmp_path: Path) -> None:
    panel = {"resourceType": "Observation", "id": "p", "status": "final", "subject": SUBJECT, "code": SAID,
             "hasMember": [{"reference": "Observation/m"}]}  # fmt: skip
    member = {
        "resourceType": "Observation",
        "id": "m",
        "status": "final",
        "subject": SUBJECT,
        "code": SAID,
    }
    report = of("DiagnosticReport", status="final", code=SAID, issued=TIME, result=[{"reference": "urn:uuid:1"}])  # fmt: skip
    body = bundle({"resource": member}, {"fullUrl": "urn:uuid:1", "resource": panel}, {"resource": report})  # fmt: skip
    assert told(tmp_path, body, "source_id", "time") == [
        ("Observation/m", AT), ("Observation/p", AT), ("DiagnosticReport/diagnosticreport1", AT),
    ]  # fmt: skip


def test_allergy_without_a_time_is_known_when_its_bundle_was_made(tmp_path: Path) -> None:
    allergy = {"resourceType": "AllergyIntolerance", "id": "a", "patient": SUBJECT, "code": SAID}
    dated = allergy | {"id": "b", "recordedDate": "2019-01-01T00:00:00Z"}
    body = bundle({"resource": allergy}, {"resource": dated}) | {"timestamp": TIME}
    assert told(tmp_path, body, "source_id", "time") == [
        ("AllergyIntolerance/a", AT), ("AllergyIntolerance/b", datetime(2019, 1, 1)),
    ]  # fmt: skip


def test_resources_among_parameters_are_rows_of_their_own(tmp_path: Path) -> None:
    part = {"name": "genotype", "resource": observation(valueString="*1/*2")}
    body = {"resourceType": "Parameters", "parameter": [{"name": "x", "part": [part]}, {"name": "y"}, part]}  # fmt: skip
    assert told(tmp_path, body, "source_row", "text_value") == [(1, "*1/*2"), (2, "*1/*2")]


@pytest.mark.parametrize(
    ("inner", "display", "code", "text"),
    [
        ({"code": SAID}, None, CODE, "Diabetes"),
        ({"ingredient": [{"itemReference": {}}, {"itemCodeableConcept": SAID}]}, None, CODE, "Diabetes"),
        ({}, "Salt in water", "TEXT//Medication", "Salt in water"),
    ],
)  # fmt: skip
def test_medicine_is_its_code_or_its_ingredient_or_its_name(
    tmp_path: Path, inner: dict[str, Any], display: str | None, code: str, text: str
) -> None:
    body = of(
        "MedicationRequest", status="active", intent="order", authoredOn=TIME,
        contained=[{"resourceType": "Medication", "id": "m", **inner}],
        medicationReference={"reference": "#m", "display": display},
    )  # fmt: skip
    assert told(tmp_path, body, "code", "text_value") == [(code, text)]


def test_device_that_is_nobodys_is_counted_and_stands_for_its_code(tmp_path: Path) -> None:
    (batch,) = read(
        write_ndjson(tmp_path / "x.ndjson", [{"resourceType": "Device", "id": "d", "type": SAID}])
    )
    assert batch.reference_rows == {"Device": 1}
    assert batch.references is not None
    assert batch.references.rows() == [("Device/d", CODE, "Diabetes")]
