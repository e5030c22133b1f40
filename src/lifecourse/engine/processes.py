"""Processes that share work on this machine's cores, from any program: a script, a notebook, a command."""

from __future__ import annotations

import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

POLARS_THREADS = "POLARS_MAX_THREADS"


@contextmanager
def processes(workers: int) -> Iterator[ProcessPoolExecutor]:
    """A pool of `workers` processes that run functions of lifecourse, each with Polars on one thread.

    They start afresh (spawn), so that they hold no lock or memory of the caller's, and without the caller's
    script: an analyst's file needs no ``if __name__ == "__main__":`` to use both cores.
    """
    context = multiprocessing.get_context("spawn")
    with (
        _one_thread_each(),
        _without_the_script(),
        ProcessPoolExecutor(workers, mp_context=context) as pool,
    ):
        yield pool


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Each core has a process: threads beside it would only hold memory."""
    before = os.environ.get(POLARS_THREADS)
    os.environ[POLARS_THREADS] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[POLARS_THREADS]
        else:
            os.environ[POLARS_THREADS] = before


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
