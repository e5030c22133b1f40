"""What the hospital writes down of lives: one table of facts, the same for every standard."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from lifecourse.simulation.population import (
    CARDIOVASCULAR,
    DAYS_PER_YEAR,
    DIAGNOSES,
    NEVER,
    SMOKING,
    TREATMENTS,
    Lives,
)

if TYPE_CHECKING:
    from lifecourse.simulation.parameters import Parameters

US_PER_SECOND = 1_000_000
US_PER_DAY = 86_400 * US_PER_SECOND
MINUTE = 60 * US_PER_SECOND
HOUR = 60 * MINUTE
IDS_PER_PERSON = 100_000
HIGHEST_RATIO = 1.12
NOTHING = np.iinfo(np.int64).min


class _Notes:
    """Columns of facts, gathered piece by piece."""

    def __init__(self, model: Parameters) -> None:
        self._model = model
        self._pieces: list[pl.DataFrame] = []

    def add(
        self,
        item: str,
        person: np.ndarray,
        time: np.ndarray,
        *,
        end: np.ndarray | None = None,
        value: np.ndarray | None = None,
        answer: np.ndarray | None = None,
    ) -> None:
        digits = self._model.codes[item].digits
        columns = {
            "person": pl.Series(person, dtype=pl.Int64),
            "item": pl.repeat(item, len(person), eager=True, dtype=pl.String),
            "time": pl.Series(time, dtype=pl.Int64),
            "end": pl.Series(end, dtype=pl.Int64) if end is not None else _nulls(person, pl.Int64),
            "value": pl.Series(np.round(value, digits))
            if value is not None
            else _nulls(person, pl.Float64),
            "answer": pl.Series(answer, dtype=pl.String)
            if answer is not None
            else _nulls(person, pl.String),
        }
        self._pieces.append(pl.DataFrame(columns))

    def table(self) -> pl.DataFrame:
        return pl.concat(self._pieces)


def _nulls(like: np.ndarray, kind: type[pl.DataType]) -> pl.Series:
    return pl.repeat(None, len(like), eager=True, dtype=kind)


def chart(
    lives: Lives, first_person: int, model: Parameters, rng: np.random.Generator
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Persons and facts of `lives`, numbered from `first_person`.

    Returns
    -------
    persons : person, birth (Date), female, death (us since 1970, null while alive)
    facts : person, id, item (a key of `codes`), time, end (us), value, answer (a key of `codes`)
        Sorted by person and time; nothing after a death or the cut.
    """
    cut = _microseconds_of(model)
    begin = cut - int(model.years * DAYS_PER_YEAR) * US_PER_DAY
    notes = _Notes(model)
    visits = _visits(lives, begin, rng)
    _write_visits(notes, lives, visits, model, rng)
    _write_diagnoses_and_drugs(notes, lives, visits, model)
    _write_admissions(notes, lives, begin, model, rng)
    death = np.where(lives.death == NEVER, np.inf, begin + lives.death * DAYS_PER_YEAR * US_PER_DAY)
    death = np.where(death < cut, death, np.inf)
    died = np.where(np.isfinite(death), death, NOTHING).astype(np.int64)
    died = np.where(died == NOTHING, NOTHING, died // US_PER_SECOND * US_PER_SECOND)
    born = (begin - lives.age * DAYS_PER_YEAR * US_PER_DAY) // US_PER_DAY
    persons = pl.DataFrame(
        {
            "person": np.arange(first_person, first_person + lives.n),
            "birth": pl.Series(born.astype(np.int32)).cast(pl.Date),
            "female": lives.female,
            "death": pl.Series(died),
        }
    ).with_columns(pl.col("death").replace(NOTHING, None))
    facts = notes.table().with_columns(pl.col("person") + first_person)
    last = persons.select("person", last=pl.col("death").fill_null(cut))
    stays_on = (pl.col("item") == "inpatient") & (pl.col("end") >= pl.col("last"))
    kept = (
        facts.join(last, on="person", how="left", maintain_order="left")
        # A stay that the cut would leave open is not told; one that a death ends, ends with it.
        .filter((pl.col("time") < pl.col("last")) & ~(stays_on & (pl.col("last") == cut)))
        .with_columns(end=pl.when(stays_on).then("last").otherwise("end"))
        .drop("last")
        .sort("person", "time", "item", "value")
    )
    return persons, kept.with_columns(
        id=pl.col("person") * IDS_PER_PERSON + pl.int_range(pl.len()).over("person") + 1
    )


def _microseconds_of(model: Parameters) -> int:
    return (model.cut_date - datetime.date(1970, 1, 1)).days * US_PER_DAY


def _visits(
    lives: Lives, begin: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Person, step and start of each visit, in office hours; never at a full minute, which would look like a date."""
    person, step = np.nonzero(lives.visited)
    day = (lives.visit_time[person, step] * DAYS_PER_YEAR).astype(np.int64)
    seconds = rng.integers(8 * 3600, 17 * 3600, len(person)) // 60 * 60 + 1
    return person, step, begin + day * US_PER_DAY + seconds * US_PER_SECOND


def _write_visits(
    notes: _Notes,
    lives: Lives,
    visits: tuple[np.ndarray, np.ndarray, np.ndarray],
    model: Parameters,
    rng: np.random.Generator,
) -> None:
    person, step, start = visits
    count = len(person)
    notes.add("outpatient", person, start, end=start + rng.integers(15, 45, count) * MINUTE)
    seen = {name: values[person, step] for name, values in lives.measured.items()}
    vitals = start + 5 * MINUTE
    notes.add("bmi", person, vitals, value=seen["bmi"])
    notes.add("sbp", person, vitals, value=seen["sbp"])
    diastolic = 35.0 + 0.36 * seen["sbp"] + rng.normal(0.0, 5.0, count)
    notes.add("dbp", person, vitals, value=diastolic)
    asked = rng.random(count) < model.care["smoking_asked"]
    answers = np.array(SMOKING, dtype=object)[lives.smoking[person[asked]]]
    notes.add("smoking", person[asked], start[asked] + 8 * MINUTE, answer=answers)
    labs = rng.random(count) < model.care["labs"]
    seen_then = {name: values[labs] for name, values in seen.items()}
    years = lives.visit_time[person, step]
    _write_labs(notes, lives, person[labs], start[labs], years[labs], seen_then, rng)


def _write_labs(
    notes: _Notes,
    lives: Lives,
    person: np.ndarray,
    start: np.ndarray,
    years: np.ndarray,
    seen: dict[str, np.ndarray],
    rng: np.random.Generator,
) -> None:
    result = start + 4 * HOUR
    age = lives.age[person] + years
    for name in ("total_cholesterol", "hdl", "hba1c"):
        notes.add(name, person, result, value=seen[name])
    # Average glucose of an HbA1c: Nathan 2008, doi:10.2337/dc08-0545
    glucose = 28.7 * seen["hba1c"] - 46.7 + rng.normal(0.0, 12.0, len(person))
    notes.add("glucose", person, result, value=np.maximum(glucose, 55.0))
    female = lives.female[person]
    # Muscle bounds creatinine from below, whatever the noise says.
    filtered = np.clip(seen["egfr"], 6.0, HIGHEST_RATIO * egfr_at_kappa(age, female))
    creatinine = np.round(creatinine_of(filtered, age, female), 2)
    notes.add("creatinine", person, result, value=creatinine)
    notes.add("egfr", person, result, value=egfr_of(creatinine, age, female))
    albuminuria = rng.random(len(person)) < 0.5
    wanted = albuminuria & ((seen["hba1c"] >= 6.5) | (seen["egfr"] < 60.0))
    typical = 12.0 + 0.6 * np.maximum(75.0 - seen["egfr"], 0.0) + 10.0 * (seen["hba1c"] >= 8.0)
    uacr = typical * np.exp(rng.normal(0.0, 0.8, len(person)))
    notes.add("uacr", person[wanted], result[wanted], value=uacr[wanted])


def egfr_at_kappa(age: np.ndarray, female: np.ndarray) -> np.ndarray:
    """CKD-EPI 2021 where creatinine is at its kappa (0.7 mg/dL in women, 0.9 in men), mL/min/1.73 m2."""
    return 142.0 * 0.9938**age * np.where(female, 1.012, 1.0)


def egfr_of(creatinine: np.ndarray, age: np.ndarray, female: np.ndarray) -> np.ndarray:
    """CKD-EPI 2021 (Inker 2021, doi:10.1056/NEJMoa2102953) of serum creatinine in mg/dL and age in years."""
    relative = creatinine / np.where(female, 0.7, 0.9)
    low = np.minimum(relative, 1.0) ** np.where(female, -0.241, -0.302)
    return egfr_at_kappa(age, female) * low * np.maximum(relative, 1.0) ** -1.2


def creatinine_of(egfr: np.ndarray, age: np.ndarray, female: np.ndarray) -> np.ndarray:
    """The serum creatinine in mg/dL at which CKD-EPI 2021 gives `egfr`: the inverse of `egfr_of`."""
    ratio = egfr / egfr_at_kappa(age, female)
    low = ratio ** (1.0 / np.where(female, -0.241, -0.302))
    return np.where(female, 0.7, 0.9) * np.where(ratio < 1.0, ratio ** (-1.0 / 1.2), low)


def _write_diagnoses_and_drugs(
    notes: _Notes,
    lives: Lives,
    visits: tuple[np.ndarray, np.ndarray, np.ndarray],
    model: Parameters,
) -> None:
    person, step, start = visits
    now = lives.visit_time[person, step]
    for name in DIAGNOSES:
        here = lives.known[name][person] == now
        notes.add(name, person[here], start[here] + 12 * MINUTE)
    for name in TREATMENTS:
        here = lives.treated[name][person] <= now
        written = start[here] + 14 * MINUTE
        notes.add(name, person[here], written, end=written + 365 * US_PER_DAY)


def _write_admissions(
    notes: _Notes, lives: Lives, begin: int, model: Parameters, rng: np.random.Generator
) -> None:
    for who, years, reason in lives.admissions:
        seconds = rng.integers(0, 86_400, len(who)) // 60 * 60 + 1
        day = (years * DAYS_PER_YEAR).astype(np.int64) * US_PER_DAY
        _write_stay(notes, who, begin + day + seconds * US_PER_SECOND, reason, model, rng)


def _write_stay(
    notes: _Notes,
    who: np.ndarray,
    start: np.ndarray,
    reason: str,
    model: Parameters,
    rng: np.random.Generator,
) -> None:
    """Stays, and for some another one soon after."""
    if not len(who):
        return
    longest = 10 if reason in CARDIOVASCULAR else 7
    end = start + rng.integers(2 * 24, longest * 24, len(who)) * HOUR
    notes.add("inpatient", who, start, end=end)
    notes.add(reason, who, start + 3 * HOUR)
    back = rng.random(len(who)) < model.care["readmission"]
    later = end[back] + rng.integers(2 * 24, 40 * 24, int(back.sum())) * HOUR
    _write_stay(notes, who[back], later, reason, model, rng)
