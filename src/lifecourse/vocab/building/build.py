"""Concepts and what ties them, from several sources, put into one file with every tie followed to its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from lifecourse.base.errors import CodelistError
from lifecourse.vocab.vocabulary import SOURCE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lifecourse.vocab.building.part import Part

DEEPEST = 40
"""Steps from a concept to its root, at most: SNOMED CT's longest way is about 20. More is a circle."""


def build_vocabulary(
    out: Path, *, athena: Path | None = None, icd10cm: bool = False
) -> dict[str, Any]:
    """Write a vocabulary to `out`; gives what is in it.

    Parameters
    ----------
    athena : folder of an OMOP Athena export, with CONCEPT.csv, CONCEPT_RELATIONSHIP.csv and CONCEPT_ANCESTOR.csv
    icd10cm : also ICD-10-CM with its chapters and blocks, from the package ``simple-icd-10-cm``

    Returns
    -------
    ``source`` and ``concepts`` (by system), ``maps`` and ``ancestors`` (ties), ``bytes``

    Raises
    ------
    CodelistError
        Nothing to build of, a table is missing or lacks a column, or a hierarchy runs in a circle.
    """
    parts: list[Part] = []
    if athena is not None:
        from lifecourse.vocab.building.athena import athena_part

        parts.append(athena_part(athena))
    if icd10cm:
        from lifecourse.vocab.building.icd10cm import icd10cm_part

        parts.append(icd10cm_part())
    if not parts:
        raise CodelistError("nothing to build of: give an Athena export (--athena), or --icd10cm.")
    if out.suffix.lower() != ".parquet":
        raise CodelistError(f"a vocabulary is a Parquet file; call it {out.stem}.parquet.")
    table = _whole(parts)
    source = "; ".join(part.source for part in parts)
    out.parent.mkdir(parents=True, exist_ok=True)
    table.write_parquet(out, compression="zstd", metadata={SOURCE: source})
    system = pl.col("code").str.split("//").list.first().alias("system")
    return {
        "source": source,
        "concepts": dict(table.group_by(system).len().sort("len", descending=True).iter_rows()),
        "maps": int(table["maps"].list.len().sum()),
        "ancestors": int(table["ancestors"].list.len().sum()),
        "bytes": out.stat().st_size,
    }


def _whole(parts: Sequence[Part]) -> pl.DataFrame:
    """One row a code, with the rows of what it maps to and of its ancestors."""
    concepts = (
        pl.concat([part.concepts.select("code", "name") for part in parts])
        .unique("code", keep="first", maintain_order=True)
        .sort("code")
        .with_row_index("row")
    )
    rows = [
        part.concepts.select("key", "code")
        .join(concepts.select("code", "row"), on="code")
        .drop("code")
        for part in parts
    ]
    maps, kinds, told = (
        pl.concat(
            [_numbered(getattr(part, name), own) for part, own in zip(parts, rows, strict=True)]
        )
        for name in ("maps", "kinds", "ancestors")
    )
    ancestors = pl.concat([_followed(kinds), told])
    return concepts.select(
        "code",
        "name",
        _listed(maps, concepts.height).alias("maps"),
        _listed(ancestors, concepts.height).alias("ancestors"),
    )


def _numbered(ties: pl.LazyFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Ties between keys as ties between rows, each once; those to what is not there are left out."""
    return (
        ties.join(rows.lazy(), on="key")
        .join(rows.lazy().rename({"key": "other", "row": "above"}), on="other")
        .filter(pl.col("row") != pl.col("above"))
        .select("row", other="above")
        .unique()
        .collect(engine="streaming")
    )


def _followed(kinds: pl.DataFrame) -> pl.DataFrame:
    """Every way up, at whatever distance, from the direct ties.

    Raises
    ------
    CodelistError
        A way leads back to where it began.
    """
    whole, newest = kinds, kinds
    for _ in range(DEEPEST):
        further = (
            newest.join(kinds.rename({"row": "other", "other": "above"}), on="other")
            .select("row", other="above")
            .unique()
            .join(whole, on=["row", "other"], how="anti")
        )
        if further.height == 0:
            return whole
        if (further["row"] == further["other"]).any():
            break
        whole, newest = pl.concat([whole, further]), further
    raise CodelistError("the hierarchy runs in a circle: some code is a kind of itself.")


def _listed(ties: pl.DataFrame, concepts: int) -> pl.Series:
    """Of each row the rows it is tied to, in order; none for most."""
    listed = ties.lazy().unique().sort("row", "other").group_by("row").agg("other")
    every = pl.LazyFrame({"row": pl.arange(0, concepts, dtype=pl.UInt32, eager=True)})
    whole = every.join(listed, on="row", how="left", maintain_order="left").collect(
        engine="streaming"
    )
    return whole["other"].fill_null(pl.Series([[]], dtype=pl.List(pl.UInt32)))
