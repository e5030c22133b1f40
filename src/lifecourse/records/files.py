"""The files of a source, in their order and by their names, and units of several small ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecourse.records.source import SourceFile, Unit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

TOGETHER = "together"


def files_in(path: Path) -> list[Path]:
    """`path` itself where it is a file, else every file in the folder and below, sorted."""
    return [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())


def listed(paths: Iterable[Path], *, within: Path) -> list[SourceFile]:
    """`paths` as files of the source in `within` (a file or folder), numbered from 0 in their order."""
    root = within.parent if within.is_file() else within
    return [
        SourceFile(
            index=number,
            path=path,
            name=path.relative_to(root).as_posix(),
            size_bytes=path.stat().st_size,
        )
        for number, path in enumerate(paths)
    ]


def together(files: Sequence[SourceFile]) -> Unit:
    """A unit of several whole files, at least one; `of_unit` gives them back."""
    others = tuple(file.index for file in files[1:])
    return Unit(file=files[0], options=((TOGETHER, others),) if others else ())


def grouped(
    files: Iterable[SourceFile], size_of: Callable[[SourceFile], int], most: int
) -> list[Unit]:
    """Units of neighbouring whole files that together have at most `most` bytes; a larger file is one by itself."""
    units: list[Unit] = []
    small: list[SourceFile] = []
    held = 0
    for file in files:
        size = size_of(file)
        if small and held + size > most:
            units.append(together(small))
            small, held = [], 0
        small.append(file)
        held += size
    return [*units, together(small)] if small else units


def of_unit(unit: Unit, files: Sequence[SourceFile]) -> list[SourceFile]:
    """The files of a unit that `together` may have made, from all `files` of its source."""
    return [unit.file, *(files[index] for index in dict(unit.options).get(TOGETHER, ()))]
