"""Words that identify nobody else, planted in every field that names a person, and a search for them in all that is said.

A word is made for each field, so that one that is found says where it came from.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

SHORTEST = 8


@dataclass(slots=True)
class Canaries:
    """The words planted so far, and the field each of them stands in."""

    planted: dict[str, str] = field(default_factory=dict)

    def word(self, where: str) -> str:
        """A word for the field `where`."""
        return self._kept(f"Zq{len(self.planted):04}Xkanary", where)

    def number(self, where: str) -> str:
        """A number of eleven digits for the field `where`."""
        return self._kept(f"977{len(self.planted):04}3141", where)

    def within(self, content: bytes) -> list[str]:
        """The fields whose words are in `content`."""
        lower = content.lower()
        return [where for word, where in self.planted.items() if word.lower().encode() in lower]

    def _kept(self, word: str, where: str) -> str:
        assert len(word) >= SHORTEST
        self.planted[word] = where
        return word


# -- what each kind of source says of a person ---------------------------------------------------------------


def fhir(folder: Path, canaries: Canaries) -> Path:
    """A person's resources with a canary in every field of FHIR that names somebody, and forty ordinary people."""
    c = canaries
    name = c.word("FHIR Patient.id")
    subject = {"reference": f"Patient/{name}", "display": c.word("FHIR Reference.display")}

    def human(where: str) -> dict[str, Any]:
        return {
            "text": c.word(f"FHIR {where}.text"),
            "family": c.word(f"FHIR {where}.family"),
            "given": [c.word(f"FHIR {where}.given")],
            "prefix": [c.word(f"FHIR {where}.prefix")],
            "suffix": [c.word(f"FHIR {where}.suffix")],
        }

    def address(where: str) -> dict[str, Any]:
        return {
            "text": c.word(f"FHIR {where}.text"),
            "line": [c.word(f"FHIR {where}.line")],
            "city": c.word(f"FHIR {where}.city"),
            "period": {"start": "2011-01-01"},
        }

    def telecom(where: str) -> list[dict[str, Any]]:
        return [
            {"system": "phone", "value": c.number(f"FHIR {where} phone")},
            {"system": "email", "value": f"{c.word(f'FHIR {where} email')}@example.org"},
        ]

    patient = {
        "resourceType": "Patient",
        "id": name,
        "gender": "female",
        "birthDate": "1951-03-01",
        "name": [human("Patient.name")],
        "identifier": [
            {"system": "urn:mrn", "value": c.number("FHIR Patient.identifier MRN")},
            {
                "system": "http://hl7.org/fhir/sid/us-ssn",
                "value": c.number("FHIR Patient.identifier SSN"),
                "assigner": {"display": c.word("FHIR Identifier.assigner")},
            },
        ],
        "address": [address("Patient.address")],
        "telecom": telecom("Patient.telecom"),
        "photo": [{"url": f"https://example.org/{c.word('FHIR Patient.photo.url')}", "title": c.word("FHIR Patient.photo.title")}],
        "contact": [{"name": human("Patient.contact.name"), "address": address("Patient.contact.address"), "telecom": telecom("Patient.contact.telecom")}],
        "generalPractitioner": [{"display": c.word("FHIR Patient.generalPractitioner")}],
        "managingOrganization": {"display": c.word("FHIR Patient.managingOrganization")},
        "text": {"status": "generated", "div": f"<div>{c.word('FHIR Narrative')}</div>"},
        "extension": [
            {"url": "http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName", "valueString": c.word("FHIR mothersMaidenName")},
            {"url": "http://hl7.org/fhir/StructureDefinition/patient-birthPlace", "valueAddress": address("birthPlace")},
        ],
        "contained": [{"resourceType": "RelatedPerson", "id": "r", "name": [human("contained RelatedPerson.name")]}],
    }  # fmt: skip
    note = base64.b64encode(c.word("FHIR note of DocumentReference").encode()).decode()
    about = [
        {
            "resourceType": "Observation", "id": c.word("FHIR Observation.id"), "status": "final", "subject": subject,
            "code": {"coding": [{"system": "http://loinc.org", "code": "2160-0"}]},
            "effectiveDateTime": "2019-04-05T10:00:00Z", "valueQuantity": {"value": 1.1, "unit": "mg/dL"},
            "performer": [{"display": c.word("FHIR Observation.performer")}],
            "note": [{"text": c.word("FHIR Annotation.text"), "authorString": c.word("FHIR Annotation.author")}],
        },
        {
            "resourceType": "Condition", "id": "c1", "subject": subject, "recordedDate": "2018-02-03",
            "code": {"coding": [{"system": "http://snomed.info/sct", "code": "44054006"}]},
            "recorder": {"display": c.word("FHIR Condition.recorder")},
            "identifier": [{"value": c.number("FHIR Condition.identifier")}],
        },
        {
            "resourceType": "DocumentReference", "id": "d1", "status": "current", "subject": subject,
            "date": "2019-05-06T07:00:00Z", "type": {"text": "Progress note"},
            "author": [{"display": c.word("FHIR DocumentReference.author")}],
            "description": c.word("FHIR DocumentReference.description"),
            "content": [{"attachment": {"contentType": "text/plain", "data": note, "title": c.word("FHIR Attachment.title"), "url": f"https://example.org/{c.word('FHIR Attachment.url')}"}}],
        },
        {
            "resourceType": "Encounter", "id": "e1", "status": "finished", "class": {"code": "AMB"}, "subject": subject,
            "period": {"start": "2019-04-05", "end": "2019-04-05"},
            "participant": [{"individual": {"display": c.word("FHIR Encounter.participant")}}],
            "location": [{"location": {"display": c.word("FHIR Encounter.location")}}],
        },
        {"resourceType": "Coverage", "id": "v1", "status": "active", "beneficiary": subject, "subscriberId": c.number("FHIR Coverage.subscriberId"), "payor": [{"display": c.word("FHIR Coverage.payor")}]},
        {"resourceType": "QuestionnaireResponse", "id": "q1", "status": "completed", "subject": subject, "authored": "2019-06-01T00:00:00Z",
         "item": [{"linkId": "1", "text": "Who is with you?", "answer": [{"valueString": c.word("FHIR answer of a questionnaire")}]}]},
    ]  # fmt: skip
    return _lines(folder / "export.ndjson", [patient, *about, *_ordinary(40)])


def fhir_broken(folder: Path, canaries: Canaries) -> Path:
    """The same with canaries where something else belongs, and in records that cannot be read."""
    c = canaries
    folder.mkdir(parents=True, exist_ok=True)
    subject = {"reference": "Patient/s1"}

    def lab(number: int, **fields: Any) -> dict[str, Any]:
        return {
            "resourceType": "Observation", "id": f"b{number}", "status": "final", "subject": subject,
            "code": {"coding": [{"system": "http://loinc.org", "code": "2160-0"}]},
            "effectiveDateTime": "2019-04-05T10:00:00Z", "valueQuantity": {"value": 1.1, "unit": "mg/dL"},
            **fields,
        }  # fmt: skip

    broken = [
        {"resourceType": "Patient", "id": "b0", "gender": c.word("gender"), "birthDate": c.word("birthDate")},
        {"resourceType": "Patient", "birthDate": "1950-01-01", "name": c.word("name that is no list")},
        {"resourceType": c.word("resourceType"), "id": "x", "subject": subject},
        lab(1, effectiveDateTime=c.word("effectiveDateTime")),
        lab(2, valueQuantity={"value": c.word("value"), "unit": "mg/dL"}),
        lab(3, valueQuantity={"value": 1, "unit": c.word("unit"), "code": c.word("unit code")}),
        lab(4, code={"coding": [{"system": "http://loinc.org", "code": c.word("a LOINC code")}]}),
        lab(5, code={"coding": [{"system": c.word("a system"), "code": c.word("a local code"), "display": c.word("display of a code")}]}),
        lab(6, code={"text": c.word("code.text")}),
        lab(7, subject={"reference": f"Patient/{c.word('a patient who is not there')}"}),
        lab(8, subject=c.word("a subject that is no reference")),
        lab(9, status=c.word("status")),
        lab(10, valueQuantity=None, valueString=c.word("valueString")),
        lab(11, effectiveDateTime=None, meta={"source": c.word("meta.source")}),
        [c.word("a list where a resource belongs")],
        c.word("a string where a resource belongs"),
    ]  # fmt: skip
    text = [json.dumps(each) for each in broken]
    text.append(f'{{"resourceType": "Patient", "id": "{c.word("JSON that is cut")}')
    text.append(
        f'{{"resourceType": "Patient", "id": "p", "id": "{c.word("a key that comes twice")}"}}'
    )
    text.append(
        f'{{"resourceType": "Observation", "valueQuantity": {{"value": NaN}}, "x": "{c.word("NaN")}"}}'
    )
    text.append(c.word("no JSON"))
    text += [json.dumps(each) for each in _ordinary(3)]
    (folder / "export.ndjson").write_text("\n".join(text) + "\n")
    (folder / "latin.ndjson").write_bytes(
        b'{"resourceType": "Patient", "id": "'
        + c.word("bytes that are no UTF-8").encode()
        + b'\xff"}\n'
    )
    return folder


def omop(folder: Path, canaries: Canaries) -> Path:
    """OMOP tables with canaries in source values, notes, providers, locations; and rows that cannot be read."""
    c = canaries
    folder.mkdir(parents=True, exist_ok=True)
    people = "\n".join(f"{n},8532,{1940 + n},1,1,P{n}" for n in range(2, 40))
    (folder / "person.csv").write_text(
        "person_id,gender_concept_id,year_of_birth,month_of_birth,day_of_birth,person_source_value\n"
        f"1,8532,1950,3,1,{c.number('OMOP person_source_value')}\n{people}\n"
        f"{c.word('OMOP person_id')},8532,1950,1,1,x\n"
        f"50,{c.word('OMOP gender_concept_id')},{c.word('OMOP year_of_birth')},1,1,x\n"
    )
    (folder / "measurement.csv").write_text(
        "measurement_id,person_id,measurement_concept_id,measurement_date,measurement_datetime,value_as_number,"
        "unit_source_value,measurement_source_value\n"
        "1,1,0,2019-04-05,2019-04-05 10:00:00,6.1,%,4548-4\n"
        f"2,1,0,{c.word('OMOP measurement_date')},,6.1,%,4548-4\n"
        f"3,1,0,2019-04-05,,{c.word('OMOP value_as_number')},%,4548-4\n"
        f"4,1,0,2019-04-05,,1,{c.word('OMOP unit_source_value')},4548-4\n"
        f"5,1,0,2019-04-05,,1,%,{c.word('OMOP measurement_source_value')}\n"
        f"6,{c.word('OMOP person of a measurement')},0,2019-04-05,,1,%,4548-4\n"
        f"7,1,0,2019-04-05,,1,%,4548-4,{c.word('OMOP a cell too many')}\n"
    )
    (folder / "note.csv").write_text(
        "note_id,person_id,note_date,note_datetime,note_type_concept_id,note_class_concept_id,note_title,note_text,"
        "encoding_concept_id,language_concept_id\n"
        f'1,1,2019-04-05,2019-04-05 10:00:00,0,0,{c.word("OMOP note_title")},"Seen with {c.word("OMOP note_text")}.",0,0\n'
    )
    (folder / "location.csv").write_text(
        f"location_id,address_1,city,state,zip\n1,{c.word('OMOP address_1')},{c.word('OMOP city')},MA,02139\n"
    )
    (folder / "provider.csv").write_text(
        f"provider_id,provider_name,npi\n1,{c.word('OMOP provider_name')},{c.number('OMOP npi')}\n"
    )
    return folder


def hl7v2(folder: Path, canaries: Canaries) -> Path:
    """Messages with canaries in every field of PID, NK1, PV1, GT1 and IN1 that names somebody, and broken ones."""
    c = canaries
    folder.mkdir(parents=True, exist_ok=True)

    def name(where: str) -> str:
        return f"{c.word(f'HL7 {where} family')}^{c.word(f'HL7 {where} given')}"

    def place(where: str) -> str:
        return f"{c.word(f'HL7 {where} street')}^^{c.word(f'HL7 {where} city')}^MA^02139"

    pid = (
        f"PID|1|{c.number('HL7 PID-2')}|{c.number('HL7 PID-3')}^^^HOSP^MR|{c.number('HL7 PID-4')}|{name('PID-5')}|"
        f"{name('PID-6 mother')}|19510301|F|{name('PID-9 alias')}||{place('PID-11')}||{c.number('HL7 PID-13 phone')}|"
        f"{c.number('HL7 PID-14 phone')}||||{c.number('HL7 PID-18 account')}|{c.number('HL7 PID-19 SSN')}|"
        f"{c.number('HL7 PID-20 licence')}|||{c.word('HL7 PID-23 birth place')}"
    )

    def message(*segments: str, control: str) -> str:
        head = f"MSH|^~\\&|LAB|HOSP|STORE|HOSP|20200102030405+0000||ORU^R01|{control}|P|2.5.1"
        return "\r".join([head, pid, *segments]) + "\r"

    ordinary = "OBX|1|NM|4548-4^HbA1c^LN||6.1|%|||||F|||20190405100000"
    good = message(
        f"NK1|1|{name('NK1-2')}|SPO|{place('NK1-4')}|{c.number('HL7 NK1-5')}",
        f"PV1|1|O|{c.word('HL7 PV1-3 location')}||||{c.number('HL7 PV1-7 id')}^{name('PV1-7 doctor')}",
        f"GT1|1||{name('GT1-3')}||{place('GT1-5')}",
        f"IN1|1|X|{c.word('HL7 IN1-3')}|||||||||||||{name('IN1-16')}",
        f"OBR|1|{c.word('HL7 OBR-2')}|{c.word('HL7 OBR-3')}|24331-1^Lipids^LN|||20190405100000",
        ordinary,
        f"NTE|1||{c.word('HL7 NTE-3')}",
        f"OBX|2|TX|34109-9^Note^LN||{c.word('HL7 OBX-5 text')}||||||F|||20190405100000",
        control="1",
    )
    broken = message(
        f"OBX|1|NM|4548-4^HbA1c^LN||{c.word('HL7 OBX-5 number')}|%|||||F|||20190405100000",
        f"OBX|2|NM|4548-4^HbA1c^LN||6.1|{c.word('HL7 OBX-6')}|||||F|||{c.word('HL7 OBX-14')}",
        f"OBX|3|{c.word('HL7 OBX-2')}|4548-4^HbA1c^LN||6.1|%|||||F|||20190405100000",
        f"{c.word('HL7 a segment')}|1|x",
        control=c.word("HL7 MSH-10"),
    )
    (folder / "feed.hl7").write_text(good + broken + f"PID|1||{c.word('HL7 no MSH before it')}\r")
    return folder


def ccda(folder: Path, canaries: Canaries) -> Path:
    """Documents with canaries in the header, the narrative and entries; cut, hostile and of no encoding."""
    from ccdas import document, section

    c = canaries
    folder.mkdir(parents=True, exist_ok=True)

    def name(where: str) -> str:
        return f"<name><given>{c.word(f'C-CDA {where} given')}</given><family>{c.word(f'C-CDA {where} family')}</family></name>"

    person = f"""
<recordTarget><patientRole><id root="1.2.3" extension="{c.number("C-CDA id")}"/>
  <addr use="HP"><streetAddressLine>{c.word("C-CDA street")}</streetAddressLine><city>{c.word("C-CDA city")}</city></addr>
  <telecom value="tel:{c.number("C-CDA telecom")}"/>
  <patient>{name("patient")}<administrativeGenderCode code="F" codeSystem="2.16.840.1.113883.5.1"/>
    <birthTime value="19510301"/><guardian><guardianPerson>{name("guardian")}</guardianPerson></guardian></patient>
</patientRole></recordTarget>"""
    author = f"<author><time value='20200101'/><assignedAuthor><id root='1' extension='{c.number('C-CDA author id')}'/><assignedPerson>{name('author')}</assignedPerson></assignedAuthor></author>"
    narrative = section("11506-3", text=f"<paragraph>{c.word('C-CDA narrative')}</paragraph>")
    whole = document(narrative, person=person, header=author)
    (folder / "one.xml").write_text(whole)
    (folder / "cut.xml").write_text(
        document(section("11506-3", text=c.word("C-CDA that is cut")), name="cut")[:-60]
    )
    (folder / "dtd.xml").write_text(
        f'<!DOCTYPE x [<!ENTITY e "{c.word("C-CDA entity")}">]><ClinicalDocument xmlns="urn:hl7-org:v3">&e;</ClinicalDocument>'
    )
    (folder / "born.xml").write_text(
        document(name="born", person=person.replace("19510301", c.word("C-CDA birthTime")))
    )
    return folder


def tables(folder: Path, canaries: Canaries) -> Path:
    """CSV with a mapping: names and numbers beside the results, and cells of the wrong kind."""
    c = canaries
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "labs.csv").write_text(
        "mrn,name,phone,taken,test,result,unit\n"
        f"{c.number('CSV mrn')},{c.word('CSV name')},{c.number('CSV phone')},2019-04-05,HBA1C,6.1,%\n"
        f"m2,{c.word('CSV name 2')},x,{c.word('CSV date')},HBA1C,6.1,%\n"
        f"m3,x,x,2019-04-05,HBA1C,{c.word('CSV number')},%\n"
        f"m4,x,x,2019-04-05,HBA1C,6.1,%,{c.word('CSV a cell too many')}\n"
        + "".join(f"o{n},x,x,2019-04-0{1 + n % 9},HBA1C,{5 + n % 4},%\n" for n in range(30))
    )
    (folder / "mapping.yaml").write_text(
        "_defaults:\n  subject_id: $mrn\nlabs:\n  lab:\n    code: f\"LAB//{$test}\"\n    time: $taken\n"
        "    numeric_value: $result\n    unit: $unit\n"
    )  # fmt: skip
    return folder


SOURCES = {
    "fhir": fhir,
    "fhir, broken": fhir_broken,
    "omop": omop,
    "hl7v2": hl7v2,
    "ccda": ccda,
    "tables": tables,
}


def _ordinary(count: int) -> Iterator[dict[str, Any]]:
    """People without canaries, so that there is something to learn and count."""
    for number in range(count):
        name = f"s{number}"
        yield {"resourceType": "Patient", "id": name, "gender": "male", "birthDate": f"{1940 + number}-05-06"}  # fmt: skip
        for year in range(2012, 2020):
            yield {
                "resourceType": "Observation", "id": f"{name}-{year}", "status": "final",
                "subject": {"reference": f"Patient/{name}"},
                "code": {"coding": [{"system": "http://loinc.org", "code": "4548-4"}]},
                "effectiveDateTime": f"{year}-03-04T08:00:00Z",
                "valueQuantity": {"value": 5.0 + number % 5, "unit": "%"},
            }  # fmt: skip


def _lines(path: Path, resources: Iterable[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(each) + "\n" for each in resources))
    return path.parent


# -- where they must not be ----------------------------------------------------------------------------------


def told_by(folder: Path) -> Iterator[tuple[str, bytes]]:
    """What lies in a folder: the name of each file, its bytes, and what a table says, which its bytes pack."""
    for path in sorted(folder.rglob("*")):
        yield f"name of {path.name}", path.name.encode()
        if not path.is_file():
            continue
        content = path.read_bytes()
        yield path.relative_to(folder).as_posix(), content
        if path.suffix == ".parquet" and content.startswith(b"PAR1"):
            table = pl.read_parquet(path)
            yield f"{path.name} unpacked", json.dumps(table.to_dicts(), default=str).encode()


def leaks(canaries: Canaries, *folders: Path, said: str = "") -> list[tuple[str, str]]:
    """Where a canary is: (file or output, field)."""
    found = [("output", where) for where in canaries.within(said.encode())]
    for folder in folders:
        for place, content in told_by(folder):
            found += [(place, where) for where in canaries.within(content)]
    return found
