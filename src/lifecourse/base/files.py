"""Files that are either whole or absent."""

from __future__ import annotations

import hashlib
import os
import secrets
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNK_BYTES = 1 << 20
OLD = ".old"


def sync_directory(directory: Path) -> None:
    """Make a rename or creation in `directory` durable."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file(path: Path) -> None:
    """Make the bytes of `path` durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def written_atomically(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place when the block ends, and vanishes if it fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        yield temporary
        sync_file(temporary)
        temporary.replace(path)
        sync_directory(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes, *, mode: int | None = None) -> None:
    """Write `content` to `path`, whole or not at all; `mode` says who may read it, from the first byte on."""
    with written_atomically(path) as temporary:
        if mode is not None:
            os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode))
        temporary.write_bytes(content)


def write_text(path: Path, content: str) -> None:
    """Write `content` to `path` as UTF-8, whole or not at all."""
    write_bytes(path, content.encode())


def write_json(path: Path, content: object) -> None:
    """Write `content` to `path` as indented JSON with sorted keys, whole or not at all."""
    write_bytes(path, to_json(content))


def to_json(content: object) -> bytes:
    """`content` as indented JSON with sorted keys and a final newline; the same content gives the same bytes."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(
        content, option=options | orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
    )


def read_json(path: Path) -> Any:
    """The JSON in `path`."""
    return orjson.loads(path.read_bytes())


def create_exclusively(path: Path, content: bytes) -> bool:
    """Publish `content` as `path` unless `path` exists; False when somebody else was first.

    The content is written and synced under another name and then linked, so no reader and no crash ever
    sees a part of it.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        temporary.write_bytes(content)
        sync_file(temporary)
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
        sync_directory(path.parent)
        return True
    finally:
        temporary.unlink(missing_ok=True)


def sha256_of_file(path: Path) -> str:
    """The SHA-256 of the bytes of `path`, in hexadecimal."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


@contextmanager
def folder_in_memory() -> Iterator[Path]:
    """A passing folder in this machine's memory; where it has no such place its files are overwritten at the end."""
    from tempfile import TemporaryDirectory

    place = Path("/dev/shm")  # noqa: S108 -- memory, and no file of a known name
    is_there = place.is_dir() and os.access(place, os.W_OK)
    with TemporaryDirectory(prefix="lifecourse-", dir=place if is_there else None) as folder:
        try:
            yield Path(folder)
        finally:
            for path in Path(folder).rglob("*"):
                removed_for_good(path)


@contextmanager
def rewritten_for_good(path: Path) -> Iterator[Path]:
    """As `written_atomically`; what `path` held before is overwritten with zeros."""
    with overwritten(path), written_atomically(path) as temporary:
        yield temporary


@contextmanager
def overwritten(path: Path) -> Iterator[None]:
    """What `path` held is overwritten with zeros once the block has put something else in its place."""
    clear_leftovers(path)
    old = path.with_name(f".{path.name}.{secrets.token_hex(4)}{OLD}")
    os.link(path, old)
    try:
        yield
    except BaseException:
        old.unlink(missing_ok=True)
        raise
    removed_for_good(old)


def clear_leftovers(path: Path) -> None:
    """Overwrite what a killed `overwritten` left of what `path` held before."""
    for left in path.parent.glob(f".{escape(path.name)}.*{OLD}"):
        if path.is_file() and left.samefile(path):
            # Killed before anything else stood there: these are the bytes of today.
            left.unlink(missing_ok=True)
        else:
            removed_for_good(left)


def removed_for_good(path: Path) -> None:
    """Overwrite a file with zeros and delete it; nothing where it is gone already.

    Copies that a disk or a file system keeps by itself are beyond reach: of encrypted files the key is what goes.
    """
    if not path.is_file():
        return
    left = path.stat().st_size
    with path.open("r+b") as file:
        while left:
            left -= file.write(bytes(min(CHUNK_BYTES, left)))
        file.flush()
        os.fsync(file.fileno())
    path.unlink()
