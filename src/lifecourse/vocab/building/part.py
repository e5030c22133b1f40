"""What one source gives to a vocabulary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one source gives; keys are numbers of its own, so that millions of ties are joined as numbers.

    source : its name and version
    concepts : ``key code name``; the first of several concepts of one code stands
    maps, kinds, ancestors : ``key other``: what a concept maps to, is directly a kind of, or is a kind of at whatever
        distance, where the source has followed the ties itself; keys that `concepts` lacks are left out
    """

    source: str
    concepts: pl.DataFrame
    maps: pl.LazyFrame
    kinds: pl.LazyFrame
    ancestors: pl.LazyFrame
