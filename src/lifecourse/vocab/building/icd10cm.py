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
    kinds = [(code, icd.get_parent(code)) for code in codes]
    nothing = {"code": pl.String, "to": pl.String}
    return Part(
        source=f"ICD-10-CM, {PACKAGE} {metadata.version(PACKAGE)}",
        concepts=pl.DataFrame(
            [(_code(code), icd.get_description(code)) for code in codes],
            schema={"code": pl.String, "name": pl.String},
            orient="row",
        ),
        maps=pl.DataFrame(schema=nothing),
        kinds=pl.DataFrame(
            [(_code(code), _code(parent)) for code, parent in kinds if parent],
            schema={"code": pl.String, "parent": pl.String},
            orient="row",
        ),
        ancestors=pl.DataFrame(schema={"code": pl.String, "ancestor": pl.String}),
    )


def _code(code: str) -> str:
    """Chapters are numbers there, as no code is."""
    return f"ICD10CM//CHAPTER-{code}" if code.isdigit() else f"ICD10CM//{code}"
