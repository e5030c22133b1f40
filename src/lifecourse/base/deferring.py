"""Modules of libraries that are loaded when something of them is used, not when their library is."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


class Deferred(ModuleType):
    """Stands for a module until a name of it is asked for; then the module takes its place."""

    def __getattr__(self, name: str) -> Any:
        """The name, from the module itself."""
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(_loaded(self), name)


@contextmanager
def deferred(name: str) -> Iterator[None]:
    """Around the import of a package, which then loads without its module `name`; loaded already, it stays so."""
    package = name.rpartition(".")[0]
    if package not in sys.modules and name not in sys.modules:
        sys.modules[name] = Deferred(name)
    yield


def _loaded(standing: Deferred) -> ModuleType:
    name = standing.__name__
    if sys.modules.get(name) is standing:
        del sys.modules[name]
    module = import_module(name)
    package, _, last = name.rpartition(".")
    setattr(sys.modules[package], last, module)
    return module
