"""Scores over real records, counted first in plain Python over the source's own JSON."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from lifecourse.base.clock import from_microseconds
from lifecourse.care import assess
from lifecourse.care.panel import assess_panel
from lifecourse.schema.actor import Actor, Purpose
from lifecourse.timeline.access import open_timeline
from lifecourse.timeline.ingestion import ingest

if TYPE_CHECKING:
    from pathlib import Path

    from lifecourse.care import Assessment
    from lifecourse.timeline.chart import Chart

# Synthea's own codes, read off its bundles.
CHOLESTEROL, HDL, SYSTOLIC, BMI = "2093-3", "2085-9", "8480-6", "39156-5"
EGFR, CREATININE, SMOKING = "33914-3", "38483-4", "72166-2"
CARDIOVASCULAR = {"53741008", "22298006", "399211009", "230690007", "88805009", "84114007"}
THREE_YEARS, FIVE_YEARS = timedelta(days=1096), timedelta(days=1826)


@dataclass
class Person:
    """One Synthea bundle, as plain Python sees it."""

    id: str
    birth: str
    sex: str
    died: datetime | None
    values: dict[str, list[tuple[datetime, float]]] = field(default_factory=dict)
    smoking: list[datetime] = field(default_factory=list)
    conditions: dict[str, list[datetime]] = field(default_factory=dict)

    def last(self, code: str, at: datetime, reach: timedelta) -> float | None:
        known = [pair for pair in self.values.get(code, []) if at - reach < pair[0] <= at]
        return max(known)[1] if known else None

    def age(self, at: datetime) -> int:
        year, month, day = (int(part) for part in self.birth.split("-"))
        return at.year - year - ((at.month, at.day) < (month, day))

    def egfr_from_creatinine(self, at: datetime) -> float | None:
        creatinine = self.last(CREATININE, at, THREE_YEARS)
        if creatinine is None or self.age(at) < 18:
            return None
        kappa, alpha, factor = (0.7, -0.241, 1.012) if self.sex == "female" else (0.9, -0.302, 1.0)
        low, high = min(creatinine / kappa, 1), max(creatinine / kappa, 1)
        return 142 * low**alpha * high**-1.2 * 0.9938 ** self.age(at) * factor

    def has_all_of_prevent(self, at: datetime) -> bool:
        if self.died is not None and self.died <= at:
            return False
        if any(min(times) <= at for times in self.conditions.values()):
            return False
        egfr = self.last(EGFR, at, THREE_YEARS)
        inputs = [
            (self.age(at), 30, 79),
            (self.last(CHOLESTEROL, at, FIVE_YEARS), 130, 320),
            (self.last(HDL, at, FIVE_YEARS), 20, 100),
            (self.last(SYSTOLIC, at, THREE_YEARS), 90, 200),
            (self.last(BMI, at, THREE_YEARS), 18.5, 39.9),
            (self.egfr_from_creatinine(at) if egfr is None else egfr, 15, 140),
        ]
        return any(time <= at for time in self.smoking) and all(
            value is not None and low <= value <= high for value, low, high in inputs
        )


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def people_of(folder: Path) -> dict[str, Person]:
    people = {}
    for path in sorted(folder.glob("*.json.gz")):
        with gzip.open(path) as file:
            resources = [entry["resource"] for entry in json.load(file).get("entry", [])]
        for patient in (each for each in resources if each["resourceType"] == "Patient"):
            died = patient.get("deceasedDateTime")
            person = Person(
                id=f"Patient/{patient['id']}",
                birth=patient["birthDate"],
                sex=patient["gender"],
                died=moment(died) if died else None,
            )
            for resource in resources:
                gather(person, resource)
            people[person.id] = person
    return people


def gather(person: Person, resource: dict[str, Any]) -> None:
    if resource["resourceType"] == "Condition":
        code = resource["code"]["coding"][0]["code"]
        if code in CARDIOVASCULAR:
            known = resource.get("recordedDate") or resource["onsetDateTime"]
            person.conditions.setdefault(code, []).append(moment(known))
    if resource["resourceType"] != "Observation":
        return
    time = moment(resource.get("issued") or resource["effectiveDateTime"])
    for measured in (resource, *resource.get("component", [])):
        code = measured["code"]["coding"][0]["code"]
        if code == SMOKING:
            person.smoking.append(time)
        if "value" in (measured.get("valueQuantity") or {}):
            person.values.setdefault(code, []).append((time, measured["valueQuantity"]["value"]))


@pytest.fixture(scope="module")
def assessments(
    shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> list[tuple[str, datetime, Assessment]]:
    folder = shared_data / "synthea-r4"
    if not folder.is_dir():
        pytest.skip("no synthea-r4 among the records")
    store = tmp_path_factory.mktemp("synthea") / "store"
    ingest(folder, store)
    found = []
    for chart in opened(store):
        at = chart.last_time
        assert at is not None
        found.append((source_of(chart), from_microseconds(at), assess(chart, at)))
    return found


def opened(store: Path) -> list[Chart]:
    timeline = open_timeline(store, actor=Actor(name="test"), purpose=Purpose.DIRECT_CARE)
    return list(timeline.charts())


def source_of(chart: Chart) -> str:
    birth = chart.events.filter(chart.events["code"] == "MEDS_BIRTH")
    return str(birth["source_id"][0])


def test_prevent_is_computed_for_everyone_with_all_inputs_in_range(
    shared_data: Path, assessments: list[tuple[str, datetime, Assessment]]
) -> None:
    people = people_of(shared_data / "synthea-r4")
    counted = {who for who, at, _ in assessments if people[who].has_all_of_prevent(at)}
    computed = {
        who
        for who, _, found in assessments
        if found.score("prevent", "total_cvd", 10).status == "computed"
    }
    assert len(counted) > 30
    assert computed == counted


def test_ckd_epi_is_computed_for_every_living_adult_with_a_creatinine(
    shared_data: Path, assessments: list[tuple[str, datetime, Assessment]]
) -> None:
    people = people_of(shared_data / "synthea-r4")
    counted = {}
    for who, at, _ in assessments:
        died = people[who].died
        egfr = people[who].egfr_from_creatinine(at)
        if egfr is not None and not (died is not None and died <= at):
            counted[who] = egfr
    computed = {
        who: found.score("ckd_epi_2021", "egfr").value
        for who, _, found in assessments
        if found.score("ckd_epi_2021", "egfr").status == "computed"
    }
    assert len(counted) > 40
    assert computed == pytest.approx(counted, rel=1e-5)


def test_every_number_names_the_events_of_its_measured_inputs(
    assessments: list[tuple[str, datetime, Assessment]],
) -> None:
    for _, at, found in assessments:
        result = found.score("prevent", "ascvd", 10)
        if result.status == "computed":
            named = {each.name: each for each in result.inputs}
            for name in ("total_c", "hdl_c", "sbp", "bmi", "egfr", "smoking"):
                assert named[name].events, name
                assert all(moment(f"{e.time}+00:00") <= at for e in named[name].events if e.time)


def test_ckd_epi_is_computed_from_mimics_creatinine_through_the_mapping_file(
    shared_data: Path, tmp_path: Path
) -> None:
    folder = shared_data / "mimic-iv-demo-meds"
    if not folder.is_dir():
        pytest.skip("no mimic-iv-demo-meds among the records")
    ingest(folder, tmp_path / "store")
    inputs = []
    for chart in opened(tmp_path / "store")[:20]:
        assert chart.last_time is not None
        result = assess(chart, chart.last_time).score("ckd_epi_2021", "egfr")
        if result.status == "computed":
            inputs += [each for each in result.inputs if each.name == "scr_mg_dl"]
    assert len(inputs) > 10
    assert "LAB//50912//mg/dL" in {event.code for each in inputs for event in each.events}


def test_a_panel_gives_everyone_what_assess_gives_each(shared_data: Path, tmp_path: Path) -> None:
    for name in ("synthea-r4", "mimic-iv-demo-meds"):
        if not (shared_data / name).is_dir():
            pytest.skip(f"no {name} among the records")
        store = tmp_path / name
        ingest(shared_data / name, store)
        timeline = open_timeline(store, actor=Actor(name="test"), purpose=Purpose.DIRECT_CARE)
        panel = assess_panel(timeline)
        for chart in timeline.charts():
            assert chart.last_time is not None
            rows = panel.filter(panel["subject_id"] == chart.subject_id)
            single = assess(chart, chart.last_time).scores
            assert rows["status"].to_list() == [each.status for each in single]
            assert rows["value"].to_list() == [each.value for each in single]
