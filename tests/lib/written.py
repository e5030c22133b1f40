"""Everything that is written below some folders while a block runs, also what is gone again at its end (Linux)."""

from __future__ import annotations

import ctypes
import os
import select
import struct
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CREATED, MOVED_TO, MODIFIED = 0x100, 0x80, 0x2
IS_FOLDER = 0x40000000
EVENT = struct.Struct("iIII")


class Watch:
    """Every file that appears is linked into `kept` at once, so that its bytes outlast it."""

    def __init__(self, folders: Sequence[Path], kept: Path) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._events = self._libc.inotify_init1(os.O_CLOEXEC)
        self._kept, self._count = kept, 0
        self._watched: dict[int, Path] = {}
        self._stop = threading.Event()
        self._linked: set[tuple[int, int]] = set()
        self.names: list[Path] = []
        kept.mkdir()
        for folder in folders:
            self._watch(folder)
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stop.set()
        self._thread.join()
        os.close(self._events)

    def _watch(self, folder: Path) -> None:
        number = self._libc.inotify_add_watch(
            self._events, os.fsencode(folder), CREATED | MOVED_TO | MODIFIED
        )
        if number < 0:
            return
        self._watched[number] = folder
        # What came between the making of the folder and this.
        with suppress(OSError):
            for path in folder.iterdir():
                self._take(path)

    def _take(self, path: Path) -> None:
        with suppress(OSError):
            if path.is_dir():
                self._watch(path)
                return
            state = path.lstat()
            if (state.st_dev, state.st_ino) in self._linked:
                return
            os.link(path, self._kept / f"{self._count:06d}", follow_symlinks=False)
            self._linked.add((state.st_dev, state.st_ino))
            self._count += 1
            self.names.append(path)

    def _look(self) -> None:
        while True:
            ready, _, _ = select.select([self._events], [], [], 0.05)
            if ready:
                self._read()
            elif self._stop.is_set():
                return

    def _read(self) -> None:
        told = os.read(self._events, 1 << 20)
        place = 0
        while place < len(told):
            number, mask, _, length = EVENT.unpack_from(told, place)
            start = place + EVENT.size
            name = told[start : start + length].rstrip(b"\0")
            place = start + length
            if number in self._watched and name and mask & (CREATED | MOVED_TO | MODIFIED):
                self._take(self._watched[number] / os.fsdecode(name))


@contextmanager
def written(folders: Sequence[Path], kept: Path) -> Iterator[Watch]:
    """Keep in `kept` every file that is written below `folders` (of the same disk) while the block runs."""
    watch = Watch(folders, kept)
    try:
        yield watch
    finally:
        watch.stop()
