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
    ids = concepts.select("concept_id", "code")
    relations = _table(folder, "CONCEPT_RELATIONSHIP").filter(
        pl.col("relationship_id").is_in([*SAME, *KIND]) & _is_valid()
    )
    tied = _named(
        relations.select("relationship_id", "concept_id_1", "concept_id_2"),
        ids,
        ("concept_id_1", "code"),
        ("concept_id_2", "other"),
    )
    ancestors = _named(
        _table(folder, "CONCEPT_ANCESTOR").select("descendant_concept_id", "ancestor_concept_id"),
        ids,
        ("descendant_concept_id", "code"),
        ("ancestor_concept_id", "ancestor"),
    )
    is_same = pl.col("relationship_id").is_in(SAME)
    return Part(
        source=_version(folder),
        concepts=concepts.select("code", "name"),
        maps=tied.filter(is_same).select("code", to="other"),
        kinds=tied.filter(~is_same).select("code", parent="other"),
        ancestors=ancestors.select("code", "ancestor"),
    )


def _concepts(folder: Path) -> pl.DataFrame:
    """One row a code: the valid concept where there are several."""
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
            pl.col("concept_id").cast(pl.Int64),
            code=pl.format("{}//{}", "system", pl.col("concept_code").str.strip_chars()),
            name="concept_name",
        )
        .unique("code", keep="first", maintain_order=True)
    )


def _named(ties: pl.LazyFrame, ids: pl.DataFrame, *ends: tuple[str, str]) -> pl.DataFrame:
    """The ties between concept ids as ties between codes; those to systems we do not know are left out."""
    for column, name in ends:
        ties = ties.join(
            ids.lazy().rename({"concept_id": column, "code": name}), on=column, how="inner"
        )
    return ties.collect(engine="streaming")


def _is_valid() -> pl.Expr:
    return pl.col("invalid_reason").is_null() | (pl.col("invalid_reason") == "")


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
