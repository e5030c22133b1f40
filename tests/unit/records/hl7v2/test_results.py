"""What results become: values of every type, statuses, corrections, times, units, comments and documents."""

from __future__ import annotations

from base64 import b64encode
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from hl7v2s import counts, message, read, segment, told, write

if TYPE_CHECKING:
    from pathlib import Path

OBR = "OBR|1||77^LAB|24323-8^Panel^LN|||20200101080000+0000|||||||||||||||20200101120000+0000|||F"


def obx(
    kind: str, value: str, *, status: str = "F", unit: str = "", code: str = "718-7^Hb^LN"
) -> str:
    return f"OBX|1|{kind}|{code}||{value}|{unit}||N|||{status}"


def results(folder: Path, *segments: str) -> list[dict[str, Any]]:
    found = told(folder, message(OBR, *segments))
    return [
        event
        for event in found
        if not event["code"].startswith("PLANNED") and event["code"] != "LOINC//24323-8"
    ]


@pytest.mark.parametrize(
    ("kind", "raw", "number", "text"),
    [
        ("NM", "13.8", 13.8, None),
        ("NM", "-2", -2.0, None),
        ("NM", "<0.5", 0.5, "<"),
        ("NM", "> 100", 100.0, ">"),
        ("NM", "pending", None, "pending"),
        ("NM", "1e400", None, "1e400"),
        ("NM", "nan", None, "nan"),
        ("SN", "^182", 182.0, None),
        ("SN", "<^5", 5.0, "<"),
        ("SN", "=^5", 5.0, None),
        ("SN", "^1^:^128", 1 / 128, "1:128"),
        ("SN", "^10^-^20", None, "10..20"),
        ("SN", "^2^+", None, "2+"),
        ("ST", "12", 12.0, "12"),
        ("ST", "positive", None, "positive"),
        ("TX", r"seen \T\ noted\.br\again", None, "seen & noted\nagain"),
        ("FT", r"\H\high\N\ value", None, "high value"),
        ("DT", "20210818", None, "2021-08-18"),
        ("TS", "202108181126+0215", None, "2021-08-18T11:26:00+02:15"),
        ("TM", "1126", None, "11:26:00"),
        ("", "free", None, "free"),
        ("XPN", "DOE^JANE", None, "DOE JANE"),
    ],
)
def test_value_of_each_type(
    tmp_path: Path, kind: str, raw: str, number: float | None, text: str | None
) -> None:
    (event,) = results(tmp_path, obx(kind, raw))
    assert event["code"] == "LOINC//718-7"
    assert event["numeric_value"] == (None if number is None else pytest.approx(number, rel=1e-6))
    assert event["text_value"] == text


@pytest.mark.parametrize(
    ("raw", "code", "text"),
    [
        ("260415000^not detected^SCT", "LOINC//718-7//SNOMED//260415000", "not detected"),
        ("N^no^L^260415000^none^SCT", "LOINC//718-7//LOCAL//N", "no"),
        ("POS^^HL70078", "LOINC//718-7//v2-0078//POS", None),
        ("^seen", "LOINC//718-7", "seen"),
        ("^^^^^^^^said", "LOINC//718-7", "said"),
    ],
)
def test_coded_answer_follows_its_question(
    tmp_path: Path, raw: str, code: str, text: str | None
) -> None:
    (event,) = results(tmp_path, obx("CWE", raw))
    assert (event["code"], event["text_value"]) == (code, text)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("HB^Hb^L^718-7^Hemoglobin^LN", "LOINC//718-7"),
        ("718-7^Hb^LN^HB^Hb^L", "LOINC//718-7"),
        ("HB^Hb^99LAB", "99LAB//HB"),
        ("HB^Hb", "LOCAL//HB"),
        ("^Hemoglobin", "TEXT//Observation"),
        ("718-7^Hb^^^^^^^^^^^^2.16.840.1.113883.6.1", "LOINC//718-7"),
    ],
)
def test_code_is_the_preferred_one(tmp_path: Path, raw: str, code: str) -> None:
    (event,) = results(tmp_path, obx("NM", "1", code=raw))
    assert event["code"] == code


@pytest.mark.parametrize(
    ("raw", "unit"),
    [
        ("g/dL", "g/dL"),
        ("g/dL^gram per deciliter^UCUM", "g/dL"),
        ("GDL^g per dl^L^g/dL^gram^UCUM", "g/dL"),
        ("^grams", "grams"),
        ("", None),
    ],
)
def test_unit_is_that_of_ucum_where_there_are_two(
    tmp_path: Path, raw: str, unit: str | None
) -> None:
    (event,) = results(tmp_path, obx("NM", "1", unit=raw))
    assert event["unit"] == unit


def test_repetitions_are_values_of_their_own(tmp_path: Path) -> None:
    found = results(tmp_path, obx("NM", "60~120"))
    assert [event["numeric_value"] for event in found] == [60.0, 120.0]
    assert [event["source_part"] for event in found] == ["OBX[1]-5[1]", "OBX[1]-5[2]"]


def test_result_is_known_when_reported_and_was_so_when_taken(tmp_path: Path) -> None:
    (event,) = results(tmp_path, obx("NM", "1"))
    assert event["time"] == datetime(2020, 1, 1, 12)
    assert event["onset_time"] == datetime(2020, 1, 1, 8)


def test_result_reported_before_it_was_taken_is_known_when_taken(tmp_path: Path) -> None:
    later = f"{obx('NM', '1')}|||20200101130000+0000"
    (event,) = results(tmp_path, later)
    assert event["time"] == datetime(2020, 1, 1, 13)
    assert event["onset_time"] is None


def test_time_without_an_offset_has_that_of_the_message(tmp_path: Path) -> None:
    taken = segment("OBX", {2: "NM", 3: "718-7^Hb^LN", 5: "1", 11: "F", 14: "20200101080000"})
    (event,) = told(tmp_path, message(taken, sent="20200102030405-0500"))
    assert event["time"] == datetime(2020, 1, 1, 13)


def test_times_without_any_offset_are_of_the_declared_zone(tmp_path: Path) -> None:
    taken = "OBX|1|NM|718-7^Hb^LN||1||||||F|||20200701080000"
    (event,) = told(tmp_path, message(taken, sent="20200702"), timezone="Europe/Vienna")
    assert event["time"] == datetime(2020, 7, 1, 6)


def test_message_that_does_not_say_when_it_was_sent_was_when_its_event_was_recorded(
    tmp_path: Path,
) -> None:
    (event,) = told(
        tmp_path, message("EVN|A08|20200301", "DG1|1||I10^H^I10C", kind="ADT^A08", sent="")
    )
    assert event["onset_time"] == datetime(2020, 3, 1)


@pytest.mark.parametrize("stamp", ["0000", "2020130100", "yesterday", "99999999999999", "2" * 90])
def test_time_that_is_none_is_counted_and_the_next_one_counts(tmp_path: Path, stamp: str) -> None:
    result = f"OBX|1|NM|718-7^Hb^LN||1||||||F|||{stamp}"
    (event,) = told(tmp_path / "a", message(result))
    assert event["time"] == datetime(2020, 1, 2, 3, 4, 5)
    if stamp != "0000":
        found = counts(read(write(tmp_path / "b", message(result))))
        assert found["times that are no HL7 time stamp, left out"] == 1


@pytest.mark.parametrize(
    ("status", "reason"), [("D", "deleted"), ("W", "wrong"), ("X", "cancelled")]
)
def test_result_that_is_taken_back_is_no_event(tmp_path: Path, status: str, reason: str) -> None:
    batches = read(write(tmp_path, message(OBR, obx("NM", "13", status=status))))
    assert counts(batches)[f"OBX dropped: {reason}"] == 1
    (deletions,) = [b.deletions for b in batches if b.deletions is not None]
    assert deletions.height == 1


@pytest.mark.parametrize("status", ["F", "C", "P", "A", "B", "U", "V", "R", ""])
def test_result_of_any_other_status_is_one(tmp_path: Path, status: str) -> None:
    (event,) = results(tmp_path, obx("NM", "13", status=status))
    assert event["code"] == "LOINC//718-7"


def test_pending_result_with_a_value_is_unconfirmed_and_without_one_counted(tmp_path: Path) -> None:
    (event,) = results(tmp_path / "a", obx("NM", "13", status="I"))
    assert event["code"] == "UNCONFIRMED//LOINC//718-7"
    batches = read(write(tmp_path / "b", message(OBR, obx("NM", "", status="I"))))
    assert counts(batches)["OBX dropped: no result yet"] == 1


def test_enclosed_text_is_read_and_enclosed_pictures_are_counted(tmp_path: Path) -> None:
    data = b64encode(b"No fracture.").decode()
    (text,) = results(tmp_path / "a", obx("ED", f"^TEXT^^Base64^{data}"))
    assert text["text_value"] == "No fracture."
    batches = read(
        write(tmp_path / "b", message(OBR, obx("ED", f"^application^pdf^Base64^{data}")))
    )
    assert counts(batches)["OBX values of type ED, kept by name alone"] == 1


def test_comments_in_a_row_are_one_text_on_what_they_follow(tmp_path: Path) -> None:
    found = results(tmp_path, obx("NM", "13"), "NTE|1||first", r"NTE|2||second \T\ last")
    note = found[-1]
    assert note["code"] == "NOTE//LOINC//718-7"
    assert note["text_value"] == "first\nsecond & last"
    assert note["time"] == datetime(2020, 1, 1, 12)
    assert note["source_part"] == "NTE[1]-3"


def test_lines_of_a_report_without_a_code_are_one_text_on_it(tmp_path: Path) -> None:
    lines = [
        "OBX|1|TX|||ECHOCARDIOGRAM||||||F",
        r"OBX|2|TX|||Normal LV \T\ RV.~No effusion.||||||F",
    ]
    other = "OBR|2||78^LAB|2160-0^Creatinine^LN"
    (note,) = results(tmp_path, *lines, other)[:1]
    assert note["code"] == "NOTE//LOINC//24323-8"
    assert note["text_value"] == "ECHOCARDIOGRAM\nNormal LV & RV.\nNo effusion."


def test_repetitions_of_a_text_are_its_lines(tmp_path: Path) -> None:
    (event,) = results(tmp_path, obx("TX", "one~two"))
    assert event["text_value"] == "one\ntwo"


def test_document_is_a_note_with_its_lines_as_text(tmp_path: Path) -> None:
    txa = segment("TXA", {2: "11488-4^Consult note^LN", 4: "20200101", 12: "DOC1", 17: "AU"})
    lines = [obx("TX", line, code="18748-4^Report^LN") for line in ("Line one.", r"Line \F\ two.")]
    (note,) = told(tmp_path, message(txa, *lines, kind="MDM^T02"))
    assert note["code"] == "NOTE//LOINC//11488-4"
    assert note["text_value"] == "Line one.\nLine | two."


def test_document_that_was_only_dictated_is_unconfirmed(tmp_path: Path) -> None:
    txa = segment("TXA", {2: "11488-4^Note^LN", 4: "20200101", 12: "DOC1", 17: "DI"})
    (note,) = told(tmp_path, message(txa, kind="MDM^T02"))
    assert note["code"] == "UNCONFIRMED//NOTE//LOINC//11488-4"


def test_order_without_a_result_is_planned_and_one_that_is_cancelled_not_done(
    tmp_path: Path,
) -> None:
    order = "OBR|1|5||24323-8^Panel^LN"
    (planned,) = told(tmp_path / "a", message("ORC|NW|5|||||||20200101", order, kind="ORM^O01"))
    assert planned["code"] == "PLANNED//LOINC//24323-8"
    assert planned["precision"] == "day"
    (off,) = told(tmp_path / "b", message("ORC|CA|5", order, kind="ORM^O01"))
    assert off["code"] == "NOT_DONE//LOINC//24323-8"
