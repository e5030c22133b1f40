"""The tables of an OMOP Athena export: tab-separated, without quotes, 10 million concepts at most."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from lifecourse.base.errors import CodelistError
from lifecourse.vocab.building.part import Part
from lifecourse.vocab.systems import system_of_name

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = {
    "CONCEPT": ("concept_id", "concept_name", "vocabulary_id", "concept_code", "invalid_reason"),
    "CONCEPT_RELATIONSHIP": ("concept_id_1", "concept_id_2", "relationship_id", "invalid_reason"),
    "CONCEPT_ANCESTOR": ("ancestor_concept_id", "descendant_concept_id"),
}
# Ties that say "is" in another system, and "is a kind of". ATC classes stand above RxNorm in CONCEPT_ANCESTOR; an
# export cut down to some tables may have the relationship alone.
SAME = ("Maps to",)
KIND = ("Is a", "RxNorm - ATC", "RxNorm is a")


def athena_part(folder: Path) -> Part:
    """The concepts of the systems we know, what they map to and what they are kinds of.

    Raises
    ------
    CodelistError
        A table is missing or lacks a column.
    """
    concepts = _concepts(folder)
    relations = (
        _table(folder, "CONCEPT_RELATIONSHIP")
        .filter(pl.col("relationship_id").is_in([*SAME, *KIND]) & _is_valid())
        .select("relationship_id", key="concept_id_1", other="concept_id_2")
    )
    is_same = pl.col("relationship_id").is_in(SAME)
    return Part(
        source=_version(folder),
        concepts=concepts,
        maps=relations.filter(is_same).select("key", "other"),
        kinds=relations.filter(~is_same).select("key", "other"),
        ancestors=_table(folder, "CONCEPT_ANCESTOR").select(
            key="descendant_concept_id", other="ancestor_concept_id"
        ),
    )


def _concepts(folder: Path) -> pl.DataFrame:
    """Of every system that we know; of several concepts of one code the valid one comes first."""
    found = (
        _table(folder, "CONCEPT")
        .select("concept_id", "concept_name", "vocabulary_id", "concept_code", valid=_is_valid())
        .collect()
    )
    named = {name: system_of_name(name) for name in found["vocabulary_id"].unique().drop_nulls()}
    known = {name: system for name, system in named.items() if system is not None}
    system = pl.col("vocabulary_id").replace_strict(known, default=None, return_dtype=pl.String)
    return (
        found.with_columns(system=system)
        .filter(pl.col("system").is_not_null() & pl.col("concept_code").is_not_null())
        .sort("valid", descending=True, maintain_order=True)
        .select(
            key="concept_id",
            code=pl.format("{}//{}", "system", pl.col("concept_code").str.strip_chars()),
            name="concept_name",
        )
    )


def _is_valid() -> pl.Expr:
    # Athena writes nothing; a table that went through another program may have two quotes there.
    reason = pl.col("invalid_reason").fill_null("")
    return reason.str.strip_chars('"') == ""


def _table(folder: Path, name: str) -> pl.LazyFrame:
    files = {path.name.upper(): path for path in folder.glob("*")} if folder.is_dir() else {}
    path = files.get(f"{name}.CSV")
    if path is None:
        raise CodelistError(
            f"'{folder.name}' has no {name}.csv. Unpack the Athena download there; it has all three of "
            f"{', '.join(COLUMNS)}."
        )
    scan = pl.scan_csv(path, separator="\t", quote_char=None, infer_schema=False)
    scan = scan.rename({column: column.lower() for column in scan.collect_schema()})
    missing = set(COLUMNS[name]) - set(scan.collect_schema())
    if missing:
        raise CodelistError(
            f"{path.name} has no column {', '.join(sorted(missing))}; Athena's have tabs between columns."
        )
    numbers = [column for column in COLUMNS[name] if "concept_id" in column]
    return scan.select(COLUMNS[name]).with_columns(pl.col(numbers).cast(pl.Int64, strict=False))


def _version(folder: Path) -> str:
    """What VOCABULARY.csv says of the release, where it is there."""
    files = {path.name.upper(): path for path in folder.glob("*")}
    path = files.get("VOCABULARY.CSV")
    if path is None:
        return "OMOP Athena, version not stated"
    table = pl.read_csv(path, separator="\t", quote_char=None, infer_schema=False)
    table = table.rename({column: column.lower() for column in table.columns})
    told = table.filter(pl.col("vocabulary_id") == "None")["vocabulary_version"]
    return f"OMOP Athena {told[0]}" if len(told) and told[0] else "OMOP Athena"
