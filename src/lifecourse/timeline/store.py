"""A store on disk: immutable tables named by a manifest, plain or encrypted.

Layout: ``log/`` manifests, ``parts/`` the tables (named by their content), ``data/`` and ``metadata/`` the newest
version as a MEDS dataset where the store is plain, ``audit/`` who looked (in a workspace: beside the store).
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import shutil
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from lifecourse.base.errors import StoreBusy, StoreDamaged
from lifecourse.base.files import sha256_of_file, sync_directory, sync_file
from lifecourse.privacy.keys import FileKeyProvider, new_file_key
from lifecourse.timeline import manifest as log
from lifecourse.timeline.manifest import FileEntry, Manifest
from lifecourse.timeline.sealed import read_table, read_tables, write_table

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

PARTS = "parts"
WORK = ".ingest"
KEY_FILE_VARIABLE = "LIFECOURSE_KEY_FILE"
PROVENANCE_COLUMNS = ("source_file", "source_row", "source_version", "source_part", "also_from")


@dataclass(frozen=True, slots=True)
class Store:
    """The store in folder `path`."""

    path: Path

    @classmethod
    def at(cls, path: Path) -> Store:
        """The store in `path`, or the one of the workspace `path`."""
        inner = path / "store"
        is_workspace = (inner / log.LOG).is_dir() and not (path / log.LOG).is_dir()
        return cls(inner if is_workspace else path)

    @property
    def keys(self) -> FileKeyProvider:
        """The key beside the store, or the one that LIFECOURSE_KEY_FILE names."""
        named = os.environ.get(KEY_FILE_VARIABLE)
        beside = self.path.with_name(f"{self.path.name}.key")
        return FileKeyProvider(Path(named) if named else beside)

    @property
    def audit_folder(self) -> Path:
        """Where looks at this store are logged: the workspace's ``audit/``, else the store's own."""
        in_workspace = (self.path.parent / "lifecourse.yaml").exists()
        return (self.path.parent if in_workspace else self.path) / "audit"

    def exists(self) -> bool:
        """Whether a version has been published."""
        return bool(log.versions(self.path))

    def manifest(self, version: int | None = None) -> Manifest:
        """The manifest of `version`, of the newest when None."""
        return log.read_manifest(self.path, version)

    def read(
        self,
        entry: FileEntry,
        columns: Sequence[str] | None = None,
        *,
        subject_id: int | None = None,
    ) -> pl.DataFrame:
        """The table of `entry`; its `columns` and the rows of `subject_id` only, where given."""
        return read_table(
            self.path / entry.path,
            key=self.key_of(entry),
            aad=aad_of(entry.path),
            columns=columns,
            subject_id=subject_id,
        )

    def read_all(
        self, entries: Sequence[FileEntry], columns: Sequence[str], codes: Collection[str] | None
    ) -> pl.DataFrame:
        """The `columns` of several tables of events, one after the other; only rows of `codes` where given."""
        sources = [
            (self.path / entry.path, self.key_of(entry), aad_of(entry.path)) for entry in entries
        ]
        return read_tables(sources, columns, codes)

    def key_of(self, entry: FileEntry) -> bytes | None:
        """The key that opens `entry`; None where it is plain."""
        if entry.wrapped_key is None:
            return None
        return self.keys.unwrap(entry.wrapped_key, entry.path)

    def write(self, table: pl.DataFrame, stem: str, *, encrypted: bool) -> FileEntry:
        """Write `table` as an immutable file of the store, named by its content."""
        content = content_hash(table)
        path = f"{PARTS}/{stem}-{content[:16]}{secrets.token_hex(2) if encrypted else ''}.parquet"
        key = new_file_key() if encrypted else None
        temporary = self.path / PARTS / f".{secrets.token_hex(8)}.part"
        temporary.parent.mkdir(parents=True, exist_ok=True)
        try:
            write_table(table, temporary, key=key, aad=aad_of(path))
            sync_file(temporary)
            size, digest = temporary.stat().st_size, sha256_of_file(temporary)
            temporary.replace(self.path / path)
        finally:
            temporary.unlink(missing_ok=True)
        wrapped = self.keys.wrap(key, path) if key is not None else None
        return FileEntry(
            path=path,
            rows=table.height,
            size=size,
            sha256=digest,
            content=content,
            wrapped_key=wrapped,
        )

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Be the one writer.

        Raises
        ------
        StoreBusy
            Another process is writing.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StoreBusy(
                    f"another process is writing the store '{self.path.name}'. Wait for it, or stop it."
                ) from None
            yield
        finally:
            os.close(descriptor)

    def publish(self, manifest: Manifest) -> None:
        """Make `manifest` the newest version, durably."""
        sync_directory(self.path / PARTS)
        (self.path / log.LOG).mkdir(parents=True, exist_ok=True)
        if not log.publish(self.path, manifest):
            raise StoreBusy(
                f"version {manifest.version} was published by another process. Run again."
            )
        self.show_as_meds(manifest)

    def show_as_meds(self, manifest: Manifest) -> None:
        """Make ``data/`` show the newest version of a plain store as MEDS files (links, no copies)."""
        data = self.path / "data"
        if manifest.encrypted:
            if data.exists():
                shutil.rmtree(data)
            return
        data.mkdir(exist_ok=True)
        for shard, entry in enumerate(manifest.parts):
            self._link(entry, data / f"{shard}.parquet")
        # Files are put in each other's place, so that one who reads meanwhile always finds the dataset.
        wanted = {f"{shard}.parquet" for shard in range(len(manifest.parts))}
        for path in data.iterdir():
            if path.name not in wanted:
                path.unlink()
        metadata = self.path / "metadata"
        metadata.mkdir(exist_ok=True)
        for name, entry in (("codes", manifest.codes), ("persons", manifest.persons)):
            self._link(entry, metadata / f"{name}.parquet")

    def _link(self, entry: FileEntry, target: Path) -> None:
        temporary = target.with_suffix(".part")
        temporary.unlink(missing_ok=True)
        os.link(self.path / entry.path, temporary)
        temporary.replace(target)
        # Where both are links to one file, replacing does nothing.
        temporary.unlink(missing_ok=True)

    def verify(self) -> int:
        """Check every file of every version against its manifest; the number of files checked.

        Raises
        ------
        StoreDamaged
            A file or manifest is missing or changed; the message names it.
        """
        log.check_chain(self.path)
        entries: dict[str, FileEntry] = {}
        for version in log.versions(self.path):
            entries.update({entry.path: entry for entry in self.manifest(version).files})
        for entry in entries.values():
            path = self.path / entry.path
            if not path.is_file():
                raise StoreDamaged(f"{entry.path} is missing. Restore it from a backup.")
            if path.stat().st_size != entry.size or sha256_of_file(path) != entry.sha256:
                raise StoreDamaged(f"{entry.path} was changed. Restore it from a backup.")
        return len(entries)

    def discard(self) -> None:
        """Take away a store without a version; other things in its folder stay."""
        shutil.rmtree(self.path / WORK, ignore_errors=True)
        (self.path / ".lock").unlink(missing_ok=True)
        for folder in (self.path / PARTS, self.path / log.LOG, self.path):
            with suppress(OSError):  # absent, or not empty
                folder.rmdir()

    def remove_strays(self) -> None:
        """Delete files no version names: what a killed writer left behind."""
        named = {
            entry.path
            for version in log.versions(self.path)
            for entry in self.manifest(version).files
        }
        for path in (self.path / PARTS).glob("*"):
            if f"{PARTS}/{path.name}" not in named:
                path.unlink()


def aad_of(path: str) -> str:
    """What binds an encrypted file to its place."""
    return f"lifecourse/1/{path}"


def content_hash(table: pl.DataFrame) -> str:
    """SHA-256 of a table's values without its provenance: equal events give equal hashes from any source file."""
    digest = hashlib.sha256()
    for series in table.select(pl.exclude(*PROVENANCE_COLUMNS)):
        digest.update(f"{series.name} {series.dtype} {len(series)}\n".encode())
        missing = series.null_count()
        # What lies under a null is no part of the content: which values are missing is, and nothing else of them.
        digest.update(
            b"all missing\n" if missing == len(series) else f"{missing} missing\n".encode()
        )
        if missing == len(series):
            continue
        if missing:
            digest.update(np.packbits(series.is_null().to_numpy()).tobytes())
        _add_values(digest, series.drop_nulls())
    return digest.hexdigest()


def _add_values(digest: Any, values: pl.Series) -> None:
    if values.dtype == pl.List(pl.String):
        digest.update(values.list.len().to_numpy())
        values = values.list.join(" ")
    if values.dtype == pl.String:
        digest.update(values.str.len_bytes().to_numpy())
        digest.update(values.str.join("")[0].encode())
    else:
        digest.update(np.ascontiguousarray(values.to_physical().to_numpy()))
