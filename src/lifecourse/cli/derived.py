"""What a workspace made of its people: where it names one, and how that is taken out."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lifecourse.base.clock import now
from lifecourse.base.files import (
    read_json,
    removed_for_good,
    rewritten_for_good,
    to_json,
    write_json,
)

if TYPE_CHECKING:
    from pathlib import Path

    from lifecourse.cli.workspace import Workspace

TABLES = (".parquet",)
DOCUMENTS = (".json",)
LINES = (".jsonl",)
RETRAIN = "This model learned from somebody who was erased on {day}. Train it anew: lifecourse run."
SUBJECT = "subject_id"


@dataclass(slots=True, kw_only=True)
class Cleared:
    """What was done: files that lost rows, files deleted, models to be trained anew."""

    rewritten: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    to_retrain: list[str] = field(default_factory=list)


def clear_derived(workspace: Workspace, subject_id: int) -> Cleared:
    """Take a person out of everything in the workspace but its store and audit log.

    Tables and lists lose their rows, a plan is deleted, features are deleted whole (they are made again from the
    store), and models that are older than the erasure say that they must be trained anew. Steps of a run that used the
    store are forgotten, so that the next run does them again.
    """
    done = Cleared()
    kept = {workspace.store, workspace.part("audit")}
    features = workspace.part("features")
    if features.is_dir() and any(features.iterdir()):
        shutil.rmtree(features)
        features.mkdir()
        done.deleted.append("features")
    for path in sorted(workspace.root.rglob("*")):
        if not path.is_file() or any(path.is_relative_to(folder) for folder in kept):
            continue
        _clear(path, subject_id, workspace.root, done)
    shutil.rmtree(workspace.steps, ignore_errors=True)
    models = workspace.part("models")
    for card in sorted(models.glob("*/outcome.json")) if models.is_dir() else ():
        document: Any = read_json(card)
        if document.get("outcome") != "abstention":
            said = RETRAIN.format(day=now().date().isoformat())
            write_json(card, {**document, "retrain": said})
            done.to_retrain.append(card.parent.name)
    return done


def _clear(path: Path, subject_id: int, root: Path, done: Cleared) -> None:
    named = str(path.relative_to(root))
    if path.stem.partition(".")[0] == str(subject_id):
        removed_for_good(path)
        done.deleted.append(named)
    elif path.suffix in TABLES:
        if _clear_table(path, subject_id):
            done.rewritten.append(named)
    elif path.suffix in DOCUMENTS:
        _clear_document(path, subject_id, named, done)
    elif path.suffix in LINES and _clear_lines(path, subject_id):
        done.rewritten.append(named)


def _clear_table(path: Path, subject_id: int) -> bool:
    import polars as pl

    if SUBJECT not in pl.read_parquet_schema(path):
        return False
    table = pl.read_parquet(path)
    kept = table.filter(pl.col(SUBJECT) != subject_id)
    if kept.height == table.height:
        return False
    with rewritten_for_good(path) as temporary:
        kept.write_parquet(temporary)
    return True


def _clear_document(path: Path, subject_id: int, named: str, done: Cleared) -> None:
    document: Any = read_json(path)
    if isinstance(document, dict) and document.get(SUBJECT) == subject_id:
        removed_for_good(path)
        done.deleted.append(named)
        return
    cleared = _without(document, subject_id)
    if cleared != document:
        with rewritten_for_good(path) as temporary:
            temporary.write_bytes(to_json(cleared))
        done.rewritten.append(named)


def _clear_lines(path: Path, subject_id: int) -> bool:
    import orjson

    lines = path.read_bytes().splitlines(keepends=True)
    kept = []
    for line in lines:
        document = orjson.loads(line)
        if not (isinstance(document, dict) and document.get(SUBJECT) == subject_id):
            kept.append(line)
    if len(kept) == len(lines):
        return False
    with rewritten_for_good(path) as temporary:
        temporary.write_bytes(b"".join(kept))
    return True


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
