"""What was asked, of whom, by which columns: what the card keeps of a study beside its measures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import lifecourse
from lifecourse.models.hazards import HazardLearner
from lifecourse.models.linear import Logistic
from lifecourse.tasks import Task

if TYPE_CHECKING:
    import polars as pl

    from lifecourse.models.model import RiskModel
    from lifecourse.models.trees import Trees


def study_of(model: RiskModel, rows: pl.DataFrame) -> dict[str, Any]:
    """The study of a model, JSON-ready; `rows` are those that were labelled."""
    recipe = model.recipe
    return {
        **(_of_task(model.task) if isinstance(model.task, Task) else _of_aces(model)),
        "years": _years(rows),
        "columns": ["age", "sex", *recipe.columns],
        "codes": len(model.vocabulary),
        "least_people_of_a_code": recipe.every_code.min_count if recipe.every_code else None,
        "settings": _settings(model.learner),
        "software": f"lifecourse {lifecourse.__version__}",
    }


def _of_task(task: Task) -> dict[str, Any]:
    washout = task.washout
    return {
        "description": task.description,
        "outcomes": task.names,
        "asked_at": task.trigger.label,
        "which": str(task.trigger.which),
        "gap_days": task.gap_days,
        "horizons_days": task.horizons,
        "lookback_days": task.lookback_days,
        "age": task.age.model_dump(mode="json") if task.age else None,
        "washout": (["the outcome"] if washout.outcome else []) + [m.label for m in washout.also]
        if washout
        else [],
        "censoring": str(task.censoring),
    }


def _of_aces(model: RiskModel) -> dict[str, Any]:
    task = model.task
    return {
        "description": task.description,
        "outcomes": [task.title or task.name],
        "asked_at": getattr(task, "trigger", ""),
        "which": "every",
    }


def _years(rows: pl.DataFrame) -> list[int] | None:
    """The first and the last year that was asked about; whole years tell of nobody."""
    if rows.height == 0:
        return None
    years = rows["prediction_time"].dt.year()
    return [int(years[place]) for place in (years.arg_min(), years.arg_max()) if place is not None]


def _settings(learner: Logistic | Trees | HazardLearner) -> dict[str, Any]:
    """What was chosen while learning, by name."""
    if isinstance(learner, HazardLearner):
        return {"penalty": list(learner.linear[0].penalty), "trees": learner.boosted[0].rounds}
    if isinstance(learner, Logistic):
        return {"inverse_penalty": learner.penalty}
    depth, rounds = learner.settings or (None, None)
    return {"depth": depth, "trees": rounds}
