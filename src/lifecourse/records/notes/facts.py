"""Events of what notes say: derived from text, under codes that no codelist matches.

A note's event (``NOTE//...``) is joined by one event for each codelist and status that its text names:
``NOTED//<codelist>`` where the sentence says that it is so, else ``NOTED//NEGATED//<codelist>``,
``NOTED//FAMILY//...``, ``NOTED//NO_FAMILY//...``, ``NOTED//HYPOTHETICAL//...``, ``NOTED//HISTORICAL//...``.
``text_value`` is the term found, ``source_part`` the characters of its sentence; everything else is the note's own. No
phenotype, score or rule asks for them; a recipe can, by code.
"""

from __future__ import annotations

import hashlib

import polars as pl

from lifecourse.records.notes.context import CUES, SECTIONS, TERMS, Mention, Status, mentions
from lifecourse.schema.code import SEPARATOR
from lifecourse.schema.event import NOTED

NOTE = "NOTE//"

COUNT = "facts derived from notes"


def with_facts(events: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, int]]:
    """`events` followed by what their notes say, and how many that is."""
    if "text_value" not in events.columns:
        return events, {}
    is_note = pl.col("code").str.starts_with(NOTE) & pl.col("text_value").is_not_null()
    notes = events.filter(is_note)
    if notes.is_empty():
        return events, {}
    places: list[int] = []
    codes: list[str] = []
    terms: list[str] = []
    parts: list[str] = []
    for place, (code, text) in enumerate(notes.select("code", "text_value").iter_rows()):
        told: set[str] = set()
        for mention in mentions(text, section_of(code)):
            code = code_of(mention)
            if code not in told:
                told.add(code)
                places.append(place)
                codes.append(code)
                terms.append(mention.term)
                parts.append(f"chars {mention.sentence_start}-{mention.sentence_end}")
    counts = {"notes looked through for facts": notes.height}
    if not places:
        return events, counts
    part = pl.Series("part", parts)
    derived = notes[places].with_columns(
        code=pl.Series(codes), text_value=pl.Series(terms), part=part
    )
    before = pl.col("source_part") if "source_part" in events.columns else pl.lit(None, pl.String)
    derived = derived.with_columns(
        source_part=pl.when(before.is_null()).then("part").otherwise(before + " " + pl.col("part"))
    ).drop("part")
    return pl.concat([events, derived], how="diagonal"), {**counts, COUNT: derived.height}


def section_of(code: str) -> str | None:
    """The section that a note's code names last: ``LOINC//10157-6`` of ``NOTE//LOINC//34133-9//LOINC//10157-6``."""
    parts = code.split(SEPARATOR)
    return SEPARATOR.join(parts[-2:]) if len(parts) >= 5 else None


def code_of(mention: Mention) -> str:
    """The code of what a note says."""
    if mention.status is Status.PRESENT:
        return f"{NOTED}{mention.codelist}"
    return f"{NOTED}{mention.status.upper()}//{mention.codelist}"


def dictionary_digest() -> str:
    """What tells one set of terms and cues from another."""
    return hashlib.sha256(
        TERMS.read_bytes() + CUES.read_bytes() + SECTIONS.read_bytes()
    ).hexdigest()
