"""The store's own log: one immutable JSON file per version, each naming the files that make the version up."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from lifecourse.base.errors import StoreDamaged, StoreError
from lifecourse.base.files import create_exclusively, to_json, write_bytes
from lifecourse.schema.actor import Identifiability

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FORMAT = 1
LOG = "log"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """A file of the store: path relative to it, bytes, and how to open it."""

    path: str
    rows: int
    size: int
    sha256: str
    content: str
    wrapped_key: str | None = None

    @classmethod
    def of(cls, document: Any) -> FileEntry:
        """The entry that `asdict` made `document` of.

        Raises
        ------
        ManifestChanged
            It is none.
        """
        return cls(**_checked(document, FILE_ENTRY))


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceEntry:
    """A file that records were read from.

    notes : the dictionary by which facts were derived from its notes; None where none were
    """

    kind: str
    issuer: str
    name: str
    size: int
    sha256: str
    notes: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A version of a store.

    `parts[i]` holds the subjects of shard i; `content_hash` is the same for the same events whatever files
    they came from, encrypted or not.
    """

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

    @classmethod
    def of(cls, document: Any) -> Manifest:
        """The manifest that `document` made this document of.

        Raises
        ------
        ManifestChanged
            It is none.
        """
        given = _checked(document, MANIFEST)
        try:
            identifiability = Identifiability(given["identifiability"])
        except ValueError:
            raise ManifestChanged from None
        entries = {name: FileEntry.of(given[name]) for name in ONE_FILE}
        optional = {name: given.get(name) and FileEntry.of(given[name]) for name in OPTIONAL_FILE}
        return cls(
            **{
                **given,
                **entries,
                **optional,
                "identifiability": identifiability,
                "parts": tuple(map(FileEntry.of, given["parts"])),
                "sources": tuple(
                    SourceEntry(**_checked(s, SOURCE_ENTRY)) for s in given["sources"]
                ),
                "mappings": tuple(given.get("mappings", ())),
            }
        )

    def document(self) -> dict[str, Any]:
        """What is written of it."""
        return asdict(self)

    @property
    def files(self) -> list[FileEntry]:
        """Every file the version needs."""
        optional = [entry for entry in (self.identity, self.same_as) if entry]
        return [*self.parts, self.codes, self.persons, self.rejects, *optional]


class ManifestChanged(ValueError):
    """What was read is not what a manifest is written as."""


TEXT, NUMBER, TRUTH, LIST, TREE, NOTHING = str, int, bool, list, dict, type(None)
FILE_ENTRY = {
    "path": (TEXT,), "rows": (NUMBER,), "size": (NUMBER,), "sha256": (TEXT,), "content": (TEXT,),
    "wrapped_key": (TEXT, NOTHING),
}  # fmt: skip
SOURCE_ENTRY = {
    "kind": (TEXT,), "issuer": (TEXT,), "name": (TEXT,), "size": (NUMBER,), "sha256": (TEXT,),
    "notes": (TEXT, NOTHING),
}  # fmt: skip
MANIFEST = {
    "format": (NUMBER,), "version": (NUMBER,), "parent": (TEXT, NOTHING), "dataset": (TEXT,), "created": (TEXT,),
    "identifiability": (TEXT,), "encrypted": (TRUTH,), "timezone": (TEXT,), "parts": (LIST,), "codes": (TREE,),
    "persons": (TREE,), "rejects": (TREE,), "identity": (TREE, NOTHING), "same_as": (TREE, NOTHING),
    "sources": (LIST,), "mappings": (LIST,), "report": (TREE,), "content_hash": (TEXT,),
}  # fmt: skip
MAY_LACK = frozenset({"format", "wrapped_key", "notes", "same_as", "mappings"})
"""What stores of earlier programs may lack."""
ONE_FILE = ("codes", "persons", "rejects")
OPTIONAL_FILE = ("identity", "same_as")


def _checked(document: Any, kinds: dict[str, tuple[type, ...]]) -> dict[str, Any]:
    """`document`, a mapping of these names to values of these kinds and of nothing else."""
    if not isinstance(document, dict) or not kinds.keys() >= document.keys():
        raise ManifestChanged
    for name, allowed in kinds.items():
        if name not in document and name in MAY_LACK:
            continue
        if type(document.get(name)) not in allowed or name not in document:
            raise ManifestChanged
    return document


def publish(store: Path, manifest: Manifest) -> bool:
    """Make `manifest` the store's newest version; False when that version exists already."""
    return create_exclusively(path_of(store, manifest.version), to_json(manifest.document()))


def replace(store: Path, manifest: Manifest) -> None:
    """Put `manifest` in the place of the one of its version: for erasure alone, which makes the whole log anew."""
    write_bytes(path_of(store, manifest.version), to_json(manifest.document()))


def hash_of(manifest: Manifest) -> str:
    """What `manifest_hash` says of it once it is written."""
    return hashlib.sha256(to_json(manifest.document())).hexdigest()


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
        return Manifest.of(found)
    except ManifestChanged:
        raise StoreDamaged(f"the manifest of version {version} is damaged.") from None


def path_of(store: Path, version: int) -> Path:
    """Where the manifest of a version lies."""
    return store / LOG / f"{version:08d}.json"
