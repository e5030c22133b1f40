"""The whole person: genes, smoking and where they live, on one timeline, and a covariate of each by a recipe."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

from lifecourse.cli import main
from lifecourse.schema.actor import Actor, Purpose
from lifecourse.serve.patient import who_is
from lifecourse.serve.record import Record
from lifecourse.timeline.access import Timeline, open_timeline

if TYPE_CHECKING:
    from lifecourse.timeline.chart import Chart

pytest.importorskip("cyvcf2", reason="the extra `genome` is not installed here")

LOINC, SNOMED = "http://loinc.org", "http://snomed.info/sct"


def observation(number: int, day: str, code: str, **value: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": f"o{number}",
        "status": "final",
        "subject": {"reference": "Patient/p7"},
        "code": {"coding": [{"system": LOINC, "code": code}]},
        "effectiveDateTime": f"{day}T09:00:00Z",
        **value,
    }


def answer(code: str) -> dict[str, Any]:
    return {"valueCodeableConcept": {"coding": [{"system": SNOMED, "code": code}]}}


def records(folder: Path) -> Path:
    """A patient who moved in 2014, smoked half a pack a day, stopped in the middle of 2013 and was called never once."""
    homes = [
        ("CA", "Los Angeles County", "2010-01-01", "2014-06-30"),
        ("NY", "Kings County", "2014-07-01", None),
    ]
    patient = {
        "resourceType": "Patient",
        "id": "p7",
        "gender": "female",
        "birthDate": "1960-05-01",
        "address": [
            {"state": state, "district": county, "country": "US", "period": {"start": start, **({"end": end} if end else {})}}
            for state, county, start, end in homes
        ],
    }  # fmt: skip
    told = [
        patient,
        observation(1, "2010-01-01", "72166-2", **answer("449868002")),
        observation(2, "2010-01-01", "64218-1", valueQuantity={"value": 10, "code": "/d"}),
        observation(3, "2014-01-01", "72166-2", **answer("8517006")),
        observation(4, "2014-01-01", "74010-0", valueDateTime="2013-07-02"),
        observation(5, "2016-01-01", "72166-2", **answer("266919005")),
        observation(6, "2016-12-31", "8480-6", valueQuantity={"value": 128, "code": "mm[Hg]"}),
    ]
    folder.mkdir()
    (folder / "all.ndjson").write_text("\n".join(map(json.dumps, told)) + "\n")
    return folder


def genome(folder: Path) -> Path:
    folder.mkdir()
    head = "##fileformat=VCFv4.3\n##contig=<ID=chr10,length=133797422>\n"
    form = '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
    columns = "\t".join(
        ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", "p7"]
    )
    site = "\t".join(["chr10", "94781859", "rs4244285", "G", "A", ".", "PASS", ".", "GT", "0/1"])
    (folder / "p7.vcf").write_text(f"{head}{form}{columns}\n{site}\n")
    return folder


def environment(folder: Path) -> Path:
    folder.mkdir()
    rows = [("CA", "Los Angeles", year, 14.0) for year in range(2010, 2017)]
    rows += [("NY", "Kings", year, 8.0) for year in range(2010, 2017)]
    lines = "".join(f"{state},{county},{year},{air}\n" for state, county, year, air in rows)
    (folder / "air.csv").write_text(f"state,county,year,pm25 [ug/m3]\n{lines}")
    return folder


RECIPE = """
name: whole_person
derived: [smoking.status, smoking.pack_years]
covariates:
  - {codes: ["GENOTYPE//CYP2C19//rs4244285"], summary: last, static: true, name: cyp2c19_2}
  - {codelist: pm25, summary: last, name: air}
"""


def test_genes_smoking_and_addresses_are_on_the_timeline_and_each_is_a_covariate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = tmp_path / "store"
    made = [
        records(tmp_path / "records"),
        genome(tmp_path / "genome"),
        environment(tmp_path / "environment"),
    ]
    for source in made:
        told = ["--store", str(store), "--identifiability", "synthetic"]
        assert main(["ingest", str(source), *told]) == 0
    capsys.readouterr()
    assert main(["inspect", str(store), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["subjects"] == 1

    subject = subject_of(store)
    assert main(["inspect", str(store), "--subject", str(subject), "--json"]) == 0
    events = json.loads(capsys.readouterr().out)["events"]
    codes = {event["code"] for event in events}
    assert {
        "GENOTYPE//CYP2C19//rs4244285",
        "LOINC//72166-2//SNOMED//449868002",
        "LOINC//72166-2//SNOMED//8517006",
        "ADDRESS//CA//Los Angeles County",
        "ADDRESS//NY//Kings County",
        "EXPOSURE//pm25",
    } <= codes
    air = {e["time"][:10]: e["numeric_value"] for e in events if e["code"] == "EXPOSURE//pm25"}
    assert air["2013-12-31"] == air["2014-06-30"] == 14.0  # told up to the move,
    assert air["2014-12-31"] == air["2016-12-31"] == 8.0  # and from it on

    facts = {fact.code: fact for fact in Record(chart_of(store, subject)).facts}
    assert facts["GENOTYPE//CYP2C19//rs4244285"].name == "CYP2C19 rs4244285: G/A"
    said = who_is(Record(chart_of(store, subject)), chart_of(store, subject).as_of)["smoking"]
    assert said == "former smoker, 1.75 pack-years, stopped 3 years ago"
    kinds = {code: fact.kind for code, fact in facts.items()}
    assert kinds["GENOTYPE//CYP2C19//rs4244285"] == "genotype"
    assert kinds["ADDRESS//NY//Kings County"] == "address"
    assert kinds["EXPOSURE//pm25"] == "exposure"

    for kind, source, shown in (
        ("EXPOSURE//pm25", made[2], "Los Angeles"),
        ("GENOTYPE//CYP2C19//rs4244285", made[1], "0/1"),
        ("LOINC//74010-0", made[0], "2013-07-02"),
    ):
        place = next(event["event"] for event in events if event["code"] == kind)
        where = ["--subject", str(subject), "--event", str(place), "--source", str(source)]
        assert main(["inspect", str(store), *where, "--json"]) == 0
        assert shown in json.loads(capsys.readouterr().out)["source"]["raw"]

    # At each moment what was known by then: the stop is known from 2014 on, the move from its day on.
    moments = ["2013-01-01", "2014-08-01", "2017-06-01"]
    labels = pl.DataFrame({"subject_id": [subject] * 3, "prediction_time": moments}).with_columns(
        pl.col("prediction_time").str.to_datetime(time_unit="us")
    )
    labels.write_parquet(tmp_path / "labels.parquet")
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    asked = [
        "--labels",
        str(tmp_path / "labels.parquet"),
        "--recipe",
        str(tmp_path / "recipe.yaml"),
    ]
    assert main(["featurize", str(store), *asked, "--out", str(tmp_path / "features")]) == 0
    found = pl.read_parquet(tmp_path / "features" / "named-00000.parquet").sort("prediction_time")
    assert found["cyp2c19_2"].to_list() == [1.0] * 3
    assert found["air"].to_list() == [14.0, 14.0, 8.0]
    assert found["smoking.status"].to_list() == [2.0, 1.0, 1.0]  # current, former, never a "never"
    years = [3.0, 3.5, 3.5]  # of half a pack a day
    np.testing.assert_allclose(found["smoking.pack_years"], [y / 2 for y in years], atol=0.01)


def subject_of(store: Path) -> int:
    (subject,) = opened(store).subject_ids()
    return int(subject)


def chart_of(store: Path, subject: int) -> Chart:
    return opened(store).chart(subject)


def opened(store: Path) -> Timeline:
    return open_timeline(store, actor=Actor(name="test"), purpose=Purpose.RESEARCH)
