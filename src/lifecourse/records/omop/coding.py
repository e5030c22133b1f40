"""What OMOP rows say: their codes, values, units and coded answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from lifecourse.records.omop.concepts import (
    FROM_CONCEPT,
    FROM_ID,
    FROM_SOURCE,
    Concepts,
    choose_code,
    standard,
)
from lifecourse.records.omop.reading import Reading, concept_id
from lifecourse.records.omop.tables import ClinicalTable

if TYPE_CHECKING:
    from collections.abc import Callable


def with_codes(rows: pl.DataFrame, spec: ClinicalTable, reading: Reading) -> pl.DataFrame:
    """Adds ``code`` and ``code_from``: most concepts are named, and a number is looked up sooner than a text."""
    rows = rows.with_columns(
        concept=concept_id(spec.concept), source_concept=concept_id(spec.source_concept)
    )
    known = reading.concepts.lookup(rows["concept"].unique().to_list())
    code = rows["concept"].replace_strict(
        {i: concept.code for i, concept in known.items()}, default=None, return_dtype=pl.String
    )
    origin = pl.repeat(FROM_CONCEPT, rows.height, dtype=_ORIGINS, eager=True)
    if code.null_count():
        places = code.is_null().arg_true()
        rest = _chosen(rows.filter(code.is_null()), spec, reading)
        code = code.scatter(places, rest["code"])
        origin = origin.scatter(places, rest["code_from"])
    return rows.with_columns(code.alias("code"), origin.alias("code_from"))


def _chosen(rows: pl.DataFrame, spec: ClinicalTable, reading: Reading) -> pl.DataFrame:
    """``code`` and ``code_from`` of rows whose concept nobody names, in their order."""
    keys = ["concept", "source_concept", spec.source_value]
    seen = rows.select(keys).unique(maintain_order=True)
    known = reading.concepts.lookup(seen["source_concept"].to_list())
    chosen = [
        choose_code(reading.table, concept, source, value, spec.systems, known)
        for concept, source, value in seen.iter_rows()
    ]
    plan = seen.with_columns(
        pl.Series("code", [code for code, _ in chosen], dtype=pl.String),
        pl.Series("code_from", [origin for _, origin in chosen], dtype=_ORIGINS),
    )
    return (
        rows.select(keys)
        .join(plan, on=keys, how="left", nulls_equal=True, maintain_order="left")
        .select("code", "code_from")
    )


_ORIGINS = pl.Enum([FROM_CONCEPT, FROM_SOURCE, FROM_ID])


def origins(events: pl.DataFrame) -> dict[str, int]:
    """How many of `events` have their code from where."""
    names = {
        FROM_CONCEPT: "codes from concept",
        FROM_SOURCE: "codes from source value",
        FROM_ID: "codes as OMOP id",
    }
    counted = events.group_by("code_from").len().rows()
    return {names[origin]: count for origin, count in sorted(counted)}


def _mapped(rows: pl.DataFrame, column: str, find: Callable[[set[int]], dict[int, str]]) -> pl.Expr:
    found = find(set(rows.select(concept_id(column)).to_series().unique().to_list()))
    return concept_id(column).replace_strict(found, default=None, return_dtype=pl.String)


def _units(rows: pl.DataFrame, concepts: Concepts) -> pl.Expr:
    def find(ids: set[int]) -> dict[int, str]:
        named = {
            i: c.code.removeprefix("UCUM//")
            for i, c in concepts.lookup(ids).items()
            if c.code.startswith("UCUM//")
        }
        return {**{i: u for i, u in standard().units.items() if i in ids}, **named}

    source = pl.col("unit_source_value").str.strip_chars().replace("", None)
    return pl.coalesce(_mapped(rows, "unit_concept_id", find), source)


def with_values(rows: pl.DataFrame, reading: Reading) -> pl.DataFrame:
    """Adds ``numeric_value``, ``text_value``, ``unit``; a coded answer joins the code."""
    concepts = reading.concepts

    def codes(ids: set[int]) -> dict[int, str]:
        known = {i: c.code for i, c in concepts.lookup(ids).items()}
        return {i: known.get(i, f"OMOP//{i}") for i in ids if i}

    def names(ids: set[int]) -> dict[int, str]:
        return {i: c.name for i, c in concepts.lookup(ids).items() if c.name and i}

    number = pl.col("value_as_number").str.strip_chars().replace("", None)
    value = number.cast(pl.Float64, strict=False)
    rows = rows.with_columns(
        numeric_value=value.cast(pl.Float32),
        is_bad=number.is_not_null() & (value.is_null() | ~value.is_finite()),
        answer=_mapped(rows, "value_as_concept_id", codes),
        said=pl.coalesce(
            _mapped(rows, "value_as_concept_id", names), "value_as_string", "value_source_value"
        ),
        unit=_units(rows, concepts),
    )
    is_answer = pl.col("answer").is_not_null() & pl.col("numeric_value").is_null()
    is_family = is_answer & pl.col("concept").is_in(list(standard().family_history))
    return rows.with_columns(
        code=pl.when(is_family)
        .then("FAMILY_HISTORY//" + pl.col("answer"))
        .when(is_answer)
        .then(pl.col("code") + "//" + pl.col("answer"))
        .otherwise("code"),
        text_value=pl.when(pl.col("numeric_value").is_null()).then(pl.col("said")),
        unit=pl.when(pl.col("numeric_value").is_not_null()).then(pl.col("unit")),
    )
