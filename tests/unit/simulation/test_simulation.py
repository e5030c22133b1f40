"""The simulated hospital: the same people in each standard, the same bytes by seed."""

from __future__ import annotations

import gzip
import hashlib
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from lifecourse.base.errors import UserError
from lifecourse.records.registry import open_source
from lifecourse.simulation import hospital, simulate
from lifecourse.simulation.charting import creatinine_of, egfr_of
from lifecourse.vocab import normalise

FORMATS = ("fhir", "omop", "meds")
COMPARED = ["person", "time", "code", "numeric_value", "unit"]


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def events(folder: Path) -> pl.DataFrame:
    source = open_source(folder)
    read = [b.events for u in source.units() for b in source.read(u) if b.events is not None]
    whole, _ = normalise(pl.concat(read, how="diagonal_relaxed"))
    person = "subject_id" if "subject_id" in whole.columns else "subject_key"
    named = whole.with_columns(person=pl.col(person).cast(pl.String))
    is_value = pl.col("numeric_value").is_not_null()
    unit = pl.when(is_value).then(pl.col("unit"))
    return named.with_columns(unit=unit).select(COMPARED).unique().sort(COMPARED)


@pytest.mark.parametrize("kind", FORMATS)
def test_the_same_seed_gives_the_same_bytes_and_another_does_not(tmp_path: Path, kind: str) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        simulate(60, seed, kind, tmp_path / name, futures=1)
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    assert digests(tmp_path / "a") != digests(tmp_path / "c")


@pytest.mark.parametrize("kind", FORMATS)
def test_blocks_give_the_same_bytes_on_one_core_and_on_two(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hospital, "BLOCK", 30)
    for workers in (1, 2):
        simulate(70, 4, kind, tmp_path / f"{workers}", futures=0, workers=workers)
    assert digests(tmp_path / "1") == digests(tmp_path / "2")
    people = pl.read_parquet(tmp_path / "1" / "truth" / "people" / "*.parquet")
    assert people["person"].sort().to_list() == list(range(1, 71))
    source = events(tmp_path / "1")
    assert source["person"].n_unique() == 70


@pytest.mark.parametrize("kind", ["omop", "fhir"])
def test_every_format_tells_the_same_facts_as_meds(tmp_path: Path, kind: str) -> None:
    simulate(80, 3, "meds", tmp_path / "meds", futures=0)
    simulate(80, 3, kind, tmp_path / kind, futures=0)
    meds, other = events(tmp_path / "meds"), events(tmp_path / kind)
    only_meds = meds.join(other, on=COMPARED, how="anti", nulls_equal=True)
    only_other = other.join(meds, on=COMPARED, how="anti", nulls_equal=True)
    assert only_meds.is_empty(), only_meds.head(5)
    assert only_other.is_empty(), only_other.head(5)
    assert meds.height > 5000


def test_nothing_is_recorded_at_or_after_the_cut_or_a_death(tmp_path: Path) -> None:
    simulate(400, 1, "meds", tmp_path / "meds", futures=0)
    found = pl.read_parquet(tmp_path / "meds" / "data" / "0.parquet")
    assert found["time"].max() < datetime(2025, 1, 1)
    deaths = found.filter(pl.col("code") == "MEDS_DEATH").select("subject_id", death="time")
    assert deaths.height > 10
    assert found.join(deaths, on="subject_id").filter(pl.col("time") > pl.col("death")).is_empty()


def test_the_meds_folder_is_known_as_one(tmp_path: Path) -> None:
    simulate(5, 1, "meds", tmp_path / "meds", futures=0)
    assert open_source(tmp_path / "meds").kind == "meds"
    assert (tmp_path / "meds" / "metadata" / "codes.parquet").is_file()


def test_genomes_are_vcf_with_published_frequencies(tmp_path: Path) -> None:
    report = simulate(3000, 2, "meds", tmp_path / "meds", futures=0)
    with gzip.open(tmp_path / "meds" / "genome" / "0.vcf.gz", "rt") as file:
        lines = [line.rstrip("\n").split("\t") for line in file if not line.startswith("##")]
    header, rows = lines[0], lines[1:]
    assert len(header) - 9 == report.genomes
    assert {len(row) for row in rows} == {len(header)}
    assert set(header[9:]) <= {str(person) for person in range(1, 3001)}
    positions = [(int(row[0].removeprefix("chr")), int(row[1])) for row in rows]
    assert positions == sorted(positions)
    named = {row[2]: row for row in rows}
    carried = "".join(named["rs4244285"][9:]).count("1") / (2 * report.genomes)
    assert 0.13 < carried < 0.19  # CYP2C19*2 over the ancestries' shares: 0.15


def test_creatinine_is_the_inverse_of_ckd_epi_2021() -> None:
    age = np.array([40.0, 70.0, 55.0])
    female = np.array([True, False, True])
    egfr = np.array([110.0, 45.0, 20.0])
    np.testing.assert_allclose(egfr_of(creatinine_of(egfr, age, female), age, female), egfr)
    # NIDDK's calculator: 1.0 mg/dL at 50 years is 69 in women, 92 in men
    known = egfr_of(np.ones(2), np.array([50.0, 50.0]), np.array([True, False]))
    assert np.round(known).tolist() == [69.0, 92.0]


def test_what_cannot_be_simulated_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("x")
    with pytest.raises(UserError, match="not an empty folder"):
        simulate(5, 1, "meds", tmp_path / "full")
    with pytest.raises(UserError, match="at least 1"):
        simulate(0, 1, "meds", tmp_path / "new")
    with pytest.raises(UserError, match="Choose one of"):
        simulate(5, 1, "csv", tmp_path / "new")


def test_a_simulation_that_fails_leaves_no_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(block: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(hospital, "gather", fail)
    with pytest.raises(OSError, match="disk full"):
        simulate(20, 1, "meds", tmp_path / "out", futures=0)
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("kind", FORMATS)
def test_notes_name_people_where_the_truth_says(tmp_path: Path, kind: str) -> None:
    simulate(300, 6, kind, tmp_path / kind, futures=0)
    source = open_source(tmp_path / kind)
    read = [b.events for u in source.units() for b in source.read(u) if b.events is not None]
    notes = pl.concat(read, how="diagonal_relaxed").filter(pl.col("code") == "NOTE//LOINC//11506-3")
    told = pl.read_parquet(tmp_path / kind / "truth" / "notes" / "*.parquet")
    assert notes.height == told["id"].n_unique() > 50
    texts = set(notes["text_value"].to_list())
    assert len(texts) > 45
    names = told.filter(pl.col("kind") == "name").height
    assert sum(text.count("Mrs ") + text.count("Mr ") for text in notes["text_value"]) == names


def test_every_identifier_of_a_note_stands_where_the_truth_says(tmp_path: Path) -> None:
    simulate(300, 6, "omop", tmp_path / "omop", futures=0)
    notes = pl.read_csv(tmp_path / "omop" / "note.csv").select("note_id", "note_text")
    told = pl.read_parquet(tmp_path / "omop" / "truth" / "notes" / "*.parquet")
    named = told.join(notes, left_on="id", right_on="note_id")
    assert named.height == told.height
    for text, start, end, kind in named.select("note_text", "start", "end", "kind").iter_rows():
        said = text[start:end]
        assert said == said.strip()
        if kind == "telephone":
            assert said.startswith("555-01")
        if kind == "clinician":
            assert said.startswith("Dr ")


def test_where_people_live_is_told_and_moves_are_dated(tmp_path: Path) -> None:
    simulate(400, 1, "meds", tmp_path / "meds", futures=0)
    found = pl.read_parquet(tmp_path / "meds" / "data" / "0.parquet")
    lived = found.filter(pl.col("code").str.starts_with("ADDRESS//")).sort("subject_id", "time")
    assert lived.height > lived["subject_id"].n_unique() > 350
    later = lived.select(
        pl.col("end_time") == pl.col("time").shift(-1).over("subject_id")
    ).to_series()
    assert later.drop_nulls().all()
