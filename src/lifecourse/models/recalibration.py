"""Recalibration in place: what a model learned elsewhere, brought to how often it happens here.

Of a site's own labelled rows the map from what the model says to what came is fitted, and put after the one that the
model has: of the ``intercept`` alone (it happens more or less often here), or of the ``slope`` too (risks are less or
more apart), as Steyerberg 2004 has them (doi 10.1002/sim.1844), at each horizon and for each cause. ``full`` also bends
the map (beta or isotonic, `lifecourse.models.shapes`) where people outside its fit gain by it; a map that training or
an earlier site bent is not bent again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from lifecourse.base.errors import ModelError
from lifecourse.features import featurize
from lifecourse.models.calibration import Calibrator, fit_calibrator
from lifecourse.models.competing import followed_of, from_gap
from lifecourse.models.hazards import CurveCalibrator, HazardLearner
from lifecourse.models.judging import evaluate
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

    Its card says by which method, on which data, and how it did there before; measures of the new one need people
    whom it was not brought to.

    Raises
    ------
    ModelError
        The method is unknown, the store has fewer than 50 rows with the outcome, or the method is ``full`` and the
        model was bent already.
    """
    if method not in METHODS:
        raise ModelError(f"'{method}' is no way to recalibrate. Take one of: {', '.join(METHODS)}.")
    if method == "full" and is_bent(model.calibrator):
        raise ModelError(
            f"the map of '{model.name}' is bent already, by its training or a full recalibration. Take --method slope."
        )
    table = label(timeline, model.task).table
    table = table.filter(pl.col("boolean_value").is_not_null())
    events = int(table["boolean_value"].sum() or 0)
    if events < FEWEST_EVENTS:
        raise ModelError(
            f"task '{model.name}' has {events} events in this store; to recalibrate takes {FEWEST_EVENTS}. "
            "Use the model as it is, or collect more."
        )
    before = evaluate(model, timeline, seed=seed)
    brought = (
        replace(model, calibrator=_of_curves(model, timeline, method, seed))
        if isinstance(model.calibrator, CurveCalibrator)
        else _of_risks(model, timeline, table, method, seed)
    )
    told: dict[str, Any] = {"method": method, "data": timeline.content_hash, "before": before}
    return replace(
        brought,
        card={
            **model.card,
            "version": f"{model.version}+{method}-{timeline.content_hash[:6]}",
            "recalibrated": told,
        },
    )


def is_bent(calibrator: Calibrator | BentCalibrator | CurveCalibrator) -> bool:
    """Whether any of its maps is more than an intercept and a slope."""
    if isinstance(calibrator, CurveCalibrator):
        return any(shape for cause in calibrator.shapes or [] for shape in cause)
    return isinstance(calibrator, BentCalibrator)


def _of_curves(model: RiskModel, timeline: Timeline, method: str, seed: int) -> CurveCalibrator:
    assert isinstance(model.task, Task)  # noqa: S101 -- only such have curves
    assert isinstance(model.calibrator, CurveCalibrator)  # noqa: S101 -- asked before
    seen = label(timeline, model.task).table.filter(pl.col("duration_days") > model.task.gap_days)
    features = featurize(timeline, seen, model.recipe, vocabulary=model.vocabulary)
    horizons = from_gap(model.task, model.task.horizons)
    said, came = model.incidence(features), followed_of(seen, model.task)
    here = CurveCalibrator.fit(said, came, horizons, slopes=method != "intercept")
    if method == "full":
        here = here.bent(said, came, folds_of(seen["subject_id"].to_numpy(), N_FOLDS, seed))
    return model.calibrator.then(here)


def _of_risks(
    model: RiskModel, timeline: Timeline, table: pl.DataFrame, method: str, seed: int
) -> RiskModel:
    assert not isinstance(model.calibrator, CurveCalibrator)  # noqa: S101 -- asked before
    assert not isinstance(model.learner, HazardLearner)  # noqa: S101 -- such have curves
    features = featurize(timeline, table, model.recipe, vocabulary=model.vocabulary)
    raw, came = model.learner.predict(features), table["boolean_value"].to_numpy().astype(bool)
    risk = model.calibrator.apply(raw)
    here = fit_calibrator(risk, came, slopes=method != "intercept")
    found = model.calibrator.then(here)
    if method == "full" and isinstance(found, Calibrator):
        folds = folds_of(table["subject_id"].to_numpy(), N_FOLDS, seed)
        shape = chosen_shape(here.apply(risk), came, np.ones(len(risk)), folds)
        found = found if shape is None else BentCalibrator(straight=found, shape=shape)
    return replace(model, calibrator=found, venn_abers=VennAbers.fit(raw, came))
