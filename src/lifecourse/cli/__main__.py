"""The `lifecourse` command as a process of its own: ``python -m lifecourse.cli``."""

from __future__ import annotations

import gc
import os
import sys
from contextlib import suppress
from typing import NoReturn

from lifecourse.cli import main

OBJECTS_BETWEEN_LOOKS = 100_000
"""For garbage in circles. Loading what a command needs makes as many objects, and none of them is garbage."""


def command() -> NoReturn:
    """Run one command and leave at once: the system takes a process's memory back faster than Python does."""
    gc.set_threshold(OBJECTS_BETWEEN_LOOKS)
    # Our matrices are small or sparse: threads that wait to multiply large ones only take time to start.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    code = main()
    with suppress(OSError, ValueError):  # whoever read what we said has gone
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    command()
