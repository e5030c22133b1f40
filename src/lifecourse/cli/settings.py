"""`lifecourse.yaml`: a workspace's settings. Unknown keys are refused; the error names the line."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, field_validator

from lifecourse.base.errors import ConfigError
from lifecourse.base.texts import read_utf8
from lifecourse.base.yaml import Document, load_document
from lifecourse.cli.arguments import LARGEST_SEED
from lifecourse.cli.workspace import SETTINGS_FILE
from lifecourse.privacy.access.settings import AccessSettings
from lifecourse.serve.auth.trust import Trust
from lifecourse.serve.limits import Limits


class ServeSettings(Document):
    """Where and how pages are served.

    host : the address to listen on; loopback unless a proxy stands before it
    port : the port, 0 for any free one
    units : ``us`` or ``si``, the units pages open with
    signing_key : signs sign-in links; a new one is drawn at every start when absent
    address : this server as browsers and programs know it, such as https://lifecourse.hospital.example; tokens name it
    proxy : the address of a proxy that ends TLS before it; what it says of where a request comes from is believed
    trust : whom else it believes about who asks
    limits : how many requests in a while are answered
    """

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65_535)
    units: Literal["us", "si"] = "us"
    signing_key: SecretStr | None = None
    address: str | None = Field(default=None, pattern=r"^https?://[^/\s?#@]+$")
    proxy: str | None = None
    trust: Trust = Trust()
    limits: Limits = Limits()


class Settings(Document):
    """Settings of a workspace.

    timezone : zone of times in the source that carry no offset
    tasks : names of library tasks, or paths of task files; all of the library when absent
    seed : of splits, bootstraps and halves
    access : who may see what
    """

    timezone: str = "UTC"
    tasks: tuple[str, ...] | None = None
    seed: int = Field(default=0, ge=0, le=LARGEST_SEED)
    serve: ServeSettings = ServeSettings()
    access: AccessSettings = AccessSettings()

    @field_validator("timezone")
    @classmethod
    def is_a_zone(cls, name: str) -> str:
        """Refuse what is no IANA time zone."""
        from zoneinfo import available_timezones

        if name not in available_timezones():
            raise ValueError(f"'{name}' is no time zone; write one such as Europe/Vienna")
        return name


def load_settings(workspace: Path) -> Settings:
    """The settings of `workspace`; the defaults where it has no `lifecourse.yaml` or an empty one.

    Raises
    ------
    ConfigError
        The file is not YAML, has an unknown key or a wrong value.
    """
    path = workspace / SETTINGS_FILE
    if not path.is_file() or not _has_content(path):
        return Settings()
    return load_document(path, Settings)


def without_secrets(settings: Settings) -> dict[str, Any]:
    """The settings as plain values, every secret as ``***``."""
    hidden: dict[str, Any] = _hidden(settings.model_dump(mode="python"))
    return hidden


def _hidden(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _hidden(inner) for name, inner in value.items()}
    if isinstance(value, SecretStr):
        return "***"
    return [_hidden(inner) for inner in value] if isinstance(value, tuple) else value


def _has_content(path: Path) -> bool:
    lines = read_utf8(path, ConfigError).splitlines()
    return any(line.strip() and not line.lstrip().startswith("#") for line in lines)
