"""Steps of a run that are skipped when they are finished already."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lifecourse.base.files import to_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from lifecourse.cli.workspace import Workspace
    from lifecourse.timeline.derived import Derived


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A piece of a run: its name, all it depends on, and the files or folders it writes."""

    name: str
    depends_on: dict[str, Any]
    writes: tuple[Path, ...]

    @property
    def key(self) -> str:
        """A hash of all the step depends on."""
        return hashlib.sha256(to_json([self.name, self.depends_on])).hexdigest()


SIGNATURES = frozenset({"signature.json"})
"""Of no content: the same model is signed otherwise in every workspace."""


def finished(
    workspace: Workspace, step: Step, work: Callable[[], dict[str, Any]], derived: Derived
) -> dict[str, Any]:
    """What `step` gave: from its note when it was finished before with the same inputs, else by `work`.

    The note is written last, so a step that was stopped midway is done again whole.
    """
    note = workspace.steps / f"{step.name}.json"
    before: Any = derived.read_json(note) if note.is_file() else {}
    if before.get("key") == step.key and before.get("content") == content_of(step.writes, derived):
        outcome: dict[str, Any] = before["outcome"]
        return outcome
    note.unlink(missing_ok=True)
    outcome = work()
    content = content_of(step.writes, derived)
    derived.write_json(note, {"key": step.key, "content": content, "outcome": outcome})
    return outcome


def content_of(places: Iterable[Path], derived: Derived) -> str:
    """One hash of the names and contents of all files at `places`; absent places count as empty."""
    digest = hashlib.sha256()
    for place in places:
        files = sorted(place.rglob("*")) if place.is_dir() else [place]
        for file in files:
            if file.is_file() and file.name not in SIGNATURES:
                name = file.relative_to(place.parent).as_posix()
                content = hashlib.sha256(derived.read_bytes(file)).hexdigest()
                digest.update(f"{name}\0{content}\n".encode())
    return digest.hexdigest()
