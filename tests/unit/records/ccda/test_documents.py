"""Several documents in one store: one person, one fact, the latest word; and from an event back to its entry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from ccdas import LOINC, PERSON, SNOMED, document, facts, observation, problem, read, section

from lifecourse.base.errors import SourceError
from lifecourse.records.ccda import CcdaSource
from lifecourse.records.registry import detect
from lifecourse.schema.actor import Actor, Identifiability, Purpose
from lifecourse.timeline.access import open_timeline
from lifecourse.timeline.ingestion import ingest
from lifecourse.timeline.origin import origin

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

WHO: dict[str, Any] = {"actor": Actor(name="reviewer"), "purpose": Purpose.OPERATIONS}
DIABETES = (
    f'<effectiveTime><low value="2015"/></effectiveTime>'
    f'<value xsi:type="CD" code="44054006" codeSystem="{SNOMED}" displayName="Diabetes"/>'
)
OVER = DIABETES.replace('<low value="2015"/>', '<low value="2015"/><high value="2018"/>')


def hba1c(value: float, name: str = "o1") -> str:
    """A result with an id."""
    return observation(
        "2",
        f'<code code="4548-4" codeSystem="{LOINC}"/><effectiveTime value="20190301"/>'
        f'<value xsi:type="PQ" value="{value}" unit="%"/>',
        name=name,
    )


def person(*ids: tuple[str, str]) -> str:
    """A recordTarget with these ids, root and extension."""
    told = "".join(f'<id root="{root}" extension="{extension}"/>' for root, extension in ids)
    return PERSON.replace('<id root="1.2.3" extension="77"/>', told)


def stored(folder: Path, *texts: str) -> tuple[Path, Any]:
    """A plain store of documents, and the report."""
    source = folder / "documents"
    source.mkdir(exist_ok=True)
    for number, text in enumerate(texts):
        (source / f"{number}.xml").write_text(text, encoding="utf-8")
    report = ingest(source, folder / "store", identifiability=Identifiability.SYNTHETIC, plain=True)
    return folder / "store", report


def timelines(store: Path) -> list[list[dict[str, Any]]]:
    """Each person's events."""
    timeline = open_timeline(store, **WHO)
    return [timeline.chart(int(s)).events.to_dicts() for s in timeline.subject_ids()]


def of(events: Iterable[dict[str, Any]], code: str) -> list[dict[str, Any]]:
    """The events with that code."""
    return [event for event in events if event["code"] == code]


def test_documents_of_one_person_are_one_timeline_whatever_order_their_ids_stand_in(
    tmp_path: Path,
) -> None:
    a, b, c, other = ("1.2", "7"), ("1.3", "8"), ("1.4", "9"), ("1.2", "70")
    store, _ = stored(
        tmp_path,
        document(person=person(c), name="d1"),
        document(person=person(b, a), name="d2"),
        document(person=person(c, b), name="d3"),
        document(person=person(a), name="d4"),
        document(person=person(other), name="d5"),
    )
    lines = timelines(store)
    assert sorted(len(of(line, "NOTE//LOINC//34133-9")) for line in lines) == [1, 4]
    assert all(len(of(line, "SEX//female")) == 1 for line in lines)
    assert all(len(of(line, "MEDS_BIRTH")) == 1 for line in lines)


def test_number_that_forms_are_filled_with_joins_nobody(tmp_path: Path) -> None:
    filler = ("2.16.840.1.113883.4.1", "000000000")
    store, report = stored(
        tmp_path,
        document(person=person(filler, ("1.2", "7")), name="d1"),
        document(person=person(filler, ("1.2", "8")), name="d2"),
        document(person=person(filler), name="d3"),
    )
    assert len(timelines(store)) == 3
    told = "documents about people without an id, each taken for a person of its own"
    assert report.counts[told] == 1


def test_fact_of_two_documents_is_one_event_and_the_later_word_stands(tmp_path: Path) -> None:
    store, report = stored(
        tmp_path,
        document(
            section("11450-4", problem(OVER)),
            section("30954-2", hba1c(7.5)),
            name="d2",
            made="2021",
        ),
        document(
            section("11450-4", problem(DIABETES)),
            section("30954-2", hba1c(7.5)),
            name="d1",
            made="2019",
        ),
    )
    (line,) = timelines(store)
    (diabetes,) = of(line, "SNOMED//44054006")
    assert diabetes["end_time"].year == 2018
    assert len(of(line, "LOINC//4548-4")) == 1
    assert report.rows_read == report.event_rows + report.duplicate_rows + sum(
        (*report.rejects.values(), *report.reference_rows.values())
    )


def test_ingesting_a_copy_of_a_document_adds_nothing(tmp_path: Path) -> None:
    text = document(section("11450-4", problem(DIABETES), text="<paragraph>Sugar</paragraph>"))
    store, _ = stored(tmp_path, text)
    (before,) = timelines(store)
    store, report = stored(tmp_path, text, text)
    (after,) = timelines(store)
    assert len(after) == len(before)
    assert report.added == 0


def test_id_that_was_copied_to_other_facts_does_not_hide_them() -> None:
    batch = read(
        document(section("30954-2", hba1c(7.5), hba1c(8.1)), section("11450-4", problem(DIABETES)))
    )
    assert [fact["numeric_value"] for fact in facts(batch)][:2] == [7.5, pytest.approx(8.1)]
    assert len({fact["source_id"] for fact in facts(batch)}) == 3


def test_fact_that_one_entry_says_twice_is_told_once() -> None:
    twice = problem(DIABETES).replace("</act>", "") + (
        f"<entryRelationship>{observation('4', DIABETES)}</entryRelationship></act>"
    )
    assert len(facts(read(document(section("11450-4", twice))))) == 1


def test_later_document_that_leaves_the_sex_out_does_not_take_it_away(tmp_path: Path) -> None:
    nameless = PERSON[: PERSON.index("<patient>")] + "</patientRole></recordTarget>"
    store, _ = stored(
        tmp_path,
        document(name="d1", made="2019"),
        document(person=nameless, name="d2", made="2021"),
    )
    (line,) = timelines(store)
    assert len(of(line, "MEDS_BIRTH")) == 1


def test_document_about_two_people_is_nobodys(tmp_path: Path) -> None:
    both = PERSON + person(("1.2", "8"))
    batch = read(document(section("30954-2", hba1c(7.5)), person=both))
    assert batch.rejects is not None
    assert batch.rejects.height == batch.rows_read == 5
    assert set(batch.rejects["reason"]) == {"a document about several people"}


def test_event_leads_back_to_its_entry(tmp_path: Path) -> None:
    store, _ = stored(
        tmp_path,
        document(section("30954-2", hba1c(7.5, "r1")), section("11450-4", problem(DIABETES))),
    )
    timeline = open_timeline(store, **WHO)
    subject = int(timeline.subject_ids()[0])
    events = timeline.chart(subject).events.to_dicts()
    number = next(n for n, event in enumerate(events) if event["code"] == "LOINC//4548-4")
    found = origin(store, subject, number, source=tmp_path / "documents", **WHO)["source"]
    assert (found["kind"], found["file"], found["row"]) == ("ccda", "0.xml", 4)
    assert (found["part"], found["record"]) == ("observation", "observation/5.5|r1")
    assert found["unchanged"] is True
    assert 'value="7.5"' in found["raw"]
    assert "44054006" not in found["raw"]


def test_every_row_that_gave_an_event_can_be_shown(tmp_path: Path, shared_data: Path) -> None:
    path = shared_data / "hl7v2-ccda" / "ccda" / "Transfer_Summary.ccda"
    source = CcdaSource(path)
    (batch,) = source.read(source.units()[0])
    assert batch.events is not None
    for row in batch.events["source_row"].unique().sort().to_list()[::9]:
        assert (source.row(source.files()[0], row) or "").startswith("<")
    assert source.row(source.files()[0], batch.rows_read + 1) is None


def test_documents_are_known_by_what_they_begin_with(tmp_path: Path) -> None:
    (tmp_path / "style.xml").write_text("<style/>", encoding="utf-8")
    (tmp_path / "a.ccda").write_text(document().replace("UTF-8", "UTF-16"), encoding="utf-16")
    assert detect(tmp_path) == "ccda"
    assert detect(tmp_path / "a.ccda") == "ccda"
    (tmp_path / "b.json").write_text('{"resourceType":"Patient"}', encoding="utf-8")
    with pytest.raises(SourceError, match=r"both FHIR .* and C-CDA"):
        detect(tmp_path)


def test_documents_that_come_day_by_day_give_what_they_give_at_once(tmp_path: Path) -> None:
    days = [
        document(
            section("11450-4", problem(DIABETES), text="<paragraph>One</paragraph>"),
            name="d1",
            made="2019",
        ),
        document(
            section("11450-4", problem(OVER)),
            section("30954-2", hba1c(7.5, "r1")),
            name="d2",
            made="2021",
        ),
        document(section("30954-2", hba1c(8.0, "r1"), hba1c(6.5, "r2")), name="d3", made="2020"),
    ]
    hashes = set()
    for order in ((0, 1, 2), (2, 1, 0), (1, 2, 0)):
        folder = tmp_path / "".join(map(str, order))
        folder.mkdir()
        for last in range(1, 4):
            stored(folder, *(days[number] for number in order[:last]))
        once = folder / "once"
        once.mkdir()
        hashes.add(stored(folder, *(days[number] for number in order))[1].content_hash)
        hashes.add(stored(once, *(days[number] for number in order))[1].content_hash)
    assert len(hashes) == 1
    (line,) = timelines(tmp_path / "012" / "store")
    assert [event["numeric_value"] for event in of(line, "LOINC//4548-4")] == [6.5, 7.5]
