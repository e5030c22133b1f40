"""The simulated hospital: the same people in each standard, the same bytes by seed, and a truth that is true."""

from __future__ import annotations

import hashlib
import importlib
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from lifecourse.base.errors import UserError
from lifecourse.records.registry import open_source
from lifecourse.simulation import simulate
from lifecourse.simulation.charting import creatinine_of, egfr_of
from lifecourse.simulation.parameters import parameters
from lifecourse.simulation.population import NEVER, live
from lifecourse.simulation.truth import truth
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
        simulate(60, seed, kind, tmp_path / name)
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    assert digests(tmp_path / "a") != digests(tmp_path / "c")


@pytest.mark.parametrize("kind", ["omop", "fhir"])
def test_every_format_tells_the_same_facts_as_meds(tmp_path: Path, kind: str) -> None:
    if kind == "fhir":
        try:
            importlib.import_module("lifecourse.records.fhir").FhirSource  # noqa: B018
        except (ImportError, AttributeError):
            pytest.skip("there is no reader of FHIR yet")
    simulate(80, 3, "meds", tmp_path / "meds")
    simulate(80, 3, kind, tmp_path / kind)
    meds, other = events(tmp_path / "meds"), events(tmp_path / kind)
    only_meds = meds.join(other, on=COMPARED, how="anti", nulls_equal=True)
    only_other = other.join(meds, on=COMPARED, how="anti", nulls_equal=True)
    assert only_meds.is_empty(), only_meds.head(5)
    assert only_other.is_empty(), only_other.head(5)
    assert meds.height > 5000


def test_nothing_is_recorded_at_or_after_the_cut_or_a_death(tmp_path: Path) -> None:
    simulate(400, 1, "meds", tmp_path / "meds")
    found = pl.read_parquet(tmp_path / "meds" / "data" / "0.parquet")
    assert found["time"].max() < datetime(2025, 1, 1)
    deaths = found.filter(pl.col("code") == "MEDS_DEATH").select("subject_id", death="time")
    assert deaths.height > 10
    assert found.join(deaths, on="subject_id").filter(pl.col("time") > pl.col("death")).is_empty()


def test_the_meds_folder_is_known_as_one(tmp_path: Path) -> None:
    simulate(5, 1, "meds", tmp_path / "meds")
    assert open_source(tmp_path / "meds").kind == "meds"
    assert (tmp_path / "meds" / "metadata" / "codes.parquet").is_file()


def test_creatinine_is_the_inverse_of_ckd_epi_2021() -> None:
    age = np.array([40.0, 70.0, 55.0])
    female = np.array([True, False, True])
    egfr = np.array([110.0, 45.0, 20.0])
    np.testing.assert_allclose(egfr_of(creatinine_of(egfr, age, female), age, female), egfr)
    # NIDDK's calculator: 1.0 mg/dL at 50 years is 69 in women, 92 in men
    known = egfr_of(np.ones(2), np.array([50.0, 50.0]), np.array([True, False]))
    assert np.round(known).tolist() == [69.0, 92.0]


def test_true_risks_are_what_happens_on_average() -> None:
    base = parameters()
    care = {**base.care, "treat": 0.0, "diagnose": 0.0}
    rare = base.hazards["atrial_fibrillation"].model_copy(update={"per_year": 1e-9})
    hazards = {**base.hazards, "atrial_fibrillation": rare}
    model = base.model_copy(update={"care": care, "hazards": hazards})
    lives = live(20_000, model, np.random.default_rng(7))
    happened = {name: onset.copy() for name, onset in lives.onset.items()}
    for onset in lives.onset.values():  # the lives as they are known on the first day
        onset[onset > 0.0] = NEVER
    told = truth(lives, 1, model.model_copy(update={"years": 0}))
    first_event = np.minimum.reduce(
        [happened[n] for n in ("myocardial_infarction", "stroke", "heart_failure")]
    )
    outcomes = {
        "death": happened["death"],
        "cardiovascular_disease": first_event,
        "diabetes": happened["diabetes"],
    }
    for name, when in outcomes.items():
        for years in (1, 5):
            risk = told[f"risk_{name}_{years}y"]
            is_known = risk.is_not_null().to_numpy()
            seen = (when[is_known] <= years).mean()
            expected = float(risk.drop_nulls().mean())  # type: ignore[arg-type]
            error = 4.0 * np.sqrt(expected / is_known.sum())
            assert abs(seen - expected) < error + 0.03 * expected, (name, years, seen, expected)


def test_more_people_get_ill_where_the_cause_is_stronger() -> None:
    lives = live(8_000, parameters(), np.random.default_rng(1))
    smokes = lives.smoking == 2
    old = lives.age > 55
    died = lives.death < 10
    assert died[smokes & old].mean() > 1.2 * died[~smokes & old].mean()


def test_what_cannot_be_simulated_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("x")
    with pytest.raises(UserError, match="not an empty folder"):
        simulate(5, 1, "meds", tmp_path / "full")
    with pytest.raises(UserError, match="at least 1"):
        simulate(0, 1, "meds", tmp_path / "new")
    with pytest.raises(UserError, match="Choose one of"):
        simulate(5, 1, "csv", tmp_path / "new")
