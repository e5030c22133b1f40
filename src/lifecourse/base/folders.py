"""Folders that are replaced whole: at every moment the old one or the new one stands there."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import shutil
import sys
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

from lifecourse.base.files import sync_directory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

UNFINISHED = ".part"
KEPT = "kept"
AT_CWD, EXCHANGE, SWAP = -100, 2, 2
"""`AT_FDCWD` and `RENAME_EXCHANGE` of Linux's renameat2(2); `RENAME_SWAP` of macOS's renamex_np(2)."""
CANNOT = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP}
"""What a kernel or file system says that does not exchange."""


@contextmanager
def replaced_folder(folder: Path, *, keeping: Callable[[str], bool]) -> Iterator[Path]:
    """A passing folder that takes the place of `folder` when the block ends, and vanishes if it fails.

    What lies in `folder` under a name that `keeping` is true of is copied into the new one. Where the file system
    exchanges two folders in one step (Linux but for NFS, macOS) nobody ever finds less than a whole folder. Elsewhere
    the old one stands aside for the length of two renamings, and `recovered` puts it back after a kill between them.
    """
    standing = folder.resolve()
    standing.parent.mkdir(parents=True, exist_ok=True)
    with _place_beside(standing) as place:
        passing = place / standing.name
        passing.mkdir()
        yield passing
        if standing.is_dir():
            shutil.copymode(standing, passing)
            _carry_over(standing, passing, keeping)
        sync_directory(passing)
        _put_in_place(passing, standing)
        sync_directory(standing.parent)


def recovered(folder: Path) -> Path:
    """`folder`; where a writer was killed that had moved it aside, it is put back first."""
    standing = folder.resolve()
    if not standing.exists():
        _clear_leftovers(standing)
    return folder


@contextmanager
def _place_beside(standing: Path) -> Iterator[Path]:
    """A new folder beside `standing`, locked while it is in use; those of killed runs are cleared away."""
    with _locked(standing.parent):  # a folder that is not locked yet is nobody's leftover
        _clear_leftovers(standing)
        place = Path(mkdtemp(prefix=f".{standing.name}.", suffix=UNFINISHED, dir=standing.parent))
        held = _lock(place)
    try:
        yield place
    finally:
        _put_right(place, standing)
        if held is not None:
            os.close(held)


def _clear_leftovers(standing: Path) -> None:
    for place in standing.parent.glob(f".{escape(standing.name)}.*{UNFINISHED}"):
        held = _lock(place, fcntl.LOCK_NB)
        if held is not None:  # else somebody is at it
            _put_right(place, standing)
            os.close(held)


def _put_right(place: Path, standing: Path) -> None:
    """Put back what stands aside in `place`, if nothing took its place, and remove the rest."""
    kept = place / KEPT
    if kept.is_dir() and not standing.exists():
        kept.rename(standing)
    shutil.rmtree(place, ignore_errors=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    held = _lock(folder)
    try:
        yield
    finally:
        if held is not None:
            os.close(held)


def _lock(folder: Path, how: int = 0) -> int | None:
    """The descriptor of `folder` with an exclusive lock; None where there is none to be had (NFS locks no folder)."""
    if not folder.is_dir():
        return None
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | how)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _carry_over(standing: Path, passing: Path, keeping: Callable[[str], bool]) -> None:
    for entry in standing.iterdir():
        if not keeping(entry.name) or (passing / entry.name).exists():
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.copytree(entry, passing / entry.name, symlinks=True)
        else:
            shutil.copy2(entry, passing / entry.name, follow_symlinks=False)


def _put_in_place(passing: Path, standing: Path) -> None:
    if not standing.exists():
        passing.rename(standing)
    elif not _exchanged(passing, standing):
        kept = passing.with_name(KEPT)
        standing.rename(kept)
        passing.rename(standing)


def _exchanged(one: Path, other: Path) -> bool:
    """Exchange two folders in one step; False where kernel or file system cannot."""
    library = ctypes.CDLL(None, use_errno=True)
    names = os.fsencode(one), os.fsencode(other)
    if sys.platform == "darwin":
        failed = library.renamex_np(*names, ctypes.c_uint(SWAP))
    elif hasattr(library, "renameat2"):
        failed = library.renameat2(AT_CWD, names[0], AT_CWD, names[1], ctypes.c_uint(EXCHANGE))
    else:
        return False
    if not failed:
        return True
    number = ctypes.get_errno()
    if number in CANNOT:
        return False
    raise OSError(number, os.strerror(number), str(other))
