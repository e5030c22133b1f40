"""Ingredients of drugs, and which codes and names of products hold them."""

from __future__ import annotations

import csv
import re
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator

from lifecourse.base.errors import ConfigError
from lifecourse.base.shipped import read_shipped
from lifecourse.base.yaml import Document, load_document

FOLDER = Path(__file__).parent / "mappings"

Text = Annotated[str, BeforeValidator(str)]


class Ingredient(Document):
    """An ingredient as its file has it; `name` None means sources never have it by a name of its own."""

    rxnorm: Text
    atc: str
    name: str | None = ""


class _File(Document):
    version: str | float
    source: str
    ingredients: dict[str, Ingredient]


@cache
def ingredients() -> dict[str, Ingredient]:
    """All ingredients by our name for them."""
    return load_document(Path(__file__).with_suffix(".yaml"), _File).ingredients


@cache
def products() -> dict[str, tuple[str, ...]]:
    """RxNorm code of a product or an ingredient, to the code strings of what it holds."""
    found: dict[str, tuple[str, ...]] = {
        each.rxnorm: (f"ATC//{each.atc}",) for each in ingredients().values()
    }
    lines = read_shipped(FOLDER / "rxnorm_products.csv", ConfigError).splitlines()
    for row in csv.DictReader(line for line in lines if not line.startswith("#")):
        held = (ingredients()[name] for name in row["ingredients"].split())
        found[row["code"]] = tuple(code for each in held for code in _codes(each))
    return found


@cache
def by_words(text: str) -> tuple[str, ...]:
    """Code strings of the ingredients whose names occur as words in `text`, in any case."""
    held: list[str] = []
    for ingredient, pattern in _patterns():
        if pattern.search(text):
            held += _codes(ingredient)
    return tuple(held)


def _codes(ingredient: Ingredient) -> tuple[str, str]:
    return (f"RxNorm//{ingredient.rxnorm}", f"ATC//{ingredient.atc}")


@cache
def _patterns() -> tuple[tuple[Ingredient, re.Pattern[str]], ...]:
    return tuple(
        (ingredient, re.compile(rf"\b({ingredient.name or key})", re.IGNORECASE))
        for key, ingredient in ingredients().items()
        if ingredient.name is not None
    )
