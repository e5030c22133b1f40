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
    from collections.abc import Sequence

    from lifecourse.simulation.parameters import Parameters

NOTE = "progress_note"
DRAWN = (CLINICIANS, HOSPITALS, REMARKS, TEMPLATES)
"""What is chosen anew for each note, in this order."""
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
    last, own = 0, dict[str, str]()
    # All at once what a draw a word gives, draw for draw.
    drawn = rng.integers(0, np.tile([len(words) for words in DRAWN], (len(places), 1))).tolist()
    rows = facts["person", "id", "time"][places].iter_rows()
    for (person, number, time), chosen in zip(rows, drawn, strict=True):
        if person != last:
            birth, female = named[person]
            last, own = person, _of_person(person, birth, female, county.get(person, ""))
        clinician, hospital, remark, template = (
            words[place] for words, place in zip(DRAWN, chosen, strict=True)
        )
        said = {"clinician": f"Dr {clinician}", "hospital": hospital, "date": _day(time), **own}
        text, found = _write(said, remark, template)
        texts.append(text)
        spans += [(person, number, start, end, kind) for start, end, kind in found]
    nothing = pl.Series("text", [None], dtype=pl.String).new_from_index(0, facts.height)
    told = facts.with_columns(nothing.scatter(places, texts))
    return told, pl.DataFrame(spans, schema=SPANS, orient="row")


def _one_of(words: Sequence[str], rng: np.random.Generator) -> str:
    """As ``rng.choice(words)``, draw for draw, without making an array of them each time."""
    return words[int(rng.integers(0, len(words)))]


def _counties(facts: pl.DataFrame, model: Parameters) -> dict[int, str]:
    """The first county that a person's record tells."""
    names = {item: coded.display for item, coded in model.codes.items() if coded.table == "address"}
    lived = facts.filter(pl.col("item").is_in(list(names))).unique("person", keep="first")
    return {person: names[item] for person, item in lived.select("person", "item").iter_rows()}


def _of_person(person: int, birth: datetime.date, female: bool, county: str) -> dict[str, str]:
    """What is the same in each of a person's notes."""
    own = np.random.default_rng(person)
    last = _one_of(LAST_NAMES, own)
    first = _one_of(FIRST_NAMES["female" if female else "male"], own)
    return {
        "name": f"{'Mrs' if female else 'Mr'} {first} {last}",
        "birth": birth.strftime("%d %B %Y"),
        "record_number": f"{own.integers(10_000_000, 99_999_999)}",
        "telephone": f"555-01{own.integers(10, 99)}",
        "address": f"{own.integers(1, 400)} {_one_of(STREETS, own)}, {county}".rstrip(", "),
        "relative": f"{_one_of(RELATIVES, own)} {_one_of(FIRST_NAMES['female'], own)} {last}",
    }


def _day(time: int) -> str:
    day = EPOCH + datetime.timedelta(microseconds=time)
    return f"{day.month:02}/{day.day:02}/{day.year}"


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
