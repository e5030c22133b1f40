"""One person with two million events (an ICU monitor) among others: stored, looked at, asked, labelled, featurized."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
from sources import meds_events, write_meds

from lifecourse.features import Recipe, featurize
from lifecourse.schema.actor import Actor, Purpose
from lifecourse.schema.code import codes
from lifecourse.schema.covariate import Covariate, Summary
from lifecourse.schema.window import before
from lifecourse.tasks import Task, label
from lifecourse.timeline.access import open_timeline
from lifecourse.timeline.ingestion import ingest

if TYPE_CHECKING:
    from pathlib import Path

WHO = Actor(name="tester")
MONITORED = 7
HEART_RATE = "LOINC//8867-4"
START = datetime(2020, 1, 1)


def monitored(events: int) -> pl.DataFrame:
    """`events` heart rates a second apart, every hundredth without a value, and an infarction at the end."""
    value = np.random.default_rng(3).normal(80, 9, events).astype(np.float32)
    rates = pl.DataFrame({"value": value}).with_row_index("second")
    table = rates.select(
        subject_id=pl.lit(MONITORED, pl.Int64),
        time=pl.lit(START) + pl.duration(seconds=pl.col("second")),
        code=pl.lit(HEART_RATE),
        numeric_value=pl.when(pl.col("second") % 100 != 0).then(pl.col("value")),
    ).with_columns(pl.col("time").cast(pl.Datetime("us")))
    last = table[-1:].with_columns(
        code=pl.lit("ICD10CM//I21.9"),
        numeric_value=pl.lit(None, pl.Float32),
        time=pl.col("time") + pl.duration(seconds=1),
    )
    return pl.concat([table, last])


@pytest.mark.parametrize("events", [150_000, pytest.param(2_000_000, marks=pytest.mark.prove)])
def test_one_person_with_very_many_events(tmp_path: Path, events: int) -> None:
    mine = monitored(events)
    others = meds_events(12).filter(pl.col("subject_id") != MONITORED)
    report = ingest(
        write_meds(tmp_path / "source", pl.concat([others, mine])), tmp_path / "store", plain=False
    )
    assert report.events == others.height + mine.height
    assert not report.rejects

    care = open_timeline(tmp_path / "store", actor=WHO, purpose=Purpose.DIRECT_CARE)
    chart = care.chart(MONITORED)
    assert chart.shard.n_events == mine.height
    assert care.chart(1).shard.n_events == others.filter(pl.col("subject_id") == 1).height
    rate = codes("heart_rate", HEART_RATE)
    asked = [
        Covariate(name=str(summary), codelist=rate, window=before(None), summary=summary)
        for summary in (Summary.COUNT, Summary.COUNT_VALUES, Summary.LAST, Summary.MAX)
    ]
    values = mine["numeric_value"].drop_nulls()
    expected = {
        "count": events,
        "count_values": len(values),
        "last": values[-1],
        "max": values.max(),
    }
    assert chart.ask(asked, chart.last_time) == expected

    learning = open_timeline(tmp_path / "store", actor=WHO, purpose=Purpose.OPERATIONS)
    history = learning.reader().subject(MONITORED)
    np.testing.assert_array_equal(history.time, mine["time"].cast(pl.Int64).to_numpy())
    np.testing.assert_array_equal(
        history.value, mine["numeric_value"].fill_null(float("nan")).to_numpy()
    )

    task = Task.model_validate(
        {
            "name": "infarction",
            "trigger": {"codes": [HEART_RATE], "which": "every"},
            "outcome": {"codes": ["ICD10CM//I21.9"]},
            "outcome_window_days": 1,
            "censoring": "negative",
        }
    )
    labels = label(learning, task).table.filter(pl.col("subject_id") == MONITORED)
    assert labels.height == events
    assert labels["boolean_value"].sum() == min(events, 86_400)

    recipe = Recipe.model_validate(
        {
            "name": "rates",
            "every_code": {"days": [1], "summaries": ["count"], "min_count": 1},
        }
    )
    some = labels[:: max(1, events // 500)]
    matrix = featurize(learning, some, recipe)
    place = matrix.code_names.index(f"{HEART_RATE}.count.1d")
    seconds = (some["prediction_time"] - START).dt.total_seconds().to_numpy()
    counts = matrix.codes[:, [place]].toarray().ravel()
    np.testing.assert_array_equal(counts, np.minimum(seconds + 1, 86_400))
