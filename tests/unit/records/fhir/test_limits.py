"""What FHIR resources must not get away with: other forms of dates, values without bounds, facts known too soon."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from fhirs import (
    CVX,
    LOINC,
    RXNORM,
    SUBJECT,
    bundle,
    concept,
    condition,
    events,
    read,
    rejects,
    write_ndjson,
)

from lifecourse.base.clock import from_microseconds
from lifecourse.base.json_text import parse
from lifecourse.records.fhir.times import BadTimeError, moment

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "text", ["20190503", "2019-W18-5", "2019-05-03T10", "20190503T100000Z", "2019-05-03T10:00:00 Z"]
)
def test_date_of_another_form_never_becomes_an_exact_time(text: str) -> None:
    with pytest.raises(BadTimeError):
        moment(text, "UTC")


@pytest.mark.parametrize(
    "text", ["2016-12-31T23:59:60Z", "2016-12-31T23:59:60.5Z", "2017-01-01T01:59:60+02:00"]
)
def test_leap_second_is_the_second_before_it(text: str) -> None:
    found = moment(text, "UTC")
    assert from_microseconds(found.known) == datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize("value", [1e39, -1e39])
def test_value_that_no_stored_number_holds_is_rejected(tmp_path: Path, value: float) -> None:
    body = {
        "resourceType": "Observation",
        "id": "o1",
        "status": "final",
        "subject": SUBJECT,
        "effectiveDateTime": "2020-03-02T10:00:00Z",
        "code": concept(LOINC, "4548-4"),
        "valueQuantity": {"value": value, "code": "%"},
    }
    batches = read(write_ndjson(tmp_path / "x.ndjson", [body]))
    assert events(batches).height == 0
    assert rejects(batches) == [(1, "a value beyond any measurement")]


@pytest.mark.parametrize(
    ("recorded", "known", "onset"),
    [
        (None, datetime(2020, 3, 2, 10), None),
        ("2020-06-01T08:00:00Z", datetime(2020, 6, 1, 8), datetime(2020, 3, 2, 10)),
        ("2020-03-01T08:00:00Z", datetime(2020, 3, 2, 10), None),
    ],
)
def test_vaccine_is_known_no_sooner_than_it_was_recorded(
    tmp_path: Path, recorded: str | None, known: datetime, onset: datetime | None
) -> None:
    body = {
        "resourceType": "Immunization",
        "id": "i1",
        "status": "completed",
        "patient": SUBJECT,
        "occurrenceDateTime": "2020-03-02T10:00:00Z",
        "recorded": recorded,
        "vaccineCode": concept(CVX, "140"),
    }
    found = events(read(write_ndjson(tmp_path / "x.ndjson", [body])))
    assert found.select("time", "onset_time").rows() == [(known, onset)]


def test_medication_entered_in_error_stands_for_nothing(tmp_path: Path) -> None:
    body = {
        "resourceType": "Medication",
        "id": "m1",
        "status": "entered-in-error",
        "code": concept(RXNORM, "860975"),
    }
    batches = read(write_ndjson(tmp_path / "x.ndjson", [body]))
    assert [b.references.height for b in batches if b.references is not None] == [0]
    assert rejects(batches) == [(1, "entered in error")]


def test_each_entry_of_bundles_in_lines_is_a_row_of_its_own(tmp_path: Path) -> None:
    first = bundle({"resource": condition("a")}, {"resource": condition("b")})
    nested = bundle(
        {"resource": bundle({"resource": condition("d")})}, {"resource": condition("e")}
    )
    batches = read(write_ndjson(tmp_path / "x.ndjson", [first, condition("c"), nested]))
    found = events(batches)
    assert found.select("source_id", "source_row").rows() == [
        (f"Condition/{name}", row) for row, name in enumerate("abcde", start=1)
    ]
    assert sum(batch.rows_read for batch in batches) == 5


@pytest.mark.parametrize("name", ["X.NDJSON.GZ", "X.JSON.GZ", "x.Json", "x.NDJSON"])
def test_endings_in_capitals_are_the_same_endings(tmp_path: Path, name: str) -> None:
    raw = json.dumps(condition()).encode()
    (tmp_path / name).write_bytes(gzip.compress(raw) if name.lower().endswith(".gz") else raw)
    batches = read(tmp_path)
    assert events(batches)["source_id"].to_list() == ["Condition/c1"]
    assert rejects(batches) == []


@pytest.mark.parametrize(
    ("url", "gone"),
    [
        ("Condition/c1", ["Condition/c1"]),
        ("https://example.org/fhir/Condition/c1", ["Condition/c1"]),
        ("Condition?code=1", []),
        ("Condition/c1/_history/2", []),
        ("https://example.org/fhir/Condition?patient=Patient/p1", []),
        ("Condition?subject=https://example.org/Patient/p1", []),
        (None, []),
    ],
)
def test_only_a_deletion_of_one_record_deletes(
    tmp_path: Path, url: str | None, gone: list[str]
) -> None:
    body = bundle({"request": {"method": "DELETE", "url": url}}, kind="transaction")
    batches = read(write_ndjson(tmp_path / "x.ndjson", [body]))
    told = [d for b in batches if b.deletions is not None for d in b.deletions["source_id"]]
    assert told == gone
    refused = [] if gone else [(1, "a deletion that names no record")]
    assert rejects(batches) == refused
    assert sum(batch.rows_read for batch in batches) == 1


def test_key_that_stands_twice_is_found_behind_an_escaped_quote() -> None:
    with pytest.raises(ValueError, match="twice"):
        parse(rb'{"a": 1, "a": 2, "t": "x\u0022:y"}')
    assert parse(rb'{"a": 1, "t": "x\u0022:y"}') == {"a": 1, "t": 'x":y'}
