"""A value that no living person has is no value: it stays on the timeline and decides nothing."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import polars as pl
import pytest

from lifecourse.schema.covariate import Covariate, Summary
from lifecourse.schema.window import before
from lifecourse.timeline.kernel import compile_covariates, evaluate
from lifecourse.timeline.unstored import timeline_from_events
from lifecourse.vocab.codelists import codelist
from lifecourse.vocab.units import quantities

NOON = datetime(2024, 5, 1, 12)


def _timeline(*values: float, code: str = "LOINC//2160-0"):
    return timeline_from_events(
        pl.DataFrame(
            {
                "subject_id": [1] * len(values),
                "time": [NOON.replace(minute=minute) for minute in range(len(values))],
                "code": [code] * len(values),
                "numeric_value": pl.Series(values, dtype=pl.Float32),
            }
        )
    )


def _asked(timeline, *summaries: Summary) -> list[float]:
    covariates = [
        Covariate(name=s.value, codelist=codelist("creatinine"), window=before(), summary=s)
        for s in summaries
    ]
    shard = timeline.shard(0)
    at = np.array([shard.time[-1]])
    found = evaluate(shard, compile_covariates(covariates, shard.codes), np.zeros(1, np.int64), at)
    return found[0].tolist()


def test_a_lost_decimal_point_enters_no_mean_and_is_no_last_value() -> None:
    timeline = _timeline(1.0, 2.0, 1100.0)
    mean, most, last = _asked(timeline, Summary.MEAN, Summary.MAX, Summary.LAST)
    assert (mean, most, last) == (1.5, 2.0, 2.0)


def test_the_event_itself_stays_on_the_timeline_as_it_came() -> None:
    timeline = _timeline(1.0, 1100.0)
    assert _asked(timeline, Summary.COUNT) == [2.0]
    assert timeline.chart(1).events["numeric_value"].to_list() == [1.0, 1100.0]


@pytest.mark.parametrize("name", sorted(quantities()))
def test_values_at_the_ends_of_what_is_possible_count(name: str) -> None:
    low, high = quantities()[name].possible
    assert low < high
    code = min(codelist(name).exact)
    kept = _timeline(low, high, code=code).shard(0).value
    assert not np.isnan(kept).any()
    lost = _timeline(low - 0.01 * (high - low), high * 1.01, code=code).shard(0).value
    assert np.isnan(lost).all()


def test_what_is_possible_is_judged_in_the_canonical_unit_of_a_mapped_code() -> None:
    # MIMIC's admission weight in pounds: 1,000 lb are 454 kg and possible, 2,000 lb are not.
    timeline = _timeline(1000.0, 2000.0, code="CHART//226531//lbs")
    kept = timeline.shard(0).value
    assert kept[0] == pytest.approx(453.59, abs=0.01)
    assert np.isnan(kept[1])


def test_codes_of_no_known_quantity_have_no_bounds() -> None:
    assert _timeline(-1e9, 1e9, code="LOINC//1-8").shard(0).value.tolist() == [-1e9, 1e9]
