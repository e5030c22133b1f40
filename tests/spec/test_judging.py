"""Phenotypes are judged by the truth: who is found, who is missed and who is mistaken for ill."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl
import pytest

from lifecourse.base.errors import TaskError
from lifecourse.tasks.judging import judge_phenotypes, share
from lifecourse.timeline.access import Timeline
from lifecourse.timeline.unstored import timeline_from_events

if TYPE_CHECKING:
    from pathlib import Path

BEGAN = datetime(2010, 1, 1)
CODED = datetime(2010, 1, 11)


def four_people() -> Timeline:
    """1 and 2 have a code of COPD, 3 and 4 have a visit alone."""
    rows = [(1, CODED, "ICD10CM//J44.9"), (2, CODED, "ICD10CM//J44.9")]
    rows += [(3, CODED, "VISIT//outpatient"), (4, CODED, "VISIT//outpatient")]
    events = pl.DataFrame(rows, schema=["subject_id", "time", "code"], orient="row")
    return timeline_from_events(events)


def truth_of(
    folder: Path, ill: set[int], people: tuple[int, ...], began_on: datetime = BEGAN
) -> Path:
    (folder / "people").mkdir(parents=True)
    began = [began_on if person in ill else None for person in people]
    columns = {"person": list(people), "onset_copd": pl.Series(began, dtype=pl.Datetime("us"))}
    pl.DataFrame(columns).write_parquet(folder / "people" / "0.parquet")
    return folder


def test_found_missed_and_mistaken_are_counted(tmp_path: Path) -> None:
    truth = truth_of(tmp_path / "truth", {1, 3}, (1, 2, 3, 4, 5))
    (verdict,) = judge_phenotypes(four_people(), truth)
    assert (verdict.name, verdict.people) == ("copd", 4)
    assert (verdict.found, verdict.missed, verdict.mistaken) == (1, 1, 1)
    assert verdict.delay_days == 10
    assert verdict.row()["sensitivity"] == verdict.row()["ppv"] == 0.5


def test_followed_are_those_seen_twice_in_a_year_or_more_after_they_fell_ill(
    tmp_path: Path,
) -> None:
    #   1: two visits and a code    2: two visits    3: one visit    4: two visits within the year    5: ill before
    fell, soon, late = datetime(2010, 1, 1), datetime(2010, 6, 1), datetime(2011, 6, 1)
    visit, code = "VISIT//outpatient", "ICD10CM//J44.9"
    rows = [(who, datetime(2009, 1, 1), "LOINC//8480-6") for who in (1, 2, 3, 4)]
    rows += [
        (1, soon, visit),
        (1, late, visit),
        (1, late, code),
        (2, soon, visit),
        (2, late, visit),
    ]
    rows += [(3, soon, "LOINC//8480-6"), (3, late, visit), (3, late + timedelta(hours=1), visit)]
    rows += [(4, soon, visit), (4, soon + timedelta(days=9), visit)]
    rows += [(5, soon, visit), (5, late, visit)]
    events = pl.DataFrame(rows, schema=["subject_id", "time", "code"], orient="row")
    truth = truth_of(tmp_path / "truth", {1, 2, 3, 4, 5}, (1, 2, 3, 4, 5), fell)
    (verdict,) = judge_phenotypes(timeline_from_events(events), truth)
    assert (verdict.found, verdict.missed) == (1, 4)
    assert (verdict.followed, verdict.followed_found) == (2, 1)


def test_truth_of_other_people_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="other people"):
        judge_phenotypes(four_people(), truth_of(tmp_path / "truth", {8}, (8, 9)))
    with pytest.raises(TaskError, match="no people"):
        judge_phenotypes(four_people(), tmp_path)


def test_intervals_are_those_of_clopper_and_pearson() -> None:
    # The rule of three, exactly: 1 - 0.025 ** (1 / 10).
    assert share(0, 10)[:2] == (0.0, 0.0)
    assert share(0, 10)[2] == pytest.approx(1 - 0.025 ** (1 / 10))
    assert share(10, 10)[1] == pytest.approx(0.025 ** (1 / 10))
    assert share(0, 0) == (None, None, None)
