"""Processes that share work on this machine's cores, from any program: a script, a notebook, a command."""

from __future__ import annotations

import gc
import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from lifecourse.base.collector import uncollected

if TYPE_CHECKING:
    from collections.abc import Iterator

POLARS_THREADS = "POLARS_MAX_THREADS"
# Each core has a process: threads beside it would only hold memory. The C library keeps memory up to 64 MB that
# arrays of a batch gave back, for the next batch's: else the kernel clears those pages again, a tenth of the time.
SETTINGS = {
    POLARS_THREADS: "1",
    "MALLOC_MMAP_THRESHOLD_": str(64 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(64 << 20),
}


@contextmanager
def processes(workers: int, *, loaded: str | None = None) -> Iterator[ProcessPoolExecutor]:
    """A pool of `workers` processes that run functions of lifecourse, each with Polars on one thread.

    They start with the first work; where `loaded` names a module, at once, and load it. They start afresh (spawn), so
    that they hold no lock or memory of the caller's, and without the caller's script: an analyst's file needs no
    ``if __name__ == "__main__":`` to use both cores.
    """
    context = multiprocessing.get_context("spawn")
    with (
        _settings(),
        _without_the_script(),
        ProcessPoolExecutor(workers, mp_context=context) as pool,
    ):
        if loaded is not None:
            for _ in range(workers):
                pool.submit(_load, loaded)
        yield pool


def _load(module: str) -> None:
    with uncollected():
        import_module(module)
    gc.freeze()


@contextmanager
def _settings() -> Iterator[None]:
    """The environment that the processes start with."""
    before = {name: os.environ.get(name) for name in SETTINGS}
    os.environ.update(SETTINGS)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _without_the_script() -> Iterator[None]:
    """Spawned processes run ``__main__`` again, to find functions of it; ours are in the package."""
    script = sys.modules.get("__main__")
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        if script is not None:
            sys.modules["__main__"] = script
