"""The order of a plan, what is withheld for safety, and what is not said twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from people import AT, NEVER_SMOKER, SCHEMA, Entry, measured, person, smoker

from lifecourse.care import plan
from lifecourse.care.careplan import CarePlan, Recommendation
from lifecourse.care.priority import MOST_LINES, rank, ranked, standing, urgency
from lifecourse.care.rules.loading import FOLDER, Library, load_library
from lifecourse.timeline.unstored import timeline_from_events
from lifecourse.vocab.ingredients import ingredients

TODAY = date(2026, 11, 25)
DAY = datetime(2023, 5, 1)
POOR = "CYP2C19 *2/*2"
REPORTED = "LOINC//84413-4"


def drug(name: str) -> Entry:
    return (DAY, f"RxNorm//{ingredients()[name].rxnorm}", None, None)


def fires(made: CarePlan) -> list[Recommendation]:
    return [line for line in made.recommendations if line.answer == "fires"]


def ill() -> list[Entry]:
    return [*measured(2022), *measured(2023, sbp=165.0), smoker()]


def test_a_statin_with_a_strong_inhibitor_stands_first() -> None:
    made = plan(person(*ill(), drug("simvastatin"), drug("clarithromycin")), AT, today=TODAY)
    assert fires(made)[0].rule.name == "interaction_statin_cyp3a4_inhibitor"
    assert fires(made)[0].to_dict()["urgent"] is True
    assert len(fires(made)) > 3


def test_clopidogrel_that_does_not_work_stands_first() -> None:
    facts = [*ill(), drug("clopidogrel")]
    rows = [(1, when, code, None, None, value, unit) for when, code, value, unit in facts]
    rows += [
        (1, DAY, REPORTED, POOR, None, None, None),
        (1, datetime(1960, 5, 1), "MEDS_BIRTH", None, None, None, None),
        (1, None, "SEX//male", None, None, None, None),
    ]
    schema = {name: SCHEMA[name] for name in ("subject_id", "time", "code")}
    schema |= {"text_value": pl.String, "source_id": pl.String}
    schema |= {name: SCHEMA[name] for name in ("numeric_value", "unit")}
    chart = timeline_from_events(pl.DataFrame(rows, schema=schema, orient="row")).chart(1)
    made = plan(chart, AT, today=TODAY)
    assert fires(made)[0].rule.name == "pgx_clopidogrel_poor"


def test_harm_that_is_only_possible_stands_behind_what_is_worth_doing() -> None:
    made = plan(person(*ill(), drug("simvastatin"), drug("clarithromycin")), AT, today=TODAY)
    places = [urgency(line.rule) for line in fires(made)]
    assert places == sorted(places)


def test_sorting_only_what_fires_is_sorting_all() -> None:
    chance = np.random.default_rng(5)
    made = plan(person(*ill(), drug("simvastatin"), drug("clarithromycin")), AT, today=TODAY)
    worth = [line.benefit for line in made.recommendations if line.benefit is not None]
    answers = {line.answer: line.decision for line in made.recommendations}
    assert worth
    assert len(answers) > 2
    for _ in range(50):
        lines = []
        for line in sorted(made.recommendations, key=lambda line: standing(line.rule)):
            decision = list(answers.values())[chance.integers(len(answers))]
            of_what_fires = [None, replace(worth[0], low=chance.normal())][chance.integers(2)]
            benefit = of_what_fires if decision.answer == "fires" else None
            lines.append(replace(line, decision=decision, benefit=benefit))
        assert ranked(lines) == sorted(lines, key=rank)


OFFER = """\
name: offer_simvastatin
version: "1"
title: Offer simvastatin
topic: cardiovascular
applies: {age: 40..}
already_done: {drug: statin}
do: {kind: medication, what: Start simvastatin, codelist: CODELIST}
text: {summary: "Simvastatin.", why: For the test.}
grade: {system: uspstf, code: B}
evidence: [{citation: made up}]
override: [not-applicable]
review_by: 2099-01
cases:
  - {given: {age: 62}, expect: fires}
  - {given: {age: 40}, expect: fires}
  - {given: {age: 39}, expect: not_applicable}
  - {given: {age: 62, statin: true}, expect: already_done}
"""


@pytest.fixture(scope="module")
def offering(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """A rule that proposes a drug, two that propose the same class, and one that forbids the first."""
    folder: Path = tmp_path_factory.mktemp("rules")
    harm = "interaction_statin_cyp3a4_inhibitor.yaml"
    (folder / harm).write_text((FOLDER / harm).read_text())
    (folder / "a.yaml").write_text(OFFER.replace("CODELIST", "simvastatin_or_lovastatin"))
    for name in ("offer_any", "offer_same"):
        text = OFFER.replace("CODELIST", "statin").replace("offer_simvastatin", name)
        (folder / f"{name}.yaml").write_text(text)
    return load_library(folder)


def named(made: CarePlan, name: str) -> Recommendation:
    return next(line for line in made.recommendations if line.rule.name == name)


def test_a_drug_that_would_do_harm_is_not_proposed_and_the_plan_says_why(offering: Library) -> None:
    made = plan(person(drug("clarithromycin")), AT, rules=offering, today=TODAY)
    withheld = named(made, "offer_simvastatin")
    assert str(withheld.decision) == "excluded:interaction_statin_cyp3a4_inhibitor"
    assert withheld.reason.startswith("Withheld for safety: ")
    assert any("clarithromycin" in str(event) or event["is_drug"] for event in withheld.events)
    free = plan(person(), AT, rules=offering, today=TODAY)
    assert named(free, "offer_simvastatin").answer == "fires"


def test_of_a_class_what_may_not_be_chosen_is_named(offering: Library) -> None:
    made = plan(person(drug("clarithromycin")), AT, rules=offering, today=TODAY)
    line = named(made, "offer_any")
    assert line.answer == "fires"
    assert line.to_dict()["cautions"][0].startswith("Not simvastatin, lovastatin: ")


def test_the_same_drug_is_not_proposed_twice(offering: Library) -> None:
    made = plan(person(), AT, rules=offering, today=TODAY)
    assert [line.same_as for line in fires(made)] == [None, "offer_any", None]


def test_an_answer_is_about_these_drugs() -> None:
    one = plan(person(drug("simvastatin"), drug("clarithromycin")), AT, today=TODAY)
    again = plan(
        person(drug("simvastatin"), drug("clarithromycin"), drug("naproxen")), AT, today=TODAY
    )
    other = plan(person(drug("simvastatin"), drug("itraconazole")), AT, today=TODAY)
    keys = [named(each, "interaction_statin_cyp3a4_inhibitor").key for each in (one, again, other)]
    assert keys[0] == keys[1] != keys[2]


def test_the_number_of_lines_shown_is_told() -> None:
    made = plan(person((DAY, NEVER_SMOKER, None, None)), AT, today=TODAY)
    assert made.to_dict()["most_shown"] == MOST_LINES
