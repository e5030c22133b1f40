"""Entries of the audit log as somebody looks for them: the latest first, without reading what does not matter."""

from __future__ import annotations

import mmap
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson

from lifecourse.privacy.acts import SUBJECT
from lifecourse.privacy.audit import Reading

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lifecourse.privacy.audit import AuditLog

EMERGENCY = b'"emergency":true'


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """Which entries: of whom, by whom, what (the first words of an action), with what outcome, for what and when.

    subject_id : who is named, alone or in a list
    since, until : from the first moment to before the second
    """

    actor: str = ""
    subject_id: int | None = None
    action: str = ""
    outcome: str = ""
    purpose: str = ""
    emergency: bool = False
    since: datetime | None = None
    until: datetime | None = None

    def needles(self, log: AuditLog) -> list[bytes] | None:
        """What the lines have in them; None where no line can fit."""
        found = [
            f'"{name}":'.encode() + orjson.dumps(value)
            for name, value in (
                ("actor", self.actor),
                ("outcome", self.outcome),
                ("purpose", self.purpose),
            )
            if value
        ]
        if self.emergency:
            found.append(EMERGENCY)
        if self.subject_id is not None:
            alias = log.alias_of(self.subject_id)
            if alias is None:
                return None
            found.append(f'{alias}"'.encode())
        return found

    def fits(self, entry: dict[str, Any]) -> bool:
        """Whether an entry, whose line has the needles, is one."""
        return (
            entry["action"].startswith(self.action)
            and (not self.actor or entry["actor"] == self.actor)
            and (not self.outcome or entry["outcome"] == self.outcome)
            and (not self.purpose or entry["purpose"] == self.purpose)
            and (self.until is None or datetime.fromisoformat(entry["time"]) < self.until)
        )


def newest(log: AuditLog, sought: Sought) -> Iterator[dict[str, Any]]:
    """The entries that fit, newest first, each with whom it means."""
    needles = sought.needles(log)
    if needles is None:
        return
    reader = Reading(log)
    with _bytes_of(log) as content:
        for line in _backwards(content, needles):
            entry = orjson.loads(line)
            if sought.since and datetime.fromisoformat(entry["time"]) < sought.since:
                return
            if sought.fits(entry):
                yield reader.told(line)


def entry_of(log: AuditLog, sequence: int) -> dict[str, Any] | None:
    """The entry of a number; None where there is none."""
    with _bytes_of(log) as content:
        start = content.find(f'{{"seq":{sequence},'.encode())
        if start < 0:
            return None
        return Reading(log).told(content[start : content.find(b"\n", start)])


def reviews(log: AuditLog) -> dict[int, dict[str, Any]]:
    """By the number of an entry, the last entry that reviews it."""
    reader = Reading(log)
    found: dict[int, dict[str, Any]] = {}
    with _bytes_of(log) as content:
        for line in _backwards(content, [b'"reviews":', b'"outcome":"success"']):
            entry = orjson.loads(line)
            if isinstance(entry.get("reviews"), int):
                found.setdefault(entry["reviews"], reader.told(line))
    return found


def emergencies(log: AuditLog) -> list[dict[str, Any]]:
    """The entries by which somebody broke the glass, newest first, each with the `looks` that followed under it."""
    found: list[dict[str, Any]] = []
    looks: dict[tuple[str, str], int] = {}
    for entry in newest(log, Sought(emergency=True, outcome="success")):
        whose = (entry["actor"], entry["target"].partition("/event")[0])
        if "reason" in entry:
            found.append({**entry, "looks": looks.pop(whose, 0)})
        elif entry["target"].startswith(SUBJECT):
            looks[whose] = looks.get(whose, 0) + 1
    return found


def tail(log: AuditLog, most_bytes: int) -> Iterator[bytes]:
    """The latest lines, newest first, as long as they are within `most_bytes` of the end."""
    left = most_bytes
    with _bytes_of(log) as content:
        for line in _backwards(content, []):
            left -= len(line)
            if left < 0:
                return
            yield line


@contextmanager
def _bytes_of(log: AuditLog) -> Iterator[mmap.mmap | bytes]:
    if not log.path.is_file() or log.path.stat().st_size == 0:
        yield b""
        return
    with (
        log.path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        yield content


def _backwards(content: mmap.mmap | bytes, needles: list[bytes]) -> Iterator[bytes]:
    """The whole lines that have every needle in them, the last first."""
    first, *others = needles or [b"\n"]
    end = content.rfind(b"\n") + 1
    while (place := content.rfind(first, 0, end)) >= 0:
        start = content.rfind(b"\n", 0, place) + 1
        stop = content.find(b"\n", place)
        line = content[start:stop]
        if all(each in line for each in others):
            yield line
        end = start
