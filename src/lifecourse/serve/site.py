"""A workspace as the server sees it: timelines opened for someone, and what a run left beside the store."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lifecourse.base.clock import now
from lifecourse.base.errors import UserError
from lifecourse.base.files import read_json
from lifecourse.schema.actor import Purpose
from lifecourse.tasks.verdicts import Reviews
from lifecourse.timeline.access import open_timeline

if TYPE_CHECKING:
    from pathlib import Path

    from lifecourse.schema.actor import Actor
    from lifecourse.timeline.access import Timeline

PURPOSE = Purpose.DIRECT_CARE


class Absent(UserError):
    """What was asked for is not in the workspace."""

    number = 104


# An opened timeline is kept this long, so that a page does not read the list of people again.
SECONDS_OPEN = 60.0
MOST_OPEN = 16


@dataclass(kw_only=True)
class Site:
    """The workspace behind the pages; every access names an actor, the purpose is direct care unless said otherwise.

    units : ``us`` or ``si``, which of the two is shown first
    """

    workspace: Path
    units: str = "us"
    _opened: dict[tuple[str, Purpose], tuple[float, Timeline]] = field(
        default_factory=dict, repr=False
    )
    _panel: tuple[Any, dict[int, list[dict[str, str]]]] | None = field(default=None, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def timeline(self, actor: Actor, purpose: Purpose = PURPOSE) -> Timeline:
        """The store for `actor` and `purpose`: opened, which is audited, at most once a minute.

        Raises
        ------
        PolicyRefused
            The store may not be opened for that purpose.
        """
        moment = now().timestamp()
        with self._lock:
            held = self._opened.get((actor.name, purpose))
            if held and moment - held[0] < SECONDS_OPEN:
                return held[1]
        opened = open_timeline(self.workspace, actor=actor, purpose=purpose)
        with self._lock:
            if len(self._opened) >= MOST_OPEN:
                self._opened.clear()
            self._opened[actor.name, purpose] = (moment, opened)
        return opened

    @cached_property
    def reviews(self) -> Reviews:
        """The reviews of phenotypes by clinicians."""
        return Reviews(self.workspace)

    def firing(self) -> dict[int, list[dict[str, str]]]:
        """By subject, the recommendations that fired in the plans of the last run: name and title."""
        folder = self.workspace / "plans"
        stamp = folder.stat().st_mtime_ns if folder.is_dir() else 0
        if self._panel is None or self._panel[0] != stamp:
            self._panel = (stamp, _fired(folder))
        return self._panel[1]

    def tasks(self) -> list[dict[str, Any]]:
        """What became of each task: its attrition and its model or abstention."""
        labels = self.workspace / "labels"
        found = []
        for path in sorted(labels.glob("*.attrition.json")):
            name = path.name.removesuffix(".attrition.json")
            outcome = self.workspace / "models" / name / "outcome.json"
            found.append(
                {
                    "name": name,
                    "attrition": read_json(path),
                    "model": read_json(outcome) if outcome.is_file() else None,
                }
            )
        return found

    def models(self) -> list[str]:
        """The names of the tasks that have a model or an abstention."""
        folder = self.workspace / "models"
        return sorted(path.parent.name for path in folder.glob("*/outcome.json"))

    def model(self, name: str) -> dict[str, Any]:
        """The outcome of training for the task `name`.

        Raises
        ------
        Absent
            There is no such model.
        """
        if name not in self.models():
            raise Absent("the workspace has no such model. The page of models lists them.")
        document: Any = read_json(self.workspace / "models" / name / "outcome.json")
        return {"name": name, **document}

    def findings(self) -> dict[str, Any]:
        """What was discovered; empty before a run."""
        path = self.workspace / "findings" / "findings.json"
        document: Any = read_json(path) if path.is_file() else {}
        return document if isinstance(document, dict) else {"findings": document}

    @cached_property
    def trained(self) -> dict[str, Any]:
        """The trained models by task, loaded once; abstentions are not among them."""
        names = [name for name in self.models() if self.model(name).get("outcome") == "model"]
        if not names:
            return {}
        from lifecourse.models import load_model

        return {name: load_model(self.workspace / "models" / name) for name in names}


def _fired(folder: Path) -> dict[int, list[dict[str, str]]]:
    found = {}
    for path in folder.glob("*.json"):
        if path.stem.lstrip("-").isdigit():
            document: Any = read_json(path)
            found[int(path.stem)] = [
                {"name": row["name"], "title": row.get("title") or row["name"]}
                for row in document.get("recommendations", ())
                if row.get("answer") == "fires"
            ]
    return found
