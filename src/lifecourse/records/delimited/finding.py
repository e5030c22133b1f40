"""Which files are a mapping's tables, and which mapping is a folder's."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path

import polars as pl

from lifecourse.base.errors import SourceError
from lifecourse.records.delimited.mapping import Mapping
from lifecourse.records.delimited.tables import column_names, is_table, stem_of

LIBRARY = Path(__file__).parent / "library"
ENDINGS = (".yaml", ".yml")


def library() -> dict[str, Path]:
    """The mappings that come with lifecourse, by name."""
    return {path.stem: path for path in sorted(LIBRARY.glob("*.yaml"))}


def is_mapping(path: Path) -> bool:
    """Whether `path` names a mapping of tables: a YAML file, or one of the library by name."""
    return path.suffix.lower() in ENDINGS or (str(path) in library() and not path.is_file())


def find_mapping(path: Path) -> Path:
    """The file of the mapping that `path` names.

    Raises
    ------
    SourceError
        There is none.
    """
    if path.is_file():
        return path
    known = library()
    if str(path) in known:
        return known[str(path)]
    raise SourceError(
        f"there is no mapping {path}. Give a YAML file, or one of the library: {', '.join(known)}."
    )


def files_of(mapping: Mapping, path: Path) -> dict[str, list[Path]]:
    """The files of each table of `mapping` in `path`, and of those it looks into, there or beside the mapping.

    Raises
    ------
    SourceError
        A table has none, or two tables have the same.
    """
    root = path.parent if path.is_file() else path
    there = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    there = [p for p in there if is_table(p)]
    found = {name: _matching(name, mapping, root, there) for name in mapping.tables}
    if path.is_file() and len(mapping.tables) == 1:
        found = {name: [path] for name in mapping.tables}
    owners: dict[Path, str] = {}
    for name, paths in found.items():
        if not paths:
            names = some_of([p.relative_to(root).as_posix() for p in there])
            raise mapping.error((name,), f"there is no file of this table; there is {names}")
        for each in paths:
            if each in owners:
                raise mapping.error((name,), f"{each.name} is a file of {owners[each]} already")
            owners[each] = name
    beside = mapping.path.parent
    own = sorted(p for p in beside.rglob("*") if is_table(p) and p.is_file())
    for name in mapping.lookups - set(found):
        paths = _matching(name, mapping, root, there) or _matching(name, mapping, beside, own)
        found[name] = paths
    return found


def _matching(name: str, mapping: Mapping, root: Path, there: list[Path]) -> list[Path]:
    table = mapping.tables.get(name)
    patterns = table.options.files if table else []
    if patterns:
        return [
            p
            for p in there
            if any(
                fnmatch(t, pattern) for pattern in patterns for t in (_relative(p, root), p.name)
            )
        ]
    wanted = name.lower()
    exact = [p for p in there if stem_of(_relative(p, root)).lower() == wanted]
    if exact:
        return exact
    shards = [p for p in there if _relative(p.parent, root).lower() == wanted]
    return shards or [p for p in there if stem_of(p.name).lower() == wanted]


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def mapping_for(path: Path) -> Path | None:
    """The mapping that lies in `path`, or the one of the library that fits its tables; None where there is none.

    Raises
    ------
    SourceError
        Two mappings lie there.
    """
    beside = _beside(path)
    if len(beside) > 1:
        raise SourceError(
            f"{' and '.join(p.name for p in beside)} both say what tables mean. Name one with --mapping FILE."
        )
    if beside:
        return beside[0]
    return next((p for p in library().values() if fits(p, path)), None)


def has_mapping(path: Path) -> bool:
    """Whether tables lie in `path` with a mapping beside them."""
    return bool(_beside(path)) and _has_tables(path)


def _beside(path: Path) -> list[Path]:
    folder = path if path.is_dir() else path.parent
    return [p for p in sorted(folder.iterdir()) if p.suffix in ENDINGS and _looks_like_one(p)]


def _looks_like_one(path: Path) -> bool:
    """Whether a YAML file is a mapping of tables, mistakes and all, going by its words."""
    text = path.read_text(encoding="utf-8", errors="replace")
    return "code:" in text and ("subject_id:" in text or "time:" in text)


def fits(mapping_path: Path, path: Path) -> bool:
    """Whether `path` has the tables of a mapping, with all their columns."""
    mapping = Mapping(mapping_path)
    try:
        found = files_of(mapping, path)
        return all(
            set(mapping.columns_of(table))
            <= set(column_names(each, mapping.tables[table].options.encoding))
            for table in mapping.tables
            for each in found[table]
        )
    except (SourceError, pl.exceptions.PolarsError, OSError, EOFError):
        return False


def is_tables(path: Path) -> bool:
    """Whether tables lie in `path` and a mapping says what they mean."""
    return _has_tables(path) and mapping_for(path) is not None


def _has_tables(path: Path) -> bool:
    files = [path] if path.is_file() else (p for p in path.rglob("*") if p.is_file())
    return any(is_table(file) for file in files)


def some_of(names: list[str]) -> str:
    """The first names of a list, and how many more there are."""
    shown = ", ".join(names[:12]) or "nothing"
    return shown if len(names) <= 12 else f"{shown} and {len(names) - 12} more"
