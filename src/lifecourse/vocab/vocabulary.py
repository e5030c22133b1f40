"""A vocabulary that a site owns: names, mappings and hierarchies of its code systems, embedded in one Parquet file.

One row a concept, sorted by code: ``code`` (our form, ``SNOMED//44054006``), ``name``, ``maps`` (rows of what it maps
to, as an NDC to its RxNorm product) and ``ancestors`` (rows of everything it is a kind of, at whatever distance).
Nothing of it is needed to read records; with it, codes get mapped parents and ancestors as they come in, and
``descendants`` of codelists reach beyond what a code's own text tells.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from lifecourse.base.errors import CodelistError
from lifecourse.schema.code import SEPARATOR

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import polars as pl

ENDING = ".parquet"
SOURCE = "lifecourse.vocabulary"
COLUMNS = ("code", "name", "maps", "ancestors")


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a vocabulary knows of one code.

    maps : the codes it maps to, in order of code
    ancestors : the codes it, or what it maps to, is a kind of
    """

    name: str | None
    maps: tuple[str, ...]
    ancestors: tuple[str, ...]


@dataclass(frozen=True)
class Vocabulary:
    """The vocabulary in file `path`; read only as far as is asked for."""

    path: Path

    def __post_init__(self) -> None:
        """Refuse what is no vocabulary.

        Raises
        ------
        CodelistError
            Not there, or not made by `lifecourse vocabulary build`.
        """
        import polars as pl

        if not self.path.is_file():
            raise CodelistError(f"there is no vocabulary {self.path.name}.")
        try:
            told = pl.read_parquet_metadata(self.path)
        except (pl.exceptions.PolarsError, OSError):
            told = {}
        if SOURCE not in told:
            raise CodelistError(
                f"{self.path.name} is no vocabulary. Make one with: lifecourse vocabulary build."
            )

    @property
    def source(self) -> str:
        """What it was made of, with versions."""
        import polars as pl

        return str(pl.read_parquet_metadata(self.path)[SOURCE])

    def known(self, codes: Iterable[str]) -> dict[str, Known]:
        """What it knows of `codes`; those it does not have are left out."""
        import polars as pl

        asked = self._scan().filter(pl.col("code").is_in(sorted(set(codes)))).collect()
        mapped = self._rows(asked["maps"].explode().drop_nulls())
        kinds = dict(mapped.select("row", "ancestors").iter_rows())
        ancestors = [
            sorted({*own, *(a for row in maps for a in kinds.get(row, ()))})
            for own, maps in zip(asked["ancestors"], asked["maps"], strict=True)
        ]
        needed = {row for rows in (*asked["maps"], *ancestors) for row in rows}
        code = self._codes_of(needed)
        return {
            row["code"]: Known(
                name=row["name"],
                maps=tuple(code[place] for place in row["maps"]),
                ancestors=tuple(code[place] for place in kinds_of),
            )
            for row, kinds_of in zip(asked.iter_rows(named=True), ancestors, strict=True)
        }

    def descendants(self, code: str, *, system: str | None = None) -> list[str]:
        """Every code that is `code`, maps to it, or is (or maps to) a kind of it; of `system` alone where given."""
        import polars as pl

        found = self._scan().filter(pl.col("code") == code).select("row").collect()
        if found.height == 0:
            return []
        row = found["row"][0]
        under = self._scan().filter((pl.col("row") == row) | pl.col("ancestors").list.contains(row))
        rows = under.select("row").collect()["row"]
        reaching = self._scan().filter(
            pl.col("row").is_in(rows.implode())
            | pl.col("maps").list.eval(pl.element().is_in(rows.implode())).list.any()
        )
        codes = reaching.select("code").collect()["code"].to_list()
        return (
            codes if system is None else [c for c in codes if c.startswith(f"{system}{SEPARATOR}")]
        )

    def translate(self, code: str, system: str) -> list[str]:
        """What `code` is in `system`: itself, what it maps to, what that is a kind of; else what is a kind of it.

        An NDC becomes its RxNorm product and ingredients, or their ATC classes; an ATC class the NDCs of its products.
        """
        known = self.known([code]).get(code)
        if known is None:
            return []
        start = f"{system}{SEPARATOR}"
        up = [
            c for c in dict.fromkeys((code, *known.maps, *known.ancestors)) if c.startswith(start)
        ]
        return up or self.descendants(code, system=system)

    def _scan(self) -> pl.LazyFrame:
        import polars as pl

        return pl.scan_parquet(self.path, glob=False).with_row_index("row")

    def _rows(self, rows: pl.Series) -> pl.DataFrame:
        import polars as pl

        return self._scan().filter(pl.col("row").is_in(rows.unique().implode())).collect()

    def _codes_of(self, rows: set[int]) -> dict[int, str]:
        import polars as pl

        wanted = pl.Series(sorted(rows), dtype=pl.UInt32)
        found = self._rows(wanted).select("row", "code")
        return dict(found.iter_rows())

    @cached_property
    def counts(self) -> dict[str, int]:
        """Concepts by code system, the largest first."""
        import polars as pl

        system = pl.col("code").str.split(SEPARATOR).list.first().alias("system")
        counted = (
            self._scan().group_by(system).len().sort("len", "system", descending=[True, False])
        )
        return dict(counted.collect().iter_rows())


def vocabularies(paths: Sequence[Path]) -> list[Vocabulary]:
    """Those of `paths` that are vocabularies."""
    return [Vocabulary(path) for path in paths if path.suffix.lower() == ENDING]
