"""Recalibration in place: what a model learned elsewhere, brought to how often it happens here.

Of a site's own labelled rows the map from what the model says to what came is fitted, and put after the one that the
model has: of the ``intercept`` alone (it happens more or less often here), or of the ``slope`` too (risks are less or
more apart), as Steyerberg 2004 has them (doi 10.1002/sim.1844), at each horizon and for each cause. ``full`` also bends
the map (beta or isotonic, `lifecourse.models.shapes`) where people outside its fit gain by it; a map that training or
an earlier site bent is not bent again. A horizon to which too few people were seen here takes the level of the last to
which they were seen, by whatever method, and neither its slope nor its bend: that it happens more or less often is as
near to the truth for later years as anything known here, and how far risks lie apart by then is not known at all.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from lifecourse.base.errors import ModelError
from lifecourse.features import featurize
from lifecourse.models.calibration import Calibrator, fit_calibrator
from lifecourse.models.competing import followed_of, from_gap, last_seen
from lifecourse.models.hazards import CurveCalibrator, HazardLearner
from lifecourse.models.judging import evaluate
from lifecourse.models.monitoring.snapshot import snapshot
from lifecourse.models.shapes import BentCalibrator, chosen_shape
from lifecourse.models.split import N_FOLDS, folds_of
from lifecourse.models.venn_abers import VennAbers
from lifecourse.tasks import Task, label

if TYPE_CHECKING:
    from lifecourse.models.model import RiskModel
    from lifecourse.timeline.access import Timeline

METHODS = ("intercept", "slope", "full")
FEWEST_EVENTS = 50
"""An intercept can be told from so many events on; a slope takes more, and is held to 1 by a prior."""


def recalibrate(
    model: RiskModel, timeline: Timeline, *, method: str = "slope", seed: int = 0
) -> RiskModel:
    """The model with its risks brought to the people of `timeline`; what it learned stays.

    Its card says by which method, on which data, and how it did there before, and its snapshot is of what it meets
    there (`monitor` compares with that); measures of the new one need people whom it was not brought to.

    Raises
    ------
    ModelError
        The method is unknown, the store has fewer than 50 rows with the outcome (by the last horizon to which people
        were seen), too few were seen to any horizon, or the method is ``full`` and the model was bent already.
    """
    if method not in METHODS:
        raise ModelError(f"'{method}' is no way to recalibrate. Take one of: {', '.join(METHODS)}.")
    if method == "full" and is_bent(model.calibrator):
        raise ModelError(
            f"the map of '{model.name}' is bent already, by its training or a full recalibration. Take --method slope."
        )
    table = label(timeline, model.task).table
    limits: list[str] = list(model.card.get("limits", []))
    if isinstance(model.task, Task) and isinstance(model.calibrator, CurveCalibrator):
        seen = table.filter(pl.col("duration_days") > model.task.gap_days)
        last = last_seen(model.task, followed_of(seen, model.task))
        limits += _limits(model.task.horizons, last)
        brought = _of_curves(model, timeline, seen, last, method, seed)
    else:
        known = table.filter(pl.col("boolean_value").is_not_null())
        brought = _of_risks(model, timeline, known, method, seed)
    before = evaluate(model, timeline, seed=seed)
    told: dict[str, Any] = {"method": method, "data": timeline.content_hash, "before": before}
    card = {
        **model.card,
        "version": f"{model.version}+{method}-{timeline.content_hash[:6]}",
        "recalibrated": told,
        "limits": limits,
        "snapshot": snapshot(brought, timeline, seed=seed),
    }
    return replace(brought, card=card)


def is_bent(calibrator: Calibrator | BentCalibrator | CurveCalibrator) -> bool:
    """Whether any of its maps is more than an intercept and a slope."""
    if isinstance(calibrator, CurveCalibrator):
        return any(shape for cause in calibrator.shapes or [] for shape in cause)
    return isinstance(calibrator, BentCalibrator)


def _limits(horizons_days: list[int], last: int) -> list[str]:
    return [
        f"Where it was recalibrated too few people were seen to {days:,} days: risks by then were brought to the level "
        f"of those by {horizons_days[last]:,} days alone."
        for days in horizons_days[last + 1 :]
    ]


def _check_events(model: RiskModel, events: int) -> None:
    if events < FEWEST_EVENTS:
        raise ModelError(
            f"task '{model.name}' has {events} events in this store; to recalibrate takes {FEWEST_EVENTS}. "
            "Use the model as it is, or collect more."
        )


def _of_curves(
    model: RiskModel, timeline: Timeline, seen: pl.DataFrame, last: int, method: str, seed: int
) -> RiskModel:
    assert isinstance(model.task, Task)  # noqa: S101 -- only such have curves
    assert isinstance(model.calibrator, CurveCalibrator)  # noqa: S101 -- asked before
    horizons, came = from_gap(model.task, model.task.horizons), followed_of(seen, model.task)
    _check_events(model, int(came.known_at(float(horizons[last]))[0].sum()))
    features = featurize(timeline, seen, model.recipe, vocabulary=model.vocabulary)
    said = model.incidence(features)
    here = CurveCalibrator.fit(said, came, horizons, slopes=method != "intercept")
    if method == "full":
        here = here.bent(said, came, folds_of(seen["subject_id"].to_numpy(), N_FOLDS, seed))
    return replace(model, calibrator=model.calibrator.then(here))


def _of_risks(
    model: RiskModel, timeline: Timeline, table: pl.DataFrame, method: str, seed: int
) -> RiskModel:
    assert not isinstance(model.calibrator, CurveCalibrator)  # noqa: S101 -- asked before
    assert not isinstance(model.learner, HazardLearner)  # noqa: S101 -- such have curves
    came = table["boolean_value"].to_numpy().astype(bool)
    _check_events(model, int(came.sum()))
    features = featurize(timeline, table, model.recipe, vocabulary=model.vocabulary)
    raw = model.learner.predict(features)
    risk = model.calibrator.apply(raw)
    here = fit_calibrator(risk, came, slopes=method != "intercept")
    found = model.calibrator.then(here)
    if method == "full" and isinstance(found, Calibrator):
        folds = folds_of(table["subject_id"].to_numpy(), N_FOLDS, seed)
        shape = chosen_shape(here.apply(risk), came, np.ones(len(risk)), folds)
        found = found if shape is None else BentCalibrator(straight=found, shape=shape)
    return replace(model, calibrator=found, venn_abers=VennAbers.fit(raw, came))
