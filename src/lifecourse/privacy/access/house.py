"""The rules of a house in one place: its settings, its policies, and what it knows of people for them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from lifecourse.base.errors import ConfigError
from lifecourse.base.texts import read_utf8
from lifecourse.privacy.access.asking import Situation, Use
from lifecourse.privacy.access.care_team import forget
from lifecourse.privacy.access.consents import Consents
from lifecourse.privacy.access.glass import BrokenGlass
from lifecourse.privacy.access.settings import AccessSettings

if TYPE_CHECKING:
    from lifecourse.privacy.access.engine import PolicyEngine
    from lifecourse.schema.actor import Identifiability
    from lifecourse.schema.identity import Identity

SETTINGS_FILE = "lifecourse.yaml"


@dataclass(frozen=True, kw_only=True)
class House:
    """Who may see what, in the workspace (or beside the store alone) at `home`."""

    home: Path
    settings: AccessSettings

    @classmethod
    def at(cls, home: Path) -> House:
        """The house at `home`, with the rules that are shipped where it states none.

        Raises
        ------
        ConfigError
            Its settings cannot be read.
        """
        path = home / SETTINGS_FILE
        text = read_utf8(path, ConfigError) if path.is_file() else ""
        return cls(home=home, settings=_settings(text, path.name))

    @cached_property
    def engine(self) -> PolicyEngine:
        """What decides.

        Raises
        ------
        ConfigError
            A policy has an error, or there is none.
        """
        from lifecourse.privacy.access.cedar import SHIPPED, load_policies

        named = self.settings.policies
        if named is None:
            return load_policies(SHIPPED)
        folder = self.home / named
        if not folder.is_dir():
            raise ConfigError(
                f"{SETTINGS_FILE}: access.policies names the folder '{named}', which is not there. Make it, or take "
                "the setting away."
            )
        return load_policies(folder)

    @property
    def restricts(self) -> bool:
        """Whether anything here may close a record to somebody: a setting, policies of its own, or a consent."""
        kept = (self.home / "access" / "consents.jsonl").is_file()
        return kept or any(
            getattr(self.settings, name) != getattr(AccessSettings(), name)
            for name in ("policies", "treatment_relationship", "protected", "consent")
        )

    def forget(self, subject_id: int, identifiers: frozenset[str]) -> None:
        """Take an erased person out of all that is kept here for policies."""
        Consents(home=self.home).forget(subject_id)
        self.glass.forget(subject_id)
        forget(self.care_team_file, subject_id, identifiers)

    @property
    def care_team_file(self) -> Path:
        """Who treats whom."""
        return self.home / self.settings.care_team

    @property
    def glass(self) -> BrokenGlass:
        """Emergencies that go on."""
        return BrokenGlass(home=self.home)

    def situation(
        self, identity: Identity, use: Use, identifiability: Identifiability
    ) -> Situation:
        """`identity` asking for `use` in this house."""
        return Situation(
            # No policy knows one token from another that gives the same: what is decided for one holds for both.
            identity=replace(identity, token_id=None),
            use=use,
            identifiability=identifiability,
            relationship_required=self.settings.treatment_relationship == "required",
            consent_required=self.settings.consent == "required",
            protected=frozenset(self.settings.protected),
        )


@lru_cache(maxsize=16)
def _settings(text: str, where: str) -> AccessSettings:
    if not any(line.strip() and not line.lstrip().startswith("#") for line in text.splitlines()):
        return AccessSettings()
    from lifecourse.privacy.access.stated import stated_access

    return stated_access(text, where=where)
