"""Files made of a store's people (labels, features, models, plans, findings, answers): as closed as the store.

Of an encrypted store they are sealed (`privacy.sealing`), of a plain one they are ordinary files. Reading tells by the
file itself which it is.
"""

from __future__ import annotations

import hashlib
import hmac
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from lifecourse.base.errors import KeyUnavailable, WrongKey
from lifecourse.base.files import to_json, write_bytes
from lifecourse.privacy.keys import FileKeyProvider
from lifecourse.privacy.sealing import is_sealed, opened, opened_line, sealed, sealed_line
from lifecourse.privacy.signing import Signer
from lifecourse.timeline import manifest as log
from lifecourse.timeline.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import polars as pl

    from lifecourse.privacy.keyring import Keyring

OWNER = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """Writes and reads what is made of a store's people.

    store : whose people; None where they are in memory
    seals : whether what is written is sealed
    """

    store: Store | None = None
    seals: bool = False

    @classmethod
    def of(cls, path: Path) -> Derived:
        """Of the store at `path`, or in the workspace there; of nobody where there is no store."""
        store = Store.at(path)
        if not store.exists():
            return PLAIN
        return cls(store=store, seals=store.ring_path.is_file() and store.manifest().encrypted)

    @classmethod
    def around(cls, path: Path) -> Derived:
        """Of the workspace that `path` lies in; of nobody where it lies in none."""
        for folder in path.resolve().parents:
            if (folder / "store" / log.LOG).is_dir():
                return cls.of(folder / "store")
        return PLAIN

    def unsealed(self) -> Derived:
        """The same, writing what leaves encryption."""
        return Derived(store=self.store)

    def write_bytes(self, path: Path, content: bytes) -> None:
        """Write `content` to `path`, whole or not at all, sealed where the store is."""
        if self.seals:
            write_bytes(path, sealed(content, self._keys(), _name(path)), mode=OWNER)
        else:
            write_bytes(path, content)

    def read_bytes(self, path: Path) -> bytes:
        """What was written to `path`.

        Raises
        ------
        KeyUnavailable
            It is sealed, and nobody says of which store.
        FileChanged, WrongKey
            It was changed, lies elsewhere than it was written, or is of another store.
        """
        content = path.read_bytes()
        return opened(content, self._keys(), _name(path)) if is_sealed(content) else content

    def write_json(self, path: Path, document: object) -> None:
        """Write `document` as JSON."""
        self.write_bytes(path, to_json(document))

    def read_json(self, path: Path) -> Any:
        """The JSON in `path`."""
        return orjson.loads(self.read_bytes(path))

    def write_table(self, path: Path, table: pl.DataFrame, **options: Any) -> None:
        """Write `table` as Parquet; `options` are Polars'."""
        buffer = io.BytesIO()
        table.write_parquet(buffer, **options)
        self.write_bytes(path, buffer.getvalue())

    def read_table(self, path: Path) -> pl.DataFrame:
        """The table in `path`."""
        import polars as pl

        return pl.read_parquet(io.BytesIO(self.read_bytes(path)))

    def closed_line(self, document: object, path: Path) -> bytes:
        """A line for the end of the file `path`: JSON, sealed where the store is."""
        line = orjson.dumps(document)
        return (sealed_line(line, self._keys(), _name(path)) if self.seals else line) + b"\n"

    def lines(self, path: Path) -> Iterator[Any]:
        """The documents of a file of `closed_line`s; nothing where there is no file."""
        if path.is_file():
            for line in path.read_bytes().splitlines():
                yield self.opened_line(line, path)

    def opened_line(self, line: bytes, path: Path) -> Any:
        """The document of a `closed_line`; one that was written before lines were sealed is read too."""
        is_open = line.startswith(b"{")
        return orjson.loads(line if is_open else opened_line(line, self._keys(), _name(path)))

    def name_of(self, subject_id: int) -> str:
        """What a file about one person is called: of a sealed store nothing that tells who it is."""
        if not self.seals:
            return str(subject_id)
        secret = next(iter(self._keys().values()))
        return hmac.new(secret, f"plan/{subject_id}".encode(), hashlib.sha256).hexdigest()[:24]

    def signer(self, *, create: bool) -> Signer | None:
        """Who signs the store's models: by the key in its ring, of a plain store one in a file of its owner beside it.

        None where nobody has a key: of people in memory, and unless `create` of a plain store that has signed nothing.
        """
        if self.store is None:
            return None
        if self.store.ring_path.is_file():
            return Signer(self._ring().signing)
        path = self.store.path.with_name(f"{self.store.path.name}.signing")
        own = FileKeyProvider(path)
        if not create and not own.is_there():
            return None
        return Signer(own.create().secret())

    def _keys(self) -> dict[str, bytes]:
        return self._ring().derived

    def _ring(self) -> Keyring:
        if self.store is None:
            raise KeyUnavailable(
                "the file is sealed with the keys of a store: read it with its store, or inside its workspace."
            )
        if not self.store.ring_path.is_file():
            raise WrongKey("the file is sealed with the keys of a store, and this store has none.")
        return self.store.ring


PLAIN = Derived()


def _name(path: Path) -> str:
    """What a sealed file is bound to: its name and its folder's, so that a workspace can be moved whole."""
    whole = path.resolve()
    return f"{whole.parent.name}/{whole.name}"
