"""What a workspace made of its people: where it names one, and how that is taken out."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from lifecourse.base.clock import now
from lifecourse.base.errors import StoreDamaged
from lifecourse.base.files import (
    clear_leftovers,
    overwritten,
    removed_for_good,
    rewritten_for_good,
)
from lifecourse.timeline.derived import Derived

if TYPE_CHECKING:
    from pathlib import Path

    from lifecourse.cli.workspace import Workspace

TABLES = (".parquet",)
DOCUMENTS = (".json",)
LINES = (".jsonl",)
MADE_AGAIN = ("features", "findings")
"""Parts of a workspace that are made again from the store: they go whole."""
ANSWERS = "answers.jsonl"
UNFINISHED = ".part"
"""How the names end of what a killed command was writing."""
RETRAIN = "This model learned from somebody who was erased on {day}. Train it anew: lifecourse run."
SUBJECT = "subject_id"


@dataclass(slots=True, kw_only=True)
class Cleared:
    """What was done: files that lost rows, files deleted, models to be trained anew."""

    rewritten: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    to_retrain: list[str] = field(default_factory=list)


def clear_derived(workspace: Workspace, subject_id: int) -> Cleared:
    """Take a person out of everything in the workspace but its store and the entries of its audit log.

    Tables, lists, verdicts and answers lose their rows, a plan is deleted, features and findings are deleted whole
    (they are made again from the store), and models that are older than the erasure say that they must be trained
    anew. Steps of a run that used the store are forgotten, so that the next run does them again. A sealed file that no
    key opens is deleted: nobody can tell whom it names.
    """
    clearing = _Clearing(workspace, subject_id)
    for name in MADE_AGAIN:
        clearing.delete_whole(name)
    audit = workspace.part("audit")
    for path in sorted(workspace.root.rglob("*")):
        is_kept = path.is_relative_to(workspace.store) or path.is_relative_to(audit)
        if path.is_file() and (not is_kept or path == audit / ANSWERS):
            clearing.clear(path)
    shutil.rmtree(workspace.steps, ignore_errors=True)
    clearing.flag_models()
    return clearing.done


class _Clearing:
    """One person taken out of one workspace."""

    def __init__(self, workspace: Workspace, subject_id: int) -> None:
        self._workspace, self._subject_id = workspace, subject_id
        self._derived = Derived.of(workspace.store)
        self.done = Cleared()

    def delete_whole(self, name: str) -> None:
        """Delete everything of a part of the workspace, its bytes first."""
        folder = self._workspace.part(name)
        files = [path for path in folder.rglob("*") if path.is_file()] if folder.is_dir() else []
        if not files:
            return
        for path in files:
            removed_for_good(path)
        shutil.rmtree(folder)
        folder.mkdir()
        self.done.deleted.append(name)

    def clear(self, path: Path) -> None:
        """Take the person out of a file, or the file away."""
        clear_leftovers(path)
        names = {str(self._subject_id), self._derived.name_of(self._subject_id)}
        if path.suffix == UNFINISHED:
            removed_for_good(path)
            return
        if not path.is_file():
            return
        if path.stem.partition(".")[0] in names:
            self._delete(path)
            return
        try:
            if path.suffix in TABLES:
                self._clear_table(path)
            elif path.suffix in DOCUMENTS:
                self._clear_document(path)
            elif path.suffix in LINES:
                self._clear_lines(path)
        except StoreDamaged:
            self._delete(path)

    def flag_models(self) -> None:
        """Have models say that they must be trained anew."""
        models = self._workspace.part("models")
        for card in sorted(models.glob("*/outcome*.json")) if models.is_dir() else ():
            document: Any = self._derived.read_json(card)
            if document.get("outcome") != "abstention":
                said = RETRAIN.format(day=now().date().isoformat())
                self._derived.write_json(card, {**document, "retrain": said})
                self.done.to_retrain.append(card.parent.name)

    def _delete(self, path: Path) -> None:
        removed_for_good(path)
        self.done.deleted.append(self._named(path))

    def _clear_table(self, path: Path) -> None:
        import polars as pl

        table = self._derived.read_table(path)
        if SUBJECT not in table.columns:
            return
        kept = table.filter(pl.col(SUBJECT) != self._subject_id)
        if kept.height < table.height:
            with overwritten(path):
                self._derived.write_table(path, kept)
            self.done.rewritten.append(self._named(path))

    def _clear_document(self, path: Path) -> None:
        document: Any = self._derived.read_json(path)
        if isinstance(document, dict) and _names(document, self._subject_id):
            self._delete(path)
            return
        cleared = _without(document, self._subject_id)
        if cleared != document:
            with overwritten(path):
                self._derived.write_json(path, cleared)
            self.done.rewritten.append(self._named(path))

    def _clear_lines(self, path: Path) -> None:
        lines = path.read_bytes().splitlines(keepends=True)
        kept = [line for line in lines if not self._is_theirs(line.rstrip(b"\n"), path)]
        if len(kept) < len(lines):
            with rewritten_for_good(path) as temporary:
                temporary.write_bytes(b"".join(kept))
                temporary.chmod(path.stat().st_mode & 0o777)
            self.done.rewritten.append(self._named(path))

    def _is_theirs(self, line: bytes, path: Path) -> bool:
        try:
            document = self._derived.opened_line(line, path)
        except (StoreDamaged, orjson.JSONDecodeError):
            # Nobody can tell whom it names.
            return True
        return isinstance(document, dict) and document.get(SUBJECT) == self._subject_id

    def _named(self, path: Path) -> str:
        return str(path.relative_to(self._workspace.root))


def _names(document: dict[str, Any], subject_id: int) -> bool:
    """Whether a document is about the subject."""
    patient = document.get("patient")
    told = patient.get(SUBJECT) if isinstance(patient, dict) else None
    return subject_id in (document.get(SUBJECT), told)


def _without(value: Any, subject_id: int) -> Any:
    """A document without the objects in its lists, and the keys in its objects, that are of the subject."""
    if isinstance(value, list):
        return [
            _without(each, subject_id)
            for each in value
            if not (isinstance(each, dict) and each.get(SUBJECT) == subject_id)
        ]
    if isinstance(value, dict):
        return {
            key: _without(each, subject_id) for key, each in value.items() if key != str(subject_id)
        }
    return value
