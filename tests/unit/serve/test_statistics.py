"""A model's page: its calibration is drawn from its card, and said in a table with the same numbers."""

from __future__ import annotations

import numpy as np

from lifecourse.models.evaluation import by_group, calibration_table, decision_curve, gaps
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


def test_what_acting_is_worth_is_drawn_as_far_as_anyone_is_called() -> None:
    random = np.random.default_rng(1)
    risk = random.random(2000) * 0.12
    rows = decision_curve(random.random(2000) < risk, risk)
    worth = model_view({"name": "stroke", "decision_curve": rows})["worth"]
    assert worth["svg"].count("<circle") == sum(row["called"] > 0 for row in rows) == 6
    assert len(worth["rows"]) == len(rows)
    assert worth["rows"][0]["act from"] == "1.0%"


def test_groups_and_gaps_are_told_with_intervals() -> None:
    random = np.random.default_rng(2)
    risk = random.random(2000) * 0.4
    rows = list(by_group("sex", np.repeat(["a", "b"], 1000), random.random(2000) < risk, risk))
    view = model_view({"name": "stroke", "subgroups": rows, "gaps": gaps(rows)})
    assert [row["group"] for row in view["groups"]] == ["sex: a", "sex: b"]
    assert " to " in view["groups"][0]["observed over expected"]
    assert {row["measure"] for row in view["apart"]} == {"AUROC", "observed over expected"}


def test_small_distances_are_written_as_percent() -> None:
    metrics = {"ici": {"value": 0.0042, "low": 0.001, "high": 0.01}}
    (row,) = model_view({"name": "stroke", "metrics": metrics})["measured"]
    assert row["value"] == "0.42 % (0.1 % to 1 %)"


def point(people: int, value: float | None) -> dict[str, float | int | None]:
    ends = (
        {"low": None, "high": None}
        if value is None
        else {"low": value - 0.05, "high": value + 0.05}
    )
    return {"share": people / 800, "people": people, "events": people // 4, "value": value, **ends}


def test_learning_curve_is_drawn_with_its_intervals_and_told() -> None:
    points = [point(100, 0.6), point(200, 0.65), point(400, None), point(800, 0.7)]
    curve = {"measure": "auroc", "held_out": {"people": 200, "events": 50}, "points": points}
    drawing = model_view({"name": "stroke", "learning_curve": curve})["learning"]
    assert drawing["svg"].count("<circle") == len(drawing["rows"]) == 3
    assert drawing["rows"][-1]["AUROC"] == "0.700"
    assert drawing["rows"][-1]["interval"] == "0.650 to 0.750"
    assert drawing["judged"] == 200


def test_one_point_is_no_curve() -> None:
    curve = {
        "measure": "auroc",
        "held_out": {"people": 200, "events": 50},
        "points": [point(100, 0.6)],
    }
    assert model_view({"name": "stroke", "learning_curve": curve})["learning"] is None
    empty = {**curve, "points": []}
    assert model_view({"name": "stroke", "learning_curve": empty})["learning"] is None


def test_all_that_alarms_is_shown_and_of_the_rest_what_moved_farthest() -> None:
    shift = {"kind": "share", "then": 0.1, "now": 0.3, "stability": 0.4}
    shifts = [
        {**shift, "what": f"code {number}", "alarm": number < 13, "said": ""}
        for number in range(30)
    ]
    outcomes = {
        "people": 9,
        "events": 3,
        "expected": 0.0,
        "observed_over_expected": None,
        "low": None,
        "high": None,
    }
    report = {
        "people": 9,
        "people_then": 8,
        "alarms": ["it moved"],
        "outcomes": outcomes,
        "shifts": shifts,
    }
    moved = model_view({"name": "stroke", "monitoring": report})["moved"]
    assert [row["what"] for row in moved["rows"]] == [f"code {number}" for number in range(13)]
    assert moved["rows"][0]["now"] == "30.0%"
    assert moved["ratio"] == "not known"
