"""A workspace: a folder around a store, with what was learned from it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lifecourse.base.errors import StoreError, UserError
from lifecourse.base.folders import recovered

if TYPE_CHECKING:
    from lifecourse.models.outcomes import ModelOfOutcomes
    from lifecourse.timeline.derived import Derived

SETTINGS_FILE = "lifecourse.yaml"
PARTS = ("tasks", "labels", "features", "models", "findings", "plans", "audit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """Where things lie in a workspace."""

    root: Path

    @property
    def store(self) -> Path:
        """The store of events."""
        return self.root / "store"

    @property
    def settings_file(self) -> Path:
        """`lifecourse.yaml`."""
        return self.root / SETTINGS_FILE

    @property
    def report(self) -> Path:
        """`run.json`: what the last run made, with counts and content hashes."""
        return self.root / "run.json"

    @property
    def steps(self) -> Path:
        """One file per finished step of a run, so that the next run skips it."""
        return self.root / ".steps"

    def part(self, name: str) -> Path:
        """The folder `labels`, `models`, `findings`, `plans`, ..."""
        return self.root / name

    def create(self) -> Workspace:
        """Make the folders that are missing.

        Raises
        ------
        UserError
            The path is a file, or a folder with other things in it.
        """
        if self.root.is_file():
            raise UserError(f"{self.root} is a file. Give a folder for the workspace.")
        if self.root.is_dir() and any(self.root.iterdir()) and not self.is_one():
            raise UserError(
                f"{self.root} has other things in it and is no workspace. Give an empty or new folder."
            )
        for name in PARTS:
            self.part(name).mkdir(parents=True, exist_ok=True)
        return self

    def discard_if_empty(self) -> None:
        """Take away what `create` made and the settings, where no store came of it."""
        if self.store.exists():
            return
        self.settings_file.unlink(missing_ok=True)
        for folder in (*(self.part(name) for name in PARTS), self.root):
            with suppress(OSError):  # not empty: somebody else's, so it stays
                folder.rmdir()

    def is_one(self) -> bool:
        """Whether the folder is a workspace."""
        return self.store.is_dir() or self.settings_file.is_file() or self.part("plans").is_dir()


def store_of(path: Path) -> Path:
    """The store at `path`, or in the workspace at `path`.

    Raises
    ------
    UserError
        There is nothing at `path`.
    """
    if not path.exists():
        raise UserError(
            f"there is no store or workspace at {path}. Make one: lifecourse run SOURCE --out {path}"
        )
    inner = Workspace(root=path).store
    return inner if inner.is_dir() else path


def workspace_of(store: Path) -> Workspace:
    """The workspace at `store`, or the one around the store there."""
    return Workspace(root=store if Workspace(root=store).is_one() else store.parent)


def model_of(named: str, store: Path) -> Path:
    """The folder of a model: a path, or the name of a model in the workspace of `store`.

    Raises
    ------
    UserError
        There is no such model (the message lists those of the workspace), or training abstained.
    """
    models = workspace_of(store).part("models")
    for folder in (Path(named), models / named):
        if recovered(folder).is_dir():
            _refuse_abstention(folder, store)
            return folder
    names = [child.name for child in models.iterdir()] if models.is_dir() else []
    there = sorted(name for name in names if not name.startswith("."))
    listed = f"The workspace has: {', '.join(there)}." if there else "Train one: lifecourse train."
    raise UserError(f"there is no model '{named}'. {listed}")


def outcomes_model_of(kind: str, folder: Path, derived: Derived) -> ModelOfOutcomes:
    """The model of many outcomes in `folder`, of the kind that `kind_of_model` found."""
    if kind == "sequence":
        from lifecourse.models.sequence import load_sequence

        return load_sequence(folder, derived)
    from lifecourse.models.outcomes import load_outcomes

    return load_outcomes(folder, derived)


def _refuse_abstention(model: Path, store: Path) -> None:
    from lifecourse.timeline.derived import Derived

    note = model / "outcome.json"
    if not note.is_file():
        return
    around = Derived.around(note)
    try:
        said: Any = (Derived.of(store_of(store)) if around.store is None else around).read_json(
            note
        )
    except StoreError:
        return  # another store's: whether its model may be read is asked where it is read
    if said.get("outcome") == "abstention":
        raise UserError(f"there is no model '{model.name}': {said['reason']}.")
