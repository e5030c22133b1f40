"""Exposures: the right county's value, for as long as somebody lived there, and missing where the place is not known."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from lifecourse.base.errors import SourceError
from lifecourse.features import Recipe, featurize
from lifecourse.records.exposures.places import county_place, fips_place, place_of_code
from lifecourse.records.exposures.tables import layout_of, read_exposures
from lifecourse.schema.actor import Actor, Identifiability, Purpose
from lifecourse.timeline.access import Timeline, open_timeline
from lifecourse.timeline.exposures import address_spans, exposures_of
from lifecourse.timeline.ingestion import ingest

TICK_BEFORE_2016 = datetime(2015, 12, 31, 23, 59, 59, 999_999)


def table(rows: list[tuple[str, int, float]]) -> pl.DataFrame:
    return pl.DataFrame(
        [(place, year, year, "pm25", value, "ug/m3", n) for n, (place, year, value) in enumerate(rows)],
        schema={
            "place": pl.String, "first_year": pl.Int32, "last_year": pl.Int32, "measure": pl.String,
            "value": pl.Float32, "unit": pl.String, "row": pl.UInt32,
        },
        orient="row",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("LA", "St. John the Baptist Parish"), ("Louisiana", "Saint John the Baptist")),
        (("MO", "Ste. Genevieve County"), ("MO", "Sainte Genevieve")),
        (("NM", "Doña Ana County"), ("NM", "Dona Ana")),
        (("FL", "Dade County"), ("FL", "Miami-Dade County")),
        (("SD", "Shannon County"), ("SD", "Oglala Lakota County")),
        (("MD", "Baltimore (City)"), ("MD", "Baltimore city")),
        (("IL", "DuPage County"), ("IL", "Du Page")),
    ],
)
def test_a_county_is_the_same_however_it_is_written(
    one: tuple[str, str], other: tuple[str, str]
) -> None:
    assert county_place(*one) == county_place(*other)


def test_a_city_is_not_the_county_of_the_same_name() -> None:
    assert county_place("MD", "Baltimore city") != county_place("MD", "Baltimore County")


def test_an_address_code_names_its_place() -> None:
    assert place_of_code("ADDRESS//CA//Los Angeles") == county_place("CA", "Los Angeles County")
    assert place_of_code("ADDRESS//06037") == fips_place("6037") == "fips:06037"
    assert place_of_code("ADDRESS//ZIP//90012") == "zip:90012"
    assert place_of_code("ADDRESS//CA") is None
    assert place_of_code("LOINC//4548-4") is None


def test_a_move_changes_the_exposure_from_that_day() -> None:
    a, b = county_place("CA", "Kern"), county_place("WA", "King")
    addresses = pl.DataFrame(
        {
            "subject_id": [1, 1, 2],
            "place": [a, b, "county:CA/nowhere"],
            "start": [datetime(2014, 1, 1), datetime(2015, 7, 1), datetime(2014, 1, 1)],
            "end": [datetime(2015, 7, 1), datetime(2016, 3, 1), datetime(2016, 3, 1)],
        }
    )
    told = table([(a, 2014, 18.0), (a, 2015, 17.0), (b, 2015, 7.0), (b, 2016, 6.0), (b, 2017, 5.0)])
    found = exposures_of(addresses, told).sort("onset_time")
    assert found["subject_id"].to_list() == [1, 1, 1, 1]
    assert found["numeric_value"].to_list() == [18.0, 17.0, 7.0, 6.0]
    assert found["onset_time"].to_list()[2] == datetime(2015, 7, 1)
    assert found["time"].to_list()[2] == TICK_BEFORE_2016


def test_an_address_lasts_to_its_end_or_to_the_next_one() -> None:
    moments = {
        "time": pl.Datetime("us"),
        "end_time": pl.Datetime("us"),
        "onset_time": pl.Datetime("us"),
    }
    rows = pl.DataFrame(
        {
            "subject_id": [1, 1, 2],
            "time": [datetime(2014, 1, 1), datetime(2015, 1, 1), None],
            "code": ["ADDRESS//CA//Kern", "ADDRESS//WA//King", "ADDRESS//WA//King"],
            "end_time": [None, None, None],
            "onset_time": [None, None, None],
        },
        schema_overrides=moments,
    )
    spans = address_spans(rows)
    assert spans["end"].to_list() == [datetime(2015, 1, 1), None, None]
    assert spans["start"].to_list()[2] is None


def timeline_with(tmp_path: Path, exposures: Path) -> Timeline:
    people = tmp_path / "people"
    (people / "data").mkdir(parents=True)
    pl.DataFrame(
        {
            "subject_id": [1, 1, 1, 2, 2],
            "time": [
                datetime(1960, 1, 1),
                datetime(2014, 3, 1),
                datetime(2019, 3, 1),
                datetime(1970, 1, 1),
                datetime(2019, 1, 1),
            ],
            "code": [
                "MEDS_BIRTH",
                "ADDRESS//CA//Los Angeles",
                "VISIT//outpatient",
                "MEDS_BIRTH",
                "ADDRESS//ZZ//Nowhere",
            ],
        },
        schema_overrides={"time": pl.Datetime("us")},
    ).write_parquet(people / "data" / "0.parquet")
    store = tmp_path / "store"
    ingest(people, store, identifiability=Identifiability.SYNTHETIC)
    report = ingest(exposures, store)
    assert report.counts["addresses that the table does not know"] >= 1
    return open_timeline(store, actor=Actor(name="test"), purpose=Purpose.RESEARCH)


def test_a_covariate_asks_for_the_exposure_and_is_missing_where_the_place_is_unknown(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "environment"
    folder.mkdir()
    lines = ["fips,county,state,year,pm25 [ug/m3]", "6037,Los Angeles,CA,2014,12.5"]
    lines += ["6037,Los Angeles,CA,2015,11.5", "6037,Los Angeles,CA,2019,9.5"]
    (folder / "counties.csv").write_text("\n".join(lines) + "\n")
    timeline = timeline_with(tmp_path, folder)
    recipe = Recipe.model_validate(
        {
            "name": "air",
            "covariates": [
                {"codelist": "pm25", "summary": "last"},
                {"codes": ["EXPOSURE//pm25"], "summary": "count"},
            ],
        }
    )
    asked = pl.DataFrame({"subject_id": [1, 2], "prediction_time": [datetime(2018, 1, 1)] * 2})
    found = featurize(timeline, asked, recipe).dense[:, 2:]
    assert found[0].tolist() == [11.5, 2.0]
    assert found[1, 1] == 0
    assert found[1, 0] != found[1, 0]


def test_the_same_tables_again_change_nothing_and_others_take_their_place(tmp_path: Path) -> None:
    folder = tmp_path / "environment"
    folder.mkdir()
    file = folder / "counties.csv"
    file.write_text("fips,county,state,year,pm25 [ug/m3]\n06037,Los Angeles,CA,2015,11.5\n")
    before = timeline_with(tmp_path, folder).n_events
    store = tmp_path / "store"
    assert ingest(folder, store).events == before
    file.write_text("fips,county,state,year,pm25 [ug/m3]\n06037,Los Angeles,CA,2016,10.5\n")
    assert ingest(folder, store).events == before


def test_exposures_without_people_are_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "counties.csv").write_text("fips,year,pm25\n06037,2015,11.5\n")
    with pytest.raises(SourceError, match="ingest records first"):
        ingest(tmp_path / "counties.csv", tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_what_is_no_number_is_left_out_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("fips,year,pm25\n1001,2015,11.5\n1001,2016,high\n1001,,3\n")
    layout = layout_of(path)
    assert layout is not None
    read, left_out = read_exposures(path, layout)
    assert read["place"].to_list() == ["fips:01001"]
    assert left_out == {
        "exposures that are no number, left out": 1,
        "rows without a year, left out": 1,
    }


def test_nearly_all_counties_with_air_quality_are_those_of_the_vulnerability_index(
    shared_data: Path,
) -> None:
    places = {}
    for name in ("county-air-quality-1980-2021.csv.gz", "county-svi-2020.csv.gz"):
        path = shared_data / "environment" / name
        layout = layout_of(path)
        assert layout is not None
        read, _ = read_exposures(path, layout)
        places[name] = {p for p in read["place"].unique() if p.startswith("county:")}
    air, index = places.values()
    states = {place.split("/")[0] for place in index}
    matched = {place for place in air if place.split("/")[0] in states}
    assert len(air & index) > 1150
    assert len(matched & index) / len(matched) >= 0.95
