"""What each status makes of a resource: a fact, one that is not, one that is planned, or a reject."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from fhirs import (
    CVX,
    LOINC,
    RXNORM,
    SNOMED,
    SUBJECT,
    concept,
    condition,
    events,
    read,
    rejects,
    status,
    write_ndjson,
)

if TYPE_CHECKING:
    from pathlib import Path

TIME = "2020-03-02T10:00:00Z"
DIABETES = "SNOMED//44054006"
METFORMIN = concept(RXNORM, "860975")
DRUG = "RxNorm//860975"
ERROR = "!entered in error"


def outcome(folder: Path, resource: dict[str, Any]) -> str:
    """The codes of `resource`, or ``!`` and why it was rejected."""
    batches = read(write_ndjson(folder / "x.ndjson", [resource]))
    codes = events(batches)["code"].to_list()
    refused = [f"!{reason}" for _, reason in rejects(batches)]
    assert len(refused) == (0 if codes else 1), "accounted for in exactly one way"
    return " ".join(codes or refused)


def of(kind: str, state: str | None, **fields: Any) -> dict[str, Any]:
    """A resource of `kind` about p1."""
    whose = (
        "patient"
        if kind in ("Immunization", "AllergyIntolerance", "FamilyMemberHistory")
        else "subject"
    )
    body = {"resourceType": kind, "id": "x1", whose: SUBJECT, **fields}
    return body | ({"status": state} if state else {})


@pytest.mark.parametrize(
    ("sureness", "expected"),
    [
        (None, DIABETES),
        ("confirmed", DIABETES),
        ("unconfirmed", f"UNCONFIRMED//{DIABETES}"),
        ("provisional", f"UNCONFIRMED//{DIABETES}"),
        ("differential", f"UNCONFIRMED//{DIABETES}"),
        ("refuted", f"REFUTED//{DIABETES}"),
        ("entered-in-error", ERROR),
    ],
)
def test_condition_by_how_sure_it_is(tmp_path: Path, sureness: str | None, expected: str) -> None:
    said = {"verificationStatus": status(sureness)} if sureness else {}
    assert outcome(tmp_path, condition(**said)) == expected


@pytest.mark.parametrize(
    ("words", "expected"), [("refuted", f"REFUTED//{DIABETES}"), ("Entered in error", ERROR)]
)
def test_status_in_words_alone_counts(tmp_path: Path, words: str, expected: str) -> None:
    assert outcome(tmp_path, condition(verificationStatus={"text": words})) == expected


@pytest.mark.parametrize(
    ("state", "is_over"),
    [
        ("active", False),
        ("recurrence", False),
        ("relapse", False),
        ("inactive", True),
        ("remission", True),
        ("resolved", True),
    ],
)
def test_condition_that_is_over_ends_when_that_was_last_said(
    tmp_path: Path, state: str, is_over: bool
) -> None:
    body = condition(clinicalStatus=status(state), meta={"lastUpdated": "2021-01-01T00:00:00Z"})
    found = events(read(write_ndjson(tmp_path / "x.ndjson", [body])))
    assert found["end_time"].to_list() == [datetime(2021, 1, 1) if is_over else None]


def test_stated_end_of_a_condition_wins(tmp_path: Path) -> None:
    body = condition(clinicalStatus=status("resolved"), abatementDateTime="2020-06-01T08:00:00Z")
    found = events(read(write_ndjson(tmp_path / "x.ndjson", [body])))
    assert found["end_time"].to_list() == [datetime(2020, 6, 1, 8)]


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("final", "LOINC//2160-0"),
        ("preliminary", "LOINC//2160-0"),
        ("amended", "LOINC//2160-0"),
        ("corrected", "LOINC//2160-0"),
        ("unknown", "UNCONFIRMED//LOINC//2160-0"),
        ("registered", "!registered, no result yet"),
        ("cancelled", "!cancelled"),
        ("entered-in-error", ERROR),
    ],
)
@pytest.mark.parametrize("kind", ["Observation", "DiagnosticReport"])
def test_findings_by_status(tmp_path: Path, kind: str, state: str, expected: str) -> None:
    body = of(kind, state, code=concept(LOINC, "2160-0"), effectiveDateTime=TIME)
    if kind == "Observation":
        body["valueQuantity"] = {"value": 1.1, "code": "mg/dL"}
    assert outcome(tmp_path, body) == expected


@pytest.mark.parametrize(
    ("said", "code", "value", "text"),
    [
        ({"valueQuantity": {"value": 7, "unit": "%"}}, "LOINC//1", 7.0, None),
        ({"valueQuantity": {"value": 7, "comparator": "<"}}, "LOINC//1", 7.0, "<"),
        ({"valueBoolean": True}, "LOINC//1", 1.0, None),
        ({"valueBoolean": False}, "LOINC//1", 0.0, None),
        ({"valueInteger": 3}, "LOINC//1", 3.0, None),
        ({"valueString": "clear"}, "LOINC//1", None, "clear"),
        ({"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 4}}}, "LOINC//1", 0.25, "1:4"),
        ({"valueCodeableConcept": concept(SNOMED, "449868002", "Daily")}, "LOINC//1//SNOMED//449868002", None, "Daily"),
        ({"valueCodeableConcept": {"text": "yes"}}, "LOINC//1", None, "yes"),
        ({"dataAbsentReason": {"text": "refused"}}, "NOT_DONE//LOINC//1", None, None),
        ({}, "LOINC//1", None, None),
    ],
)  # fmt: skip
def test_observation_says_its_value(
    tmp_path: Path, said: dict[str, Any], code: str, value: float | None, text: str | None
) -> None:
    body = of("Observation", "final", code=concept(LOINC, "1"), effectiveDateTime=TIME, **said)
    found = events(read(write_ndjson(tmp_path / "x.ndjson", [body])))
    columns = found.select("code", "numeric_value", "text_value").rows()
    assert columns == [(code, value, text)]


def test_each_component_of_a_panel_is_an_event(tmp_path: Path) -> None:
    parts = [
        {"code": concept(LOINC, code), "valueQuantity": {"value": value, "code": "mm[Hg]"}}
        for code, value in (("8480-6", 130), ("8462-4", 80))
    ]
    body = of("Observation", "final", code=concept(LOINC, "85354-9"), effectiveDateTime=TIME)
    found = events(read(write_ndjson(tmp_path / "x.ndjson", [body | {"component": parts}])))
    assert found.select("code", "numeric_value", "unit").rows() == [
        ("LOINC//8480-6", 130.0, "mm[Hg]"),
        ("LOINC//8462-4", 80.0, "mm[Hg]"),
    ]


def _request(state: str, intent: str, do_not: bool | None) -> dict[str, Any]:
    fields = {} if do_not is None else {"doNotPerform": do_not}
    return of(
        "MedicationRequest", state, intent=intent, authoredOn=TIME,
        medicationCodeableConcept=METFORMIN, **fields,
    )  # fmt: skip


STATES = {
    "active": "", "on-hold": "", "completed": "", "stopped": "", "unknown": "",
    "cancelled": "NOT_DONE//", "draft": "PLANNED//",
}  # fmt: skip
INTENTS = {
    "order": "", "original-order": "", "reflex-order": "", "filler-order": "", "instance-order": "",
    "proposal": "PLANNED//", "plan": "PLANNED//", "option": "PLANNED//",
}  # fmt: skip


@pytest.mark.parametrize("do_not", [None, False, True])
@pytest.mark.parametrize("intent", INTENTS)
@pytest.mark.parametrize("state", [*STATES, "entered-in-error"])
def test_prescription_by_status_intent_and_whether_it_forbids(
    tmp_path: Path, state: str, intent: str, do_not: bool | None
) -> None:
    if state == "entered-in-error":
        expected = ERROR
    elif do_not or state == "cancelled":
        expected = f"NOT_DONE//{DRUG}"
    else:
        expected = (STATES[state] or INTENTS[intent]) + DRUG
    assert outcome(tmp_path, _request(state, intent, do_not)) == expected


@pytest.mark.parametrize(
    ("state", "fields", "days"),
    [
        ("active", {}, None),
        ("completed", {}, 1),
        ("stopped", {}, 1),
        ("active", {"dispenseRequest": {"expectedSupplyDuration": {"value": 30, "code": "d"}}}, 30),
        ("active", {"dispenseRequest": {"expectedSupplyDuration": {"value": 30, "unit": "days"}, "numberOfRepeatsAllowed": 2}}, 90),
        ("active", {"dispenseRequest": {"expectedSupplyDuration": {"value": 2, "unit": "weeks"}}}, 14),
        ("active", {"dispenseRequest": {"expectedSupplyDuration": {"value": 4, "unit": "months"}}}, 121.75),
        ("active", {"dispenseRequest": {"expectedSupplyDuration": {"value": 1, "unit": "year"}}}, 365.25),
        ("active", {"dispenseRequest": {"expectedSupplyDuration": {"value": -5, "code": "d"}}}, None),
        ("active", {"dispenseRequest": {"expectedSupplyDuration": {"value": 1e300, "code": "d"}}}, None),
        ("active", {"dispenseRequest": {"validityPeriod": {"end": "2020-03-12T10:00:00Z"}}}, 10),
        ("active", {"dosageInstruction": [{"timing": {"repeat": {"boundsDuration": {"value": 1, "code": "wk"}}}}]}, 7),
        ("active", {"dosageInstruction": [{"timing": {"repeat": {"boundsPeriod": {"end": "2020-03-05T10:00:00Z"}}}}]}, 3),
    ],
)  # fmt: skip
def test_prescription_lasts_as_long_as_it_says(
    tmp_path: Path, state: str, fields: dict[str, Any], days: float | None
) -> None:
    body = _request(state, "order", None) | fields
    found = events(read(write_ndjson(tmp_path / "x.ndjson", [body])))
    (time,), (end,) = found["time"].to_list(), found["end_time"].to_list()
    assert (None if end is None else (end - time).total_seconds() / 86_400) == days


@pytest.mark.parametrize(
    ("kind", "state", "prefix"),
    [
        ("MedicationStatement", "active", ""),
        ("MedicationStatement", "completed", ""),
        ("MedicationStatement", "stopped", ""),
        ("MedicationStatement", "on-hold", ""),
        ("MedicationStatement", "unknown", ""),
        ("MedicationStatement", "intended", "PLANNED//"),
        ("MedicationStatement", "not-taken", "NOT_DONE//"),
        ("MedicationAdministration", "completed", ""),
        ("MedicationAdministration", "in-progress", ""),
        ("MedicationAdministration", "stopped", ""),
        ("MedicationAdministration", "on-hold", ""),
        ("MedicationAdministration", "unknown", ""),
        ("MedicationAdministration", "not-done", "NOT_DONE//"),
        ("MedicationDispense", "completed", ""),
        ("MedicationDispense", "stopped", ""),
        ("MedicationDispense", "unknown", ""),
        ("MedicationDispense", "preparation", "PLANNED//"),
        ("MedicationDispense", "in-progress", "PLANNED//"),
        ("MedicationDispense", "on-hold", "PLANNED//"),
        ("MedicationDispense", "cancelled", "NOT_DONE//"),
        ("MedicationDispense", "declined", "NOT_DONE//"),
        ("MedicationStatement", "entered-in-error", None),
        ("MedicationAdministration", "entered-in-error", None),
        ("MedicationDispense", "entered-in-error", None),
    ],
)
def test_medicine_said_given_and_handed_out(
    tmp_path: Path, kind: str, state: str, prefix: str | None
) -> None:
    times = {"effectiveDateTime": TIME, "whenHandedOver": TIME}
    body = of(kind, state, medicationCodeableConcept=METFORMIN, **times)
    assert outcome(tmp_path, body) == (ERROR if prefix is None else prefix + DRUG)


@pytest.mark.parametrize(
    ("kind", "state", "expected"),
    [
        ("Procedure", "completed", "SNOMED//80146002"),
        ("Procedure", "in-progress", "SNOMED//80146002"),
        ("Procedure", "on-hold", "SNOMED//80146002"),
        ("Procedure", "stopped", "SNOMED//80146002"),
        ("Procedure", "unknown", "SNOMED//80146002"),
        ("Procedure", "preparation", "PLANNED//SNOMED//80146002"),
        ("Procedure", "not-done", "NOT_DONE//SNOMED//80146002"),
        ("Procedure", "entered-in-error", ERROR),
        ("Immunization", "completed", "CVX//140"),
        ("Immunization", "not-done", "NOT_DONE//CVX//140"),
        ("Immunization", "entered-in-error", ERROR),
    ],
)
def test_what_was_done_and_what_was_not(
    tmp_path: Path, kind: str, state: str, expected: str
) -> None:
    fields = {"performedDateTime": TIME, "code": concept(SNOMED, "80146002")}
    if kind == "Immunization":
        fields = {"occurrenceDateTime": TIME, "vaccineCode": concept(CVX, "140")}
    assert outcome(tmp_path, of(kind, state, **fields)) == expected


@pytest.mark.parametrize(
    ("sureness", "expected"),
    [
        (None, "ALLERGY//RxNorm//7980"),
        ("confirmed", "ALLERGY//RxNorm//7980"),
        ("unconfirmed", "UNCONFIRMED//ALLERGY//RxNorm//7980"),
        ("refuted", "REFUTED//ALLERGY//RxNorm//7980"),
        ("entered-in-error", ERROR),
    ],
)
def test_allergy_is_never_the_medicine(tmp_path: Path, sureness: str | None, expected: str) -> None:
    body = of("AllergyIntolerance", None, code=concept(RXNORM, "7980"), recordedDate=TIME)
    said = {"verificationStatus": status(sureness)} if sureness else {}
    assert outcome(tmp_path, body | said) == expected


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("completed", f"FAMILY_HISTORY//{DIABETES}"),
        ("partial", f"FAMILY_HISTORY//{DIABETES}"),
        ("health-unknown", f"FAMILY_HISTORY//{DIABETES}"),
        ("entered-in-error", ERROR),
    ],
)
def test_relatives_condition_is_never_the_subjects(
    tmp_path: Path, state: str, expected: str
) -> None:
    body = of(
        "FamilyMemberHistory", state, date=TIME, relationship={"text": "mother"},
        condition=[{"code": concept(SNOMED, "44054006", "Diabetes")}],
    )  # fmt: skip
    assert outcome(tmp_path, body) == expected


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("finished", "VISIT//inpatient VISIT_END//inpatient"),
        ("unknown", "VISIT//inpatient VISIT_END//inpatient"),
        ("in-progress", "VISIT//inpatient"),
        ("planned", "PLANNED//VISIT//inpatient"),
        ("cancelled", "!cancelled"),
        ("entered-in-error", ERROR),
    ],
)
def test_visit_by_status(tmp_path: Path, state: str, expected: str) -> None:
    period = {"start": TIME, "end": "2020-03-09T12:00:00Z"}
    body = of("Encounter", state, period=period, **{"class": {"code": "IMP"}})
    assert outcome(tmp_path, body) == expected


@pytest.mark.parametrize(
    ("letters", "kind"),
    [("IMP", "inpatient"), ("AMB", "outpatient"), ("EMER", "emergency"), ("VR", "virtual"), ("HH", "home"), ("?", "other")],
)  # fmt: skip
def test_visit_by_class(tmp_path: Path, letters: str, kind: str) -> None:
    body = of("Encounter", "finished", period={"start": TIME}, **{"class": {"code": letters}})
    assert outcome(tmp_path, body) == f"VISIT//{kind}"
