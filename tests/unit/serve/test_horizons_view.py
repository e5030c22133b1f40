"""Each outcome at each horizon on a model's page: every number of the card, and a reason where there is none."""

from __future__ import annotations

import re
from typing import Any

import pytest
from cards import CAUSES, UNSEEN, card, horizons, in_tenths, unseen

from lifecourse.serve.web.horizons import horizons_view, share_said, within
from lifecourse.serve.web.pages import filled
from lifecourse.serve.web.statistics import model_view


def cells(found: dict[str, Any]) -> list[dict[str, str]]:
    return [
        {"cause": outcome["name"], "within": line["within"]}
        | {cell["name"]: cell["value"] for cell in line["cells"]}
        for outcome in found["outcomes"]
        for line in outcome["rows"]
    ]


@pytest.mark.parametrize("seed", range(5))
def test_every_outcome_at_every_horizon_is_told_with_its_numbers(seed: int) -> None:
    rows = horizons(seed)
    found = horizons_view({"horizons": rows}, "A model")
    assert found is not None
    told = cells(found)
    assert [(one["cause"], one["within"]) for one in told] == [
        (cause, words)
        for cause in ("MI", "<b>stroke", "Death")
        for words in ("30 days", "1 year", "5 years")
    ]
    for one, row in zip(told, rows, strict=True):
        assert one["Events"] == f"{row['events']:,}"
        point, low, high = (row[name] / row["expected"] for name in ("observed", "low", "high"))
        assert one["Observed over expected"] == f"{point:.2f} ({low:.2f} to {high:.2f})"
        assert one["AUROC"] == f"{row['auroc']:.3f}"
        assert one["Slope"] == f"{row['calibration_slope']:.2f}"
        assert "C" not in one


def test_c_has_a_column_where_there_is_one() -> None:
    rows = [{**one, "concordance": 0.71} for one in horizons()]
    rows[2]["concordance"] = None
    found = horizons_view({"horizons": rows}, "A model")
    assert found is not None
    assert [one["C"] for one in cells(found)] == ["0.710", "0.710", "-", *["0.710"] * 6]


@pytest.mark.parametrize("reason", [{"reason": UNSEEN}, {}])
def test_a_horizon_that_nobody_was_seen_to_has_dashes_and_a_reason(reason: dict[str, str]) -> None:
    rows = [unseen(one, **reason) if one["horizon_days"] == 1826 else one for one in horizons()]
    view = model_view({"name": "times", **card(rows), "judged_at_days": 365})
    told = cells(view["each"])
    assert [one["AUROC"] == "-" for one in told] == [False, False, True] * 3
    assert {told[2][name] for name in ("Observed", "Observed over expected", "Brier", "ICI")} == {
        "-"
    }
    assert view["each"]["first"] == "MI within 1 year"
    html = filled("model.html", actor=None, model=view)
    said = reason.get("reason", "too few people were seen for so long")
    assert html.count(f"Not judged: {said}") == 2 * len(CAUSES)
    assert "None" not in html
    assert "<b>stroke" not in html


def test_each_cell_is_drawn_in_tenths_or_as_one_point() -> None:
    for given, circles in ((in_tenths(horizons()), 10), (horizons(), 1)):
        found = horizons_view({"horizons": given}, "A model")
        assert found is not None
        panels = [line["panel"] for outcome in found["outcomes"] for line in outcome["rows"]]
        assert [panel["svg"].count("<circle") for panel in panels] == [circles] * 9
        assert len({re.findall(r"<title[^>]*>([^<]*)", panel["svg"])[0] for panel in panels}) == 9
        assert found["in_groups"] is (circles == 10)


def test_one_outcome_at_one_horizon_is_drawn_once() -> None:
    found = horizons_view({"horizons": horizons()[:1]}, "A model")
    assert found is not None
    assert not found["drawn"]
    assert horizons_view({"metrics": {}}, "A model") is None


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ([], ""),
        (["age"], "age"),
        (["age", "female"], "age and sex"),
        (["age", "female", "deprivation.last.all"], "age, sex and deprivation"),
    ],
)
def test_by_what_hazards_are_levelled_is_said(columns: list[str], words: str) -> None:
    found = horizons_view({"horizons": horizons(), "levelled_by": columns}, "A model")
    assert found is not None
    assert found["levelled"] == words


def test_horizons_and_shares_read_as_they_are_said() -> None:
    days = (30, 180, 365, 366, 730, 1825, 1826, 7300, 400)
    assert [within(one) for one in days] == [
        "30 days", "180 days", "1 year", "1 year", "2 years", "5 years", "5 years", "20 years", "400 days",
    ]  # fmt: skip
    shares = (0.0, 0.000421, 0.0078, 0.048, 0.0995, 0.5, 1.0)
    assert [share_said(one) for one in shares] == ["0 %", "0.042 %", "0.78 %", "4.8 %", "10 %", "50 %", "100 %"]  # fmt: skip
