"""Tasks from files: our own YAML and ACES's, told apart by their keys; and the library."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lifecourse.base.errors import TaskError
from lifecourse.base.shipped import read_shipped
from lifecourse.base.trees import load_yaml
from lifecourse.tasks.acesfile import parse_aces

if TYPE_CHECKING:
    from lifecourse.tasks.aces import AcesTask
    from lifecourse.tasks.definition import Task

    AnyTask = Task | AcesTask

LIBRARY = Path(__file__).parent / "library"
SECTIONS = {"predicates", "patient_demographics"}


def library_names() -> list[str]:
    """The tasks that come with lifecourse, sorted."""
    return sorted(path.stem for path in LIBRARY.glob("*.yaml"))


def load_task(path_or_name: Path | str, *, predicates: Path | str | None = None) -> AnyTask:
    """The task in a YAML file, or the library's task of that name.

    Parameters
    ----------
    path_or_name
        A file with ``windows``, or with a trigger that is a name, is read as ACES does, any other as our own.
    predicates
        A YAML file whose ``predicates`` and ``patient_demographics`` fill or replace those of an ACES task
        (MEDS-DEV writes ``???``).

    Raises
    ------
    TaskError
        There is no such task or file, or it cannot be read; the message names file, line and key.
    """
    path = _find(path_or_name)
    text = read_shipped(path, TaskError)
    tree = load_yaml(text, where=path.name, error=TaskError)
    if isinstance(tree, dict) and ("windows" in tree or isinstance(tree.get("trigger"), str)):
        filled, demographics = _filling(predicates)
        if demographics:
            own = tree.get("patient_demographics") or {}
            tree = {**tree, "patient_demographics": {**own, **demographics}}
        return parse_aces(tree, name=_name_of(path), where=path.name, predicates=filled)
    if predicates is not None:
        raise TaskError(f"{path.name} is not an ACES task; a predicates file fills those only.")
    from lifecourse.base.yaml import parse_document
    from lifecourse.tasks.definition import Task

    return parse_document(text, Task, where=path.name, error=TaskError)


def _find(path_or_name: Path | str) -> Path:
    path = Path(path_or_name)
    if path.is_file():
        return path
    built_in = LIBRARY / f"{path_or_name}.yaml"
    if str(path_or_name) in library_names():
        return built_in
    raise TaskError(
        f"there is no task file or library task '{path_or_name}'. "
        f"Give a YAML file or one of: {', '.join(library_names())}."
    )


def _filling(given: Path | str | None) -> tuple[dict[str, object], dict[str, object]]:
    """The predicates and the patient demographics of a predicates file."""
    if given is None:
        return {}, {}
    path = Path(given)
    if not path.is_file():
        raise TaskError(f"there is no predicates file {path.name}. Give the path of a YAML file.")
    tree = load_yaml(read_shipped(path, TaskError), where=path.name, error=TaskError)
    if not isinstance(tree, dict):
        raise TaskError(f"{path.name}, line 1: a predicates file is a mapping of names.")
    demographics = tree.get("patient_demographics") or {}
    sections = tree.keys() & SECTIONS
    if sections and (unknown := sorted(map(str, tree.keys() - SECTIONS))):
        raise TaskError(
            f"{path.name}: '{unknown[0]}' stands beside {' and '.join(sorted(sections))}, where nothing reads it. "
            f"A predicates file has {' and '.join(sorted(SECTIONS))}; the rest is the task's."
        )
    predicates = tree.get("predicates", {} if sections else tree) or {}
    for found in (predicates, demographics):
        if not isinstance(found, dict):
            raise TaskError(f"{path.name}, line 1: a predicates file is a mapping of names.")
    return predicates, demographics


def _name_of(path: Path) -> str:
    """``first_24h`` of MEDS-DEV says little: its folders up to ``tasks`` are the task's name."""
    parts = list(path.with_suffix("").parts)
    if "tasks" in parts:
        inside = parts[len(parts) - parts[::-1].index("tasks") :]
        return "_".join(inside)
    return path.stem
