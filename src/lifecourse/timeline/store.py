"""A store on disk: immutable tables named by a manifest, plain or encrypted.

Layout: ``log/`` manifests and sealed keys, ``parts/`` the tables (plain ones named by their content), ``data/`` and
``metadata/`` the newest version as a MEDS dataset where the store is plain, ``audit/`` who looked (in a workspace:
beside the store).
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from lifecourse.base.errors import (
    FileChanged,
    FileSwapped,
    StoreBusy,
    StoreDamaged,
    StoreOutdated,
    WrongKey,
)
from lifecourse.base.files import sha256_of_file, sync_directory, sync_file
from lifecourse.privacy.keepers import provider_of
from lifecourse.privacy.keyring import MARK, Keyring, read_ring, ring_document, write_ring
from lifecourse.privacy.keys import KeyProvider, new_file_key
from lifecourse.privacy.spilling import refuse_spilling
from lifecourse.timeline import manifest as log
from lifecourse.timeline.content import content_hash
from lifecourse.timeline.manifest import FileEntry, Manifest
from lifecourse.timeline.sealed import read_table, read_tables, write_table

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

PARTS = "parts"
WORK = ".ingest"
RING = "keys.json"


_RINGS: dict[tuple[object, ...], Keyring] = {}
"""Rings that were opened, by the state of their files and their keeper: a look at a person opens none anew."""
MOST_RINGS = 16


@dataclass(frozen=True, slots=True)
class Store:
    """The store in folder `path`.

    keyed_as : the store whose key opens this one, where it is a copy of that; None where it has its own
    """

    path: Path
    keyed_as: Path | None = None

    @classmethod
    def at(cls, path: Path) -> Store:
        """The store in `path`, or the one of the workspace `path`."""
        inner = path / "store"
        is_workspace = (inner / log.LOG).is_dir() and not (path / log.LOG).is_dir()
        return cls(inner if is_workspace else path)

    @property
    def keys(self) -> KeyProvider:
        """Who keeps the key of the store: a file beside it, unless the environment names another keeper."""
        return provider_of(self.keyed_as or self.path)

    @property
    def ring_path(self) -> Path:
        """Where the sealed keys of the store lie."""
        return self.path / log.LOG / RING

    @property
    def ring(self) -> Keyring:
        """The keys of the store, opened; remembered as long as neither they nor their keeper's key change.

        Raises
        ------
        KeyUnavailable, WrongKey
            Their keeper has no key, or another.
        StoreOutdated
            The store is of a format without such a ring.
        ConfigError
            Polars was told to lay aside on the disk what does not fit in memory.
        """
        keeper = self.keys
        try:
            state = self.ring_path.stat()
        except FileNotFoundError:
            raise StoreOutdated(
                f"the store '{self.path.name}' is of an earlier format, which is read but not added to. "
                "Run: lifecourse store migrate STORE"
            ) from None
        name = (keeper.fingerprint(), self.ring_path, state.st_ino, state.st_mtime_ns)
        if name not in _RINGS:
            refuse_spilling()
            opened = read_ring(self.ring_path, keeper)
            if len(_RINGS) >= MOST_RINGS:
                _RINGS.pop(next(iter(_RINGS)))
            _RINGS[name] = opened
        return _RINGS[name]

    def make_ring(self) -> Keyring:
        """The ring of the store, made now where there is none yet; its keeper's key too."""
        keeper = self.keys.create()
        if not self.ring_path.is_file():
            self.ring_path.parent.mkdir(parents=True, exist_ok=True)
            write_ring(self.ring_path, ring_document(Keyring.new(), keeper))
        return self.ring

    def keep_ring(self, ring: Keyring) -> None:
        """Write `ring` down in the place of what the store has."""
        write_ring(self.ring_path, ring_document(ring, self.keys))

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
        return log.read_manifest(self.path, version, lambda: self.ring)

    def encoded(self, manifest: Manifest) -> bytes:
        """`manifest` as it is written down."""
        return log.encoded(manifest, self.ring if manifest.encrypted else None)

    def read(
        self,
        entry: FileEntry,
        columns: Sequence[str] | None = None,
        *,
        subject_id: int | None = None,
    ) -> pl.DataFrame:
        """The table of `entry`; its `columns` and the rows of `subject_id` only, where given.

        Raises
        ------
        StoreDamaged
            `FileChanged`, `FileSwapped` or `WrongKey` says in which way.
        """
        try:
            return read_table(
                self.path / entry.path,
                key=self.key_of(entry),
                aad=self.aad_of(entry),
                columns=columns,
                subject_id=subject_id,
            )
        except StoreDamaged as damage:
            raise self._diagnosed(entry, damage) from None

    def read_all(
        self, entries: Sequence[FileEntry], columns: Sequence[str], codes: Collection[str] | None
    ) -> pl.DataFrame:
        """The `columns` of several tables of events, one after the other; only rows of `codes` where given."""
        # The ring is looked up once: for small files that takes as long as opening them.
        ring = self.ring if any(MARK in (entry.wrapped_key or "") for entry in entries) else None
        sources = [
            (self.path / entry.path, self.key_of(entry, ring), self.aad_of(entry, ring))
            for entry in entries
        ]
        try:
            return read_tables(sources, columns, codes)
        except StoreDamaged as damage:
            for entry in entries:
                self.check(entry)
            raise damage from None

    def key_of(self, entry: FileEntry, ring: Keyring | None = None) -> bytes | None:
        """The key that opens `entry`; None where it is plain. `ring` is the store's, where it is at hand."""
        if entry.wrapped_key is None:
            return None
        if MARK not in entry.wrapped_key:
            return self.keys.unwrap(entry.wrapped_key, entry.path)
        return (ring or self.ring).unwrap(entry.wrapped_key, entry.path)

    def aad_of(self, entry: FileEntry, ring: Keyring | None = None) -> str:
        """What binds an encrypted file to the store, the version it was written for, and its path."""
        if entry.wrapped_key is None or entry.written_in is None:
            return f"lifecourse/1/{entry.path}"
        dataset = (ring or self.ring).dataset
        return f"lifecourse/2/{dataset}/{entry.written_in}/{entry.path}"

    def write(self, table: pl.DataFrame, stem: str, *, encrypted: bool, version: int) -> FileEntry:
        """Write `table` as an immutable file for `version`; named by its content where that is no secret."""
        content = content_hash(table)
        key = new_file_key() if encrypted else None
        name = content[:16] if key is None else secrets.token_hex(10)
        path = f"{PARTS}/{stem}-{name}.parquet"
        entry = FileEntry(
            path=path,
            rows=table.height,
            size=0,
            sha256="",
            content=content,
            wrapped_key=None if key is None else self.ring.wrap(key, path),
            written_in=version,
        )
        temporary = self.path / PARTS / f".{secrets.token_hex(8)}.part"
        temporary.parent.mkdir(parents=True, exist_ok=True)
        try:
            write_table(table, temporary, key=key, aad=self.aad_of(entry))
            sync_file(temporary)
            size, digest = temporary.stat().st_size, sha256_of_file(temporary)
            temporary.replace(self.path / path)
        finally:
            temporary.unlink(missing_ok=True)
        return replace(entry, size=size, sha256=digest)

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
        if not log.publish(self.path, manifest.version, self.encoded(manifest)):
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
            A file or manifest is missing, changed or swapped; the message names it.
        """
        log.check_chain(self.path, lambda: self.ring)
        entries: dict[str, FileEntry] = {}
        for version in log.versions(self.path):
            entries.update({entry.path: entry for entry in self.manifest(version).files})
        for entry in entries.values():
            self.check(entry)
            self.key_of(entry)
        return len(entries)

    def check(self, entry: FileEntry) -> None:
        """Check that the bytes of a file are those that were written.

        Raises
        ------
        FileChanged, FileSwapped
            They are not; where they are another file's, the message names it.
        """
        path = self.path / entry.path
        if not path.is_file():
            raise FileChanged(f"{entry.path} is missing. Restore it from a backup.")
        digest = sha256_of_file(path)
        if digest == entry.sha256:
            return
        other = self._named_by(digest)
        if other is not None:
            raise FileSwapped(f"{entry.path} was put there in place of {other}. Restore both.")
        raise FileChanged(f"{entry.path} was changed. Restore it from a backup.")

    def _named_by(self, digest: str) -> str | None:
        for version in log.versions(self.path):
            for entry in self.manifest(version).files:
                if entry.sha256 == digest:
                    return entry.path
        return None

    def _diagnosed(self, entry: FileEntry, damage: StoreDamaged) -> StoreDamaged:
        """What is wrong with a file that does not open."""
        if isinstance(damage, WrongKey):
            return damage
        try:
            self.check(entry)
        except StoreDamaged as found:
            return found
        return WrongKey(
            f"{entry.path} is what was written, and its key does not open it: the manifest is another store's."
        )

    def discard(self) -> None:
        """Take away a store without a version; other things in its folder stay."""
        shutil.rmtree(self.path / WORK, ignore_errors=True)
        self.ring_path.unlink(missing_ok=True)
        (self.path / ".lock").unlink(missing_ok=True)
        for folder in (self.path / PARTS, self.path / log.LOG, self.path):
            with suppress(OSError):  # absent, or not empty
                folder.rmdir()

    def strays(self) -> Iterator[Path]:
        """Files that no version names: what a killed writer left behind."""
        named = {
            entry.path
            for version in log.versions(self.path)
            for entry in self.manifest(version).files
        }
        for path in (self.path / PARTS).glob("*"):
            if f"{PARTS}/{path.name}" not in named:
                yield path

    def remove_strays(self) -> None:
        """Delete what a killed writer left behind."""
        for path in self.strays():
            path.unlink()
