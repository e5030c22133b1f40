"""Words of records in a table that people open with a spreadsheet: there they are words, never formulas.

A cell that begins like a formula gets an apostrophe before it (OWASP, "CSV injection"), and so does one that has one
there; so what is read back is exactly what was written.
"""

from __future__ import annotations

import polars as pl

BEGINS_FORMULA = ("=", "+", "-", "@", "\t", "\r")
ESCAPE = "'"
_BEGINS = f"^[{ESCAPE}=+\\-@\t\r]"


def without_formulas(table: pl.DataFrame) -> pl.DataFrame:
    """`table` with every text that a spreadsheet would work out escaped, its column names too; numbers stay numbers."""
    texts = [name for name, kind in table.schema.items() if kind in (pl.String, pl.Categorical)]
    cells = [pl.col(name).cast(pl.String) for name in texts]
    escaped = table.with_columns(
        pl.when(cell.str.contains(_BEGINS))
        .then(pl.concat_str(pl.lit(ESCAPE), cell))
        .otherwise(cell)
        .alias(name)
        for name, cell in zip(texts, cells, strict=True)
    )
    return escaped.rename({name: escaped_text(name) for name in table.columns})


def escaped_text(text: str) -> str:
    """`text` as a cell that is no formula."""
    return ESCAPE + text if text.startswith((*BEGINS_FORMULA, ESCAPE)) else text


def read_text(cell: str) -> str:
    """The text that `escaped_text` made `cell` of."""
    return (
        cell[1:] if cell[:1] == ESCAPE and cell[1:].startswith((*BEGINS_FORMULA, ESCAPE)) else cell
    )
