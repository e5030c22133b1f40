"""What a model meets in a store, in counts alone: its inputs, its risks and what came true.

One moment of each person, drawn at random, so that nobody counts twice; the bins are those of the people it learned
from, or was recalibrated to. A snapshot names nobody, and is kept on the model's card to be compared with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from lifecourse.features import featurize
from lifecourse.models.competing import followed_of, from_gap
from lifecourse.models.evaluation import cumulative_incidence, horizons_seen
from lifecourse.tasks import Task, label
from lifecourse.tasks.definition import Censoring

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.features import FeatureMatrix
    from lifecourse.models.evaluation import Followed
    from lifecourse.models.model import RiskModel
    from lifecourse.timeline.access import Timeline

    Floats = npt.NDArray[np.float64]

RISK = "risk"
MOST_PEOPLE = 20_000
BINS = 10


def snapshot(
    model: RiskModel, timeline: Timeline, *, like: dict[str, Any] | None = None, seed: int = 0
) -> dict[str, Any]:
    """What `model` meets in `timeline`, JSON-ready.

    Parameters
    ----------
    like : an earlier snapshot, whose bins are used; where None they are tenths of these people

    Returns
    -------
    dict
        ``people``; ``columns``: of each named column and the ``risk`` the ``edges`` of its bins, the ``counts`` in
        them, how many are ``missing`` and the ``median``; ``codes``: how many people have each code's column;
        ``outcomes``: ``people``, ``events`` and the ``expected`` of those whose outcome is known by now; of times to
        events by ``horizon_days``, the last to which people were seen (None where there is none), and ``by_horizon``
        for each such horizon the ``events`` seen, the ``share`` who had the outcome (Aalen-Johansen), of how many
        people it is ``worth`` (`Incidence`), and the mean ``risk``.
    """
    features = _features(model, timeline, _at_risk(model, timeline), seed)
    columns = {name: features.dense[:, i] for i, name in enumerate(features.dense_names)}
    columns[RISK] = model.risk(features) if len(features.dense) else np.zeros(0)
    bins = {} if like is None else like["columns"]
    found = features.codes != 0
    return {
        "people": len(features.dense),
        "columns": {
            name: binned(values, bins.get(name, {}).get("edges"))
            for name, values in columns.items()
        },
        "codes": {
            name: int(count)
            for name, count in zip(
                features.code_names, np.asarray(found.sum(axis=0)).ravel(), strict=True
            )
        },
        "outcomes": _outcomes(model, timeline, seed),
    }


def binned(values: Floats, edges: list[float] | None) -> dict[str, Any]:
    """The counts of `values` (float64[n], NaN where missing) between `edges`; of tenths where None.

    Bins are half open, [edge, next), the first and the last without an end.
    """
    known = values[np.isfinite(values)]
    if edges is None:
        inner = np.linspace(0, 1, BINS + 1)[1:-1]
        edges = np.unique(np.quantile(known, inner)).tolist() if len(known) else []
    counts = np.bincount(np.searchsorted(edges, known, side="right"), minlength=len(edges) + 1)
    return {
        "edges": edges,
        "counts": counts.tolist(),
        "missing": int(len(values) - len(known)),
        "median": float(np.median(known)) if len(known) else None,
    }


def _at_risk(model: RiskModel, timeline: Timeline) -> pl.DataFrame:
    """All moments the task asks from, those of whom the outcome is not known yet too."""
    task = model.task
    if isinstance(task, Task):
        task = task.model_copy(update={"censoring": Censoring.TIME_TO_EVENT})
    return label(timeline, task).table


def _outcomes(model: RiskModel, timeline: Timeline, seed: int) -> dict[str, Any]:
    """Of one moment of each person: how many had the outcome, and how many were expected to."""
    table, task = label(timeline, model.task).table, model.task
    if isinstance(task, Task) and task.is_time_to_event:
        rows = _one_of_each(table.filter(pl.col("duration_days") > task.gap_days), seed)
        return _of_times(model, task, timeline, rows)
    rows = _one_of_each(table.filter(pl.col("boolean_value").is_not_null()), seed)
    if rows.height == 0:
        return {"people": 0, "events": 0, "expected": 0.0}
    risk = model.risk(featurize(timeline, rows, model.recipe, vocabulary=model.vocabulary))
    events = int(rows["boolean_value"].sum())
    return {"people": rows.height, "events": events, "expected": float(risk.sum())}


def _of_times(
    model: RiskModel, task: Task, timeline: Timeline, rows: pl.DataFrame
) -> dict[str, Any]:
    """Those who were lost are made up for: ``expected`` is what the risks say of as many events as were seen."""
    followed = followed_of(rows, task)
    seen = horizons_seen(followed, from_gap(task, task.horizons)) if rows.height else 0
    nobody = {"people": rows.height, "events": 0, "expected": 0.0, "horizon_days": None}
    if seen == 0:
        return nobody | {"by_horizon": []}
    features = featurize(timeline, rows, model.recipe, vocabulary=model.vocabulary)
    told = model.incidence(features)[:, 0, :seen].mean(axis=0)
    by_horizon = _by_horizon(task, followed, told)
    last = by_horizon[-1]
    each = last["events"] / last["share"] if last["events"] else last["worth"]
    return {
        "people": rows.height,
        "events": last["events"],
        "expected": each * last["risk"],
        "horizon_days": last["horizon_days"],
        "by_horizon": by_horizon,
    }


def _by_horizon(task: Task, followed: Followed, told: Floats) -> list[dict[str, Any]]:
    """A line for each of the first horizons, of which the mean risks are `told`."""
    horizons = from_gap(task, task.horizons)[: len(told)]
    came = cumulative_incidence(followed, horizons)
    return [
        {
            "horizon_days": task.horizons[h],
            "events": int(((followed.event == 1) & (followed.duration_days <= days)).sum()),
            "share": float(came.value[h]),
            "worth": float(came.worth[h]),
            "risk": float(told[h]),
        }
        for h, days in enumerate(horizons)
    ]


def _features(model: RiskModel, timeline: Timeline, rows: pl.DataFrame, seed: int) -> FeatureMatrix:
    chosen = _one_of_each(rows, seed)
    return featurize(timeline, chosen, model.recipe, vocabulary=model.vocabulary)


def _one_of_each(rows: pl.DataFrame, seed: int) -> pl.DataFrame:
    """One row of each subject, of at most MOST_PEOPLE subjects, drawn at random."""
    random = np.random.default_rng(seed)
    shuffled = rows[random.permutation(rows.height)]
    each = shuffled.unique("subject_id", keep="first", maintain_order=True)
    return each.head(MOST_PEOPLE).sort("subject_id", "prediction_time")
