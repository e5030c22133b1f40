"""What clinicians answered to advice: accepted, or not now and why. Kept beside the audit log."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import orjson

from lifecourse.base.clock import now

if TYPE_CHECKING:
    from pathlib import Path

    from lifecourse.schema.actor import Actor

# One short list, so that answers can be counted; the page and the cards offer the same.
REASONS = {
    "patient-declined": "The patient prefers not to",
    "contraindicated": "Contraindicated or not tolerated",
    "already-discussed": "Discussed already, or managed elsewhere",
    "not-applicable": "Does not apply to this patient",
    "not-a-priority": "Other problems come first",
    "wrong-data": "The record is wrong or incomplete",
}
OUTCOMES = ("accepted", "overridden")


class Answers:
    """The answers given in a workspace; safe for several processes, read by the owner alone."""

    def __init__(self, workspace: Path) -> None:
        self._path = workspace / "audit" / "answers.jsonl"

    def add(self, actor: Actor, answer: dict[str, Any]) -> None:
        """Append `answer` durably, with who gave it and when."""
        line = {"time": now().isoformat(timespec="seconds"), "actor": actor.name, **answer}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def of(self, subject_id: int) -> dict[str, dict[str, Any]]:
        """The last answer to each recommendation for a subject, by the recommendation's name."""
        if not self._path.is_file():
            return {}
        target = f'"subject_id":{subject_id},'.encode()
        lines = [line for line in self._path.read_bytes().splitlines() if target in line]
        found = [orjson.loads(line) for line in lines]
        return {answer["recommendation"]: answer for answer in found}
