"""Who keeps the key of a store: a file, a vault's transit engine, a hardware module; the environment says which."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from lifecourse.base.errors import ConfigError
from lifecourse.privacy.keys import FileKeyProvider

if TYPE_CHECKING:
    from lifecourse.privacy.keys import KeyProvider

KEYS_VARIABLE = "LIFECOURSE_KEYS"
KEY_FILE_VARIABLE = "LIFECOURSE_KEY_FILE"


def provider_of(store: Path) -> KeyProvider:
    """Who keeps the key of the store in folder `store`.

    ``LIFECOURSE_KEYS`` names a vault or a hardware module (``vault:https://...``, ``pkcs11:...``),
    ``LIFECOURSE_KEY_FILE`` a file; else it is the file beside the store. Nothing in the store itself can name one:
    whoever can write the store would choose whom we ask.

    Raises
    ------
    ConfigError
        LIFECOURSE_KEYS names none of these.
    """
    named = os.environ.get(KEYS_VARIABLE, "")
    kind, _, rest = named.partition(":")
    if kind == "vault":
        from lifecourse.privacy.vault import VaultTransit

        return VaultTransit.at(rest)
    if kind == "pkcs11":
        from lifecourse.privacy.hardware import HardwareModule

        return HardwareModule.at(rest)
    if named and kind != "file":
        raise ConfigError(
            f"{KEYS_VARIABLE} names no keeper of keys. Write file:PATH, vault:https://HOST/MOUNT/KEY "
            "or pkcs11:LIBRARY?token=LABEL&object=LABEL."
        )
    path = rest or os.environ.get(KEY_FILE_VARIABLE)
    return FileKeyProvider(Path(path) if path else store.with_name(f"{store.name}.key"))
