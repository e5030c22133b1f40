"""Rule files: they load only when they fit the format and pass their own cases."""

from __future__ import annotations

import copy
import re
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lifecourse.base.errors import KnowledgeError
from lifecourse.care.rules.definition import Rule
from lifecourse.care.rules.evaluate import Answer, decide
from lifecourse.care.rules.families import expanded
from lifecourse.care.rules.loading import (
    FAMILIES,
    FOLDER,
    library,
    load_library,
    load_rule,
    rule_of_tree,
)
from lifecourse.care.rules.questions import facts_of_case

if TYPE_CHECKING:
    from collections.abc import Iterator

SMOKING = (FOLDER / "smoking_cessation.yaml").read_text(encoding="utf-8")
FIRST_SIX = {
    "statin_primary_prevention",
    "blood_pressure_treatment",
    "sglt2_inhibitor_ckd",
    "diabetes_screening",
    "anticoagulation_atrial_fibrillation",
    "smoking_cessation",
}


def cases() -> list[tuple[Rule, int]]:
    return [(rule, n) for rule in library().rules for n in range(len(rule.cases))]


@pytest.mark.parametrize(("rule", "n"), cases(), ids=lambda x: getattr(x, "name", str(x)))
def test_a_rule_answers_its_own_case(rule: Rule, n: int) -> None:
    case = rule.cases[n]
    answer = decide(rule, facts_of_case(rule.questions_by_key, case.given))
    assert str(answer) == case.expect


def test_the_first_six_rules_have_cases_of_all_five_answers() -> None:
    assert {rule.name for rule in library().rules} >= FIRST_SIX
    for rule in library().rules:
        answers = {case.expect.partition(":")[0] for case in rule.cases}
        assert len(rule.cases) >= 4, rule.name
        if rule.name in FIRST_SIX:
            assert answers == {str(answer) for answer in Answer}, rule.name


def test_each_rule_names_a_source_with_an_address() -> None:
    for rule in library().rules:
        assert all(e.doi or e.url for e in rule.evidence), rule.name
        assert all(re.fullmatch(r"10\.\d{4,}/\S+", e.doi) for e in rule.evidence if e.doi), (
            rule.name
        )


def test_no_rule_holds_a_code() -> None:
    for path in FOLDER.glob("*.yaml"):
        assert not re.search(r"(SNOMED|LOINC|RxNorm|ICD10CM|ATC)//", path.read_text()), path.name


def test_a_rule_that_fails_its_own_case_does_not_load() -> None:
    broken = SMOKING.replace(
        "smoking: former}, expect: not_applicable", "smoking: former}, expect: fires"
    )
    with pytest.raises(KnowledgeError, match="case 4 expects 'fires' but the rule answers"):
        load_rule(broken, where="smoking.yaml")


def moved_thresholds() -> Iterator[tuple[str, str, str]]:
    """Each rule with one threshold of `applies` moved, a little up and a little down."""
    for path in sorted(FOLDER.glob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        head = text[: text.index("cases:")]
        applies = head[head.index("applies:") :].partition("\nexclude:")[0]
        start = head.index(applies)
        pattern = r"(?:at_least|at_most|above|below|age): (\d+(?:\.\d+)?)|\.\.(\d+)"
        for found in re.finditer(pattern, applies):
            group = 1 if found[1] else 2
            is_count = (
                found[0].startswith(("age", ".."))
                or "points" in applies[: found.start()].rsplit("\n", 1)[-1]
            )
            value = float(found[group])
            for change in (-1, 1):
                new = value + change if is_count else value * (1 + change * 0.05)
                low, high = start + found.start(group), start + found.end(group)
                yield path.name, f"{found[0]} -> {new:g}", f"{text[:low]}{new:g}{text[high:]}"


MOVED = list(moved_thresholds())


@pytest.mark.parametrize("place", range(len(MOVED)), ids=lambda place: " ".join(MOVED[place][:2]))
def test_a_moved_threshold_fails_a_case(place: int) -> None:
    name, _, text = MOVED[place]
    with pytest.raises(KnowledgeError, match="case"):
        load_rule(text, where=name)


FAMILY_ROWS = [row for path in sorted(FAMILIES.glob("*.yaml")) for row in expanded(path)]


@pytest.mark.parametrize("row", FAMILY_ROWS, ids=lambda row: row[0])
def test_a_row_of_a_family_with_its_limit_moved_fails_a_case(row: tuple[str, Any]) -> None:
    where, tree = row
    scores = [part["score"] for part in tree["applies"]["all"] if "score" in part]
    for score in scores:
        for name in {"below", "at_least"} & set(score):
            for change in (-1.5, 1.5):
                moved = copy.deepcopy(tree)
                part = next(p["score"] for p in moved["applies"]["all"] if "score" in p)
                part[name] += change
                with pytest.raises(KnowledgeError, match="case"):
                    rule_of_tree(moved, where)


def test_a_family_says_which_row_is_wrong(tmp_path: Path) -> None:
    template = (FAMILIES / "allergies.yaml").read_text(encoding="utf-8")
    rows = (FAMILIES / "allergies.csv").read_text(encoding="utf-8")
    (tmp_path / "allergies.yaml").write_text(template)
    with pytest.raises(KnowledgeError, match=r"no table allergies\.csv"):
        load_library(tmp_path / "none", tmp_path)
    for old, new, says in [
        (",strong,", ",mighty,", r"row 1: grade: .*grade .mighty."),
        ("name,title,", "called,title,", r"row 1: the template asks for .name."),
        ("penicillin_allergy", "penicilin_allergy", "row 1: there is no codelist"),
        (",macrolide_allergy,", ",", "row 5 has not as many cells"),
    ]:
        (tmp_path / "allergies.csv").write_text(rows.replace(old, new, 1))
        with pytest.raises(KnowledgeError, match=rf"allergies\.csv, {says}"):
            load_library(tmp_path / "none", tmp_path)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            ("grade: {system: uspstf, code: A}", "grade: {system: uspstf, code: Z}"),
            r"line \d+: grade",
        ),
        (("topic: lifestyle", "topic: lifestyle\ncolour: blue"), r"line 5: colour"),
        (("smoking: current\n", "smoking: currently\n"), r"line \d+: applies.all.1.smoking"),
        (("codelist: palliative_care", "codelist: hospice"), "no codelist 'hospice'"),
        (
            ("given: {age: 18,", "given: {years: 18,"),
            "case 2 gives 'years', which the rule never asks",
        ),
        (("review_by: 2027-08", "review_by: soon"), r"line \d+: review_by"),
        (("topic: lifestyle", "topic: [lifestyle"), r"line \d+: not valid YAML"),
        (("cases:", "needs: [sbp]\ncases:"), "needs 'sbp', which no condition"),
    ],
)
def test_a_malformed_rule_says_where(change: tuple[str, str], says: str) -> None:
    assert change[0] in SMOKING
    with pytest.raises(KnowledgeError, match=says) as refused:
        load_rule(SMOKING.replace(*change, 1), where="smoking.yaml")
    assert "smoking.yaml" in str(refused.value)


def test_a_rule_needs_cases() -> None:
    with pytest.raises(KnowledgeError, match="cases"):
        load_rule(SMOKING.partition("cases:")[0], where="smoking.yaml")


def test_two_rules_may_not_share_a_name(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(SMOKING)
    (tmp_path / "b.yaml").write_text(SMOKING)
    with pytest.raises(KnowledgeError, match="another rule 'smoking_cessation'"):
        load_library(tmp_path)


def test_a_rule_is_switched_off_after_its_date_of_review(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(SMOKING)
    loaded = load_library(tmp_path)
    assert [rule.name for rule in loaded.in_force(date(2027, 8, 31))] == ["smoking_cessation"]
    assert loaded.in_force(date(2027, 9, 1)) == ()
    assert [rule.name for rule in loaded.switched_off(date(2027, 9, 1))] == ["smoking_cessation"]


def test_an_exclusion_is_certain_even_where_other_inputs_are_missing() -> None:
    statin = next(r for r in library().rules if r.name == "statin_primary_prevention")
    given: dict[str, object] = {"age": 50, "ascvd": True}
    answer = decide(statin, facts_of_case(statin.questions_by_key, given))
    assert answer.answer == Answer.EXCLUDED
    assert answer.excluded_by == "cardiovascular_disease"


def test_missing_data_says_what_to_order() -> None:
    screening = next(r for r in library().rules if r.name == "diabetes_screening")
    answer = decide(screening, facts_of_case(screening.questions_by_key, {"age": 50}))
    assert [(m.name, m.order) for m in answer.missing] == [("bmi", "Measure height and weight")]
