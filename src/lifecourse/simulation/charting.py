"""What the hospital writes down of lives: one table of facts, the same for every standard."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from lifecourse.simulation.ordering import NOTHING, US_PER_SECOND, in_order
from lifecourse.simulation.parameters import address_item
from lifecourse.simulation.state import CARDIOVASCULAR, DRUGS, NEVER, SMOKING

if TYPE_CHECKING:
    from lifecourse.simulation.clinic import Visits
    from lifecourse.simulation.history import History
    from lifecourse.simulation.parameters import Parameters
    from lifecourse.simulation.population import People

DAYS_PER_YEAR = 365.25
US_PER_DAY = 86_400 * US_PER_SECOND
MINUTE = 60 * US_PER_SECOND
HOUR = 60 * MINUTE
IDS_PER_PERSON = 100_000
HIGHEST_RATIO = 1.12
CARRIED_OVER = 0.85
LABORATORY = (
    "total_cholesterol",
    "hdl",
    "hba1c",
    "glucose",
    "creatinine",
    "egfr",
    "uacr",
    "hemoglobin",
)


class _Notes:
    """Columns of facts, gathered piece by piece."""

    def __init__(self, model: Parameters) -> None:
        self._model = model
        self._places = {name: place for place, name in enumerate(model.codes)}
        self._pieces: list[dict[str, np.ndarray]] = []

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
        """Facts of one item; `answer` is int64[n], places in the codes."""
        n, digits = len(person), self._model.codes[item].digits
        self._pieces.append(
            {
                "person": person.astype(np.int64),
                "item": np.full(n, self._places[item], dtype=np.int64),
                "time": time.astype(np.int64),
                "end": np.full(n, NOTHING) if end is None else end,
                "value": np.full(n, np.nan) if value is None else np.round(value, digits),
                "answer": np.full(n, NOTHING) if answer is None else answer,
            }
        )

    def place(self, item: str) -> int:
        """Of an item in the codes."""
        return self._places[item]

    def columns(self) -> dict[str, np.ndarray]:
        """All facts; items and answers as places in the codes, what is absent as `NOTHING` or NaN."""
        return {
            name: np.concatenate([piece[name] for piece in self._pieces])
            for name in self._pieces[0]
        }


def chart(
    history: History, model: Parameters, rng: np.random.Generator
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Persons and facts of lives.

    Returns
    -------
    persons : person, birth (Date), female, death (us since 1970, null while alive)
    facts : person, id, item (Enum of the keys of `codes`), time, end (us), value, answer (Enum of the same)
        Sorted by person and time; nothing after a death or the cut.
    """
    people = history.people
    cut = cut_microseconds(model)
    begin = begin_microseconds(model)
    notes = _Notes(model)
    _write_visits(notes, people, history.visits, begin, model, rng)
    _write_addresses(notes, people, history.visits, begin, model)
    _write_notes(notes, history.visits, begin, model, rng)
    _write_known_before(notes, history, begin, model, rng)
    _write_admissions(notes, history, begin, model, rng)
    persons = _persons(history, begin, cut)
    facts = notes.columns()
    last = persons["death"].fill_null(cut).to_numpy()[facts["person"]]
    stays_on = (facts["item"] == notes.place("inpatient")) & (facts["end"] >= last)
    # A stay that the cut would leave open is not told; one that a death ends, ends with it.
    told = (facts["time"] < last) & ~(stays_on & (last == cut))
    told &= _is_sent(notes, facts, people, begin, model, rng)
    facts["end"] = np.where(stays_on, last, facts["end"])
    facts = {name: column[told] for name, column in facts.items()}
    order = in_order(*(facts[name] for name in ("person", "time", "item", "value")))
    return persons, _table({name: column[order] for name, column in facts.items()}, people, model)


def _table(facts: dict[str, np.ndarray], people: People, model: Parameters) -> pl.DataFrame:
    """Facts in their order, numbered by person from 1."""
    whose = facts["person"]
    begins = np.flatnonzero(np.append(True, whose[1:] != whose[:-1]))
    number = np.arange(len(whose)) - np.repeat(begins, np.diff(np.append(begins, len(whose)))) + 1
    names = pl.Series(list(model.codes), dtype=pl.Enum(list(model.codes)))
    absent = pl.col("end", "answer").replace(NOTHING, None)
    table = pl.DataFrame(facts).with_columns(absent, pl.col("value").fill_nan(None))
    return table.select(
        pl.col("person") + people.first,
        "time",
        "end",
        "value",
        item=names.gather(table["item"]),
        answer=names.gather(table["answer"]),
        id=(pl.col("person") + people.first) * IDS_PER_PERSON + pl.Series(number),
    )


def cut_microseconds(model: Parameters) -> int:
    """The end of the data, microseconds since 1970."""
    return (model.people.cut_date - datetime.date(1970, 1, 1)).days * US_PER_DAY


def begin_microseconds(model: Parameters) -> int:
    """When the records begin, microseconds since 1970."""
    return cut_microseconds(model) - int(model.people.years * DAYS_PER_YEAR) * US_PER_DAY


def _persons(history: History, begin: int, cut: int) -> pl.DataFrame:
    people, died = history.people, history.state.onset["death"]
    death = np.where(died == NEVER, np.inf, begin + died * DAYS_PER_YEAR * US_PER_DAY)
    is_dead = death < cut
    whole = np.where(is_dead, death, 0.0).astype(np.int64) // US_PER_SECOND * US_PER_SECOND
    born = (begin - people.age * DAYS_PER_YEAR * US_PER_DAY) // US_PER_DAY
    return pl.DataFrame(
        {
            "person": np.arange(people.first, people.first + people.n),
            "birth": pl.Series(born.astype(np.int32)).cast(pl.Date),
            "female": people.female,
            "death": pl.Series(whole),
            "is_dead": is_dead,
        }
    ).select("person", "birth", "female", death=pl.when("is_dead").then("death"))


def _write_visits(
    notes: _Notes,
    people: People,
    visits: Visits,
    begin: int,
    model: Parameters,
    rng: np.random.Generator,
) -> None:
    """Visits in office hours; never at a full minute, which would look like a date."""
    person, count = visits.person, len(visits.person)
    day = (visits.moment * DAYS_PER_YEAR).astype(np.int64)
    seconds = rng.integers(8 * 3600, 17 * 3600, count) // 60 * 60 + 1
    start = begin + day * US_PER_DAY + seconds * US_PER_SECOND
    notes.add("outpatient", person, start, end=start + rng.integers(15, 45, count) * MINUTE)
    vitals = start + 5 * MINUTE
    seen = visits.measured
    notes.add("bmi", person, vitals, value=seen["bmi"])
    notes.add("sbp", person, vitals, value=seen["sbp"])
    diastolic = 35.0 + 0.36 * seen["sbp"] + rng.normal(0.0, 5.0, count)
    notes.add("dbp", person, vitals, value=diastolic)
    _write_answers(notes, people, visits, start)
    _write_labs(notes, people, visits, start, rng)
    illnesses = [name for name, coded in model.codes.items() if coded.table == "condition"]
    for here, illness in visits.written:
        wrong = rng.random(len(here)) < model.care.errs
        notes.add(illness, person[here[~wrong]], start[here[~wrong]] + 12 * MINUTE)
        mistaken = rng.integers(len(illnesses), size=int(wrong.sum()))
        for number in np.unique(mistaken):
            places = here[wrong][mistaken == number]
            notes.add(illnesses[number], person[places], start[places] + 12 * MINUTE)
    for drug in DRUGS:
        here = np.flatnonzero(visits.taking[drug])
        written = start[here] + 14 * MINUTE
        notes.add(drug, person[here], written, end=written + 365 * US_PER_DAY)


def _write_answers(notes: _Notes, people: People, visits: Visits, start: np.ndarray) -> None:
    asked = visits.asked
    person = visits.person
    here = asked["smoking"]
    answers = np.array([notes.place(name) for name in SMOKING])[visits.smoking[here]]
    notes.add("smoking", person[here], start[here] + 8 * MINUTE, answer=answers)
    here = asked["alcohol"]
    drinks = np.round(people.alcohol[person[here]] / 3.5)
    notes.add("alcohol", person[here], start[here] + 8 * MINUTE, value=drinks)
    here = asked["activity"]
    minutes = np.round(people.activity[person[here]] / 4.0)
    notes.add("activity", person[here], start[here] + 8 * MINUTE, value=minutes)
    for name, has in people.family_history.items():
        here = asked["family"] & has[person]
        notes.add(f"family_{name}", person[here], start[here] + 9 * MINUTE)


def _write_labs(
    notes: _Notes, people: People, visits: Visits, start: np.ndarray, rng: np.random.Generator
) -> None:
    person, seen = visits.person, visits.measured
    result = start + 4 * HOUR
    age = people.age[person] + visits.moment

    def add(name: str, value: np.ndarray) -> None:
        here = ~np.isnan(value)
        notes.add(name, person[here], result[here], value=value[here])

    for name in ("total_cholesterol", "hdl", "hba1c", "hemoglobin"):
        add(name, seen[name])
    # Average glucose of an HbA1c: Nathan 2008, doi:10.2337/dc08-0545
    glucose = 28.7 * seen["hba1c"] - 46.7 + rng.normal(0.0, 12.0, len(person))
    add("glucose", np.maximum(glucose, 55.0))
    female = people.female[person]
    # Muscle bounds creatinine from below, whatever the noise says.
    filtered = np.clip(seen["egfr"], 6.0, HIGHEST_RATIO * egfr_at_kappa(age, female))
    creatinine = np.round(creatinine_of(filtered, age, female), 2)
    add("creatinine", creatinine)
    add("egfr", egfr_of(creatinine, age, female))
    add("uacr", np.exp(seen["log_uacr"]))


def _write_known_before(
    notes: _Notes, history: History, begin: int, model: Parameters, rng: np.random.Generator
) -> None:
    """The list of problems comes along at a person's first visit, with most of what was known before."""
    n = history.people.n
    moment = np.full(n, np.inf)
    np.minimum.at(moment, history.visits.person, history.visits.moment)
    day = np.where(np.isfinite(moment), moment * DAYS_PER_YEAR, 0.0).astype(np.int64)
    start = begin + day * US_PER_DAY + 18 * HOUR + US_PER_SECOND
    for illness, when in history.state.known.items():
        if illness not in model.codes:
            continue
        here = np.flatnonzero((when < 0.0) & np.isfinite(moment))
        here = here[rng.random(len(here)) < CARRIED_OVER]
        notes.add(illness, here, start[here])


def _is_sent(
    notes: _Notes,
    facts: dict[str, np.ndarray],
    people: People,
    begin: int,
    model: Parameters,
    rng: np.random.Generator,
) -> np.ndarray:
    """bool[facts], all but what laboratories of some counties did not send while their feed was silent."""
    said = model.care.gap
    counties = len(model.places.counties)
    silent = rng.random(counties) < said["share_of_counties"]
    years = model.people.years
    from_day = rng.integers(0, int(years * DAYS_PER_YEAR - said["days"]), counties)
    gap_start = np.where(silent, begin + from_day * US_PER_DAY, np.iinfo(np.int64).max)
    gap_end = np.where(silent, gap_start + int(said["days"]) * US_PER_DAY, 0)
    place, time = people.county[facts["person"], 0], facts["time"]
    of_laboratory = np.isin(facts["item"], [notes.place(name) for name in LABORATORY])
    return ~(of_laboratory & (time >= gap_start[place]) & (time < gap_end[place]))


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


def _write_notes(
    notes: _Notes, visits: Visits, begin: int, model: Parameters, rng: np.random.Generator
) -> None:
    """That a note was written, in the evening of some visits; its words are found later."""
    here = np.flatnonzero(rng.random(len(visits.person)) < model.care.noted)
    day = (visits.moment[here] * DAYS_PER_YEAR).astype(np.int64)
    written = begin + day * US_PER_DAY + 19 * HOUR + US_PER_SECOND
    notes.add("progress_note", visits.person[here], written)


def _write_addresses(
    notes: _Notes, people: People, visits: Visits, begin: int, model: Parameters
) -> None:
    """The county that somebody lives in, told by day at the first visit and at the first one after a move."""
    order = np.lexsort((visits.moment, visits.person))
    person, moment = visits.person[order], visits.moment[order]
    county = people.county[person, moment.astype(np.int64)]
    is_first = np.append(True, person[1:] != person[:-1])
    told = np.flatnonzero(is_first | np.append(True, county[1:] != county[:-1]))
    person, county = person[told], county[told]
    day = (moment[told] * DAYS_PER_YEAR).astype(np.int64)
    known = begin + (day + 1) * US_PER_DAY - 1
    goes_on = np.append(person[1:] == person[:-1], False)
    end = np.where(goes_on, np.roll(known, -1), NOTHING)
    for place, each in enumerate(model.places.counties):
        here = county == place
        notes.add(address_item(each.fips), person[here], known[here], end=end[here])


def _write_admissions(
    notes: _Notes, history: History, begin: int, model: Parameters, rng: np.random.Generator
) -> None:
    for who, years, reason in history.admissions:
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
    told = rng.random(len(who)) < model.care.recorded["admission"]
    notes.add(reason, who[told], start[told] + 3 * HOUR)
    back = rng.random(len(who)) < model.care.readmission
    later = end[back] + rng.integers(2 * 24, 40 * 24, int(back.sum())) * HOUR
    _write_stay(notes, who[back], later, reason, model, rng)
