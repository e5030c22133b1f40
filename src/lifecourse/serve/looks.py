"""Who looked at a chart: the last lines of the audit log that name it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from pathlib import Path

    from lifecourse.privacy.audit import AuditLog

# A page shows the latest looks; the whole log is for `lifecourse audit`, not for a page.
TAIL_BYTES = 4 * 1024 * 1024


def looks_at(audit: AuditLog | None, subject_id: int, most: int = 8) -> list[dict[str, Any]]:
    """The latest `most` looks at a subject, newest first: when, who, why and with what outcome."""
    if audit is None or not audit.path.is_file():
        return []
    alias = audit.alias_of(subject_id)
    if alias is None:
        return []
    target = f'"subject/{alias}"'.encode()
    found = []
    for line in reversed(_tail(audit.path)):
        if target in line:
            entry = orjson.loads(line)
            found.append({key: entry[key] for key in ("time", "actor", "purpose", "outcome")})
            if len(found) == most:
                break
    return found


def _tail(path: Path) -> list[bytes]:
    size = path.stat().st_size
    with path.open("rb") as log:
        log.seek(max(0, size - TAIL_BYTES))
        lines = log.read().splitlines()
    return lines if size <= TAIL_BYTES else lines[1:]
