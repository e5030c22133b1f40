"""Who is one person: identifiers, merges in any order and over several ingests, moves that are not carried out."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

import polars as pl
import pytest
from hl7v2s import counts, events, message, read, write

from lifecourse.schema.actor import Actor, Purpose
from lifecourse.timeline.access import open_timeline
from lifecourse.timeline.ingestion import ingest

if TYPE_CHECKING:
    from pathlib import Path

RESULT = "OBR|1||{order}^LAB|24323-8^Panel^LN|||20200101\rOBX|1|NM|718-7^Hb^LN||{value}|g/dL||N|||F"


def result(patient: str, order: int, *, sent: str = "20200102") -> str:
    told = RESULT.format(order=order, value=10 + order)
    return message(told, patient=patient, control=f"r{order}", sent=f"{sent}0000+0000")


def merge(prior: str, surviving: str, *, sent: str, event: str = "A40") -> str:
    return message(
        f"MRG|{prior}^^^HOSP^MR", kind=f"ADT^{event}", patient=surviving, control=f"{prior}-{surviving}",
        sent=f"{sent}0000+0000",
    )  # fmt: skip


def people_with_results(store: Path) -> list[int]:
    """How many results each person of the store has."""
    timeline = open_timeline(store, actor=Actor(name="test"), purpose=Purpose.DIRECT_CARE)
    charts = (timeline.chart(int(one)).events for one in timeline.subject_ids())
    found = (chart.filter(pl.col("code") == "LOINC//718-7").height for chart in charts)
    return sorted(count for count in found if count)


MESSAGES = [
    result("1", 1),
    merge("1", "2", sent="20200103"),
    result("2", 2),
    merge("2", "3", sent="20200105"),
    result("3", 3),
]


@pytest.mark.parametrize("order", list(permutations(range(5)))[::17])
def test_merged_patients_are_one_person_in_whatever_order(
    tmp_path: Path, order: tuple[int, ...]
) -> None:
    found = events(read(write(tmp_path, *(MESSAGES[place] for place in order))))
    assert found["subject_key"].unique().to_list() == ["HOSP|3"]


def test_merge_joins_who_an_earlier_ingest_holds(tmp_path: Path) -> None:
    store = tmp_path / "store"
    ingest(write(tmp_path / "a", result("1", 1), result("2", 2), result("9", 9)), store, plain=True)
    assert people_with_results(store) == [1, 1, 1]
    ingest(
        write(tmp_path / "b", merge("1", "2", sent="20200103"), name="later.hl7"), store, plain=True
    )
    assert people_with_results(store) == [1, 2]
    # It holds for what comes later under the old number.
    ingest(write(tmp_path / "c", result("1", 4), name="last.hl7"), store, plain=True)
    assert people_with_results(store) == [1, 3]


def test_later_merges_of_people_who_were_merged_before_make_one_of_all(tmp_path: Path) -> None:
    store = tmp_path / "store"
    told = [*(result(str(n), n) for n in range(1, 6)), merge("1", "2", sent="20200103")]
    ingest(write(tmp_path / "a", *told), store, plain=True)
    assert people_with_results(store) == [1, 1, 1, 2]
    later = [merge("1", "3", sent="20200104"), merge("2", "5", sent="20200105")]
    ingest(write(tmp_path / "b", *later, name="later.hl7"), store, plain=True)
    assert people_with_results(store) == [1, 4]


def test_merge_that_is_taken_back_by_another_leaves_the_survivor(tmp_path: Path) -> None:
    told = [
        merge("1", "2", sent="20200103"),
        merge("2", "1", sent="20200104"),
        result("1", 1),
        result("2", 2),
    ]
    found = events(read(write(tmp_path, *told)))
    assert found["subject_key"].unique().to_list() == ["HOSP|1"]


@pytest.mark.parametrize("event", ["A43", "A44", "A45"])
def test_move_to_another_person_is_counted_and_not_carried_out(tmp_path: Path, event: str) -> None:
    told = [result("1", 1), merge("1", "2", sent="20200103", event=event), result("2", 2)]
    batches = read(write(tmp_path, *told))
    assert set(events(batches)["subject_key"]) == {"HOSP|1", "HOSP|2"}
    assert counts(batches)["MRG dropped: a move to another person, not carried out"] == 1


def test_patient_is_named_by_the_record_number_whatever_stands_before_it(tmp_path: Path) -> None:
    pid = "PID|1||99^^^SSA^SS~V1^^^HOSP^VN~55^^^REG^PI~7^^^HOSP&1.2.3&ISO^MR||DOE^J||1960|F"
    found = events(read(write(tmp_path, message(pid, patient=None, kind="ADT^A28"))))
    assert found["subject_key"].unique().to_list() == ["HOSP|7"]


def test_who_is_named_by_another_identifier_is_the_person_whose_messages_tell_both(
    tmp_path: Path,
) -> None:
    store = tmp_path / "store"
    both = message("PID|1||7^^^HOSP^MR~55^^^REG^PI||DOE^J||1960|F", patient=None, control="b")
    lone = message(
        "PID|1||55^^^REG^PI||DOE^J||1960|F", RESULT.format(order=1, value=12), patient=None
    )
    ingest(write(tmp_path / "a", lone, both), store, plain=True)
    timeline = open_timeline(store, actor=Actor(name="test"), purpose=Purpose.DIRECT_CARE)
    assert len(timeline.subject_ids()) == 1


@pytest.mark.parametrize(
    ("pid", "key"),
    [
        ("PID|1|12345|||DOE^J||1960|F", "12345"),
        ("PID|1|||77^^^OLD|DOE^J||1960|F", "OLD|77"),
        ("PID|1||007^4^M11^&1.2.3&ISO^MR||DOE^J||1960|F", "1.2.3|007"),
    ],
)
def test_patient_may_be_named_as_older_versions_do(tmp_path: Path, pid: str, key: str) -> None:
    found = events(read(write(tmp_path, message(pid, patient=None, kind="ADT^A04"))))
    assert found["subject_key"].unique().to_list() == [key]


def test_account_merged_into_another_changes_nobody(tmp_path: Path) -> None:
    batches = read(write(tmp_path, merge("1", "2", sent="20200103", event="A41")))
    assert counts(batches)["MRG dropped: of accounts or visits of one person"] == 1
