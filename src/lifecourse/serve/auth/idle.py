"""Sessions that nobody used for a while have ended, though their time is not up."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

IDLE_SECONDS = 3600.0
MOST_REMEMBERED = 20_000


@dataclass(slots=True, kw_only=True)
class LastUse:
    """When each session was last used, in this process: a server that starts anew gives each session its hour again."""

    clock: Callable[[], float] = time.monotonic
    _seen: OrderedDict[str, float] = field(default_factory=OrderedDict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def is_idle(self, session_id: str) -> bool:
        """Note that a session is used now; True where it had not been for too long, and then it stays ended."""
        moment = self.clock()
        with self._lock:
            if moment - self._seen.get(session_id, moment) > IDLE_SECONDS:
                return True
            self._seen[session_id] = moment
            self._seen.move_to_end(session_id)
            while len(self._seen) > MOST_REMEMBERED:
                self._seen.popitem(last=False)
            return False
