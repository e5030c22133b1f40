"""Calls beside each other, or here where one at a time is asked for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
One = TypeVar("One")
Other = TypeVar("Other")


def beside(workers: int, *calls: Callable[[], T]) -> list[T]:
    """What each call gives, in their order, from so many threads.

    One worker is the thread that asks: what another thread lays down in memory goes back to the system at once and is
    asked for anew, a third of the time of many small fits.
    """
    if workers == 1 or len(calls) == 1:
        return [call() for call in calls]
    with ThreadPoolExecutor(min(workers, len(calls))) as pool:
        return list(pool.map(lambda call: call(), calls))


def both(workers: int, one: Callable[[], One], other: Callable[[], Other]) -> tuple[One, Other]:
    """What each of two gives, beside each other where there are workers."""
    if workers == 1:
        return one(), other()
    with ThreadPoolExecutor(1) as pool:
        waits = pool.submit(other)
        return one(), waits.result()
