"""What the other segments become: visits, diagnoses, allergies, medicines, vaccines, appointments, the person."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from hl7v2s import counts, events, message, read, segment, told, write

if TYPE_CHECKING:
    from pathlib import Path

PV1 = "PV1|1|{kind}|||||||||||||||||V1^^^HOSP^VN" + "|" * 25 + "{start}|{end}"


def visit(kind: str = "I", start: str = "20200101080000", end: str = "") -> str:
    return PV1.format(kind=kind, start=start, end=end)


def codes(found: list[dict[str, Any]]) -> list[str]:
    return sorted(event["code"] for event in found)


@pytest.mark.parametrize(
    ("letter", "kind"),
    [
        ("I", "inpatient"),
        ("O", "outpatient"),
        ("E", "emergency"),
        ("R", "outpatient"),
        ("", "other"),
    ],
)
def test_visit_from_its_start_to_its_end(tmp_path: Path, letter: str, kind: str) -> None:
    found = told(tmp_path, message(visit(letter, end="20200105"), kind="ADT^A03"))
    assert codes(found) == [f"VISIT//{kind}", f"VISIT_END//{kind}"]
    began = next(event for event in found if event["code"].startswith("VISIT//"))
    assert began["time"] == datetime(2020, 1, 1, 8)
    assert began["end_time"] == datetime(2020, 1, 5, 23, 59, 59, 999999)


def test_visit_to_come_is_planned(tmp_path: Path) -> None:
    (event,) = told(tmp_path, message(visit("P"), kind="ADT^A05"))
    assert event["code"] == "PLANNED//VISIT//other"


def test_expected_admission_is_that_of_pv2(tmp_path: Path) -> None:
    pv2 = "PV2||||||||20200301"
    (event,) = told(tmp_path, message(visit("P", start=""), pv2, kind="ADT^A14"))
    assert event["time"].date().isoformat() == "2020-03-01"


def test_discharge_that_is_taken_back_is_no_end(tmp_path: Path) -> None:
    found = told(tmp_path, message(visit(end="20200105"), kind="ADT^A13"))
    assert codes(found) == ["VISIT//inpatient"]


def test_diagnosis_is_known_when_it_was_made(tmp_path: Path) -> None:
    (event,) = told(tmp_path, message("DG1|1||I10^Hypertension^I10C||20191224|A", kind="ADT^A08"))
    assert (event["code"], event["text_value"]) == ("ICD10CM//I10", "Hypertension")
    assert event["onset_time"] == datetime(2019, 12, 24)


def test_diagnosis_in_words_alone_is_a_text(tmp_path: Path) -> None:
    (event,) = told(tmp_path, message("DG1|1|||Broken toe|20191224|A", kind="ADT^A08"))
    assert (event["code"], event["text_value"]) == ("TEXT//Condition", "Broken toe")


def test_same_diagnosis_twice_in_a_message_is_one(tmp_path: Path) -> None:
    dg1 = "DG1|{}||I10^Hypertension^I10C|||A"
    found = told(tmp_path, message(dg1.format(1), dg1.format(2), kind="ADT^A08"))
    assert codes(found) == ["ICD10CM//I10"]


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("DG1", {3: "I10^H^I10C", 21: "D"}),
        ("PR1", {3: "80146002^Appendectomy^SCT", 20: "D"}),
        ("PRB", {1: "DE", 3: "I10^H^I10C", 4: "P1"}),
        ("IAM", {3: "7980^Penicillin^RXNORM", 6: "D"}),
        ("RXA", {3: "20200101", 5: "140^Influenza^CVX", 21: "D"}),
    ],
)
def test_what_is_deleted_is_no_event(tmp_path: Path, name: str, fields: dict[int, str]) -> None:
    batches = read(write(tmp_path, message(segment(name, fields), kind="ADT^A08")))
    assert counts(batches)[f"{name} dropped: deleted"] == 1


def test_allergies_are_never_the_substance(tmp_path: Path) -> None:
    al1 = "AL1|1|DA|7980^Penicillin^RXNORM|SV|rash|20180601"
    iam = segment(
        "IAM", {3: "2670^Codeine^RXNORM", 7: "A1", 11: "20170501", 13: "20180101", 17: "U"}
    )
    found = told(tmp_path, message(al1, iam, kind="ADT^A60"))
    assert codes(found) == ["ALLERGY//RxNorm//7980", "UNCONFIRMED//ALLERGY//RxNorm//2670"]
    assert [event["onset_time"] for event in found] == [datetime(2018, 6, 1), datetime(2017, 5, 1)]


@pytest.mark.parametrize(
    ("status", "code"),
    [("CP", "CVX//140"), ("RE", "NOT_DONE//CVX//140"), ("NA", "NOT_DONE//CVX//140")],
)
def test_vaccine_given_and_refused(tmp_path: Path, status: str, code: str) -> None:
    rxa = segment("RXA", {3: "20210818", 5: "140^Influenza^CVX", 20: status, 21: "A"})
    (event,) = told(tmp_path, message(rxa, kind="VXU^V04"))
    assert (event["code"], event["text_value"]) == (code, "Influenza")


def test_prescription_lasts_as_long_as_its_timing_says(tmp_path: Path) -> None:
    orc = "ORC|NW|9|||||||20200101080000"
    tq1 = "TQ1|1||||||20200101080000|20200131"
    (event,) = told(tmp_path, message(orc, tq1, "RXO|860975^Metformin 500^RXNORM", kind="OMP^O09"))
    assert event["code"] == "RxNorm//860975"
    assert event["end_time"] == datetime(2020, 1, 31, 23, 59, 59, 999999)


def test_prescription_that_the_pharmacy_understood_otherwise_is_told_once(tmp_path: Path) -> None:
    segments = [
        "ORC|NW|9|||||||20200101",
        "RXO|6809^Metformin^RXNORM",
        "RXE||860975^Metformin 500^RXNORM",
    ]
    found = told(tmp_path, message(*segments, kind="RDE^O11"))
    assert codes(found) == ["RxNorm//860975"]


def test_prescription_that_was_discontinued_is_not_done(tmp_path: Path) -> None:
    found = told(tmp_path, message("ORC|DC|9", "RXO|6809^Metformin^RXNORM", kind="OMP^O09"))
    assert codes(found) == ["NOT_DONE//RxNorm//6809"]


@pytest.mark.parametrize(
    ("event", "prefix"), [("S12", "PLANNED"), ("S15", "NOT_DONE"), ("S26", "NOT_DONE")]
)
def test_appointment_is_known_when_told_and_begins_when_it_is(
    tmp_path: Path, event: str, prefix: str
) -> None:
    sch = "SCH|1|2|||||CHECKUP||30|min|^^30^20200301090000^20200301093000"
    (found,) = told(tmp_path, message(sch, kind=f"SIU^{event}", patient="7"))
    assert found["code"] == f"{prefix}//APPOINTMENT//v2-0276//CHECKUP"
    assert (found["time"], found["onset_time"]) == (
        datetime(2020, 1, 2, 3, 4, 5), datetime(2020, 3, 1, 9),
    )  # fmt: skip


def test_specimen_of_a_patient_and_of_a_control(tmp_path: Path) -> None:
    spm = "SPM|1|S1||BLD^Blood^HL70487|||||||{}||||||20200101080000|20200101090000"
    (event,) = told(tmp_path / "a", message(spm.format("P")))
    assert (event["code"], event["time"]) == ("SPECIMEN//v2-0487//BLD", datetime(2020, 1, 1, 9))
    batches = read(write(tmp_path / "b", message(spm.format("Q"))))
    assert counts(batches)["SPM dropped: not of a patient"] == 1


def test_local_and_unknown_segments_are_counted_by_name(tmp_path: Path) -> None:
    batches = read(write(tmp_path, message("ZPI|1|secret", "ZZZ|2", "NK1|1|DOE", "QQQ|1")))
    found = counts(batches)
    assert found["Z segments, not read"] == 2
    assert found["NK1 segments, not read"] == 1
    assert found["unknown segments, not read"] == 1


def test_message_about_several_people_tells_each_their_own(tmp_path: Path) -> None:
    pid = "PID|1||{}^^^HOSP^MR||DOE^J||1960|F"
    result = ["OBR|1||{}^LAB|24323-8^Panel^LN", "OBX|1|NM|718-7^Hb^LN||{}|g/dL||N|||F"]
    parts = [line.format(n) for n in (11, 12) for line in (pid, *result)]
    found = told(tmp_path, message(*parts[:3], visit(), *parts[3:], patient=None))
    values = {
        event["subject_key"]: event["numeric_value"] for event in found if event["numeric_value"]
    }
    assert values == {"HOSP|11": 11.0, "HOSP|12": 12.0}
    (began,) = [event for event in found if event["code"].startswith("VISIT//")]
    assert began["subject_key"] == "HOSP|11"


# -- the person --------------------------------------------------------------------------------------------


def person(folder: Path, pid: str, kind: str = "ADT^A28") -> list[dict[str, Any]]:
    found = events(read(write(folder, message(pid, patient=None, kind=kind))))
    return [dict(row) for row in found.iter_rows(named=True)]


@pytest.mark.parametrize(
    ("letter", "sex"),
    [
        ("F", "female"),
        ("M", "male"),
        ("O", "other"),
        ("A", "other"),
        ("U", "unknown"),
        ("?", "unknown"),
    ],
)
def test_sex(tmp_path: Path, letter: str, sex: str) -> None:
    assert codes(person(tmp_path, f"PID|1||7||||{letter and ''}|{letter}")) == [f"SEX//{sex}"]


@pytest.mark.parametrize(
    ("stamp", "birth", "precision"),
    [
        ("19600229", datetime(1960, 2, 29), "day"),
        ("196002", datetime(1960, 2, 1), "month"),
        ("1960", datetime(1960, 1, 1), "year"),
        ("196002291530+0100", datetime(1960, 2, 29, 14, 30), None),
    ],
)
def test_birth_is_from_its_first_moment(
    tmp_path: Path, stamp: str, birth: datetime, precision: str | None
) -> None:
    (event,) = person(tmp_path, f"PID|1||7||||{stamp}")
    assert (event["code"], event["time"]) == ("MEDS_BIRTH", birth)
    assert event["precision"] == precision


@pytest.mark.parametrize(
    ("death", "flag", "expected"),
    [
        ("20200105", "Y", ["MEDS_DEATH"]),
        ("20200105", "", ["MEDS_DEATH"]),
        ("", "Y", ["DECEASED//date unknown"]),
        ("", "N", []),
        ("20200105", "N", []),
    ],
)
def test_death(tmp_path: Path, death: str, flag: str, expected: list[str]) -> None:
    assert codes(person(tmp_path, f"PID|1||7{'|' * 26}{death}|{flag}")) == expected


def test_race_ethnicity_and_marital_status(tmp_path: Path) -> None:
    pid = "PID|1||7|||||||2106-3^White^HL70005~2028-9^Asian^HL70005||||||M||||||H^Hispanic^HL70189"
    found = person(tmp_path, pid)
    assert codes(found) == [
        "ETHNICITY//2135-2",
        "MARITAL_STATUS//M",
        "RACE//2028-9",
        "RACE//2106-3",
    ]


def test_address_by_state_county_and_postal_code_and_never_by_street(tmp_path: Path) -> None:
    home = "1 Elm St^Apt 2^Boston^MA^02134-0001^USA^H^^Suffolk"
    work = "9 Main^^Lynn^MA^01901^USA^B"
    found = person(tmp_path, f"PID|1||7||||||||{home}~{work}", kind="ORU^R01")
    assert codes(found) == ["ADDRESS//MA//Suffolk", "ADDRESS//ZIP//02134"]
    assert not [event for event in found if "Elm" in str(event)]


def test_address_with_dates_holds_between_them(tmp_path: Path) -> None:
    home = "^^Boston^MA^^USA^H^^^^^^20180101^20191231"
    (event,) = person(tmp_path, f"PID|1||7||||||||{home}", kind="ORU^R01")
    assert event["onset_time"] == datetime(2018, 1, 1)
    assert event["end_time"].date().isoformat() == "2019-12-31"
