"""Rows of a source that came to nothing, each counted once: a row may tell of several records, as a message does."""

from __future__ import annotations

import polars as pl

RECORD = ["subject_id", "source_id"]
ORIGIN = ["generation", "source_file", "source_row"]


def whole_rejects(withdrawn: pl.DataFrame, kept: pl.DataFrame) -> pl.DataFrame:
    """The rows of `withdrawn` of which nothing stands: a message tells of several records."""
    if withdrawn.height == 0:
        return withdrawn
    standing = kept.filter(pl.col("generation") == 1).select("source_file", row="source_row")
    return withdrawn.join(standing.unique(), on=["source_file", "row"], how="anti")


def whole_rows(losers: pl.DataFrame, kept: pl.DataFrame, withdrawn: pl.DataFrame) -> pl.DataFrame:
    """The losers as rows of the source, each once; a row of several records of which one stands is no loser."""
    if losers.height == 0:
        return losers
    standing = kept.select(ORIGIN).unique()
    told = withdrawn.select("source_file", source_row="row", generation=pl.lit(1, pl.UInt8))
    gone = losers.join(standing, on=ORIGIN, how="anti", nulls_equal=True).join(
        told, on=ORIGIN, how="anti"
    )
    return gone.group_by(ORIGIN, maintain_order=True).agg(
        pl.col(RECORD).first(), pl.col("same").all(), pl.col("standing_generation").max()
    )
