"""A workspace as the server sees it: timelines opened for someone, and what a run left beside the store."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lifecourse.base.clock import now
from lifecourse.base.errors import UserError
from lifecourse.care.benefit import yearly_of
from lifecourse.privacy.access.house import SETTINGS_FILE, House
from lifecourse.schema.actor import Purpose
from lifecourse.schema.identity import Identity
from lifecourse.tasks.verdicts import Reviews
from lifecourse.timeline.about import audit_of, state_of
from lifecourse.timeline.access import open_timeline
from lifecourse.timeline.derived import Derived

if TYPE_CHECKING:
    from pathlib import Path

    from lifecourse.privacy.audit import AuditLog
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
class _Kept:
    """What every request shares."""

    opened: OrderedDict[tuple[Any, ...], tuple[float, Timeline]] = field(
        default_factory=OrderedDict
    )
    panel: tuple[Any, dict[int, list[dict[str, str]]]] | None = None
    trained: dict[str, Any] | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass(kw_only=True)
class Site:
    """The workspace behind the pages, as one asker meets it; the purpose is direct care unless said otherwise.

    units : ``us`` or ``si``, which of the two is shown first
    identity : who asks; None where nobody does, as when pages are written as files
    """

    workspace: Path
    units: str = "us"
    identity: Identity | None = None
    _kept: _Kept = field(default_factory=_Kept, repr=False)

    def seen_by(self, identity: Identity) -> Site:
        """The same workspace for somebody else."""
        return replace(self, identity=identity)

    @property
    def house(self) -> House:
        """The rules by which people see what is here."""
        return House.at(self.workspace)

    def timeline(
        self, actor: Actor, purpose: Purpose = PURPOSE, *, emergency: int | None = None
    ) -> Timeline:
        """The store for `actor` and `purpose`: opened, which is audited, at most once a minute.

        `emergency` is the person for whom the actor broke the glass.

        Raises
        ------
        PolicyRefused
            The store may not be opened for that purpose.
        """
        moment, who = now().timestamp(), self.identity or Identity(actor=actor)
        # A token is told by what it gives: two requests with one token, or two that give the same, see the same.
        asker = replace(who, token_id=None)
        # A new version, or one without somebody who was erased, is another timeline at once.
        name = (asker, purpose, emergency, self._rules(), state_of(self.workspace))
        with self._kept.lock:
            held = self._kept.opened.get(name)
            if held and moment - held[0] < SECONDS_OPEN:
                return held[1]
        opened = open_timeline(
            self.workspace, actor=actor, purpose=purpose, identity=who, emergency=emergency
        )
        with self._kept.lock:
            while len(self._kept.opened) >= MOST_OPEN:
                self._kept.opened.popitem(last=False)
            self._kept.opened[name] = (moment, opened)
        return opened

    @property
    def audit(self) -> AuditLog:
        """Who looked at whom here."""
        return audit_of(self.workspace)

    def _rules(self) -> tuple[int, ...]:
        """When the files that decide who sees what were changed: a consent withdrawn now holds now."""
        house = self.house
        files = (
            house.care_team_file,
            self.workspace / "access" / "consents.jsonl",
            self.workspace / SETTINGS_FILE,
        )
        return tuple(path.stat().st_mtime_ns if path.is_file() else 0 for path in files)

    @property
    def derived(self) -> Derived:
        """Opens what was made of the workspace's people."""
        return Derived.of(self.workspace)

    @cached_property
    def reviews(self) -> Reviews:
        """The reviews of phenotypes by clinicians."""
        return Reviews(self.workspace)

    def firing(self, timeline: Timeline) -> dict[int, list[dict[str, Any]]]:
        """By subject, what fired in the plans of the last run: name, title, urgency, worth of a year.

        The run saw everything, so what it found is shown of those alone of whom the asker may see everything.
        """
        folder = self.workspace / "plans"
        stamp = folder.stat().st_mtime_ns if folder.is_dir() else 0
        if self._kept.panel is None or self._kept.panel[0] != stamp:
            self._kept.panel = (stamp, fired(folder, self.derived))
        everything, whole = self._kept.panel[1], timeline.whole_subjects()
        if whole is None:
            return everything
        return {subject: rows for subject, rows in everything.items() if subject in whole}

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
                    "attrition": self.derived.read_json(path),
                    "model": self.derived.read_json(outcome) if outcome.is_file() else None,
                }
            )
        return found

    def models(self) -> list[str]:
        """The names of the tasks that have a model or an abstention."""
        folder = self.workspace / "models"
        return sorted(path.parent.name for path in folder.glob("*/outcome.json"))

    def models_of_outcomes(self) -> list[str]:
        """The names of the models of many outcomes."""
        folder = self.workspace / "models"
        return sorted(
            {path.parent.name for path in folder.glob("*/outcomes.json")} - {*self.models()}
        )

    def model(self, name: str) -> dict[str, Any]:
        """The outcome of training for the task `name`; of a model of many outcomes its card, without each outcome.

        Raises
        ------
        Absent
            There is no such model.
        """
        folder = self.workspace / "models" / name
        if name in self.models_of_outcomes():
            many: Any = self.derived.read_json(folder / "outcomes.json")
            return {"name": name, **_without_each(many)}
        if name not in self.models():
            raise Absent("the workspace has no such model. The page of models lists them.")
        document: Any = self.derived.read_json(folder / "outcome.json")
        return {"name": name, **document}

    def outcomes_report(self, name: str) -> dict[str, Any]:
        """The card of a model of many outcomes; ``judged_elsewhere`` is what `lifecourse evaluate` last found."""
        folder = self.workspace / "models" / name
        document: Any = self.derived.read_json(folder / "outcomes.json")
        path = folder / "evaluation.json"
        beside = {"judged_elsewhere": self.derived.read_json(path)} if path.is_file() else {}
        return {"name": name, **document, **beside}

    def model_report(self, name: str) -> dict[str, Any]:
        """The outcome of training for the task `name`, with what lies beside the model.

        ``report`` and ``chai_card`` are what its card tells by the checklists, ``monitoring`` is the last look at what
        it meets; those that are there.
        """
        if name in self.models_of_outcomes():
            return self.outcomes_report(name)
        document, folder = self.model(name), self.workspace / "models" / name
        beside = {what: folder / f"{what}.json" for what in ("report", "chai_card", "monitoring")}
        there = {what: path for what, path in beside.items() if path.is_file()}
        if document.get("outcome") == "abstention":
            return document
        return document | {what: self.derived.read_json(path) for what, path in there.items()}

    def findings(self) -> dict[str, Any]:
        """What was discovered; empty before a run."""
        path = self.workspace / "findings" / "findings.json"
        document: Any = self.derived.read_json(path) if path.is_file() else {}
        return document if isinstance(document, dict) else {"findings": document}

    @property
    def trained(self) -> dict[str, Any]:
        """The trained models by task, loaded once; abstentions are not among them."""
        if self._kept.trained is None:
            self._kept.trained = self._load_models()
        return self._kept.trained

    def _load_models(self) -> dict[str, Any]:
        names = [name for name in self.models() if self.model(name).get("outcome") == "model"]
        if not names:
            return {}
        from lifecourse.models import load_model

        folder = self.workspace / "models"
        return {name: load_model(folder / name, self.derived) for name in names}


def _without_each(document: dict[str, Any]) -> dict[str, Any]:
    """Without the line of each outcome, of which there are hundreds."""
    found = document.get("evaluation")
    if found is None:
        return document
    few = {name: value for name, value in found.items() if name != "outcomes"}
    return {**document, "evaluation": few}


def fired(folder: Path, derived: Derived) -> dict[int, list[dict[str, Any]]]:
    """By person, the lines that fire of the plans written to `folder`."""
    found = {}
    for path in folder.glob("*.json"):
        document: Any = derived.read_json(path)
        if "patient" in document:
            found[int(document["patient"]["subject_id"])] = [
                {
                    "name": row["name"],
                    "title": row.get("title") or row["name"],
                    "urgent": bool(row.get("urgent")),
                    "yearly": yearly_of(row.get("benefit")),
                }
                for row in document.get("recommendations", ())
                if row.get("answer") == "fires" and row.get("same_as") is None
            ]
    return found
