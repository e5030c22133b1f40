"""When a condition is known: named logic over codelists. Days are counted from 2020-01-01."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl
import pytest

from lifecourse.base.clock import to_microseconds
from lifecourse.base.errors import TaskError
from lifecourse.tasks import phenotype, phenotype_names
from lifecourse.timeline.access import timeline_from_events
from lifecourse.timeline.chart import Chart

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
