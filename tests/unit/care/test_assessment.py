"""Scores of a person: the right number, the events behind it, or the reason there is none."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import polars as pl
import pytest

from lifecourse.base.clock import to_microseconds
from lifecourse.care import assess
from lifecourse.care.assessment import completed_years
from lifecourse.care.risk import score
from lifecourse.timeline.unstored import timeline_from_events

if TYPE_CHECKING:
    from lifecourse.care import Assessment
    from lifecourse.timeline.chart import Chart

Row = tuple[datetime | None, str, float | None]

NOW = datetime(2020, 7, 1)
SEEN = datetime(2020, 6, 1)
BORN = datetime(1970, 5, 1)

# The worked woman of the PREVENT paper, 50 years old, as a record.
WOMAN: list[Row] = [
    (None, "SEX//female", None),
    (BORN, "MEDS_BIRTH", None),
    (SEEN, "LOINC//2093-3", 200),
    (SEEN, "LOINC//2085-9", 45),
    (SEEN, "LOINC//8480-6", 160),
    (SEEN, "LOINC//39156-5", 35),
    (SEEN, "LOINC//33914-3", 90),
    (SEEN, "SNOMED//44054006", None),
    (SEEN, "LOINC//72166-2//SNOMED//266919005", None),
    (SEEN, "RxNorm//314076", None),
]


def chart_of(rows: list[Row]) -> Chart:
    events = pl.DataFrame(
        [(1, *row) for row in rows],
        schema={
            "subject_id": pl.Int64,
            "time": pl.Datetime("us"),
            "code": pl.String,
            "numeric_value": pl.Float32,
        },
        orient="row",
    )
    return timeline_from_events(events).chart(1)


def assessed(rows: list[Row], at: datetime = NOW) -> Assessment:
    return assess(chart_of(rows), to_microseconds(at))


def without(code: str) -> list[Row]:
    return [row for row in WOMAN if row[1] != code]


def test_prevent_of_a_record_is_prevent_of_its_values() -> None:
    found = assessed(WOMAN)
    expected = {"total_cvd": 0.147, "ascvd": 0.092, "heart_failure": 0.081, "chd": 0.044}
    for outcome, value in expected.items():
        result = found.score("prevent", outcome, 10)
        assert result.value == pytest.approx(value, abs=5e-4)
        assert result.unit == "probability"


def test_a_number_carries_equation_horizon_comparator_moment_and_range() -> None:
    result = assessed(WOMAN).score("prevent", "ascvd", 10)
    assert "PREVENT" in result.equation
    assert result.horizon_years == 10
    assert result.comparator is not None
    assert result.comparator["value"] < (result.value or 0)
    assert result.as_of.startswith("2020-07-01")
    assert "30 to 79" in result.applies_to
    assert result.interval is None
    assert result.interval_reason
    assert result.band == "intermediate"


def test_each_input_names_the_event_that_decided_it() -> None:
    inputs = {each.name: each for each in assessed(WOMAN).score("prevent", "ascvd", 10).inputs}
    assert [event.code for event in inputs["sbp"].events] == ["LOINC//8480-6"]
    assert [event.code for event in inputs["bp_tx"].events] == ["RxNorm//314076"]
    assert inputs["smoking"].note == "never smoker"
    assert inputs["statin"].value is False
    assert inputs["statin"].events == ()


def test_the_latest_value_decides_and_a_later_one_never_does() -> None:
    later = (datetime(2020, 8, 1), "LOINC//8480-6", 120.0)
    earlier = (datetime(2020, 5, 1), "LOINC//8480-6", 120.0)
    assert assessed([*WOMAN, later, earlier]) == assessed(WOMAN)


def test_an_old_value_is_missing_not_current() -> None:
    rows = [*without("LOINC//8480-6"), (datetime(2015, 1, 1), "LOINC//8480-6", 160.0)]
    result = assessed(rows).score("prevent", "ascvd", 10)
    assert (result.status, result.missing, result.value) == ("missing", ("sbp",), None)


def test_egfr_is_computed_from_creatinine_where_none_is_reported() -> None:
    rows = [*without("LOINC//33914-3"), (SEEN, "LOINC//2160-0", 0.8)]
    found = assessed(rows)
    result = found.score("prevent", "total_cvd", 10)
    egfr = next(each for each in result.inputs if each.name == "egfr")
    expected = score("ckd_epi_2021", {"age": 50, "sex": "female", "scr_mg_dl": 0.8})["egfr"]
    assert result.status == "computed"
    assert egfr.value == pytest.approx(expected, rel=1e-5)
    assert egfr.note is not None
    assert "CKD-EPI" in egfr.note
    assert [event.code for event in egfr.events] == ["LOINC//2160-0"]
    assert found.score("ckd_epi_2021", "egfr").band == "G2"


def test_neither_egfr_nor_creatinine_is_missing_egfr() -> None:
    assert assessed(without("LOINC//33914-3")).score("prevent", "ascvd", 10).missing == ("egfr",)


def test_known_cardiovascular_disease_is_not_applicable_with_its_event() -> None:
    result = assessed([*WOMAN, (SEEN, "ICD10CM//I21.4", None)]).score("prevent", "ascvd", 10)
    assert result.status == "not_applicable"
    assert "stroke" in (result.reason or "")
    assert [event.code for event in result.inputs[0].events] == ["ICD10CM//I21.4"]


@pytest.mark.parametrize("code", ["FAMILY_HISTORY//ICD10CM//I21.4", "REFUTED//SNOMED//22298006"])
def test_a_family_history_or_a_refuted_diagnosis_is_not_ones_own(code: str) -> None:
    result = assessed([*WOMAN, (SEEN, code, None)]).score("prevent", "ascvd", 10)
    assert result.status == "computed"


def test_the_latest_answer_about_smoking_decides() -> None:
    started = (datetime(2020, 6, 20), "LOINC//72166-2//SNOMED//449868002", None)
    stopped = (datetime(2020, 6, 25), "LOINC//72166-2//SNOMED//8517006", None)
    smoking = [
        next(i for i in assessed(rows).score("prevent", "ascvd", 10).inputs if i.name == "smoking")
        for rows in (WOMAN, [*WOMAN, started], [*WOMAN, started, stopped])
    ]
    assert [each.value for each in smoking] == [False, True, False]
    assert [each.note for each in smoking] == ["never smoker", "current smoker", "former smoker"]


def test_no_answer_about_smoking_is_missing() -> None:
    rows = without("LOINC//72166-2//SNOMED//266919005")
    assert assessed(rows).score("prevent", "ascvd", 10).missing == ("smoking_status",)


def test_30_year_risk_is_for_30_to_59() -> None:
    old = [(datetime(1955, 5, 1) if row[1] == "MEDS_BIRTH" else row[0], *row[1:]) for row in WOMAN]
    found = assessed(old)
    assert found.score("prevent", "ascvd", 10).status == "computed"
    assert found.score("prevent", "ascvd", 30).status == "not_applicable"


def test_a_score_for_atrial_fibrillation_needs_it() -> None:
    assert assessed(WOMAN).score("cha2ds2_vasc", "score").status == "not_applicable"
    with_it = assessed([*WOMAN, (SEEN, "SNOMED//49436004", None)]).score("cha2ds2_vasc", "score")
    assert with_it.value == 2


def test_after_death_nothing_is_computed() -> None:
    rows = [*WOMAN, (datetime(2020, 6, 2), "MEDS_DEATH", None)]
    assert {each.status for each in assessed(rows).scores} == {"not_applicable"}


def test_a_newborn_and_an_empty_record_get_reasons_not_numbers() -> None:
    newborn = assessed([(None, "SEX//male", None), (datetime(2020, 6, 30), "MEDS_BIRTH", None)])
    unknown = assessed([(SEEN, "LOINC//8480-6", 120)])
    for found in (newborn, unknown):
        assert all(each.value is None and each.reason for each in found.scores)
    assert newborn.score("prevent", "ascvd", 10).status == "not_applicable"
    assert "age" in unknown.score("prevent", "ascvd", 10).missing


def test_age_is_in_completed_years() -> None:
    assert completed_years(datetime(1970, 7, 1), datetime(2000, 6, 30)) == 29
    assert completed_years(datetime(1970, 7, 1), datetime(2000, 7, 1)) == 30
    assert completed_years(None, NOW) is None
    assert completed_years(NOW, SEEN) is None


def test_body_mass_index_is_computed_from_weight_and_height_where_none_is_reported() -> None:
    measured = [(SEEN, "LOINC//29463-7", 100.0), (SEEN, "LOINC//8302-2", 170.0)]
    result = assessed([*without("LOINC//39156-5"), *measured]).score("prevent", "ascvd", 10)
    bmi = next(each for each in result.inputs if each.name == "bmi")
    assert bmi.value == pytest.approx(34.602, abs=1e-3)
    assert {event.code for event in bmi.events} == {"LOINC//29463-7", "LOINC//8302-2"}
