"""What clinicians answered to advice: accepted, or not now and why. Kept beside the audit log."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

from lifecourse.base.clock import now
from lifecourse.timeline.derived import Derived

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
    """The answers given in a workspace; as closed as its store, safe for several processes, read by the owner alone."""

    def __init__(self, workspace: Path) -> None:
        self._workspace = workspace
        self._path = workspace / "audit" / "answers.jsonl"
        self._lock = threading.Lock()
        self._read: tuple[int, int] = (0, 0)  # which file, and how far
        self._answers: dict[int, dict[str, dict[str, Any]]] = {}

    def add(self, actor: Actor, answer: dict[str, Any]) -> None:
        """Append `answer` durably, with who gave it and when."""
        line = {"time": now().isoformat(timespec="seconds"), "actor": actor.name, **answer}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        closed = Derived.of(self._workspace).closed_line(line, self._path)
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, closed)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def of(self, subject_id: int) -> dict[str, dict[str, Any]]:
        """The last answer to each recommendation for a subject, by the recommendation's name."""
        if not self._path.is_file():
            return {}
        with self._lock:
            self._catch_up()
            return dict(self._answers.get(subject_id, {}))

    def _catch_up(self) -> None:
        """Read the lines that came since; all of them where the file is another: somebody was erased."""
        derived = Derived.of(self._workspace)
        with self._path.open("rb") as file:
            own = os.fstat(file.fileno()).st_ino
            if own != self._read[0]:
                self._read, self._answers = (own, 0), {}
            file.seek(self._read[1])
            new = file.read()
        whole = new[: new.rfind(b"\n") + 1]
        for line in whole.splitlines():
            answer = derived.opened_line(line, self._path)
            if "subject_id" in answer:
                told = self._answers.setdefault(int(answer["subject_id"]), {})
                told[answer["recommendation"]] = answer
        self._read = (own, self._read[1] + len(whole))
