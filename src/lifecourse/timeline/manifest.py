"""The store's own log: one immutable JSON file per version, each naming the files that make the version up."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from lifecourse.base.errors import StoreDamaged, StoreError
from lifecourse.base.files import create_exclusively, to_json, write_bytes
from lifecourse.schema.actor import Identifiability

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FORMAT = 1
LOG = "log"


class FileEntry(BaseModel):
    """A file of the store: path relative to it, bytes, and how to open it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str
    rows: int
    size: int
    sha256: str
    content: str
    wrapped_key: str | None = None


class SourceEntry(BaseModel):
    """A file that records were read from.

    notes : the dictionary by which facts were derived from its notes; None where none were
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str
    issuer: str
    name: str
    size: int
    sha256: str
    notes: str | None = None


class Manifest(BaseModel):
    """A version of a store.

    `parts[i]` holds the subjects of shard i; `content_hash` is the same for the same events whatever files
    they came from, encrypted or not.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int = FORMAT
    version: int
    parent: str | None
    dataset: str
    created: str
    identifiability: Identifiability
    encrypted: bool
    timezone: str
    parts: tuple[FileEntry, ...]
    codes: FileEntry
    persons: FileEntry
    rejects: FileEntry
    identity: FileEntry | None
    same_as: FileEntry | None = None
    sources: tuple[SourceEntry, ...]
    mappings: tuple[str, ...] = ()
    report: dict[str, Any]
    content_hash: str

    @property
    def files(self) -> list[FileEntry]:
        """Every file the version needs."""
        optional = [entry for entry in (self.identity, self.same_as) if entry]
        return [*self.parts, self.codes, self.persons, self.rejects, *optional]


def publish(store: Path, manifest: Manifest) -> bool:
    """Make `manifest` the store's newest version; False when that version exists already."""
    return create_exclusively(
        path_of(store, manifest.version), to_json(manifest.model_dump(mode="json"))
    )


def replace(store: Path, manifest: Manifest) -> None:
    """Put `manifest` in the place of the one of its version: for erasure alone, which makes the whole log anew."""
    write_bytes(path_of(store, manifest.version), to_json(manifest.model_dump(mode="json")))


def hash_of(manifest: Manifest) -> str:
    """What `manifest_hash` says of it once it is written."""
    return hashlib.sha256(to_json(manifest.model_dump(mode="json"))).hexdigest()


def content_of_parts(parts: Sequence[FileEntry]) -> str:
    """The content hash of a version, by the contents of its parts."""
    return hashlib.sha256("".join(part.content for part in parts).encode()).hexdigest()


def versions(store: Path) -> list[int]:
    """The versions in the log, oldest first."""
    return sorted(int(path.stem) for path in (store / LOG).glob("[0-9]*.json"))


def read_manifest(store: Path, version: int | None = None) -> Manifest:
    """The manifest of `version`, of the newest when None.

    Raises
    ------
    StoreError
        No store there, no such version, or a format this program does not know.
    StoreDamaged
        The manifest is not what was written.
    """
    known = versions(store)
    if not known:
        raise StoreError(
            f"there is no store in '{store.name}'. Make one with `lifecourse ingest SOURCE --store STORE`."
        )
    wanted = known[-1] if version is None else version
    if wanted not in known:
        raise StoreError(f"the store has no version {wanted}; it has {known[0]} to {known[-1]}.")
    return _parse(path_of(store, wanted).read_bytes(), wanted)


def manifest_hash(store: Path, version: int) -> str:
    """The SHA-256 of a manifest's bytes: what the next version names as its parent."""
    return hashlib.sha256(path_of(store, version).read_bytes()).hexdigest()


def check_chain(store: Path) -> None:
    """Check that each version names the one before it.

    Raises
    ------
    StoreDamaged
        A manifest is missing or was changed.
    """
    known = versions(store)
    for before, version in zip([None, *known], known, strict=False):
        parent = None if before is None else manifest_hash(store, before)
        manifest = read_manifest(store, version)
        if manifest.parent != parent or (before is not None and version != before + 1):
            raise StoreDamaged(
                f"version {version} of the store does not follow from the one before it."
            )


def _parse(raw: bytes, version: int) -> Manifest:
    import orjson

    try:
        found = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise StoreDamaged(f"the manifest of version {version} is truncated or changed.") from None
    if isinstance(found, dict) and found.get("format", FORMAT) > FORMAT:
        raise StoreError(
            f"the store has format {found['format']}, this program knows up to {FORMAT}. Update lifecourse."
        )
    try:
        return Manifest.model_validate(found)
    except ValidationError:
        raise StoreDamaged(f"the manifest of version {version} is damaged.") from None


def path_of(store: Path, version: int) -> Path:
    """Where the manifest of a version lies."""
    return store / LOG / f"{version:08d}.json"
