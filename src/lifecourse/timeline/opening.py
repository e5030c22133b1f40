"""A source opened for a store: which kind it is, and who named its people."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lifecourse.base.errors import SourceError
from lifecourse.records.delimited.finding import is_mapping
from lifecourse.records.registry import open_source
from lifecourse.timeline.exposures import KIND as EXPOSURES
from lifecourse.timeline.exposures import ExposureSource, is_exposures

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lifecourse.records.source import Source
    from lifecourse.timeline.store import Store

OF_PEOPLE_KNOWN = ("genome", "series")
"""Kinds whose files use the ids that others gave: those of the store, where one issuer named its people."""


def split_mappings(mappings: Sequence[Path]) -> tuple[Path | None, tuple[Path, ...]]:
    """The mapping of tables among `mappings`, if one is, and those of codes.

    Raises
    ------
    SourceError
        There are two of tables.
    """
    of_tables = [path for path in mappings if is_mapping(path)]
    if len(of_tables) > 1:
        raise SourceError(
            "two mappings say what tables mean. Ingest the tables of each by themselves."
        )
    of_codes = tuple(path for path in mappings if path not in of_tables)
    return (of_tables[0] if of_tables else None), of_codes


def open_for(
    store: Store,
    path: Path,
    *,
    kind: str | None,
    timezone: str,
    issuer: str | None,
    mapping: Path | None,
) -> Source:
    """The source in `path`; tables of exposures are joined to the people of `store`.

    Raises
    ------
    SourceError
        It is of no kind that is known, or it does not say whose ids it uses.
    """
    guessed = kind is None and mapping is None
    if kind == EXPOSURES or (guessed and path.exists() and is_exposures(path)):
        return ExposureSource(path, store.path, issuer=issuer or f"{EXPOSURES} {path.name}")
    opened = open_source(path, kind=kind, timezone=timezone, issuer=issuer, mapping=mapping)
    if issuer is None and opened.kind in OF_PEOPLE_KNOWN:
        return replace(opened, issuer=_only_issuer(store) or opened.issuer)  # type: ignore[type-var]  # a dataclass
    return opened


def _only_issuer(store: Store) -> str | None:
    """Who named the people of `store`; None where it has none yet.

    Raises
    ------
    SourceError
        They were named by several.
    """
    if not store.exists():
        return None
    not_theirs = (*OF_PEOPLE_KNOWN, EXPOSURES)
    issuers = sorted({s.issuer for s in store.manifest().sources if s.kind not in not_theirs})
    if len(issuers) > 1:
        raise SourceError(
            f"the people of this store were named by {', '.join(issuers)}. Say with --issuer whose ids the files use."
        )
    return issuers[0] if issuers else None
