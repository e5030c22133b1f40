"""FHIR times: offsets are applied, what is not exact is known at its end, and nothing is guessed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from fhirs import condition, events, read, write_ndjson

from lifecourse.base.clock import from_microseconds
from lifecourse.records.fhir.times import BadTimeError, moment

NEW_YORK = "America/New_York"
END = {"second": 59, "microsecond": 999_999}


def utc(*parts: int, **more: int) -> datetime:
    return datetime(*parts, tzinfo=UTC, **more)


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2020-03-02T10:00:00Z", NEW_YORK, utc(2020, 3, 2, 10)),
        ("2020-03-02T10:00:00+02:00", "UTC", utc(2020, 3, 2, 8)),
        ("2020-03-02T23:30:00-05:00", "UTC", utc(2020, 3, 3, 4, 30)),
        ("2020-03-02T10:00:00.123456789Z", "UTC", utc(2020, 3, 2, 10, 0, 0, 123_456)),
        ("2020-01-02T10:00:00", NEW_YORK, utc(2020, 1, 2, 15)),
        ("2020-07-02T10:00:00", NEW_YORK, utc(2020, 7, 2, 14)),
        ("2020-03-08T02:30:00", NEW_YORK, utc(2020, 3, 8, 7, 30)),  # skipped by daylight saving
        ("2020-11-01T01:30:00", NEW_YORK, utc(2020, 11, 1, 5, 30)),  # occurs twice: the first
    ],
)
def test_instant_is_known_when_it_is(text: str, zone: str, expected: datetime) -> None:
    found = moment(text, zone)
    assert from_microseconds(found.known) == expected
    assert (found.start, found.precision) == (found.known, None)


@pytest.mark.parametrize(
    ("text", "zone", "start", "known", "precision"),
    [
        ("2020", "UTC", utc(2020, 1, 1), utc(2020, 12, 31, 23, 59, **END), "year"),
        ("2020-02", "UTC", utc(2020, 2, 1), utc(2020, 2, 29, 23, 59, **END), "month"),
        ("2020-12", "UTC", utc(2020, 12, 1), utc(2020, 12, 31, 23, 59, **END), "month"),
        ("2020-02-29", "UTC", utc(2020, 2, 29), utc(2020, 2, 29, 23, 59, **END), "day"),
        ("2020-01-02", NEW_YORK, utc(2020, 1, 2, 5), utc(2020, 1, 3, 4, 59, **END), "day"),
        ("2020-03-08", NEW_YORK, utc(2020, 3, 8, 5), utc(2020, 3, 9, 3, 59, **END), "day"),
        ("9999-12-31", NEW_YORK, utc(9999, 12, 31), utc(9999, 12, 31, 23, 59, **END), "day"),
    ],
)  # fmt: skip
def test_part_of_a_date_is_known_at_its_end_in_the_declared_zone(
    text: str, zone: str, start: datetime, known: datetime, precision: str
) -> None:
    found = moment(text, zone)
    assert (from_microseconds(found.start), from_microseconds(found.known)) == (start, known)
    assert found.precision == precision


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2020-13", "2021-02-29", "2020-1-2", "0000", "20200", "2020-03-02T25:00:00Z"]
)  # fmt: skip
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(BadTimeError):
        moment(text, "UTC")


@pytest.mark.parametrize("text", ["9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00", "0001"])
def test_times_at_the_ends_of_the_calendar_stay_within_it(text: str) -> None:
    found = moment(text, "Asia/Tokyo")
    assert from_microseconds(found.start) <= from_microseconds(found.known)


def test_onset_is_beside_the_time_it_was_known(tmp_path) -> None:
    body = condition(onsetDateTime="2019-06")
    (found,) = events(read(write_ndjson(tmp_path / "x.ndjson", [body]))).to_dicts()
    assert found["time"] == datetime(2020, 3, 2, 10)
    assert (found["onset_time"], found["precision"]) == (datetime(2019, 6, 1), "month")


def test_date_of_recording_alone_is_known_at_the_end_of_that_day(tmp_path) -> None:
    path = write_ndjson(tmp_path / "x.ndjson", [condition(recordedDate="2020-03-02")])
    (found,) = events(read(path, timezone=NEW_YORK)).to_dicts()
    assert found["time"] == datetime(2020, 3, 3, 4, 59, 59, 999_999)
    assert (found["onset_time"], found["precision"]) == (datetime(2020, 3, 2, 5), "day")


def test_result_is_known_when_issued_not_when_drawn(tmp_path) -> None:
    body = {
        **condition(),
        "resourceType": "Observation",
        "status": "final",
        "effectiveDateTime": "2020-03-01T08:00:00Z",
        "issued": "2020-03-04T12:00:00Z",
        "valueInteger": 1,
    }
    (found,) = events(read(write_ndjson(tmp_path / "x.ndjson", [body]))).to_dicts()
    assert (found["time"], found["onset_time"]) == (
        datetime(2020, 3, 4, 12),
        datetime(2020, 3, 1, 8),
    )


def test_time_put_together_from_parts_seen_before_is_the_time_itself() -> None:
    rng = np.random.default_rng(7)
    texts = []
    for _ in range(400):
        start = datetime(
            2000, 1, 1, tzinfo=timezone(timedelta(minutes=15 * int(rng.integers(-48, 56))))
        )
        at = start + timedelta(seconds=int(rng.integers(10**9)), milliseconds=int(rng.integers(3)))
        texts.append(at.isoformat(timespec=str(rng.choice(["seconds", "milliseconds", "minutes"]))))
    # The second time round, parts of other texts make up each.
    for text in texts * 2:
        assert from_microseconds(moment(text, NEW_YORK).known) == datetime.fromisoformat(text)
