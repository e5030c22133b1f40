"""When a condition is known: named logic over codelists. Days are counted from 2020-01-01."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from lifecourse.base.clock import to_microseconds
from lifecourse.base.errors import TaskError
from lifecourse.tasks import phenotype, phenotype_names
from lifecourse.tasks.filtration import egfr_of_creatinine
from lifecourse.tasks.meaning import Values
from lifecourse.tasks.phenotypes import NEVER, Criterion
from lifecourse.timeline.chart import Chart
from lifecourse.timeline.unstored import timeline_from_events

DAY_0 = datetime(2020, 1, 1)
HBA1C, T2D, METFORMIN = "LOINC//4548-4", "ICD10CM//E11.9", "RxNorm//6809"


def chart(*events: tuple[float, str, float | None]) -> Chart:
    table = pl.DataFrame(
        {
            "subject_id": [1] * len(events),
            "time": [DAY_0 + timedelta(days=day) for day, *_ in events],
            "code": [code for _, code, _ in events],
            "numeric_value": [value for *_, value in events],
        },
        schema_overrides={"numeric_value": pl.Float32, "time": pl.Datetime("us")},
    )
    return timeline_from_events(table).chart(1)


def known(record: Chart, day: float, name: str = "type_2_diabetes") -> bool:
    return phenotype(name).holds(record, to_microseconds(DAY_0 + timedelta(days=day)))


def test_a_diagnosis_is_known_from_its_moment_on() -> None:
    record = chart((5, T2D, None))
    assert not known(record, 4.999)
    assert known(record, 5)
    assert known(record, 500)


def test_two_abnormal_tests_on_different_days_make_it_known_at_the_second() -> None:
    #   6.6 (day 0)   6.9 (same day)   6.4 (day 10, normal)   6.5 (day 20)
    record = chart((0, HBA1C, 6.6), (0.2, HBA1C, 6.9), (10, HBA1C, 6.4), (20, HBA1C, 6.5))
    assert not known(record, 19)
    assert known(record, 20)


def test_one_abnormal_test_and_a_drug_with_other_uses_are_not_enough() -> None:
    assert not known(chart((0, HBA1C, 9.0), (1, METFORMIN, None)), 100)


def test_the_evidence_is_the_events_of_the_criteria_that_are_met() -> None:
    record = chart((0, HBA1C, 6.6), (10, HBA1C, 5.0), (20, HBA1C, 7.0), (30, HBA1C, 8.0))
    at = to_microseconds(DAY_0 + timedelta(days=25))
    evidence = phenotype("type_2_diabetes").evidence(record, at)
    assert [round(v, 1) for v in evidence["numeric_value"]] == [6.6, 7.0]
    early = to_microseconds(DAY_0 + timedelta(days=15))
    assert phenotype("type_2_diabetes").evidence(record, early).height == 0


def test_every_phenotype_names_codelists_that_exist_and_a_source() -> None:
    from lifecourse.vocab import codelists

    for name in phenotype_names():
        for criterion in phenotype(name).any_of:
            assert criterion.codelist in codelists.names()
        assert phenotype(name).source


def test_an_unknown_phenotype_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(TaskError, match="type_2_diabetes"):
        phenotype("sugar")


EGFR, UREA, SBP = "LOINC//98979-8", "LOINC//3094-0", "LOINC//8480-6"
CREATININE, CLOPIDOGREL = "LOINC//2160-0", "RxNorm//32968"


def test_kidney_disease_takes_two_tests_three_months_apart() -> None:
    assert not known(chart((0, EGFR, 50), (89, EGFR, 50)), 400, "ckd")
    assert known(chart((0, EGFR, 50), (90, EGFR, 50)), 90, "ckd")
    one_better_between = chart((0, EGFR, 50), (45, EGFR, 61), (90, EGFR, 50))
    assert known(one_better_between, 90, "ckd")
    recovered = chart((0, EGFR, 50), (30, EGFR, 50), (90, EGFR, 61))
    assert not known(recovered, 400, "ckd")
    other_tests = chart((0, EGFR, 50), (90, UREA, 50))
    assert not known(other_tests, 400, "ckd")


def born_in(year: int, sex: str, *events: tuple[float, str, float | None]) -> Chart:
    days = (datetime(year, 1, 1) - DAY_0).days
    return chart((days, "MEDS_BIRTH", None), (days, f"SEX//{sex}", None), *events)


def test_creatinine_counts_as_the_egfr_of_a_woman_or_a_man_of_that_age() -> None:
    # CKD-EPI 2021 of 1.2 mg/dL at 65: 50 in women, 67 in men.
    tests = ((0, CREATININE, 1.2), (90, CREATININE, 1.2))
    assert known(born_in(1955, "female", *tests), 90, "ckd")
    assert not known(born_in(1955, "male", *tests), 400, "ckd")
    assert not known(born_in(2010, "female", *tests), 400, "ckd")  # the equation is for adults
    assert not known(chart(*tests), 400, "ckd")  # nobody knows of whom
    reported = (
        (0, EGFR, 75),
        (90.4, EGFR, 75),
    )  # what the laboratory said on those days comes first
    assert not known(born_in(1955, "female", *tests, *reported), 400, "ckd")
    assert known(born_in(1955, "female", *tests, (30, EGFR, 75)), 90, "ckd")


def test_the_equation_is_the_one_that_scores_and_the_simulated_hospital_use() -> None:
    from lifecourse.simulation.charting import egfr_of

    for sex, creatinine in (("female", 0.6), ("female", 1.4), ("male", 0.8), ("male", 2.5)):
        shard = born_in(1970, sex, (0, CREATININE, creatinine)).shard
        (place,) = np.flatnonzero(~np.isnan(shard.value))
        (found,) = egfr_of_creatinine(shard, np.array([place]))
        age = np.array([(DAY_0 - datetime(1970, 1, 1)).days / 365.25])
        expected = egfr_of(np.array([creatinine]), age, np.array([sex == "female"]))
        assert found == pytest.approx(expected[0], rel=1e-6)


def test_hypertension_takes_three_high_days_in_a_row_within_a_year() -> None:
    assert not known(chart((0, SBP, 150), (10, SBP, 150)), 400, "hypertension")
    assert known(chart((0, SBP, 150), (10, SBP, 150), (365, SBP, 140)), 365, "hypertension")
    too_long = chart((0, SBP, 150), (10, SBP, 150), (366, SBP, 150), (375, SBP, 150))
    assert not known(too_long, 374, "hypertension")
    assert known(too_long, 375, "hypertension")
    normal_between = chart((0, SBP, 150), (10, SBP, 150), (20, SBP, 139), (30, SBP, 150))
    assert not known(normal_between, 400, "hypertension")


def test_a_day_with_a_reading_that_counts_does_not_break_a_row() -> None:
    mixed = ((20, SBP, 150), (20.1, SBP, 120))
    record = chart((0, SBP, 150), (9, SBP, 120), (10, SBP, 150), *mixed, (30, SBP, 150))
    assert not known(record, 29, "hypertension")
    assert known(record, 30, "hypertension")


def test_a_drug_given_for_arterial_disease_alone_shows_it_when_given_again() -> None:
    assert not known(chart((0, CLOPIDOGREL, None), (29, CLOPIDOGREL, None)), 400, "ascvd")
    assert known(chart((0, CLOPIDOGREL, None), (30, CLOPIDOGREL, None)), 30, "ascvd")
    assert known(chart((0, "CPT4//92928", None)), 0, "ascvd")  # a coronary stent


def deciding_days(record: Chart, name: str) -> list[list[int]]:
    found = (criterion.deciding(record.shard) for criterion in phenotype(name).any_of)
    zero = to_microseconds(DAY_0)
    return [[int((record.shard.time[at] - zero) // 86_400_000_000) for at in row] for row in found]


def test_what_decides_is_the_first_events_with_which_a_criterion_is_met() -> None:
    record = chart(
        (0, T2D, None), (5, HBA1C, 7.0), (9, HBA1C, 6.0), (20, HBA1C, 7.0), (30, T2D, None)
    )
    assert deciding_days(record, "type_2_diabetes") == [[0], [5, 20], []]
    kidneys = chart((0, EGFR, 50), (40, EGFR, 50), (60, EGFR, 50), (95, EGFR, 50), (200, EGFR, 50))
    assert deciding_days(kidneys, "ckd") == [[], [0, 60, 95], [], []]


@pytest.mark.parametrize("seed", range(5))
def test_rows_agree_with_reading_one_day_after_another(seed: int) -> None:
    random = np.random.default_rng(seed)
    people = {
        who: [(int(day), float(random.integers(120, 160))) for day in np.sort(days)]
        for who, days in enumerate(random.integers(0, 200, (20, 12)))
    }
    rows = [
        (who, DAY_0 + timedelta(days=day), SBP, value)
        for who, readings in people.items()
        for day, value in readings
    ]
    columns = ["subject_id", "time", "code", "numeric_value"]
    table = pl.DataFrame(rows, schema=columns, orient="row").cast({"numeric_value": pl.Float32})
    criterion = Criterion(
        codelist="sbp",
        values=Values(at_least=140),
        times=3,
        apart_days=20,
        within_days=60,
        in_a_row=True,
    )
    (shard,) = timeline_from_events(table).shards()
    met = criterion.met_by(shard)
    found = [None if at == NEVER else int(shard.time[at]) for at in met.tolist()]
    assert found == [day_by_day(readings) for readings in people.values()]
    assert None in found
    assert any(found)


def day_by_day(readings: list[tuple[int, float]]) -> int | None:
    row: list[int] = []
    for day in sorted({day for day, _ in readings}):
        high = max(value for at, value in readings if at == day) >= 140
        row = [*row, day] if high else []
        if len(row) >= 3 and day - row[0] >= 20 and day - row[-3] <= 60:
            return to_microseconds(DAY_0 + timedelta(days=day))
    return None


def test_a_row_of_one_and_a_row_of_anything_are_refused() -> None:
    with pytest.raises(ValueError, match="times of 2"):
        Criterion(codelist="sbp", apart_days=90)
    with pytest.raises(ValueError, match="times of 2"):
        Criterion(codelist="sbp", within_days=90)
    with pytest.raises(ValueError, match="needs values"):
        Criterion(codelist="sbp", times=2, in_a_row=True)
    with pytest.raises(ValueError, match="needs values"):
        Criterion(codelist="creatinine", as_egfr=True)
