"""What comes of nothing, of the unknown and of the extreme: labels, features and models, one line each.

Two million events in one subject are in `tests/functional/test_large_subject.py`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from lifecourse.features import Recipe, featurize, read_features, write_features
from lifecourse.models import train
from lifecourse.tasks import Task, label, load_task
from lifecourse.timeline.access import Timeline
from lifecourse.timeline.unstored import timeline_from_events

if TYPE_CHECKING:
    from pathlib import Path

    from lifecourse.tasks import AnyTask

SEEN = datetime(2020, 1, 1)
BORN = datetime(1980, 1, 1)
SCHEMA = {
    "subject_id": pl.Int64,
    "time": pl.Datetime("us"),
    "code": pl.String,
    "numeric_value": pl.Float32,
}
RECIPE = Recipe.model_validate(
    {
        "name": "small",
        "covariates": [
            {"codes": ["LOINC//2160-0"], "summary": "last"},
            {"codes": ["NO//SUCH"], "summary": "count"},
        ],
        "every_code": {"days": [None], "summaries": ["count", "last"], "min_count": 1},
    }
)
EVENTS = [
    (1, None, "SEX//female", None),
    (1, BORN, "MEDS_BIRTH", None),
    (1, SEEN, "VISIT//outpatient", None),
    (1, SEEN, "LOINC//2160-0", 1.0),
    (1, SEEN, "LOINC//2160-0", 2.0),
    (1, SEEN + timedelta(days=90), "ICD10CM//N18.30", None),
]
ACES = """\
predicates:
  trigger_code: {code: %s}
  kidney: {code: %s}
trigger: trigger_code
windows:
  input: {start: NULL, end: trigger, start_inclusive: True, end_inclusive: True, index_timestamp: end}
  target: {start: input.end, end: start + 365d, start_inclusive: False, end_inclusive: True, label: kidney}
"""


def timeline(events: list = EVENTS, n_shards: int = 1) -> Timeline:
    table = pl.DataFrame(events, schema=SCHEMA, orient="row")
    return timeline_from_events(table, n_shards=n_shards if events else 0)


def own(trigger: str = "VISIT//outpatient", outcome: str = "ICD10CM//N18.30") -> Task:
    return Task.model_validate(
        {
            "name": "kidney",
            "trigger": {"codes": [trigger], "which": "first"},
            "outcome": {"codes": [outcome]},
            "outcome_window_days": 365,
            "censoring": "negative",
        }
    )


def both(folder: Path, trigger: str, outcome: str) -> list[AnyTask]:
    path = folder / "kidney.yaml"
    path.write_text(ACES % (trigger, outcome))
    return [own(trigger, outcome), load_task(path)]


def at(*moments: datetime) -> pl.DataFrame:
    return pl.DataFrame(
        {"subject_id": [1] * len(moments), "prediction_time": moments},
        schema={"subject_id": pl.Int64, "prediction_time": pl.Datetime("us")},
    )


def test_a_store_of_nobody_has_no_labels_no_features_and_no_model(tmp_path: Path) -> None:
    empty = timeline([])
    for task in both(tmp_path, "VISIT//outpatient", "ICD10CM//N18.30"):
        labels = label(empty, task)
        assert labels.table.height == 0
        matrix = featurize(empty, labels.table, RECIPE)
        assert matrix.dense.shape == (0, 4)
        assert matrix.codes.shape == (0, 0)
        abstention = train(empty, task).abstention
        assert abstention is not None
        assert (abstention.n_events, abstention.n_needed) == (0, 50)


def test_a_task_that_never_triggers_gives_a_valid_empty_table_and_an_abstention(
    tmp_path: Path,
) -> None:
    for task in both(tmp_path, "VISIT//inpatient", "ICD10CM//N18.30"):
        labels = label(timeline(), task)
        assert labels.table.height == 0
        assert {"subject_id", "prediction_time", "boolean_value"} <= set(labels.table.columns)
        assert labels.attrition.height > 0
        assert write_features(timeline(), labels.table, RECIPE, tmp_path / "f")["rows"] == 0
        assert list(read_features(tmp_path / "f")) == []
        assert train(timeline(), task).model is None


def test_an_unknown_code_never_happens_and_its_column_is_empty(tmp_path: Path) -> None:
    for task in both(tmp_path, "VISIT//outpatient", "NO//SUCH"):
        assert label(timeline(), task).table["boolean_value"].to_list() == [False]
    found = featurize(timeline(), at(SEEN), RECIPE, vocabulary=["NO//SUCH", "LOINC//2160-0"])
    assert found.dense[0].tolist() == [40.0, 1.0, 2.0, 0.0]
    cells = dict(zip(found.code_names, found.codes.toarray()[0], strict=True))
    assert cells["NO//SUCH.count.all"] == 0
    assert cells["LOINC//2160-0.count.all"] == 2


def test_events_at_one_microsecond_are_all_known_then_and_the_later_in_the_table_is_the_last() -> (
    None
):
    found = featurize(timeline(), at(SEEN - timedelta(microseconds=1), SEEN), RECIPE)
    cells = found.codes.toarray()
    place = found.code_names.index("LOINC//2160-0.last.all")
    assert cells[:, place].tolist() == [0.0, 2.0]
    assert found.dense[:, 2].tolist()[1] == 2.0
    assert np.isnan(found.dense[0, 2])


def test_before_a_birth_there_is_no_age_and_no_own_task_asks(tmp_path: Path) -> None:
    early = [*EVENTS, (1, BORN - timedelta(days=30), "VISIT//outpatient", None)]
    found = featurize(timeline(early), at(BORN - timedelta(days=30), BORN, SEEN), RECIPE)
    assert np.isnan(found.dense[0, 0])
    assert found.dense[1:, 0].tolist() == [0.0, pytest.approx(40.0, abs=0.01)]
    ours, aces = (
        label(timeline(early), task).table["prediction_time"].to_list()
        for task in both(tmp_path, "VISIT//outpatient", "ICD10CM//N18.30")
    )
    assert ours == [SEEN]
    # ACES asks at every trigger, also before a birth.
    assert aces == [BORN - timedelta(days=30), SEEN]


@pytest.mark.parametrize("n_shards", [1, 7])
def test_people_and_shards_without_a_row_change_nothing(n_shards: int) -> None:
    more = [*EVENTS, *((n, SEEN, "LOINC//2160-0", 9.0) for n in range(2, 12))]
    alone = featurize(timeline(), at(SEEN), RECIPE)
    among = featurize(timeline(more, n_shards), at(SEEN), RECIPE)
    assert among.code_names == alone.code_names
    assert (among.codes != alone.codes).nnz == 0
    np.testing.assert_array_equal(among.dense, alone.dense)
