"""A model's page: its calibration is drawn from its card, and said in a table with the same numbers."""

from __future__ import annotations

import numpy as np

from lifecourse.models.evaluation.calibration import calibration_table
from lifecourse.serve.web.statistics import model_view


def test_calibration_of_a_card_is_drawn_and_told() -> None:
    random = np.random.default_rng(0)
    risk = random.random(500) * 0.4
    groups = calibration_table(random.random(500) < risk, risk)
    drawing = model_view({"name": "stroke", "calibration": groups})["drawing"]
    assert drawing["svg"].count("<circle") == len(groups) == len(drawing["rows"]) == 10
    assert [row["people"] for row in drawing["rows"]] == [group["people"] for group in groups]


def test_abstention_has_its_reason_and_no_drawing() -> None:
    view = model_view({"name": "stroke", "reason": "3 people with the outcome"})
    assert view["drawing"] is None
    assert view["reason"] == "3 people with the outcome"
    assert view["measured"] == []


def test_metrics_are_named_with_their_intervals_in_a_fixed_order() -> None:
    metrics = {"brier": 0.1, "auroc": {"value": 0.8, "low": 0.7, "high": 0.9}}
    measured = model_view({"name": "stroke", "metrics": metrics})["measured"]
    assert [m["value"] for m in measured] == ["0.8 (0.7 to 0.9)", "0.1"]
