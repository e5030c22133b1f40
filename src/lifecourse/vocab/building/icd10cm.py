"""ICD-10-CM with chapters and blocks, from the package ``simple-icd-10-cm``.

The package is under MIT; the classification is CDC's and in the public domain.
"""

from __future__ import annotations

from importlib import metadata
from importlib.util import find_spec

import polars as pl

from lifecourse.base.errors import CodelistError
from lifecourse.vocab.building.part import Part

PACKAGE = "simple-icd-10-cm"


def icd10cm_part() -> Part:
    """Every code, block (``E08-E13``) and chapter (``CHAPTER-4``), each with what it is under.

    Raises
    ------
    CodelistError
        The package is not installed.
    """
    if find_spec("simple_icd_10_cm") is None:
        raise CodelistError(
            f"ICD-10-CM comes from the package {PACKAGE}. Install it with: pip install 'lifecourse[icd10cm]'."
        )
    import simple_icd_10_cm as icd

    codes = icd.get_all_codes(with_dots=True)
    key = {code: number for number, code in reversed(list(enumerate(codes)))}
    ties = {"key": pl.Int64, "other": pl.Int64}
    parents = [(key[code], key[parent]) for code in codes if (parent := icd.get_parent(code))]
    return Part(
        source=f"ICD-10-CM, {PACKAGE} {metadata.version(PACKAGE)}",
        concepts=pl.DataFrame(
            [(key[code], _code(code), icd.get_description(code)) for code in codes],
            schema={"key": pl.Int64, "code": pl.String, "name": pl.String},
            orient="row",
        ).unique("key", maintain_order=True),
        maps=pl.LazyFrame(schema=ties),
        kinds=pl.LazyFrame(parents, schema=ties, orient="row"),
        ancestors=pl.LazyFrame(schema=ties),
    )


def _code(code: str) -> str:
    """Chapters are numbers there, as no code is."""
    return f"ICD10CM//CHAPTER-{code}" if code.isdigit() else f"ICD10CM//{code}"
