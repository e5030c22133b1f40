"""From an event back to the row it was read from."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import polars as pl
import pytest

from lifecourse.base.errors import PolicyRefused, UserError
from lifecourse.cli import main
from lifecourse.privacy.audit import AuditLog
from lifecourse.schema.actor import Actor, Identifiability, Purpose
from lifecourse.timeline.access import open_timeline
from lifecourse.timeline.ingestion import ingest
from lifecourse.timeline.origin import origin, origins
from lifecourse.timeline.store import Store

WHO = {"actor": Actor(name="reviewer"), "purpose": Purpose.OPERATIONS}


def patient(number: int) -> dict:
    return {
        "resourceType": "Patient",
        "id": f"p{number}",
        "gender": "female",
        "birthDate": "1970-01-02",
    }


def weight(number: int, person: int) -> dict:
    return {
        "resourceType": "Observation",
        "id": f"w{number}",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
        "subject": {"reference": f"Patient/p{person}"},
        "effectiveDateTime": f"2020-01-{number + 1:02d}T08:00:00Z",
        "issued": f"2020-01-{number + 1:02d}T08:00:00Z",
        "valueQuantity": {"value": 60 + number, "unit": "kg", "code": "kg"},
    }


def fhir_folder(folder: Path) -> Path:
    folder.mkdir()
    people = "\n".join(json.dumps(patient(n)) for n in range(3))
    (folder / "Patient.ndjson").write_text(people + "\n")
    lines = "\n\n".join(json.dumps(weight(n, n % 3)) for n in range(9))
    (folder / "Observation.ndjson").write_text(lines + "\n")
    with gzip.open(folder / "more.ndjson.gz", "wt") as file:
        file.write(json.dumps(weight(20, 1)) + "\n")
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": patient(1)}, {"resource": weight(25, 1)}],
    }
    (folder / "bundle.json").write_text(json.dumps(bundle))
    return folder


def omop_folder(folder: Path) -> Path:
    folder.mkdir()
    (folder / "person.csv").write_text(
        "person_id,gender_concept_id,year_of_birth,month_of_birth,day_of_birth,race_concept_id,ethnicity_concept_id\n"
        "1,8532,1970,1,2,0,0\n2,8507,1980,1,2,0,0\n"
    )
    rows = "".join(
        f"{n},{1 + n % 2},3004410,2020-01-{n + 1:02d},2020-01-{n + 1:02d} 08:00:00,32817,{5 + n},4548-4\n"
        for n in range(8)
    )
    (folder / "measurement.csv").write_text(
        "measurement_id,person_id,measurement_concept_id,measurement_date,measurement_datetime,"
        "measurement_type_concept_id,value_as_number,measurement_source_value\n" + rows
    )
    return folder


def meds_folder(folder: Path) -> Path:
    (folder / "data").mkdir(parents=True)
    for name, first in (("0", 1), ("1", 11)):
        table = pl.DataFrame(
            {
                "subject_id": [first, first, first + 1],
                "time": ["2020-01-02T00:00:00", "2020-01-01T00:00:00", "2020-03-01T00:00:00"],
                "code": ["LAB//a", "LAB//b", "LAB//c"],
                "numeric_value": [1.5, 2.5, None],
            }
        ).with_columns(
            pl.col("time").str.to_datetime(time_unit="us"), pl.col("numeric_value").cast(pl.Float32)
        )
        table.write_parquet(folder / "data" / f"{name}.parquet")
    return folder


def stored(source: Path, store: Path, **options) -> Path:
    ingest(source, store, identifiability=Identifiability.SYNTHETIC, **options)
    return store


def every_event(store: Path) -> list[tuple[int, dict]]:
    subjects = open_timeline(store, **WHO).subject_ids().tolist()
    return [(s, event) for s in subjects for event in origins(store, s, **WHO)["events"]]


def test_every_fhir_event_leads_back_to_its_resource(tmp_path):
    source = fhir_folder(tmp_path / "fhir")
    store = stored(source, tmp_path / "store")
    events = every_event(store)
    assert {event["file"] for _, event in events} == {
        "Patient.ndjson",
        "Observation.ndjson",
        "more.ndjson.gz",
        "bundle.json",
    }
    for subject, event in events:
        found = origin(store, subject, event["event"], source=source, **WHO)["source"]
        resource = json.loads(found["raw"])
        assert found["unchanged"]
        assert f"{resource['resourceType']}/{resource['id']}" == event["record"]
        if event["numeric_value"] is not None:
            assert resource["valueQuantity"]["value"] == event["numeric_value"]


def test_every_omop_event_leads_back_to_its_row(tmp_path):
    source = omop_folder(tmp_path / "omop")
    store = stored(source, tmp_path / "store")
    measured = [e for e in every_event(store) if e[1]["file"] == "measurement.csv"]
    assert len(measured) == 8
    for subject, event in measured:
        found = origin(store, subject, event["event"], source=source, **WHO)["source"]
        row = json.loads(found["raw"])
        assert f"measurement/{row['measurement_id']}" == event["record"]
        assert float(row["value_as_number"]) == event["numeric_value"]


def test_every_meds_event_leads_back_to_its_row(tmp_path):
    source = meds_folder(tmp_path / "meds")
    store = stored(source, tmp_path / "store")
    events = every_event(store)
    assert len(events) == 6
    for subject, event in events:
        found = origin(store, subject, event["event"], source=source, **WHO)["source"]
        row = json.loads(found["raw"])
        assert (row["subject_id"], row["code"]) == (subject, event["code"])
        assert row["time"][:19].replace(" ", "T") == event["time"][:19]


def test_a_file_that_changed_since_is_said_and_its_rows_are_not_shown(tmp_path):
    source = meds_folder(tmp_path / "meds")
    store = stored(source, tmp_path / "store")
    path = source / "data" / "0.parquet"
    pl.read_parquet(path).reverse().write_parquet(path)
    found = origin(store, 1, 0, source=source, **WHO)["source"]
    assert not found["unchanged"]
    assert found["raw"] is None


def test_without_the_source_file_and_row_are_told(tmp_path):
    source = meds_folder(tmp_path / "meds")
    store = stored(source, tmp_path / "store")
    found = origin(store, 11, 0, **WHO)
    assert found["code"] == "LAB//b"
    assert found["source"]["file"] == "data/1.parquet"
    assert found["source"]["row"] == 2
    assert "raw" not in found["source"]


def test_looks_are_audited_and_rows_of_pseudonyms_are_refused(tmp_path):
    source = meds_folder(tmp_path / "meds")
    store = tmp_path / "store"
    ingest(source, store, identifiability=Identifiability.PSEUDONYMOUS)
    with pytest.raises(PolicyRefused):
        origin(store, 1, 0, source=source, **WHO)
    origin(store, 1, 1, **WHO)
    entries = [
        (e["action"], e["target"], e["outcome"])
        for e in AuditLog(Store.at(store).audit_folder).entries()
    ]
    assert ("look at source row", "subject/1/event/0", "refused") in entries
    assert ("look", "subject/1", "success") in entries


def test_a_number_that_is_no_event_is_said(tmp_path):
    store = stored(meds_folder(tmp_path / "meds"), tmp_path / "store")
    with pytest.raises(UserError, match="0 to 1"):
        origin(store, 1, 2, **WHO)


def test_the_command_goes_from_an_event_to_its_row(tmp_path, capsys):
    source = fhir_folder(tmp_path / "fhir")
    store = stored(source, tmp_path / "store")
    subject, event = next(e for e in every_event(store) if e[1]["record"] == "Observation/w4")
    words = ["inspect", str(store), "--subject", str(subject)]
    assert main(words) == 0
    assert "Observation.ndjson" in capsys.readouterr().out
    assert main([*words, "--event", str(event["event"]), "--source", str(source), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["source"]["row"] == 9
    assert json.loads(answer["source"]["raw"])["id"] == "w4"
    assert main(["inspect", str(store), "--event", "1"]) == 2
