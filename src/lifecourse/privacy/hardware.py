"""Keys kept by a hardware security module through PKCS#11: AES-256-GCM inside it, the key cannot be taken out.

Each generation of the key is an object of the token with the same label and a number as its id; the highest wraps.
Needs the extra ``hsm`` (python-pkcs11, MIT). The PIN is in a file that LIFECOURSE_PKCS11_PIN_FILE names.
"""

from __future__ import annotations

import base64
import os
import secrets
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from lifecourse.base.errors import ConfigError, KeyUnavailable, WrongKey
from lifecourse.privacy.keys import NONCE_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

PIN_FILE_VARIABLE = "LIFECOURSE_PKCS11_PIN_FILE"
KEY_BITS = 256
ID_BYTES = 4
MARK = ":"


@dataclass(frozen=True, slots=True, kw_only=True)
class HardwareModule:
    """The key `label` in the token `token`, through the library at `library`."""

    library: Path
    token: str
    label: str

    @classmethod
    def at(cls, place: str) -> HardwareModule:
        """The key at ``LIBRARY?token=LABEL&object=LABEL``.

        Raises
        ------
        ConfigError
            It is no such place.
        """
        library, _, query = place.partition("?")
        told = parse_qs(query)
        if not library or set(told) != {"token", "object"}:
            raise ConfigError(
                "LIFECOURSE_KEYS names no hardware module. Write pkcs11:LIBRARY?token=LABEL&object=LABEL."
            )
        return cls(library=Path(library), token=told["token"][0], label=told["object"][0])

    @property
    def kind(self) -> str:
        """``pkcs11``."""
        return "pkcs11"

    def fingerprint(self) -> object:
        """Where the key is: what it opened holds for a process."""
        return self.library, self.token, self.label

    def is_there(self) -> bool:
        """Whether the token has a key of this label."""
        with self._session() as session:
            return bool(self._generations(session))

    def create(self) -> HardwareModule:
        """Have the token make a key unless it has one."""
        with self._session() as session:
            if not self._generations(session):
                self._make(session, 1)
        return self

    def discard(self) -> None:
        """Nothing: what a module keeps is its keeper's to delete."""

    def wrap(self, key: bytes, context: str) -> str:
        """`key` sealed by the module, bound to `context`."""
        from pkcs11 import GCMParams, Mechanism

        nonce = secrets.token_bytes(NONCE_BYTES)
        with self._session() as session:
            number, own = max(self._known(session).items())
            sealed = own.encrypt(
                key,
                mechanism=Mechanism.AES_GCM,
                mechanism_param=GCMParams(nonce, context.encode(), 128),
            )
        return f"{number}{MARK}{base64.b64encode(nonce + sealed).decode()}"

    def unwrap(self, wrapped: str, context: str) -> bytes:
        """What the module sealed in `wrapped`.

        Raises
        ------
        KeyUnavailable
            The module, its token or its key is not there.
        WrongKey
            It was sealed with another key or for another use, was changed, or its key was retired.
        """
        from pkcs11 import GCMParams, Mechanism
        from pkcs11.exceptions import PKCS11Error

        number, _, text = wrapped.partition(MARK)
        with self._session() as session:
            own = self._known(session).get(int(number) if number.isdigit() else 0)
            try:
                raw = base64.b64decode(text, validate=True)
                if own is not None:
                    return bytes(
                        own.decrypt(
                            raw[NONCE_BYTES:],
                            mechanism=Mechanism.AES_GCM,
                            mechanism_param=GCMParams(raw[:NONCE_BYTES], context.encode(), 128),
                        )
                    )
            except (PKCS11Error, ValueError):
                pass
        raise WrongKey("the module's key does not open the keys of the store: it is another's.")

    def rotate(self) -> list[str]:
        """Have the token make the next generation of the key; every one before is a mark."""
        with self._session() as session:
            before = self._generations(session)
            self._make(session, max(before, default=0) + 1)
        return [str(number) for number in before]

    def retire(self, mark: str) -> None:
        """Destroy a generation in the token; nothing where it is gone already, or is the one that wraps."""
        with self._session() as session:
            known = self._known(session)
            if int(mark) in known and int(mark) < max(known):
                known[int(mark)].destroy()

    def _make(self, session: Any, number: int) -> None:
        from pkcs11 import Attribute, KeyType

        session.generate_key(
            KeyType.AES,
            KEY_BITS,
            id=number.to_bytes(ID_BYTES, "big"),
            label=self.label,
            store=True,
            template={Attribute.EXTRACTABLE: False, Attribute.SENSITIVE: True},
        )

    def _generations(self, session: Any) -> list[int]:
        return sorted(self._known(session))

    def _known(self, session: Any) -> dict[int, Any]:
        from pkcs11 import Attribute, ObjectClass

        wanted = {Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.LABEL: self.label}
        found = {int.from_bytes(each.id, "big"): each for each in session.get_objects(wanted)}
        return found

    @contextmanager
    def _session(self) -> Iterator[Any]:
        try:
            import pkcs11
        except ImportError:
            raise KeyUnavailable(
                "the store's keys are kept by a hardware module: install lifecourse[hsm]."
            ) from None
        try:
            token = pkcs11.lib(str(self.library)).get_token(token_label=self.token)
            with token.open(rw=True, user_pin=_pin()) as session:
                yield session
        except (pkcs11.exceptions.PKCS11Error, RuntimeError, OSError):
            raise KeyUnavailable(
                "the hardware module does not open. Look at its library, the token's label and the PIN, "
                "then try again."
            ) from None


def _pin() -> str:
    path = os.environ.get(PIN_FILE_VARIABLE)
    if path is None or not Path(path).is_file():
        raise KeyUnavailable(
            f"the store's keys are kept by a hardware module and there is no PIN: set {PIN_FILE_VARIABLE}."
        )
    return Path(path).read_text(encoding="utf-8").strip()
