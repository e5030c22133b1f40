"""Each fault is found by its own check and by no other; a clean store has none; few people are never shown."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from quality_records import DEHYDROGENASE, FAULTS, GLUCOSE, PEOPLE, clean, timeline_of

from lifecourse.insights.quality import quality
from lifecourse.insights.quality.definitions import definitions
from lifecourse.insights.quality.verdicts import Status

if TYPE_CHECKING:
    from lifecourse.insights.quality import QualityReport

# A fault of one kind that is rightly one of another kind too.
ALSO = {"sources-disagree": set(), "before-birth": set()}


@pytest.fixture(scope="module")
def records() -> pl.DataFrame:
    return clean()


def _check(report: QualityReport, name: str) -> dict[str, Any]:
    return next(each.to_dict() for each in report.verdicts if each.name == name)


def test_records_without_a_fault_fail_nothing_and_every_check_looked(records: pl.DataFrame) -> None:
    report = quality(timeline_of(records))
    assert report.failed() == []
    silent = {each.name for each in report.verdicts if each.status == Status.NOT_APPLICABLE}
    # 8 ICD-9 codes are too few to miss the zeros of; each of two sources has its own people's results.
    assert silent <= {"no-leading-zeros"}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found_by_its_own_check_and_by_no_other(
    name: str, records: pl.DataFrame
) -> None:
    report = quality(timeline_of(FAULTS[name](records)))
    assert set(report.failed()) == {name} | ALSO.get(name, set())
    found = _check(report, name)
    assert found["amiss"] > 0
    assert all(found[words] for words in ("says", "do", "anchor"))


def test_rejected_rows_are_a_share_of_the_rows_read(records: pl.DataFrame) -> None:
    many = quality(timeline_of(records, rejected=records.height // 20))
    assert many.failed() == ["rejected-rows"]
    assert quality(timeline_of(records, rejected=10)).failed() == []


def test_every_check_has_a_planted_fault() -> None:
    assert set(definitions()) == {*FAULTS, "rejected-rows"}


def test_lost_zeros_are_told_with_the_people_who_have_such_a_code(records: pl.DataFrame) -> None:
    damaged = FAULTS["lost-zeros"](records)
    short = pl.col("code").is_in(["ICD9CM//8.45", "ICD9CM//38.9"])
    people = damaged.filter(short)["subject_id"].n_unique()
    found = _check(quality(timeline_of(damaged)), "lost-zeros")
    assert found["people"] == people
    assert sum(row["people"] for row in found["details"]) == people  # nobody is in both sources
    assert {(row["system"], row["codes"]) for row in found["details"]} == {("ICD9CM", 2)}


def test_fewer_than_ten_people_are_never_shown(records: pl.DataFrame) -> None:
    of_few = pl.col("subject_id") <= 9
    spoilt = records.with_columns(
        code=pl.when(of_few & (pl.col("code") == "ICD9CM//008.45"))
        .then(pl.lit("ICD9CM//8.45"))
        .otherwise(pl.col("code"))
    )
    found = _check(quality(timeline_of(spoilt)), "lost-zeros")
    assert found["status"] == "failed"
    assert found["fewer_than_ten_people"]
    assert (found["amiss"], found["people"], found["share"]) == (None, None, None)
    assert found["details"] == []
    assert found["details_not_shown"] == 1


def test_no_number_of_the_report_is_about_fewer_than_ten_people(records: pl.DataFrame) -> None:
    seven = records.filter(pl.col("subject_id") <= 7)
    for name in FAULTS:
        report = quality(timeline_of(FAULTS[name](seven))).to_dict()
        assert report["volumes"] == []
        for check in report["checks"]:
            people = [row["people"] for row in check["details"]] + [check["people"] or 0]
            assert all(count == 0 or count >= 10 for count in people), (name, check["check"])


def test_the_median_and_the_volumes_are_those_of_the_events(records: pl.DataFrame) -> None:
    report = quality(timeline_of(records)).to_dict()
    for feed in report["volumes"]:
        source = 0 if feed["source"] == "fhir (clinic)" else 1
        mine = records.filter(
            (pl.col("source_file") == source)
            & pl.col("code").str.starts_with(f"{feed['kind']}//")
            & pl.col("time").is_not_null()
        )
        for row in feed["months"][::30]:
            of_month = mine.filter(pl.col("time").dt.strftime("%Y-%m") == row["month"])
            assert row["events"] == of_month.height
            assert row["people"] == of_month["subject_id"].n_unique()


def test_shares_of_completeness_are_those_of_the_events(records: pl.DataFrame) -> None:
    report = quality(timeline_of(FAULTS["units-missing"](records)))
    row = report.completeness.filter(
        (pl.col("kind") == "LOINC") & (pl.col("source") == "fhir (clinic)")
    ).row(0, named=True)
    results = FAULTS["units-missing"](records).filter(
        pl.col("code").str.starts_with("LOINC") & (pl.col("source_file") == 0)
    )
    assert row["events"] == results.height
    assert row["unit"] == pytest.approx(1 - results["unit"].null_count() / results.height)
    assert (row["time"], row["number"], row["end"]) == (1.0, 1.0, 0.0)


def test_a_code_that_is_bad_alone_fails_though_it_is_few_of_all(records: pl.DataFrame) -> None:
    rare = pl.concat(
        [
            records,
            records.filter((pl.col("code") == GLUCOSE) & (pl.col("subject_id") % 5 == 0))
            .gather_every(20)
            .with_columns(code=pl.lit("LOINC//2823-3"), unit=pl.lit("mmol/L"), numeric_value=410.0)
            .cast(dict(records.schema)),
        ]
    )
    found = _check(quality(timeline_of(rare)), "impossible-values")
    assert found["share"] < found["threshold"]
    assert found["status"] == "failed"
    assert found["details"][0]["code"] == "LOINC//2823-3"
    assert found["details"][0]["people"] <= PEOPLE // 5


def test_a_unit_in_another_spelling_is_no_change(records: pl.DataFrame) -> None:
    later = (pl.col("code") == DEHYDROGENASE) & (pl.col("time") >= datetime(2019, 1, 1))
    respelled = pl.when(later).then(pl.lit("mU/mL")).otherwise(pl.col("unit"))
    assert quality(timeline_of(records.with_columns(unit=respelled))).failed() == []
    changed = _check(quality(timeline_of(FAULTS["units-change"](records))), "units-change")
    assert {row["factor"] for row in changed["details"]} == {1000.0}


def test_a_week_without_a_feed_is_found_though_its_month_is_not_far_below() -> None:
    people, days = 60, 500
    first = datetime(2020, 1, 6)
    moments = pl.datetime_range(first, first + timedelta(days=days), "1d", eager=True)
    events = pl.DataFrame({"time": moments}).join(
        pl.DataFrame({"subject_id": list(range(1, people + 1))}), how="cross"
    )
    events = events.select("subject_id", "time", code=pl.lit("ICD10CM//I10"))
    gap = pl.col("time").is_between(datetime(2020, 9, 10), datetime(2020, 9, 16))
    whole = _check(quality(timeline_of(events)), "feed-gaps")
    assert whole["amiss"] == 0
    found = _check(quality(timeline_of(events.filter(~gap))), "feed-gaps")["details"]
    assert [row["period"] for row in found] == ["week of 2020-09-10"]
    assert (found[0]["events"], found[0]["expected"]) == (0, 7 * people)
