"""MEDS 0.4: one Parquet file of events, with metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from lifecourse.base.files import write_json
from lifecourse.simulation.ordering import NOTHING, in_order

if TYPE_CHECKING:
    from pathlib import Path

    from lifecourse.simulation.parameters import Parameters

MOMENT = pl.Datetime("us")
BIRTH, DEATH = "MEDS_BIRTH", "MEDS_DEATH"
SEX = ("SEX//male", "SEX//female")
VISIT, VISIT_END = "VISIT//", "VISIT_END//"


class MedsWriter:
    """Gathers events; ``data/0.parquet`` and ``metadata/`` are whole once `close` was called."""

    def __init__(self, folder: Path, model: Parameters) -> None:
        self._folder = folder
        self._model = model
        self._words = _Words(model)
        self._parts: list[pl.DataFrame] = []

    def write(self, persons: pl.DataFrame, facts: pl.DataFrame) -> None:
        """Add people and their facts."""
        words = self._words
        told = words.events(facts)
        self._parts += [_of_persons(persons, words), told, words.ends(told)]

    def close(self) -> None:
        """Write the files."""
        # Texts come last: numbers are sooner put in order.
        events = pl.concat(self._parts, how="diagonal")
        order = in_order(
            events["subject_id"].to_numpy(),
            events["time"].fill_null(NOTHING).to_numpy(),
            events["place"].to_numpy().astype(np.int64),
            events["value"].fill_null(np.nan).to_numpy(),
        )
        _write(self._words.in_meds(events[order]), self._folder / "data" / "0.parquet")
        told = [
            {"code": c.code, "description": c.display, "parent_codes": None}
            for c in self._model.codes.values()
        ]
        kinds: dict[str, Any] = {
            "code": pl.String,
            "description": pl.String,
            "parent_codes": pl.List(pl.String),
        }
        codes = pl.DataFrame(told, schema=kinds).sort("code")
        _write(codes, self._folder / "metadata" / "codes.parquet")
        write_json(
            self._folder / "metadata" / "dataset.json",
            {
                "dataset_name": "lifecourse simulation",
                "dataset_version": self._model.version,
                "etl_name": "lifecourse simulate",
                "meds_version": "0.4.0",
            },
        )


class _Words:
    """Every code that a record may carry, by its place in the alphabet, and what is said with it."""

    def __init__(self, model: Parameters) -> None:
        coded = list(model.codes.values())
        answers = [place for place, each in enumerate(coded) if each.table == "answer"]
        code_of = {
            (item, answer): each.code if answer < 0 else f"{each.code}//{coded[answer].code}"
            for item, each in enumerate(coded)
            for answer in (-1, *answers)
        }
        ends = {each.code.replace(VISIT, VISIT_END) for each in coded if each.table == "visit"}
        self._codes = sorted({*code_of.values(), *ends, *SEX, BIRTH, DEATH})
        self.place = {code: place for place, code in enumerate(self._codes)}
        # -1 and so the last column stands for no answer.
        self._places = np.zeros((len(coded), len(coded) + 1), dtype=np.int16)
        for (item, answer), code in code_of.items():
            self._places[item, answer] = self.place[code]
        self._ends = {
            self.place[each.code]: self.place[each.code.replace(VISIT, VISIT_END)]
            for each in coded
            if each.table == "visit"
        }
        self._units = pl.Series([each.unit for each in coded], dtype=pl.String)
        self._displays = pl.Series([each.display for each in coded], dtype=pl.String)

    def events(self, facts: pl.DataFrame) -> pl.DataFrame:
        """Events of facts, their codes as places."""
        item, answer = facts["item"].to_physical(), facts["answer"].to_physical()
        answers = answer.cast(pl.Int16).fill_null(-1).to_numpy()
        return facts.select(
            subject_id="person",
            time="time",
            place=pl.Series(self._places[item.to_numpy(), answers]),
            value=pl.col("value").cast(pl.Float32),
            item=item,
            answer=answer,
            text="text",
            end="end",
        )

    def ends(self, events: pl.DataFrame) -> pl.DataFrame:
        """An event where each visit ends."""
        visits = events.filter(pl.col("place").is_in(list(self._ends)))
        place = pl.col("place").replace_strict(self._ends, return_dtype=pl.Int16)
        return visits.select("subject_id", time="end", place=place)

    def in_meds(self, events: pl.DataFrame) -> pl.DataFrame:
        """The columns of MEDS."""
        said = self._displays.gather(events["answer"])
        return events.select(
            "subject_id",
            pl.col("time").cast(MOMENT),
            code=pl.Series(self._codes).gather(events["place"]),
            numeric_value="value",
            text_value=pl.coalesce(said, "text"),
            unit=self._units.gather(events["item"]),
            end_time=pl.col("end").cast(MOMENT),
        )


def _of_persons(persons: pl.DataFrame, words: _Words) -> pl.DataFrame:
    male, female, birth, death = (
        pl.lit(words.place[code], pl.Int16) for code in (*SEX, BIRTH, DEATH)
    )
    sex = pl.when("female").then(female).otherwise(male)
    born = pl.col("birth").cast(MOMENT).cast(pl.Int64)
    static = persons.select(subject_id="person", time=pl.lit(None, pl.Int64), place=sex)
    births = persons.select(subject_id="person", time=born, place=birth)
    deaths = persons.filter(pl.col("death").is_not_null()).select(
        subject_id="person", time="death", place=death
    )
    return pl.concat([static, births, deaths])


def _write(table: pl.DataFrame, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    table.write_parquet(path)
