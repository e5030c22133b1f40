"""Charts drawn for review, verdicts kept as labels, and what they say of the phenotype."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest

from lifecourse.base.clock import to_microseconds
from lifecourse.base.errors import TaskError
from lifecourse.schema.actor import Actor
from lifecourse.tasks.agreement import agreement, wilson
from lifecourse.tasks.review import NEAR, NOT, SAID, Drawn, Sample, draw_charts
from lifecourse.tasks.verdicts import ChartVerdict, Reviews, labels_of, table_of
from lifecourse.timeline.access import Timeline
from lifecourse.timeline.unstored import timeline_from_events

if TYPE_CHECKING:
    from pathlib import Path

ADA, BOB = Actor(name="ada"), Actor(name="bob")
DAY = datetime(2020, 1, 1)


def hospital(n_shards: int = 1) -> Timeline:
    """1-20 have atrial fibrillation; 21-50 an anticoagulant, or it unconfirmed; 51-100 a visit; 101 nothing dated."""
    rows = [(who, DAY, "ICD10CM//I48.91") for who in range(1, 21)]
    rows += [(who, DAY, "RxNorm//1364430") for who in range(21, 41)]
    rows += [(who, DAY, "UNCONFIRMED//ICD10CM//I48.91") for who in range(41, 51)]
    rows += [(who, DAY, "VISIT//outpatient") for who in range(1, 101)]
    rows += [(101, None, "SEX//female")]
    events = pl.DataFrame(
        rows,
        schema={"subject_id": pl.Int64, "time": pl.Datetime("us"), "code": pl.String},
        orient="row",
    )
    return timeline_from_events(events, n_shards=n_shards)


def drawn(each: int = 15, seed: int = 7) -> Sample:
    return draw_charts(hospital(), "atrial_fibrillation", each=each, seed=seed)


def test_everyone_with_a_dated_event_is_in_one_stratum() -> None:
    sample = drawn()
    assert sample.people == {SAID: 20, NEAR: 30, NOT: 50}
    assert [len(sample.of(stratum)) for stratum in sample.people] == [15, 15, 15]
    assert {c.subject_id <= 20 for c in sample.of(SAID)} == {True}
    assert {20 < c.subject_id <= 50 for c in sample.of(NEAR)} == {True}
    assert {50 < c.subject_id <= 100 for c in sample.of(NOT)} == {True}
    assert {c.as_of for c in sample.charts} == {to_microseconds(DAY)}


def test_the_same_seed_draws_the_same_charts_however_the_store_is_cut() -> None:
    whole = draw_charts(hospital(), "atrial_fibrillation", each=9, seed=3)
    cut = draw_charts(hospital(n_shards=5), "atrial_fibrillation", each=9, seed=3)
    assert whole.charts == cut.charts
    assert whole.charts != draw_charts(hospital(), "atrial_fibrillation", each=9, seed=4).charts
    strata = [chart.stratum for chart in whole.charts]
    assert strata != sorted(strata)  # the order tells nothing


def test_small_strata_are_drawn_whole_and_nonsense_is_refused() -> None:
    assert len(drawn(each=40).of(SAID)) == 20
    with pytest.raises(TaskError, match="1 to 500"):
        drawn(each=0)
    with pytest.raises(TaskError, match="there is no phenotype"):
        draw_charts(hospital(), "sugar", each=5, seed=1)
    nobody = timeline_from_events(hospital().chart(101).events)
    with pytest.raises(TaskError, match="nobody"):
        draw_charts(nobody, "atrial_fibrillation", each=5, seed=1)


def test_a_sample_is_read_as_it_was_written(tmp_path: Path) -> None:
    sample = drawn()
    Reviews(tmp_path).keep(sample)
    assert Reviews(tmp_path).sample("atrial_fibrillation") == sample
    assert Reviews(tmp_path).reviewed() == ["atrial_fibrillation"]
    assert sample.is_current


def test_verdicts_become_meds_labels_and_a_later_one_replaces_an_earlier(tmp_path: Path) -> None:
    from meds import LabelSchema

    reviews, sample = Reviews(tmp_path), drawn()
    reviews.keep(sample)
    first, second, third, fourth = sample.charts[:4]
    reviews.add(ADA, sample, first, "no", "")
    reviews.add(ADA, sample, first, "yes", "on the ECG  of\n2019")
    reviews.add(ADA, sample, second, "no", "")
    reviews.add(BOB, sample, second, "yes", "")
    reviews.add(ADA, sample, third, "cannot tell", "")
    reviews.add(ADA, sample, fourth, "cannot tell", "")
    reviews.add(BOB, sample, fourth, "no", "")
    labels = pq.read_table(reviews.labels_file("atrial_fibrillation"))
    LabelSchema.validate(labels)
    table = pl.from_arrow(labels)
    assert isinstance(table, pl.DataFrame)
    answers = dict(table.select("subject_id", "boolean_value").iter_rows())
    assert answers == {first.subject_id: True, fourth.subject_id: False}
    assert set(table["prediction_time"]) == {DAY}
    kept = table_of(reviews.verdicts("atrial_fibrillation"))
    assert kept.height == 6
    assert kept.filter(pl.col("reason") != "")["reason"].to_list() == ["on the ECG of 2019"]
    file = tmp_path / "reviews" / "atrial_fibrillation" / "verdicts.jsonl"
    assert len(file.read_bytes().splitlines()) == 7  # what was taken back is kept too
    assert file.stat().st_mode & 0o077 == 0


def test_no_verdict_gives_an_empty_table_in_the_same_columns() -> None:
    assert labels_of([]).columns == ["subject_id", "prediction_time", "boolean_value"]
    assert table_of([]).height == 0


def test_other_answers_and_long_reasons_are_refused(tmp_path: Path) -> None:
    reviews, sample = Reviews(tmp_path), drawn()
    reviews.keep(sample)
    with pytest.raises(TaskError, match="yes, no, cannot tell"):
        reviews.add(ADA, sample, sample.charts[0], "perhaps", "")
    with pytest.raises(TaskError, match="200"):
        reviews.add(ADA, sample, sample.charts[0], "yes", "x" * 201)
    assert reviews.verdicts("atrial_fibrillation") == []


def judged(
    tmp_path: Path, said: int, near: int, not_: int, *, each: int = 15
) -> tuple[Sample, Reviews]:
    """Ada says yes to so many charts of each stratum and no to the others."""
    reviews, sample = Reviews(tmp_path), drawn(each)
    reviews.keep(sample)
    for stratum, hits in ((SAID, said), (NEAR, near), (NOT, not_)):
        for place, chart in enumerate(sample.of(stratum)):
            reviews.add(ADA, sample, chart, "yes" if place < hits else "no", "")
    return sample, reviews


def test_sensitivity_weighs_each_stratum_with_its_people(tmp_path: Path) -> None:
    sample, reviews = judged(tmp_path, 12, 3, 0)
    found = agreement(sample, reviews.verdicts("atrial_fibrillation"))
    assert found.judged == found.charts == 45
    assert found.ppv is not None
    assert found.ppv.value == 12 / 15
    # 20 x 12/15 = 16 found, 30 x 3/15 = 6 missed, 50 x 0/15 = 0 missed.
    assert found.sensitivity is not None
    assert found.sensitivity.value == pytest.approx(16 / 22)
    assert found.sensitivity.low < 0.66
    assert found.sensitivity.high < 0.95  # no yes among 15 of 50 does not prove that there is none


def test_sensitivity_is_exact_where_everyone_was_judged(tmp_path: Path) -> None:
    sample, reviews = judged(tmp_path, 18, 6, 0, each=50)
    found = agreement(sample, reviews.verdicts("atrial_fibrillation"))
    assert found.sensitivity is not None
    assert found.sensitivity.value == found.sensitivity.low == found.sensitivity.high == 18 / 24


def test_sensitivity_is_not_told_where_a_stratum_was_hardly_judged(tmp_path: Path) -> None:
    reviews, sample = Reviews(tmp_path), drawn()
    reviews.keep(sample)
    for chart in (*sample.of(SAID), *sample.of(NEAR), *sample.of(NOT)[:9]):
        reviews.add(ADA, sample, chart, "yes", "")
    assert agreement(sample, reviews.verdicts("atrial_fibrillation")).sensitivity is None
    reviews.add(ADA, sample, sample.of(NOT)[9], "no", "")
    assert agreement(sample, reviews.verdicts("atrial_fibrillation")).sensitivity is not None


def test_disputed_charts_are_left_out_and_counted_and_kappa_is_cohens(tmp_path: Path) -> None:
    reviews, sample = Reviews(tmp_path), drawn(each=20)
    reviews.keep(sample)
    charts = sample.of(SAID)
    # Both yes 10, Ada alone 3, Bob alone 2, both no 5: of 20 agreed 15; by chance (13 x 12 + 7 x 8) / 400 = 0.53.
    for place, chart in enumerate(charts):
        reviews.add(ADA, sample, chart, "yes" if place < 13 else "no", "")
        reviews.add(BOB, sample, chart, "yes" if place < 10 or place in (13, 14) else "no", "")
    found = agreement(sample, reviews.verdicts("atrial_fibrillation"))
    said = found.strata[0]
    assert (said.yes, said.no, said.disputed) == (10, 5, 5)
    (kappa,) = found.kappas
    assert (kappa.reviewers, kappa.charts, kappa.agreed) == (("ada", "bob"), 20, 15)
    assert kappa.value == pytest.approx((0.75 - 0.53) / 0.47)


def test_the_intervals_cover_the_truth_as_often_as_they_say() -> None:
    """The kidney disease of 20,000 simulated people: 3,808 of 4,182 found, 244 of 680 near misses, 965 of the others."""
    people, ill = {SAID: 4182, NEAR: 680, NOT: 15138}, {SAID: 3808, NEAR: 244, NOT: 965}
    truth = {"ppv": 3808 / 4182, "sensitivity": 3808 / (3808 + 244 + 965)}
    covered = dict.fromkeys(truth, 0)
    each, repeats = 100, 200
    for seed in range(repeats):
        rng = np.random.default_rng(seed)
        charts, verdicts = [], []
        for stratum, n in people.items():
            for person in rng.choice(n, each, replace=False).tolist():
                chart = Drawn(subject_id=len(charts), as_of=0, stratum=stratum)
                charts.append(chart)
                verdicts.append(verdict(chart, "yes" if person < ill[stratum] else "no"))
        found = agreement(replace(drawn(each=1), people=people, charts=tuple(charts)), verdicts)
        assert found.ppv is not None
        assert found.sensitivity is not None
        for name, estimate in (("ppv", found.ppv), ("sensitivity", found.sensitivity)):
            covered[name] += estimate.low <= truth[name] <= estimate.high
    # 0.95 less three and a half standard errors of 200 draws.
    assert all(hits >= 0.895 * repeats for hits in covered.values()), covered


def verdict(chart: Drawn, answer: str) -> ChartVerdict:
    return ChartVerdict(
        time="2026-01-01T00:00:00+00:00",
        reviewer="ada",
        subject_id=chart.subject_id,
        as_of=chart.as_of,
        answer=answer,
        reason="",
        draw="",
        said=chart.stratum,
    )


def test_verdicts_on_charts_of_another_draw_do_not_count(tmp_path: Path) -> None:
    sample, reviews = judged(tmp_path, 12, 3, 0)
    again = drawn(each=3, seed=99)
    reviews.keep(again)
    found = agreement(again, reviews.verdicts("atrial_fibrillation"))
    same = {c.subject_id for c in sample.charts} & {c.subject_id for c in again.charts}
    assert found.judged == len(same) < found.charts
    assert labels_of(reviews.verdicts("atrial_fibrillation")).height == 45  # yet they stay labels


def test_wilson_is_as_published() -> None:
    # Newcombe 1998 (doi:10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E), table I, method 3.
    for hits, of, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
    ):
        found = wilson(hits, of)
        assert found is not None
        assert (found.low, found.high) == (
            pytest.approx(low, abs=5e-5),
            pytest.approx(high, abs=5e-5),
        )
    assert wilson(0, 0) is None
