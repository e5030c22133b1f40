"""`run`: a source of records all the way to plans, in a workspace.

Ingest, then for each task its labels and a model or an abstention, then findings, then a plan for every
adult. Each step leaves a note keyed by what it depends on, so a second run does only what is missing or
has changed; two runs of the same source give the same hashes in ``run.json``.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lifecourse.base.errors import SourceError
from lifecourse.base.files import write_text
from lifecourse.base.progress import SILENT, Progress
from lifecourse.cli.arguments import machine_user
from lifecourse.cli.output import plainly
from lifecourse.cli.plan import write_plans
from lifecourse.cli.settings import Settings, load_settings
from lifecourse.cli.steps import Step, content_of, finished
from lifecourse.cli.train import train_and_save
from lifecourse.cli.workspace import Workspace
from lifecourse.privacy.access.asking import Action
from lifecourse.schema.actor import Actor, Purpose
from lifecourse.timeline.derived import Derived

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from lifecourse.tasks import AnyTask
    from lifecourse.timeline.access import Timeline

FIRST_SETTINGS = """\
# Settings of this workspace; `lifecourse config show` prints them with their defaults.
timezone: {timezone}
"""


def run(
    source: Path,
    out: Path,
    *,
    kind: str | None = None,
    timezone: str | None = None,
    snapshot: bool = False,
    identifiability: str | None = None,
    plain: bool | None = None,
    mappings: Sequence[Path] = (),
    actor: Actor | None = None,
    progress: Progress = SILENT,
) -> dict[str, Any]:
    """Take the records in `source` all the way to plans in the workspace `out`; gives ``run.json``.

    Learning is done for the purpose ``operations``, plans are made for ``direct_care``; both are audited.

    Parameters
    ----------
    source : file or folder of FHIR, OMOP or MEDS
    out : a new folder, or a workspace to go on with
    kind, timezone, snapshot, identifiability, plain, mappings : as of `ingest`; the time zone defaults to the settings'
    """
    if not source.exists():
        raise SourceError(f"there is nothing at {source}. Give a file or folder of records.")
    is_new = not out.exists()
    workspace = Workspace(root=out).create()
    settings = load_settings(out)
    zone = timezone or settings.timezone
    if not workspace.settings_file.exists():
        write_text(workspace.settings_file, FIRST_SETTINGS.format(timezone=zone))
    try:
        ingested = _ingest(
            workspace,
            source,
            kind=kind,
            timezone=zone,
            snapshot=snapshot,
            identifiability=identifiability,
            plain=plain,
            mappings=mappings,
            actor=actor,
            progress=progress,
        )
    except SourceError:
        if is_new:
            workspace.discard_if_empty()
        raise
    journey = Journey(
        workspace=workspace,
        settings=settings,
        actor=actor or Actor(name=machine_user()),
        progress=progress,
    )
    report = {"store": ingested, **journey.learn(), "plans": journey.plan()}
    derived = Derived.of(workspace.store)
    report["hashes"] = {
        "store": ingested["content_hash"],
        **{
            part: content_of([workspace.part(part)], derived)
            for part in ("labels", "models", "findings", "plans")
        },
    }
    derived.write_json(workspace.report, report)
    return report


@dataclass(frozen=True, slots=True, kw_only=True)
class Journey:
    """What follows the store."""

    workspace: Workspace
    settings: Settings
    actor: Actor
    progress: Progress

    def learn(self) -> dict[str, Any]:
        """Label and train each task, then discover."""
        timeline = self._open(Purpose.OPERATIONS, Action.LEARN)
        outcomes = {}
        tasks = self._tasks()
        for done, task in enumerate(tasks):
            self.progress.step("tasks", done, len(tasks))
            outcomes[task.name] = self._task(timeline, task)
        self.progress.step("tasks", len(tasks), len(tasks))
        return {"tasks": outcomes, "findings": self._discover(timeline)}

    def plan(self) -> dict[str, Any]:
        """A plan for every adult."""
        timeline = self._open(Purpose.DIRECT_CARE, Action.PLAN)
        folder = self.workspace.part("plans")

        def work() -> dict[str, Any]:
            _emptied(folder)
            report = write_plans(timeline, folder, progress=self.progress)
            return {name: value for name, value in report.items() if name != "out"}

        return self._finished("plans", timeline, work, writes=(folder,))

    def _open(self, purpose: Purpose, to: Action) -> Timeline:
        from lifecourse.timeline.access import open_timeline

        return open_timeline(self.workspace.store, actor=self.actor, purpose=purpose, to=to)

    def _tasks(self) -> list[AnyTask]:
        from lifecourse.tasks import library_names, load_task

        named = self.settings.tasks
        if named is None:
            return [load_task(name) for name in library_names()]
        files = [self.workspace.root / name for name in named]
        return [
            load_task(file if file.is_file() else name)
            for name, file in zip(named, files, strict=True)
        ]

    def _task(self, timeline: Timeline, task: AnyTask) -> dict[str, Any]:
        table = self.workspace.part("labels") / f"{task.name}.parquet"
        attrition = self.workspace.part("labels") / f"{task.name}.attrition.json"
        model = self.workspace.part("models") / task.name

        def label_it() -> dict[str, Any]:
            from lifecourse.tasks import label

            told = label(timeline, task, progress=self.progress).write(table, timeline.derived)
            timeline.derived.write_json(attrition, told["attrition"])
            return told

        def train_it() -> dict[str, Any]:
            return train_and_save(timeline, task, model, seed=self.settings.seed)

        labelled = self._finished(
            f"label-{task.name}", timeline, label_it, writes=(table, attrition), task=plainly(task)
        )
        trained = self._finished(
            f"train-{task.name}",
            timeline,
            train_it,
            writes=(model,),
            task=plainly(task),
            seed=self.settings.seed,
        )
        return {"labels": labelled, "model": trained}

    def _discover(self, timeline: Timeline) -> dict[str, Any]:
        path = self.workspace.part("findings") / "findings.json"

        def work() -> dict[str, Any]:
            from lifecourse.insights import discover

            found = plainly(discover(timeline, seed=self.settings.seed))
            timeline.derived.write_json(path, found)
            return {name: value for name, value in found.items() if isinstance(value, int | str)}

        return self._finished("findings", timeline, work, writes=(path,), seed=self.settings.seed)

    def _finished(
        self,
        name: str,
        timeline: Timeline,
        work: Callable[[], dict[str, Any]],
        *,
        writes: tuple[Path, ...],
        **depends_on: Any,
    ) -> dict[str, Any]:
        from lifecourse import __version__

        needs = {
            "lifecourse": __version__,
            "store": timeline.content_hash,
            "sealed": timeline.derived.seals,
            **depends_on,
        }
        step = Step(name=name, depends_on=needs, writes=writes)
        return finished(self.workspace, step, work, timeline.derived)


def _ingest(workspace: Workspace, source: Path, **options: Any) -> dict[str, Any]:
    """The ingest report without what differs between a first and a second run."""
    from lifecourse.cli.ingest import ingest_named

    report = ingest_named(source, workspace.store, **options)
    changes = ("added", "changed", "unchanged", "removed", "version")
    return {name: value for name, value in report.items() if name not in changes}


def headlines(report: dict[str, Any]) -> dict[str, Any]:
    """The few lines of a run report that a person reads first."""
    store = report["store"]
    return {
        "subjects": store["subjects"],
        "events": store["events"],
        "rows read": store["rows_read"],
        "rejects": store["rejects"],
        "tasks": {name: _said(task) for name, task in report["tasks"].items()},
        "plans": report["plans"]["plans"],
        "recommendations": report["plans"]["answers"],
    }


def _said(task: dict[str, Any]) -> str:
    labels, model = task["labels"], task["model"]
    counted = f"{labels['rows']:,} rows, {labels['positives']:,} positive"
    if model["outcome"] == "abstention":
        return f"{counted}; no model: {model['n_events']:,} events, {model['n_needed']:,} needed"
    return f"{counted}; model"


def _emptied(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
