"""The rules of a house, read from the text of its `lifecourse.yaml`."""

from __future__ import annotations

from pydantic import ConfigDict

from lifecourse.base.yaml import Document, parse_document
from lifecourse.privacy.access.settings import AccessSettings


class HouseSettings(Document):
    """What this layer reads of `lifecourse.yaml`; the rest is for others."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    access: AccessSettings = AccessSettings()


def stated_access(text: str, *, where: str) -> AccessSettings:
    """What `text` says under `access`.

    Raises
    ------
    ConfigError
        It does not fit; the message names `where`, line and key.
    """
    return parse_document(text, HouseSettings, where=where).access
