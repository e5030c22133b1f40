"""Named things of one kind, found the same way whether they are built in or a site's own."""

from __future__ import annotations

from importlib import import_module
from typing import Generic, TypeVar

from lifecourse.base.errors import UserError

T = TypeVar("T")


class Registry(Generic[T]):
    """Names to `module:attribute`, imported on first use; a second registration of a name is an error."""

    def __init__(self, kind: str, entries: dict[str, str]) -> None:
        self._kind = kind
        self._entries = dict(entries)

    def register(self, name: str, target: str) -> None:
        """Add `target` (`module:attribute`) under `name`."""
        if name in self._entries:
            raise UserError(f"there already is a {self._kind} named '{name}'.")
        self._entries[name] = target

    def names(self) -> list[str]:
        """All names, sorted."""
        return sorted(self._entries)

    def get(self, name: str) -> T:
        """What `name` stands for.

        Raises
        ------
        UserError
            No such name; the message lists those there are.
        """
        if name not in self._entries:
            raise UserError(
                f"there is no {self._kind} named '{name}'. Choose one of: {', '.join(self.names())}."
            )
        module, _, attribute = self._entries[name].partition(":")
        found: T = getattr(import_module(module), attribute)
        return found
