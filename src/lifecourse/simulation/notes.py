"""Notes that name people, so that de-identification can be tried on them; where the names stand is the truth's."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from lifecourse.simulation.words import (
    CLINICIANS,
    FIRST_NAMES,
    HOSPITALS,
    LAST_NAMES,
    RELATIVES,
    REMARKS,
    STREETS,
    TEMPLATES,
)

if TYPE_CHECKING:
    from lifecourse.simulation.parameters import Parameters

NOTE = "progress_note"
SPANS = {
    "person": pl.Int64(),
    "id": pl.Int64(),
    "start": pl.Int32(),
    "end": pl.Int32(),
    "kind": pl.String(),
}
EPOCH = datetime.date(1970, 1, 1)


def with_notes(
    persons: pl.DataFrame, facts: pl.DataFrame, model: Parameters, rng: np.random.Generator
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`facts` with a column ``text``, told for notes; and where in it who is named.

    The second table has a row for each identifier: person, id (the fact's), start and end (characters, [start, end)),
    kind (``name``, ``date``, ``record_number``, ``telephone``, ``address``, ``relative``, ``clinician``, ``hospital``).
    """
    places = np.flatnonzero((facts["item"] == NOTE).to_numpy())
    texts: list[str] = []
    spans: list[tuple[int, int, int, int, str]] = []
    named = persons.select("person", "birth", "female").rows_by_key("person", unique=True)
    county = _counties(facts, model)
    for person, number, time in facts[places].select("person", "id", "time").iter_rows():
        birth, female = named[person]
        said = _identifiers(person, birth, female, time, county.get(person, ""), rng)
        text, found = _write(said, str(rng.choice(REMARKS)), str(rng.choice(TEMPLATES)))
        texts.append(text)
        spans += [(person, number, start, end, kind) for start, end, kind in found]
    column = np.full(facts.height, None, dtype=object)
    column[places] = texts
    told = facts.with_columns(text=pl.Series(column.tolist(), dtype=pl.String))
    return told, pl.DataFrame(spans, schema=SPANS, orient="row")


def _counties(facts: pl.DataFrame, model: Parameters) -> dict[int, str]:
    """The first county that a person's record tells."""
    names = {item: coded.display for item, coded in model.codes.items() if coded.table == "address"}
    lived = facts.filter(pl.col("item").is_in(list(names))).unique("person", keep="first")
    return {person: names[item] for person, item in lived.select("person", "item").iter_rows()}


def _identifiers(
    person: int,
    birth: datetime.date,
    female: bool,
    time: int,
    county: str,
    rng: np.random.Generator,
) -> dict[str, str]:
    own = np.random.default_rng(person)  # a person's name is the same in each of their notes
    first = FIRST_NAMES["female" if female else "male"]
    last = str(own.choice(LAST_NAMES))
    day = EPOCH + datetime.timedelta(microseconds=int(time))
    return {
        "name": f"{'Mrs' if female else 'Mr'} {own.choice(first)} {last}",
        "birth": birth.strftime("%d %B %Y"),
        "record_number": f"{own.integers(10_000_000, 99_999_999)}",
        "telephone": f"555-01{own.integers(10, 99)}",
        "address": f"{own.integers(1, 400)} {own.choice(STREETS)}, {county}".rstrip(", "),
        "relative": f"{own.choice(RELATIVES)} {own.choice(FIRST_NAMES['female'])} {last}",
        "clinician": f"Dr {rng.choice(CLINICIANS)}",
        "hospital": str(rng.choice(HOSPITALS)),
        "date": day.strftime("%m/%d/%Y"),
    }


def _write(
    said: dict[str, str], remark: str, template: str
) -> tuple[str, list[tuple[int, int, str]]]:
    """`template` with its fields filled, and the characters that each identifier takes."""
    text, spans = "", []
    for piece in template.split("{"):
        field, closed, rest = piece.partition("}")
        if not closed:
            text += piece
            continue
        value = remark if field == "remark" else said[field]
        if field != "remark":
            spans.append((len(text), len(text) + len(value), "date" if field == "birth" else field))
        text += value + rest
    return text, spans
