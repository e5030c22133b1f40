"""Progress that libraries report and commands show. Libraries never print."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.progress import TaskID


class Progress(Protocol):
    """Somewhere to say how far long work has come."""

    def step(self, what: str, done: int, total: int | None = None) -> None:
        """`done` of `total` units of `what` are finished."""


class Silent:
    """Progress nobody watches."""

    def step(self, what: str, done: int, total: int | None = None) -> None:
        """Say nothing."""


SILENT: Progress = Silent()


class LogLines:
    """A line on stderr every few seconds, for logs and pipes."""

    def __init__(self, every_seconds: float = 5.0) -> None:
        self._every_seconds = every_seconds
        self._last: dict[str, float] = {}

    def step(self, what: str, done: int, total: int | None = None) -> None:
        """Write a line when this is the end of `what` or some seconds have passed since its last line."""
        moment = time.monotonic()
        finished = total is not None and done >= total
        if not finished and moment - self._last.get(what, -1e9) < self._every_seconds:
            return
        self._last[what] = moment
        of = f" of {total:,}" if total is not None else ""
        sys.stderr.write(f"{what}: {done:,}{of}\n")
        sys.stderr.flush()


class Bars:
    """One rich bar per kind of work, for terminals."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as RichProgress

        self._bars = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
        )
        self._tasks: dict[str, TaskID] = {}

    def step(self, what: str, done: int, total: int | None = None) -> None:
        """Move the bar of `what` to `done`."""
        if what not in self._tasks:
            self._tasks[what] = self._bars.add_task(what, total=total)
        self._bars.update(self._tasks[what], completed=done, total=total)

    def start(self) -> None:
        """Show the bars."""
        self._bars.start()

    def stop(self) -> None:
        """Leave the bars as they are."""
        self._bars.stop()


@contextmanager
def shown_progress() -> Iterator[Progress]:
    """A bar on a terminal, a line every few seconds elsewhere; always on stderr."""
    if not sys.stderr.isatty():
        yield LogLines()
        return
    bars = Bars()
    bars.start()
    try:
        yield bars
    finally:
        bars.stop()
