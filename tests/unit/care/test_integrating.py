"""What a record says of genes, family and surroundings, added to the scores that lack it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from people import AT, NEVER_SMOKER, Entry, measured, person

from lifecourse.care import assess
from lifecourse.care.integrating import Integrated, integrated_risks
from lifecourse.timeline.unstored import timeline_from_events

if TYPE_CHECKING:
    from lifecourse.timeline.chart import Chart

DAY = datetime(2022, 6, 1)
DUST, DEPRIVATION = "EXPOSURE//pm25", "EXPOSURE//deprivation"
PERCENTILE = "PGS_PERCENTILE//PGS000018//1000_Genomes"
HISTORY = "ICD10CM//Z82.49"
OF_RELATIVE = "FAMILY_HISTORY//SNOMED//22298006"


def ill(*entries: Entry) -> tuple[Entry, ...]:
    return (*measured(2023), (DAY, NEVER_SMOKER, None, None), *entries)


def found(chart: Chart, outcome: str = "ascvd", years: float = 10) -> Integrated | None:
    every = integrated_risks(chart, AT, assess(chart, AT))
    bases = {(each.found.base.outcome, each.found.base.years): each for each in every}
    return bases.get((outcome, years))


def steps(chart: Chart, outcome: str = "ascvd") -> dict[str, float]:
    one = found(chart, outcome)
    return {} if one is None else {step.modifier.name: step.value for step in one.found.steps}


def with_text(code: str, text: str) -> Chart:
    rows: list[tuple[Any, ...]] = [
        (1, when, each, value, None, unit) for when, each, value, unit in ill()
    ]
    rows += [
        (1, DAY, code, None, text, None),
        (1, datetime(1960, 5, 1), "MEDS_BIRTH", None, None, None),
        (1, None, "SEX//male", None, None, None),
    ]
    names = ("subject_id", "time", "code", "numeric_value", "text_value", "unit")
    types = (pl.Int64, pl.Datetime("us"), pl.String, pl.Float32, pl.String, pl.String)
    schema: dict[str, Any] = dict(zip(names, types, strict=True))
    return timeline_from_events(pl.DataFrame(rows, schema=schema, orient="row")).chart(1)


def test_nothing_recorded_adds_nothing() -> None:
    assert integrated_risks(person(*ill()), AT, assess(person(*ill()), AT)) == []
    assert integrated_risks(person(), AT, assess(person(), AT)) == []


def test_surroundings_go_to_the_risks_they_were_measured_for() -> None:
    chart = person(*ill((DAY, DUST, 13.0, "ug/m3"), (DAY, DEPRIVATION, 1.0, "1")))
    assert steps(chart) == {"pm25": 13.0}
    assert steps(chart, "heart_failure") == {"deprivation": 1.0}
    one = found(chart)
    assert one is not None
    base = assess(chart, AT).score("prevent", "ascvd", 10).value
    assert base is not None
    assert one.found.risk == pytest.approx(1 - (1 - base) ** 1.13)
    written = one.to_dict()
    added = sum(step["added"] for step in written["steps"])
    assert written["base"]["risk"] + added == pytest.approx(written["risk"])
    assert written["steps"][0]["events"][0]["code"] == DUST
    assert {row["title"]: row["reason"] for row in written["left_out"]} == {
        "A parent with cardiovascular disease": "not recorded",
        "Polygenic score of coronary disease": "not recorded",
    }


def test_air_as_it_usually_is_changes_nothing() -> None:
    one = found(person(*ill((DAY, DUST, 8.0, "ug/m3"))))
    assert one is not None
    assert one.found.risk == pytest.approx(one.found.base.risk)


def test_a_percentile_is_so_many_standard_deviations_and_stands_for_the_family_too() -> None:
    chart = person(*ill((None, PERCENTILE, 97.724987, None), (DAY, HISTORY, None, None)))
    assert steps(chart) == {"polygenic_score": pytest.approx(2.0, abs=1e-4)}
    one = found(chart)
    assert one is not None
    reasons = dict(one.left_out)
    assert reasons["A parent with cardiovascular disease"].endswith("polygenic score does")
    assert steps(chart, "total_cvd") == {"family_history": 1.0}


def test_a_ratio_holds_for_the_ages_it_was_measured_in() -> None:
    old = person(*ill((None, PERCENTILE, 90.0, None), (DAY, HISTORY, None, None)),
                 born=datetime(1950, 5, 1))  # fmt: skip
    assert steps(old) == {"family_history": 1.0}
    one = found(old)
    assert one is not None
    assert dict(one.left_out)["Polygenic score of coronary disease"].endswith("40 to 69 years")


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ((DAY, DUST, 60.0, "ug/m3"), "studied from 2 to 35"),
        ((datetime(2015, 1, 1), DUST, 13.0, "ug/m3"), "not recorded"),
        ((None, PERCENTILE, 100.0, None), "not recorded"),
    ],
)
def test_what_cannot_be_said_is_left_out_with_its_reason(entry: Entry, said: str) -> None:
    one = found(person(*ill(entry, (DAY, HISTORY, None, None))))
    assert one is not None
    assert any(reason.startswith(said) for _, reason in one.left_out)


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("mother: Heart attack", True),
        ("Father", True),
        ("RoleCode//NMTH: Heart attack", True),
        ("aunt: Heart attack", False),
        ("grandmother: Heart attack", False),
        ("Heart attack", False),
        ("", False),
    ],
)
def test_of_relatives_only_parents_count(text: str, counts: bool) -> None:
    assert bool(steps(with_text(OF_RELATIVE, text))) == counts


def test_a_code_of_family_history_counts_as_it_is() -> None:
    assert steps(with_text(HISTORY, "Family history of ischemic heart disease")) == {
        "family_history": 1.0
    }
