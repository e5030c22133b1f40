"""One well-filled resource of each type that becomes events: what mutations start from."""

from __future__ import annotations

from typing import Any

from fhirs import CVX, LOINC, PATIENT, RXNORM, SNOMED, SUBJECT, concept, condition

TIME = "2020-03-02T10:00:00Z"
LATER = "2020-06-02T10:00:00Z"
PERIOD = {"start": TIME, "end": LATER}
META = {"versionId": "3", "lastUpdated": LATER}
SAID = concept(SNOMED, "44054006", "Diabetes")
DRUG: dict[str, Any] = {"medicationCodeableConcept": concept(RXNORM, "860975", "Metformin")}
QUANTITY = {"value": 7.1, "unit": "%", "system": "http://unitsofmeasure.org", "code": "%"}


def of(kind: str, whose: str = "subject", **fields: Any) -> dict[str, Any]:
    """A resource of `kind` with an id, a version and a subject."""
    return {"resourceType": kind, "id": f"{kind.lower()}1", "meta": META, whose: SUBJECT, **fields}


SPECIMENS: list[dict[str, Any]] = [
    PATIENT | {
        "meta": META, "identifier": [{"system": "http://a.example", "value": "1"}], "maritalStatus": SAID,
        "name": [{"use": "official", "given": ["A"], "family": "B"}], "deceasedDateTime": LATER,
        "extension": [{"url": "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race",
                       "extension": [{"url": "ombCategory", "valueCoding": {"code": "2106-3", "display": "White"}}]}],
        "_birthDate": {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/patient-birthTime", "valueDateTime": TIME}]},
    },
    {"resourceType": "Medication", "id": "m1", "status": "active", "code": concept(RXNORM, "860975")},
    condition(meta=META, verificationStatus={"coding": [{"code": "confirmed"}]}, onsetPeriod=PERIOD,
              clinicalStatus={"coding": [{"code": "resolved"}]}, abatementPeriod=PERIOD,
              contained=[{"resourceType": "Observation", "id": "o", "status": "final", "code": SAID, "effectiveDateTime": TIME}]),
    of("AllergyIntolerance", "patient", code=SAID, recordedDate=TIME, reaction=[{"substance": SAID}]),
    of("FamilyMemberHistory", "patient", status="completed", date=TIME, relationship={"text": "mother"}, condition=[{"code": SAID}]),
    of("Encounter", status="finished", period=PERIOD, **{"class": {"code": "IMP"}}),
    of("Observation", status="final", code=SAID, effectivePeriod=PERIOD, issued=LATER, valueQuantity=QUANTITY,
       component=[{"code": concept(LOINC, "48018-6"), "valueCodeableConcept": concept("http://www.genenames.org", "HGNC:2621", "CYP2C19")},
                  {"code": concept(LOINC, "8480-6"), "valueQuantity": QUANTITY},
                  {"code": concept(LOINC, "8480-6"), "valueRange": {"low": QUANTITY, "high": QUANTITY}},
                  {"code": concept(LOINC, "8480-6"), "valuePeriod": PERIOD},
                  {"code": concept(LOINC, "8480-6"), "valueRatio": {"numerator": QUANTITY, "denominator": QUANTITY}},
                  {"code": concept(LOINC, "8480-6"), "valueSampledData": {"origin": QUANTITY, "period": 1, "factor": 2, "dimensions": 1, "data": "1 2 E"}}]),
    of("DiagnosticReport", status="final", code=SAID, effectiveDateTime=TIME, conclusion="all well", conclusionCode=[SAID]),
    of("MedicationRequest", status="active", intent="order", authoredOn=TIME, **DRUG,
       dispenseRequest={"validityPeriod": PERIOD, "expectedSupplyDuration": {"value": 30, "code": "d"}, "numberOfRepeatsAllowed": 2},
       dosageInstruction=[{"timing": {"repeat": {"boundsPeriod": PERIOD, "boundsDuration": {"value": 3, "unit": "days"}}}}]),
    of("MedicationStatement", status="active", effectivePeriod=PERIOD, dateAsserted=TIME, **DRUG),
    of("MedicationAdministration", status="completed", effectivePeriod=PERIOD, **DRUG),
    of("MedicationDispense", status="completed", whenHandedOver=TIME, daysSupply={"value": 30, "unit": "days"},
       medicationReference={"reference": "#m"}, contained=[{"resourceType": "Medication", "id": "m", "code": SAID}]),
    of("Procedure", status="completed", code=SAID, performedPeriod=PERIOD),
    of("Immunization", "patient", status="completed", vaccineCode=concept(CVX, "140"), occurrenceDateTime=TIME, recorded=LATER),
    of("QuestionnaireResponse", status="completed", authored=TIME, questionnaire="http://a.example/Questionnaire/phq",
       contained=[{"resourceType": "Questionnaire", "item": [{"linkId": "9", "code": [{"system": LOINC, "code": "44250-9"}]}]}],
       item=[{"linkId": "/44250-9", "answer": [{"valueCoding": {"system": LOINC, "code": "LA6570-1", "display": "often"},
                                               "item": [{"linkId": "9", "answer": [{"valueDecimal": 2}]}]}]},
             {"linkId": "g", "item": [{"linkId": "2", "answer": [{"valueQuantity": QUANTITY}, {"valueString": "x"}]}]}]),
    of("DocumentReference", status="current", docStatus="final", type=SAID, date=TIME, description="a note", category=[SAID],
       content=[{"attachment": {"contentType": "text/plain", "data": "aGVsbG8=", "creation": TIME, "title": "t"}},
                {"attachment": {"contentType": "text/html; charset=utf-8", "data": "PHA+aGVsbG88L3A+"}}], context={"period": PERIOD}),
    of("Composition", status="final", type=SAID, date=TIME, title="a summary",
       section=[{"code": SAID, "text": {"div": "<div>words</div>"}, "section": [{"text": {"div": "<p>more</p>"}}]}]),
    of("AdverseEvent", actuality="actual", event=SAID, date=TIME, detected=LATER),
    {"resourceType": "Appointment", "id": "a1", "status": "booked", "start": LATER, "created": TIME, "appointmentType": SAID,
     "participant": [{"actor": {"reference": "Practitioner/1"}}, {"actor": SUBJECT}]},
    of("Basic", code=SAID, created=TIME),
    of("BodyStructure", "patient", morphology=SAID, location=SAID),
    of("CarePlan", status="active", intent="plan", category=[SAID], period=PERIOD, title="plan",
       activity=[{"detail": {"code": SAID, "status": "scheduled"}}, {"reference": SUBJECT}]),
    of("CareTeam", status="active", category=[SAID], period=PERIOD, name="team"),
    of("ClinicalImpression", status="completed", date=TIME, summary="tired", finding=[{"itemCodeableConcept": SAID}]),
    of("Communication", status="completed", sent=TIME, topic=SAID, payload=[{"contentString": "hello"}]),
    of("CommunicationRequest", status="active", authoredOn=TIME, category=[SAID], doNotPerform=False),
    of("Consent", "patient", status="active", scope=SAID, category=[SAID], dateTime=TIME, provision={"period": PERIOD}),
    of("Coverage", "beneficiary", status="active", type=SAID, period=PERIOD),
    of("DetectedIssue", "patient", status="final", code=SAID, identifiedDateTime=TIME, detail="both"),
    of("Device", "patient", status="active", type=SAID, deviceName=[{"name": "pump"}]),
    of("DeviceRequest", status="active", intent="order", codeCodeableConcept=SAID, authoredOn=TIME),
    of("DeviceUseStatement", status="active", device={"reference": "Device/device1", "display": "pump"}, timingPeriod=PERIOD, recordedOn=LATER),
    of("EpisodeOfCare", "patient", status="active", type=[SAID], period=PERIOD),
    of("Flag", status="active", code=SAID, period=PERIOD),
    of("Goal", lifecycleStatus="active", description=SAID, startDate="2020-01-01",
       target=[{"measure": SAID, "detailQuantity": QUANTITY, "dueDate": "2021-01-01"}]),
    of("ImagingStudy", status="available", started=TIME, modality=[{"system": "http://dicom.nema.org", "code": "CT"}], description="chest"),
    of("ImmunizationEvaluation", "patient", status="completed", date=TIME, targetDisease=SAID),
    of("ImmunizationRecommendation", "patient", date=TIME, recommendation=[{"vaccineCode": [concept(CVX, "140")]}, {"targetDisease": SAID}]),
    of("Media", status="completed", modality=SAID, createdDateTime=TIME, issued=LATER),
    of("MolecularSequence", "patient", type="dna"),
    of("NutritionOrder", "patient", status="active", intent="order", dateTime=TIME, oralDiet={"type": [SAID]}),
    of("ResearchSubject", "individual", status="on-study", period=PERIOD, assignedArm="A"),
    of("RiskAssessment", status="final", occurrenceDateTime=TIME, prediction=[{"outcome": SAID, "probabilityDecimal": 0.2}, {"qualitativeRisk": SAID}]),
    of("ServiceRequest", status="active", intent="order", code=SAID, authoredOn=TIME, doNotPerform=False),
    of("Specimen", status="available", type=SAID, receivedTime=LATER, collection={"collectedPeriod": PERIOD}),
    of("SupplyDelivery", "patient", status="completed", occurrenceDateTime=TIME, suppliedItem={"itemCodeableConcept": SAID}),
    of("SupplyRequest", "deliverTo", status="active", authoredOn=TIME, itemCodeableConcept=SAID),
    of("Task", "for", status="requested", intent="order", code=SAID, authoredOn=TIME, description="call"),
    of("VisionPrescription", "patient", status="active", created=TIME, dateWritten=TIME, lensSpecification=[{"product": SAID, "eye": "left"}]),
]  # fmt: skip
"""Each gives at least one event, but for the Medication, which only says what others refer to."""
