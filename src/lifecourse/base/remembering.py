"""What takes long to work out, kept for later processes of this user: parsed YAML, factors between units."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from lifecourse.base.files import write_bytes

if TYPE_CHECKING:
    from collections.abc import Callable


def remembered(kind: str, question: str, work_out: Callable[[], Any]) -> Any:
    """What `work_out` gives (plain values), from the user's cache where `question` was answered there before.

    A question says all that its answer depends on. On disk stands only its hash: what sources write is in some.
    """
    path = _folder() / kind / f"{hashlib.sha256(question.encode()).hexdigest()}.json"
    try:
        return orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        answer = work_out()
    with suppress(OSError, TypeError):
        write_bytes(path, orjson.dumps(answer, option=orjson.OPT_NON_STR_KEYS))
        return orjson.loads(path.read_bytes())
    return answer


def _folder() -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "lifecourse"
