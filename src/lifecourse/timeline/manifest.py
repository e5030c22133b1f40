"""The store's own log: one immutable JSON file per version, each naming the files that make the version up.

Of an encrypted store a manifest is sealed whole, for the names of source files, counts and hashes of content are about
people too; what stays open is its number, its parent's hash and which store it is of.
"""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from lifecourse.base.errors import ManifestDamaged, StoreError, WrongKey
from lifecourse.base.files import create_exclusively, to_json, write_bytes
from lifecourse.schema.actor import Identifiability

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from lifecourse.privacy.keyring import Keyring

FORMAT = 2
SEALED_SINCE = 2
"""The format from which manifests of encrypted stores are sealed and files are bound to dataset, version and path."""
LOG = "log"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """A file of the store: path relative to it, bytes, and how to open it.

    written_in : the version of the store that the file was written for; None in stores of format 1, which did not bind
        files to it
    """

    path: str
    rows: int
    size: int
    sha256: str
    content: str
    wrapped_key: str | None = None
    written_in: int | None = None

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

    def with_entries(self, change: Callable[[FileEntry], FileEntry]) -> Manifest:
        """The manifest with each of its files' entries as `change` gives it."""
        single = {name: getattr(self, name) for name in (*ONE_FILE, *OPTIONAL_FILE)}
        changed: dict[str, Any] = {name: each and change(each) for name, each in single.items()}
        return dataclasses.replace(self, parts=tuple(map(change, self.parts)), **changed)


class ManifestChanged(ValueError):
    """What was read is not what a manifest is written as."""


TEXT, NUMBER, TRUTH, LIST, TREE, NOTHING = str, int, bool, list, dict, type(None)
FILE_ENTRY = {
    "path": (TEXT,), "rows": (NUMBER,), "size": (NUMBER,), "sha256": (TEXT,), "content": (TEXT,),
    "wrapped_key": (TEXT, NOTHING), "written_in": (NUMBER, NOTHING),
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
MAY_LACK = frozenset({"format", "wrapped_key", "written_in", "notes", "same_as", "mappings"})
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


def encoded(manifest: Manifest, ring: Keyring | None) -> bytes:
    """The manifest as it is written down: sealed where the store is encrypted."""
    content = to_json(manifest.document())
    if not manifest.encrypted or manifest.format < SEALED_SINCE:
        return content
    assert ring is not None  # noqa: S101 -- an encrypted store has one
    return to_json(
        {
            "format": manifest.format,
            "version": manifest.version,
            "parent": manifest.parent,
            "dataset": manifest.dataset,
            "sealed": ring.wrap(content, _context(manifest.version, manifest.parent)),
        }
    )


def publish(store: Path, version: int, document: bytes) -> bool:
    """Make an `encoded` manifest the store's newest version; False when that version exists already."""
    return create_exclusively(path_of(store, version), document)


def replace(store: Path, version: int, document: bytes) -> None:
    """Put an `encoded` manifest in the place of the one of its version: for what makes the whole log anew."""
    write_bytes(path_of(store, version), document)


def hash_of(document: bytes) -> str:
    """What `manifest_hash` says of an `encoded` manifest once it is written."""
    return hashlib.sha256(document).hexdigest()


def content_of_parts(parts: Sequence[FileEntry]) -> str:
    """The content hash of a version, by the contents of its parts."""
    return hashlib.sha256("".join(part.content for part in parts).encode()).hexdigest()


def versions(store: Path) -> list[int]:
    """The versions in the log, oldest first."""
    return sorted(int(path.stem) for path in (store / LOG).glob("[0-9]*.json"))


def read_manifest(store: Path, version: int | None, ring: Callable[[], Keyring]) -> Manifest:
    """The manifest of `version`, of the newest when None; `ring` is asked for where manifests are sealed.

    Raises
    ------
    StoreError
        No store there, no such version, or a format this program does not know.
    ManifestDamaged
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
    return decoded(path_of(store, wanted).read_bytes(), wanted, ring)


def manifest_hash(store: Path, version: int) -> str:
    """The SHA-256 of a manifest's bytes: what the next version names as its parent."""
    return hashlib.sha256(path_of(store, version).read_bytes()).hexdigest()


def check_chain(store: Path, ring: Callable[[], Keyring]) -> None:
    """Check that each version names the one before it.

    Raises
    ------
    ManifestDamaged
        A manifest is missing or was changed.
    """
    known = versions(store)
    for before, version in zip([None, *known], known, strict=False):
        parent = None if before is None else manifest_hash(store, before)
        manifest = read_manifest(store, version, ring)
        if manifest.parent != parent or (before is not None and version != before + 1):
            raise ManifestDamaged(
                f"version {version} of the store does not follow from the one before it."
            )


def decoded(raw: bytes, version: int, ring: Callable[[], Keyring]) -> Manifest:
    """The manifest that `encoded` wrote as `version`.

    Raises
    ------
    ManifestDamaged
        It was truncated or changed, or is of another version or store.
    """
    document = _parsed(raw, version)
    if "sealed" in document:
        document = _opened(document, version, ring())
    try:
        found = Manifest.of(document)
    except ManifestChanged:
        raise ManifestDamaged(f"the manifest of version {version} is damaged.") from None
    if found.version != version:
        raise ManifestDamaged(f"the manifest of version {version} is another version's.")
    return found


def _opened(document: dict[str, Any], version: int, ring: Keyring) -> dict[str, Any]:
    if document.get("dataset") != ring.dataset:
        raise ManifestDamaged(f"the manifest of version {version} is another store's.")
    try:
        context = _context(version, document.get("parent"))
        return _parsed(ring.unwrap(str(document["sealed"]), context), version)
    except WrongKey:
        raise ManifestDamaged(
            f"the manifest of version {version} was changed, or is another version's."
        ) from None


def _parsed(raw: bytes, version: int) -> dict[str, Any]:
    import orjson

    try:
        found = orjson.loads(raw)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise ManifestDamaged(f"the manifest of version {version} is truncated or changed.")
    if found.get("format", FORMAT) > FORMAT:
        raise StoreError(
            f"the store has format {found['format']}, this program knows up to {FORMAT}. Update lifecourse."
        )
    return found


def _context(version: int, parent: str | None) -> str:
    return f"{LOG}/{version}/{parent or 'first'}"


def path_of(store: Path, version: int) -> Path:
    """Where the manifest of a version lies."""
    return store / LOG / f"{version:08d}.json"
