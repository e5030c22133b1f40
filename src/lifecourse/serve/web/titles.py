"""What a task is called."""

from __future__ import annotations

from functools import cache

from lifecourse.serve.wording import capital
from lifecourse.tasks import library_names, load_task
from lifecourse.tasks.loading import LIBRARY


@cache
def title_of_task(name: str) -> str:
    """The title of the library's task of that name; of any other the name, spelled."""
    title = ""
    if name in library_names():
        title = getattr(load_task(LIBRARY / f"{name}.yaml"), "title", "")
    return title or capital(name)
