"""HL7 v2 in a store: corrections, resent messages, moves, accounting, and the way back from an event to its message."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hl7v2s import message, segment, write

from lifecourse.schema.actor import Actor, Purpose
from lifecourse.timeline.access import open_timeline
from lifecourse.timeline.ingestion import ingest
from lifecourse.timeline.origin import origin, origins

if TYPE_CHECKING:
    from pathlib import Path

    from lifecourse.timeline.assembly import IngestReport

ME = {"actor": Actor(name="test"), "purpose": Purpose.DIRECT_CARE}


def result(value: str, status: str, sent: str, *, order: str = "5", sub: str = "") -> str:
    obr = f"OBR|1||{order}^LAB|24323-8^Panel^LN|||20200101080000"
    obx = f"OBX|1|NM|718-7^Hb^LN|{sub}|{value}|g/dL||N|||{status}"
    return message(obr, obx, sent=sent, control=sent)


def adt(event: str, sent: str, *segments: str, home: str = "", patient: str = "7") -> str:
    pid = segment("PID", {3: f"{patient}^^^HOSP^MR", 7: "19600229", 8: "F", 11: home})
    return message(pid, *segments, kind=f"ADT^{event}", sent=sent, control=sent, patient=None)


def pv1(start: str = "", end: str = "") -> str:
    return segment("PV1", {2: "I", 19: "V1^^^HOSP^VN", 44: start, 45: end})


def stored(folder: Path, *messages: str, **options: Any) -> IngestReport:
    return ingest(write(folder / "in", *messages), folder / "store", plain=True, **options)


def chart(folder: Path) -> pl.DataFrame:
    timeline = open_timeline(folder / "store", **ME)  # type: ignore[arg-type]  # who asks, and why
    (subject,) = timeline.subject_ids().tolist()
    return timeline.chart(subject).events


def of(events: pl.DataFrame, start: str) -> list[dict[str, Any]]:
    return events.filter(pl.col("code").str.starts_with(start)).to_dicts()


def is_accounted_for(report: IngestReport) -> bool:
    accounted = report.event_rows + report.duplicate_rows + sum(report.rejects.values())
    return accounted + sum(report.reference_rows.values()) == report.rows_read


CORRECTIONS = [
    result("13.1", "P", "20200101090000"),
    result("13.4", "F", "20200101100000"),
    result("14.4", "C", "20200102100000"),
]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_corrected_result_stands_in_whatever_order(tmp_path: Path, order: tuple[int, ...]) -> None:
    report = stored(tmp_path, *(CORRECTIONS[place] for place in order))
    (event,) = of(chart(tmp_path), "LOINC//718-7")
    assert event["numeric_value"] == pytest.approx(14.4)
    assert is_accounted_for(report)


def test_result_that_was_wrong_is_gone_and_one_after_it_stands(tmp_path: Path) -> None:
    wrong = result("", "W", "20200101110000")
    stored(tmp_path / "a", CORRECTIONS[0], wrong)
    assert not of(chart(tmp_path / "a"), "LOINC//718-7")
    stored(tmp_path / "b", CORRECTIONS[0], wrong, CORRECTIONS[2])
    assert len(of(chart(tmp_path / "b"), "LOINC//718-7")) == 1


def test_wrong_result_in_a_later_file_takes_back_the_earlier_one(tmp_path: Path) -> None:
    stored(tmp_path, CORRECTIONS[1], adt("A08", "20200101"))
    later = write(tmp_path / "later", result("", "D", "20200103"), name="later.hl7")
    ingest(later, tmp_path / "store", plain=True)
    assert not of(chart(tmp_path), "LOINC//718-7")


def test_results_of_one_code_with_sub_ids_are_results_of_their_own(tmp_path: Path) -> None:
    stored(tmp_path, result("1", "F", "20200101", sub="1"), result("2", "F", "20200102", sub="2"))
    assert len(of(chart(tmp_path), "LOINC//718-7")) == 2


def test_order_number_that_is_used_again_another_day_is_another_order(tmp_path: Path) -> None:
    again = result("15", "F", "20210101100000").replace("|||20200101080000", "|||20210101080000")
    stored(tmp_path, CORRECTIONS[1], again)
    assert len(of(chart(tmp_path), "LOINC//718-7")) == 2


def test_message_that_is_sent_again_changes_nothing(tmp_path: Path) -> None:
    dg1 = "DG1|1||I10^Hypertension^I10C|||A"
    first = [adt("A01", "20200101", pv1("20200101"), dg1), CORRECTIONS[1]]
    stored(tmp_path / "a", *first)
    report = stored(tmp_path / "b", *first, *first)
    assert chart(tmp_path / "a").drop("source_row").equals(chart(tmp_path / "b").drop("source_row"))
    assert is_accounted_for(report)


def test_diagnosis_is_known_since_it_was_first_told(tmp_path: Path) -> None:
    dg1 = "DG1|1||I10^Hypertension^I10C|||A"
    told = [adt("A01", f"2020010{day}", pv1("20200101"), dg1) for day in (3, 1, 2)]
    stored(tmp_path, *told)
    (event,) = of(chart(tmp_path), "ICD10CM//I10")
    assert event["time"].date().isoformat() == "2020-01-01"


def test_visit_keeps_its_beginning_and_end_where_later_messages_do_not_say_them(
    tmp_path: Path,
) -> None:
    told = [
        adt("A01", "20200101080000", pv1("20200101080000")),
        adt("A03", "20200105120000", pv1("20200101080000", "20200105110000")),
        adt("A08", "20200106", pv1()),
        result("13", "F", "20200107"),
    ]
    stored(tmp_path, *told[::-1])
    (began,) = of(chart(tmp_path), "VISIT//")
    (ended,) = of(chart(tmp_path), "VISIT_END//")
    assert began["time"].isoformat() == "2020-01-01T08:00:00"
    assert began["end_time"] == ended["time"]


def test_visit_that_was_cancelled_is_none(tmp_path: Path) -> None:
    told = [adt("A01", "20200101", pv1("20200101")), adt("A11", "20200101010000", pv1("20200101"))]
    stored(tmp_path, *told)
    assert not of(chart(tmp_path), "VISIT")


def test_null_takes_a_field_back_and_an_absent_one_says_nothing(tmp_path: Path) -> None:
    dead = segment("PID", {3: "7^^^HOSP^MR", 7: "1960", 8: "F", 29: "20200105"})
    silent = segment("PID", {3: "7^^^HOSP^MR"})
    null = segment("PID", {3: "7^^^HOSP^MR", 29: '""'})

    def about(pid: str, sent: str) -> str:
        return message(pid, kind="ADT^A08", patient=None, sent=sent, control=sent)

    stored(tmp_path / "a", about(dead, "20200106"), about(silent, "20200107"))
    assert of(chart(tmp_path / "a"), "MEDS_DEATH")
    stored(tmp_path / "b", about(dead, "20200106"), about(null, "20200107"))
    assert not of(chart(tmp_path / "b"), "MEDS_DEATH")
    assert of(chart(tmp_path / "b"), "SEX//female")


def test_sex_is_the_last_one_told(tmp_path: Path) -> None:
    def about(sex: str, sent: str) -> str:
        pid = segment("PID", {3: "7^^^HOSP^MR", 8: sex})
        return message(pid, kind="ADT^A08", patient=None, sent=sent, control=sent)

    stored(tmp_path, about("F", "20200103"), about("U", "20200101"), about("M", "20200102"))
    assert [event["code"] for event in of(chart(tmp_path), "SEX//")] == ["SEX//female"]


def test_address_that_changes_is_one_from_then_on(tmp_path: Path) -> None:
    told = [
        adt("A04", "20200101", home="^^Boston^MA^02134"),
        adt("A08", "20210101", home="^^Austin^TX^73301"),
        adt("A08", "20220101", home="^^Austin^TX^73301"),
    ]
    stored(tmp_path, *told[::-1])
    homes = of(chart(tmp_path), "ADDRESS//")
    lived = [(event["code"], event["time"] and event["time"].year) for event in homes]
    assert ("ADDRESS//MA", None) in lived
    assert ("ADDRESS//TX", 2021) in lived
    assert ("ADDRESS//TX", None) not in lived
    assert ("ADDRESS//TX", 2022) not in lived


def test_deleted_person_has_no_demographics_any_more(tmp_path: Path) -> None:
    told = [adt("A28", "20200101", home="^^Boston^MA"), adt("A29", "20200102"), CORRECTIONS[0]]
    report = stored(tmp_path, *told)
    assert report.reference_rows["deletion of what was told of a person"] == 1


def test_every_message_is_accounted_for(tmp_path: Path, shared_data: Path) -> None:
    folder = shared_data / "hl7v2-ccda" / "hl7v2"
    report = ingest(folder, tmp_path / "store", plain=True)
    assert (report.kind, report.rows_read) == ("hl7v2", 66)
    assert is_accounted_for(report)


def test_event_leads_back_to_its_message_and_segment(tmp_path: Path) -> None:
    stored(tmp_path, adt("A01", "20200101", pv1("20200101")), CORRECTIONS[1])
    timeline = open_timeline(tmp_path / "store", **ME)  # type: ignore[arg-type]  # who asks, and why
    (subject,) = timeline.subject_ids().tolist()
    told = origins(tmp_path / "store", subject, **ME)["events"]  # type: ignore[arg-type]  # who asks, and why
    (number,) = [one["event"] for one in told if one["code"] == "LOINC//718-7"]
    found = origin(tmp_path / "store", subject, number, source=tmp_path / "in", **ME)  # type: ignore[arg-type]  # who asks, and why
    where = found["source"]
    assert (where["kind"], where["file"], where["row"]) == ("hl7v2", "feed.hl7", 2)
    assert where["part"] == "OBX[1]-5"
    kind, _, record = where["record"].split("/", 2)
    assert (kind, record) == ("OBX", "5@LAB/20200101/LOINC//718-7")
    assert "HOSP|7" not in where["record"]
    assert where["unchanged"] is True
    assert where["raw"].splitlines()[-1] == CORRECTIONS[1].rstrip("\r").split("\r")[-1]


def test_no_name_or_number_of_a_person_is_in_counts_or_reasons(tmp_path: Path) -> None:
    pid = "PID|1||CANARY77^^^HOSP^MR||CANARYNAME^JANE||CANARYBIRTH|F|||1 CANARY ST^^X^MA"
    bad = message(pid, "OBX|1|NM|||CANARY", "CANARY|1", "DG1|1", patient=None, sent="CANARYTIME")
    report = stored(tmp_path, bad, "CANARY JUNK\rMSH|AAAA|CANARY\r")
    assert "CANARY" not in str(report.to_dict())
