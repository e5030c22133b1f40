"""What one source gives to a vocabulary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one source gives.

    source : its name and version
    concepts : ``code name``
    maps : ``code to``, what a code maps to
    kinds : ``code parent``, what a code is directly a kind of; every code may be of any part
    ancestors : ``code ancestor``, at whatever distance, where the source has followed the ties itself
    """

    source: str
    concepts: pl.DataFrame
    maps: pl.DataFrame
    kinds: pl.DataFrame
    ancestors: pl.DataFrame
