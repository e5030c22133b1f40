"""A model scored by the truth: against what is attainable, by group, and how early."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from cohorts import RECIPE, RISK, SEEN, TASK, at_visit, cohort
from sklearn.metrics import roc_auc_score

from lifecourse.base.errors import ModelError
from lifecourse.cli.evaluate import text
from lifecourse.features import featurize
from lifecourse.models import compare_with_truth, train
from lifecourse.timeline.access import Timeline
from lifecourse.timeline.unstored import timeline_from_events

if TYPE_CHECKING:
    from pathlib import Path

    from lifecourse.models import RiskModel

N = 1200
PEOPLE = range(1, N + 1)
EVENTS = cohort(N, seed=8)
AT_RISK = EVENTS.filter(code=RISK)["subject_id"].to_list()
HAD = EVENTS.filter(code="ICD10CM//I63.9")["subject_id"].to_list()


@pytest.fixture(scope="module")
def timeline() -> Timeline:
    return timeline_from_events(EVENTS)


@pytest.fixture(scope="module")
def model() -> RiskModel:
    found = train(timeline_from_events(cohort(600, seed=3)), TASK, recipe=RECIPE).model
    assert found is not None
    return found


def truth_table(**changed: Any) -> pl.DataFrame:
    """Everyone's true risk of a stroke within a year, 0.55 or 0.15, and whether and when it came; in no order."""
    is_at_risk = np.isin(list(PEOPLE), AT_RISK)
    happened = np.isin(list(PEOPLE), HAD)
    onset = [SEEN + timedelta(days=15 * (p % 24)) if p in HAD else None for p in PEOPLE]
    table = pl.DataFrame(
        {
            "person": list(PEOPLE),
            "time": pl.Series([SEEN] * N, dtype=pl.Datetime("us")),
            "outcome": "stroke",
            "years": pl.Series([1] * N, dtype=pl.Int32),
            "risk": np.where(is_at_risk, 0.55, 0.15),
            "attainable": np.where(is_at_risk, 0.55, 0.15),
            "happened": happened,
            "onset": pl.Series(onset, dtype=pl.Datetime("us")),
            "is_recorded": False,
        }
    )
    return table.with_columns(**changed).sample(fraction=1.0, shuffle=True, seed=2)


def write(folder: Path, table: pl.DataFrame) -> Path:
    (folder / "risks").mkdir(parents=True)
    table.write_parquet(folder / "risks" / "0.parquet")
    (folder / "people").mkdir()
    smoking = ["current" if person % 3 == 0 else "never" for person in PEOPLE]
    people = pl.DataFrame({"person": list(PEOPLE), "smoking": smoking})
    people.write_parquet(folder / "people" / "0.parquet")
    return folder


def predicted(model: RiskModel, timeline: Timeline) -> dict[int, float]:
    rows = at_visit(PEOPLE)
    features = featurize(timeline, rows, model.recipe, vocabulary=model.vocabulary)
    return dict(zip(PEOPLE, model.risk(features).tolist(), strict=True))


def test_discrimination_is_set_beside_what_is_attainable(
    model: RiskModel, timeline: Timeline, tmp_path: Path
) -> None:
    found = compare_with_truth(model, timeline, write(tmp_path / "t", truth_table()))
    risk = predicted(model, timeline)
    came = [person in HAD for person in PEOPLE]
    area = roc_auc_score(came, [risk[person] for person in PEOPLE])
    best = roc_auc_score(came, [person in AT_RISK for person in PEOPLE])
    assert (found["people"], found["events"], found["years"]) == (N, len(HAD), 1)
    assert found["auroc"]["model"]["value"] == pytest.approx(area)
    assert found["auroc"]["latent"]["value"] == pytest.approx(best)
    share = found["share_of_attainable_gain"]
    assert share["value"] == pytest.approx((area - 0.5) / (best - 0.5))
    assert share["low"] < share["value"] < share["high"]
    assert share["value"] > 0.7  # the model does know the risk factor


def test_groups_have_predicted_over_true_with_an_interval(
    model: RiskModel, timeline: Timeline, tmp_path: Path
) -> None:
    found = compare_with_truth(model, timeline, write(tmp_path / "t", truth_table()))
    risk = predicted(model, timeline)
    groups = {row["group"]: row for row in found["groups"]}
    assert {"everyone", "sex: female", "sex: male", "smoking: current", "smoking: never"} <= set(
        groups
    )
    for name, members in (
        ("everyone", list(PEOPLE)),
        ("sex: female", [p for p in PEOPLE if p % 2]),
        ("smoking: current", [p for p in PEOPLE if p % 3 == 0]),
    ):
        row = groups[name]
        true = np.mean([0.55 if p in AT_RISK else 0.15 for p in members])
        said = np.mean([risk[p] for p in members])
        assert row["people"] == len(members)
        assert row["true"] == pytest.approx(true)
        assert row["observed"] == pytest.approx(np.mean([p in HAD for p in members]))
        assert row["predicted_over_true"]["value"] == pytest.approx(said / true)
        assert row["predicted_over_true"]["low"] < said / true < row["predicted_over_true"]["high"]
    assert all(row["people"] >= 200 for row in groups.values())
    assert "smoking: never" in text(found)


def test_a_model_that_says_twice_too_much_in_women_is_found_out(
    model: RiskModel, timeline: Timeline, tmp_path: Path
) -> None:
    halved = pl.when(pl.col("person") % 2 == 1).then(pl.col("risk") / 2).otherwise("risk")
    found = compare_with_truth(model, timeline, write(tmp_path / "t", truth_table(risk=halved)))
    ratios = {row["group"]: row["predicted_over_true"] for row in found["groups"]}
    assert ratios["sex: female"]["low"] > 1.6
    assert ratios["sex: male"]["high"] < 1.4


def test_lead_time_agrees_with_reading_one_person_after_another(
    model: RiskModel, timeline: Timeline, tmp_path: Path
) -> None:
    table = truth_table()
    found = compare_with_truth(model, timeline, write(tmp_path / "t", table))["alerts"]
    risk = predicted(model, timeline)
    order = sorted(
        table["person"].to_list(), key=lambda p: -risk[p]
    )  # stable, as the truth lists them
    months = sorted(15 * (p % 24) / (365.25 / 12) for p in order[: N // 20] if p in HAD)
    mine = found["by"]["model"]
    assert found["rate"] == 0.05
    assert mine["right"] == pytest.approx(len(months) / (N // 20))
    assert mine["share_caught"] == pytest.approx(len(months) / len(HAD))
    early = sum(m >= 12 for m in months)
    assert mine["share_caught_early"] == pytest.approx(early / len(HAD))
    assert mine["quartiles_months_before"][1] == pytest.approx(np.median(months))
    assert set(found["by"]) == {"model", "latent", "attainable"}


def test_who_is_recorded_already_and_who_is_not_in_the_store_are_not_asked_about(
    model: RiskModel, timeline: Timeline, tmp_path: Path
) -> None:
    table = truth_table(is_recorded=pl.col("person") <= 100)
    strangers = table.filter(pl.col("person") > 1000).with_columns(pl.col("person") + 9000)
    found = compare_with_truth(
        model, timeline, write(tmp_path / "t", pl.concat([table, strangers]))
    )
    assert found["people"] == N - 100


def test_without_an_oracle_there_is_no_share_of_the_attainable(
    model: RiskModel, timeline: Timeline, tmp_path: Path
) -> None:
    plain = truth_table().drop("attainable")
    found = compare_with_truth(model, timeline, write(tmp_path / "t", plain))
    assert "share_of_attainable_gain" not in found
    assert set(found["auroc"]) == {"model", "latent"}
    assert "alerts by" in text(found)


def test_a_truth_that_cannot_judge_is_refused_in_words(
    model: RiskModel, timeline: Timeline, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match="no true risks"):
        compare_with_truth(model, timeline, tmp_path)
    truth = write(tmp_path / "t", truth_table())
    with pytest.raises(ModelError, match="Name one of: stroke"):
        compare_with_truth(model, timeline, truth, outcome="gout")
    longer = write(tmp_path / "longer", truth_table(years=pl.lit(5, pl.Int32)))
    with pytest.raises(ModelError, match="within 1 years"):
        compare_with_truth(model, timeline, longer)
    others = write(tmp_path / "others", truth_table(person=pl.col("person") + 50_000))
    with pytest.raises(ModelError, match="other people"):
        compare_with_truth(model, timeline, others)
    nobody = write(tmp_path / "nobody", truth_table(happened=pl.lit(value=False)))
    with pytest.raises(ModelError, match="nothing to judge"):
        compare_with_truth(model, timeline, nobody)
