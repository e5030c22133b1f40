"""The mappings that come with lifecourse, on the data they are for."""

from __future__ import annotations

import csv
import gzip
import itertools
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from lifecourse.features import featurize
from lifecourse.features.recipe import NamedCovariate, Recipe
from lifecourse.records.delimited.finding import library
from lifecourse.records.delimited.mapping import Mapping
from lifecourse.schema.actor import Actor, Identifiability, Purpose
from lifecourse.tasks import label
from lifecourse.tasks.definition import Task
from lifecourse.timeline.access import Timeline, open_timeline
from lifecourse.timeline.ingestion import ingest
from lifecourse.timeline.origin import origin
from lifecourse.timeline.store import Store

WHO = {"actor": Actor(name="test"), "purpose": Purpose.RESEARCH}
SYNTHETIC = Identifiability.SYNTHETIC


def opened(store: Path) -> Timeline:
    return open_timeline(store, **WHO)


def all_events(store: Path) -> pl.DataFrame:
    found = Store(store)
    return pl.concat(found.read(part) for part in found.manifest().parts)


@pytest.mark.parametrize("name", sorted(library()))
def test_every_mapping_of_the_library_says_what_it_is_and_under_which_licence(name: str) -> None:
    about = Mapping(library()[name]).about
    assert about.title
    assert about.source
    assert about.licence
    assert about.issuer


@pytest.fixture(scope="module")
def delphi(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("delphi") / "store"
    ingest(shared_data / "delphi-simulated", store, identifiability=SYNTHETIC)
    return store


def test_simulated_lives_by_age_get_a_stated_birth_date(delphi: Path, shared_data: Path) -> None:
    raw = pl.read_parquet(shared_data / "delphi-simulated" / "events.parquet")
    timeline = opened(delphi)
    persons = timeline.persons()
    assert persons.height == raw["subject_id"].n_unique() == 14_287
    assert persons["birth"].unique().to_list() == [datetime(1940, 1, 1)]
    assert persons["death"].is_not_null().sum() == 3_762
    assert dict(persons["sex"].value_counts().iter_rows()) == {
        "female": raw.filter(pl.col("code") == "SEX//Female").height,
        "male": raw.filter(pl.col("code") == "SEX//Male").height,
        None: 2,
    }
    told = all_events(delphi).filter(pl.col("code").str.contains("^(ICD10|CANCER)//"))
    ages = (told["onset_time"] - datetime(1940, 1, 1)).dt.total_days()
    known = raw.filter(pl.col("code").str.contains("^(ICD10|CANCER)//"))
    assert told.height == known.height
    assert ages.sort().to_list() == known["age_days"].cast(pl.Int64).sort().to_list()


def test_the_published_split_and_the_names_of_codes_are_kept(delphi: Path) -> None:
    events = all_events(delphi).filter(pl.col("code").str.starts_with("SPLIT//"))
    assert events["time"].null_count() == events.height == 14_287
    assert set(events["code"]) == {"SPLIT//train", "SPLIT//held_out"}
    codes = opened(delphi).codes
    skin = codes.codes.index("CANCER//C44")
    assert codes.parents[skin] == ("ICD10//C44",)
    assert codes.descriptions[skin] == "C44 Other malignant neoplasms of skin"
    assert codes.descriptions[codes.codes.index("ICD10//J45")] == "J45 (asthma)"


def test_an_event_of_a_table_goes_back_to_its_row(delphi: Path, shared_data: Path) -> None:
    raw = pl.read_parquet(shared_data / "delphi-simulated" / "events.parquet")
    person = all_events(delphi).filter(pl.col("code") == "CANCER//C44")["subject_id"][0]
    chart = opened(delphi).chart(person)
    place = chart.events["code"].to_list().index("CANCER//C44")
    source = shared_data / "delphi-simulated"
    found = origin(delphi, person, place, **WHO, source=source)["source"]
    row = raw.row(found["row"] - 1, named=True)
    assert (found["file"], found["part"], row["code"]) == ("events.parquet", "fact", "CANCER//C44")
    assert f'"age_days":"{row["age_days"]}"' in found["raw"]
    assert datetime(1940, 1, 1) + timedelta(row["age_days"]) == chart.events["onset_time"][place]


VISITS = Task(
    name="stays",
    trigger={"codes": ["VISIT//inpatient"]},
    outcome={"codes": ["READMITTED//within_30_days"]},
    outcome_window_days=1,
    censoring="negative",
)
OF_A_STAY = Recipe(
    name="stay",
    covariates=[
        NamedCovariate(codes=["VISIT//inpatient"], summary="count", name="stays"),
        NamedCovariate(codelist="hba1c", summary="exists", name="hba1c"),
        NamedCovariate(
            codes=[f"DISCHARGE_DISPOSITION//{i}" for i in (13, 14)],
            summary="exists",
            name="hospice",
        ),
    ],
)


def first_stays(store: Path) -> tuple[Timeline, pl.DataFrame]:
    """First stays of those discharged neither dead nor to a hospice, asked of a store: ``hba1c`` and the outcome."""
    timeline = opened(store)
    labels = label(timeline, VISITS).table
    matrix = featurize(timeline, labels, OF_A_STAY)
    answers = pl.DataFrame(
        {name: matrix.dense[:, matrix.names.index(name)] for name in ("stays", "hba1c", "hospice")}
    ).hstack(matrix.rows.select("subject_id", "prediction_time"))
    rows = answers.join(labels, on=["subject_id", "prediction_time"])
    return timeline, rows.filter((pl.col("stays") == 1) & (pl.col("hospice") == 0))


@pytest.mark.prove
def test_the_diabetes_table_gives_the_published_cohort(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "uci-diabetes130"
    report = ingest(source, tmp_path / "store", identifiability=SYNTHETIC)
    assert (report.rows_read, report.event_rows, report.subjects) == (101_766, 101_766, 71_518)
    timeline, rows = first_stays(tmp_path / "store")
    assert timeline.persons().height == 71_518
    assert rows.height == rows["subject_id"].n_unique() == 69_973
    assert round(100 * rows["hba1c"].mean(), 1) == 18.4


def test_the_diabetes_table_gives_the_cohort_that_its_rows_give(
    shared_data: Path, tmp_path: Path
) -> None:
    """The first rows of the table, by a task and a recipe and by hand."""
    with gzip.open(shared_data / "uci-diabetes130" / "diabetic_data.csv.gz", "rt") as lines:
        head = list(itertools.islice(lines, 6_001))
    (tmp_path / "diabetic_data.csv").write_text("".join(head))
    stays = sorted(csv.DictReader(head), key=lambda row: int(row["encounter_id"]))
    firsts: dict[str, dict[str, str]] = {}
    for stay in stays:
        firsts.setdefault(stay["patient_nbr"], stay)
    gone = ("11", "13", "14", "19", "20", "21")
    known = [stay for stay in firsts.values() if stay["discharge_disposition_id"] not in gone]
    report = ingest(tmp_path / "diabetic_data.csv", tmp_path / "store", identifiability=SYNTHETIC)
    assert (report.rows_read, report.event_rows, report.subjects) == (6_000, 6_000, len(firsts))
    timeline, rows = first_stays(tmp_path / "store")
    assert rows.height == len(known)
    assert int(rows["hba1c"].sum()) == sum(stay["A1Cresult"] != "None" for stay in known) > 0
    assert int(rows["boolean_value"].sum()) == sum(stay["readmitted"] == "<30" for stay in known)
    disposition = timeline.codes.codes.index("DISCHARGE_DISPOSITION//3")
    assert timeline.codes.descriptions[disposition] == "Discharged/transferred to SNF"
    metformin = timeline.codes.codes.index("MEDICATION//metformin")
    assert "RxNorm//6809" in timeline.codes.parents[metformin]
    harmed = {code for code in timeline.codes.codes if code in ("ICD9CM//8", "ICD9CM//38")}
    assert harmed
    for code in harmed:
        whole = f"ICD9CM//{code.removeprefix('ICD9CM//').zfill(3)}"
        assert whole in timeline.codes.parents[timeline.codes.codes.index(code)]
