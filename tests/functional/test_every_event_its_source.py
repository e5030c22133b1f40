"""Of every kind of source, every event names the file and the row it was read from, and leads back to them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from ccdas import SNOMED, document, problem, section
from hl7v2s import message, write

from lifecourse.records.registry import SOURCES
from lifecourse.schema.actor import Actor, Identifiability, Purpose
from lifecourse.simulation import simulate
from lifecourse.timeline.access import open_timeline
from lifecourse.timeline.exposures import KIND as EXPOSURES
from lifecourse.timeline.ingestion import ingest
from lifecourse.timeline.origin import origin, origins
from lifecourse.timeline.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ME: dict[str, Any] = {"actor": Actor(name="reviewer"), "purpose": Purpose.OPERATIONS}
PEOPLE = 6
CODED = re.compile(r"(?:LOINC|SNOMED|ICD10CM|RxNorm)//([^/]+)$")


def _simulated(kind: str) -> Callable[[Path], dict[str, Path]]:
    def made(folder: Path) -> dict[str, Path]:
        simulate(PEOPLE, 7, kind, folder / kind, futures=0)
        return {kind: folder / kind}

    return made


def _fhir_genome_exposures(folder: Path) -> dict[str, Path]:
    """Genes and exposures are of people whom another source brings."""
    whole = _simulated("fhir")(folder)["fhir"]
    parts = {"genome": whole / "genome", EXPOSURES: whole / "environment"}
    for name, path in parts.items():
        path.rename(folder / name)
    return {"fhir": whole, **{name: folder / name for name in parts}}


def _delimited(folder: Path) -> dict[str, Path]:
    tables = folder / "tables"
    tables.mkdir()
    (tables / "mapping.yaml").write_text(
        "_source: {title: Stays, issuer: ward}\n_defaults: {subject_id: $mrn}\n"
        'stays:\n  _table:\n    id: f"stay/{$stay}"\n'
        "  visit: {code: VISIT//inpatient, time: $begun}\n"
        "  hba1c: {code: LOINC//4548-4, time: $begun, numeric_value: $hba1c, unit: '%'}\n"
    )
    rows = "".join(f"{n},{100 + n},2020-01-{n:02d} 08:00,{5 + n / 10}\n" for n in range(1, 8))
    (tables / "stays.csv").write_text("mrn,stay,begun,hba1c\n" + rows)
    return {"delimited": tables}


def _hl7v2(folder: Path) -> dict[str, Path]:
    results = (
        f"OBX|{n}|NM|{code}^x^LN||{value}|{unit}||N|||F"
        for n, (code, value, unit) in enumerate(
            (("718-7", "13.1", "g/dL"), ("4548-4", "6.1", "%")), 1
        )
    )
    order = "OBR|1||5^LAB|24323-8^Panel^LN|||20200101080000"
    admitted = message("PV1|1|I|||||||||||||||||V1^^^HOSP^VN", kind="ADT^A01", control="2")
    return {"hl7v2": write(folder / "feed", message(order, *results), admitted)}


def _ccda(folder: Path) -> dict[str, Path]:
    value = f'<value xsi:type="CD" code="44054006" codeSystem="{SNOMED}" displayName="Diabetes"/>'
    when = '<effectiveTime><low value="2015"/></effectiveTime>'
    (folder / "documents").mkdir()
    text = document(section("11450-4", problem(value + when)))
    written = text if isinstance(text, bytes) else text.encode()
    (folder / "documents" / "summary.xml").write_bytes(written)
    return {"ccda": folder / "documents"}


def _series(folder: Path) -> dict[str, Path]:
    rows = "".join(
        f"7,2024-03-01T{n // 12:02d}:{n % 12 * 5:02d}:00,glucose,{100 + n % 50},mg/dL\n"
        for n in range(288)
    )
    (folder / "readings.csv").write_text("subject,time,measure,value,unit\n" + rows)
    return {"series": folder / "readings.csv"}


TREES = {
    "fhir, genome and exposures": _fhir_genome_exposures,
    "omop": _simulated("omop"),
    "meds": _simulated("meds"),
    "delimited": _delimited,
    "hl7v2": _hl7v2,
    "ccda": _ccda,
    "series": _series,
}
SHOWS_ITS_CODES = ("fhir", "meds", "hl7v2", "ccda")


@pytest.fixture(scope="module", params=TREES)
def stored(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Path]]:
    folder = tmp_path_factory.mktemp("tree")
    sources = TREES[request.param](folder)
    store = folder / "store"
    for kind, path in sources.items():
        of_others = {"issuer": "fhir"} if kind == "genome" else {}
        ingest(path, store, kind=kind, identifiability=Identifiability.SYNTHETIC, **of_others)
    return store, sources


def test_every_kind_of_source_is_tried_here() -> None:
    tried = {kind for name in TREES for kind in re.split(", | and ", name)}
    assert tried == {*SOURCES.names(), EXPOSURES}


def test_every_event_names_a_file_and_a_row_of_its_kind(
    stored: tuple[Path, dict[str, Path]],
) -> None:
    store, sources = stored
    manifest = Store.at(store).manifest()
    events = pl.concat([Store.at(store).read(part) for part in manifest.parts])
    assert events.height > 0
    assert events["source_file"].null_count() == events["source_row"].null_count() == 0
    assert events["source_file"].max() < len(manifest.sources)  # type: ignore[operator]  # whole numbers
    assert (events["source_row"] >= 1).all()
    kinds = {manifest.sources[number].kind for number in events["source_file"].unique()}
    assert kinds == set(sources), "of every source something became an event"


def test_every_kind_of_event_leads_back_to_the_row_it_was_read_from(
    stored: tuple[Path, dict[str, Path]],
) -> None:
    store, sources = stored
    shown: set[tuple[str, str]] = set()
    for subject in open_timeline(store, **ME).subject_ids().tolist():
        for event in origins(store, subject, **ME)["events"]:
            family = (event["kind"], event["code"].split("//")[0])
            if family in shown:
                continue
            shown.add(family)
            source = sources[event["kind"]]
            found = origin(store, subject, event["event"], source=source, **ME)
            assert found["source"]["unchanged"], family
            raw = found["source"]["raw"]
            assert raw, family
            coded = CODED.search(event["code"])
            if coded and event["kind"] in SHOWS_ITS_CODES:
                assert coded[1].replace(".", "") in raw.replace(".", ""), family
    assert {kind for kind, _ in shown} == set(sources)
