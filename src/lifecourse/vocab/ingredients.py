"""Ingredients of drugs, and which codes and names of products hold them."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field

from lifecourse.base.yaml import Document, load_document

Text = Annotated[str, BeforeValidator(str)]


class Ingredient(Document):
    """An ingredient as its file has it; `name` None means sources never have it by a name of its own."""

    rxnorm: Text
    atc: str
    name: str | None = ""
    products: dict[Text, str] = Field(default_factory=dict)


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
    found: dict[str, tuple[str, ...]] = {}
    for ingredient in ingredients().values():
        atc = f"ATC//{ingredient.atc}"
        found[ingredient.rxnorm] = (*found.get(ingredient.rxnorm, ()), atc)
        for product in ingredient.products:
            held = (f"RxNorm//{ingredient.rxnorm}", atc)
            found[product] = (*found.get(product, ()), *held)
    return found


@cache
def by_words(text: str) -> tuple[str, ...]:
    """Code strings of the ingredients whose names occur as words in `text`, in any case."""
    held: list[str] = []
    for ingredient, pattern in _patterns():
        if pattern.search(text):
            held += [f"RxNorm//{ingredient.rxnorm}", f"ATC//{ingredient.atc}"]
    return tuple(held)


@cache
def _patterns() -> tuple[tuple[Ingredient, re.Pattern[str]], ...]:
    return tuple(
        (ingredient, re.compile(rf"\b({ingredient.name or key})", re.IGNORECASE))
        for key, ingredient in ingredients().items()
        if ingredient.name is not None
    )
