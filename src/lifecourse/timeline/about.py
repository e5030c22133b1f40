"""What may be known about a store without opening what it holds: its newest version and its audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecourse.privacy.audit import AuditLog
from lifecourse.timeline import manifest as log
from lifecourse.timeline.store import Store

if TYPE_CHECKING:
    from pathlib import Path


def state_of(store: Path) -> object:
    """Equal as long as the newest version of `store` (or of the workspace `store`) is the same, also by content."""
    found = Store.at(store)
    newest = max(log.versions(found.path), default=0)
    try:
        state = log.path_of(found.path, newest).stat()
    except FileNotFoundError:
        return None
    return newest, state.st_ino, state.st_mtime_ns


def audit_of(store: Path) -> AuditLog:
    """The audit log of `store` (or of the workspace `store`), whether or not anything is in it yet."""
    return AuditLog(Store.at(store).audit_folder)
