"""What is withdrawn is gone up to that version; a correction after it stands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lifecourse.schema.actor import Actor, Purpose
from lifecourse.timeline.access import open_timeline
from lifecourse.timeline.ingestion import ingest


def condition(version: str, verification: str, *, updated: str) -> dict[str, object]:
    return {
        "resourceType": "Condition",
        "id": "c1",
        "meta": {"versionId": version, "lastUpdated": updated},
        "verificationStatus": {"coding": [{"code": verification}]},
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "38341003"}]},
        "subject": {"reference": "Patient/p1"},
        "recordedDate": "2020-01-01T00:00:00Z",
    }


def load(folder: Path, name: str, *resources: dict[str, object]) -> int:
    """Conditions in the store after loading `resources`."""
    source = folder / name
    source.mkdir()
    patient = {"resourceType": "Patient", "id": "p1", "gender": "female"}
    lines = [json.dumps(resource) for resource in (patient, *resources)]
    (source / f"{name}.ndjson").write_text("\n".join(lines) + "\n")
    report = ingest(source, folder / "store", kind="fhir")
    accounted = report.event_rows + report.duplicate_rows + sum(report.rejects.values())
    assert report.rows_read == accounted + sum(report.reference_rows.values())
    timeline = open_timeline(
        folder / "store", actor=Actor(name="test"), purpose=Purpose.DIRECT_CARE
    )
    return timeline.n_events - 1


WRONG = condition("1", "entered-in-error", updated="2020-01-02T00:00:00Z")
RIGHT = condition("2", "confirmed", updated="2020-01-03T00:00:00Z")
FIRST = condition("0", "confirmed", updated="2020-01-01T00:00:00Z")


def test_correction_after_a_withdrawal_stands(tmp_path: Path) -> None:
    assert load(tmp_path, "one", WRONG, RIGHT) == 1


def test_old_withdrawal_does_not_take_a_later_version(tmp_path: Path) -> None:
    assert load(tmp_path, "one", RIGHT) == 1
    assert load(tmp_path, "two", WRONG) == 1


@pytest.mark.parametrize("together", [True, False])
def test_withdrawal_takes_what_came_before_it(tmp_path: Path, together: bool) -> None:
    if together:
        assert load(tmp_path, "one", FIRST, WRONG) == 0
    else:
        assert load(tmp_path, "one", FIRST) == 1
        assert load(tmp_path, "two", WRONG) == 0
