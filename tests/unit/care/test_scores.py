"""The library of scores: published values, published limits, and files that check themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecourse.base.errors import KnowledgeError, UserError
from lifecourse.care.risk import names, score, score_all, score_model
from lifecourse.care.risk.evaluate import columns_of, evaluate_columns
from lifecourse.care.risk.expressions import parse
from lifecourse.care.risk.library import FOLDER, load_score_model

# Khan 2024, supplement table S12: the worked woman of 50 years.
WOMAN = {
    "age": 50, "sex": "female", "total_c": 200, "hdl_c": 45, "sbp": 160, "dm": 1, "smoking": 0,
    "bmi": 35, "egfr": 90, "bp_tx": 1, "statin": 0,
}  # fmt: skip


@pytest.mark.parametrize("name", names())
def test_a_score_passes_every_case_of_its_file(name: str) -> None:
    model = score_model(name)
    found = score_all(name, [case.given for case in model.cases])
    for case, result in zip(model.cases, found, strict=True):
        assert result["status"] == "computed"
        for output, expected in case.out.items():
            assert result[output] == pytest.approx(expected, abs=max(case.tol, 1e-9))


@pytest.mark.parametrize("name", names())
def test_a_score_says_where_it_comes_from_and_until_when_it_stands(name: str) -> None:
    model = score_model(name)
    assert model.evidence
    assert model.licence
    assert len(model.review_by) == 7


def test_the_published_cases_at_hand_are_all_in_the_files(shared_data: Path) -> None:
    import json

    facts = json.loads((shared_data.parent / "facts" / "risk-models.json").read_text())["models"]
    for name in set(facts) & set(names()):
        held = [(case.given, case.out) for case in score_model(name).cases]
        for vector in facts[name]["vectors"]:
            assert (vector["in"], vector["out"]) in held, name


def test_prevent_gives_the_published_numbers_of_its_worked_example() -> None:
    found = score("prevent", WOMAN | {"variant": "base"})
    assert [round(found[k], 3) for k in ("total_cvd", "ascvd", "heart_failure")] == [
        0.147,
        0.092,
        0.081,
    ]


def test_prevent_and_the_pooled_cohort_equations_differ_and_name_themselves() -> None:
    prevent = score("prevent", WOMAN | {"variant": "base"})
    same = {"age": 50, "sex": "female", "total_c": 200, "hdl_c": 45, "sbp": 160, "bp_tx": 1}
    pce = [
        score("pce", same | {"smoker": 0, "diabetes": 1, "race": race})
        for race in ("white", "black")
    ]
    assert round(prevent["ascvd"], 3) == 0.092
    assert [round(each["ascvd_10y"], 3) for each in pce] == [0.064, 0.245]
    assert "PREVENT" in prevent["equation"]
    assert all("Pooled Cohort" in each["equation"] for each in pce)


def test_two_optional_predictors_choose_the_full_equations_of_prevent() -> None:
    both = WOMAN | {"hba1c": 7.5, "uacr": 40}
    assert score("prevent", both) == score("prevent", both | {"variant": "full"})
    one = WOMAN | {"hba1c": 7.5}
    assert score("prevent", one) == score("prevent", one | {"variant": "hba1c"})


def test_an_absent_optional_predictor_of_prevent_is_not_zero() -> None:
    absent = score("prevent", WOMAN | {"variant": "full", "hba1c": 7.5, "uacr": 40})
    lowest = score("prevent", WOMAN | {"variant": "full", "hba1c": 7.5, "uacr": 40, "sdi": 1})
    assert absent["total_cvd"] != lowest["total_cvd"]


def test_30_year_prevent_above_59_carries_a_warning() -> None:
    assert score("prevent", WOMAN | {"age": 65, "years": 30})["warnings"]
    assert not score("prevent", WOMAN | {"years": 30})["warnings"]


def test_age_and_hdl_interact_per_0_3_mmol() -> None:
    assert score_model("prevent").derive["hdl"] == "(hdl_c * 0.02586 - 1.3) / 0.3"


def test_the_region_changes_the_kidney_failure_risk() -> None:
    person = {"age": 60, "sex": "male", "egfr": 30, "uacr_mg_g": 300, "vars": 4, "years": 2}
    american, other = (score("kfre", person | {"region": r})["risk"] for r in ("NA", "nonNA"))
    assert american > other


@pytest.mark.parametrize(
    ("name", "inputs", "outside"),
    [
        ("prevent", WOMAN | {"age": 80}, "age"),
        ("prevent", WOMAN | {"age": 29}, "age"),
        ("prevent", WOMAN | {"bmi": 40}, "bmi"),
        ("prevent", WOMAN | {"total_c": 321}, "total_c"),
        ("ckd_epi_2021", {"age": 17, "sex": "male", "scr_mg_dl": 1}, "age"),
        ("kfre", {"age": 60, "sex": "male", "egfr": 61, "uacr_mg_g": 30}, "egfr"),
        ("charge_af", {"age": 45}, "age"),
        ("ckd_epi_2021", {"age": 50, "sex": "other", "scr_mg_dl": 1}, "sex"),
    ],
)
def test_out_of_range_gives_no_number(name: str, inputs: dict[str, object], outside: str) -> None:
    found = score(name, inputs)
    assert found["status"] == "not_applicable"
    assert outside in found["reason"]
    assert all(found[output] is None for output in score_model(name).outputs)


def test_the_ends_of_a_range_belong_to_it_as_float32_too() -> None:
    assert score("prevent", WOMAN | {"bmi": float(np.float32(39.9))})["status"] == "computed"
    assert score("prevent", WOMAN | {"age": 79})["status"] == "computed"


def test_a_missing_input_is_named_and_never_taken_as_normal() -> None:
    found = score("prevent", {key: WOMAN[key] for key in WOMAN if key != "hdl_c"})
    assert (found["status"], found["missing"]) == ("missing", ["hdl_c"])
    assert found["ascvd"] is None


def test_an_input_that_a_score_does_not_have_is_refused() -> None:
    with pytest.raises(UserError, match="no input potassium"):
        score("prevent", WOMAN | {"potassium": 4})


def test_a_score_that_is_not_in_the_library_lists_those_that_are() -> None:
    with pytest.raises(UserError, match="ckd_epi_2021"):
        score("qrisk3", {})


def test_many_rows_at_once_are_each_row_alone() -> None:
    rows = [WOMAN | {"age": age, "sex": sex} for age in (25, 40, 70) for sex in ("female", "male")]
    rows.append({"age": 50})
    assert score_all("prevent", rows) == [score("prevent", row) for row in rows]


@given(
    age=st.integers(30, 79),
    sbp=st.floats(90, 199),
    total_c=st.floats(130, 320),
    egfr=st.floats(15, 140),
)
def test_smoking_never_lowers_a_10_year_risk(
    age: int, sbp: float, total_c: float, egfr: float
) -> None:
    person = WOMAN | {"age": age, "sbp": sbp, "total_c": total_c, "egfr": egfr, "variant": "base"}
    plain, smoker = score_all("prevent", [person, person | {"smoking": 1}])
    assert smoker["total_cvd"] > plain["total_cvd"]
    assert 0 < plain["total_cvd"] < 1


def test_a_file_that_fails_its_own_case_does_not_load(tmp_path: Path) -> None:
    written = (FOLDER / "ckd_epi_2021.yaml").read_text()
    broken = tmp_path / "ckd_epi_2021.yaml"
    broken.write_text(written.replace("0.9938", "0.9838"))
    with pytest.raises(KnowledgeError, match="case 1 expects egfr = 80"):
        load_score_model(broken)


def test_a_file_without_cases_does_not_load(tmp_path: Path) -> None:
    written = (FOLDER / "fib4.yaml").read_text()
    broken = tmp_path / "fib4.yaml"
    broken.write_text(written.split("cases:")[0] + "cases: []\n")
    with pytest.raises(KnowledgeError, match="cases"):
        load_score_model(broken)


def test_a_file_with_an_unknown_key_or_name_does_not_load(tmp_path: Path) -> None:
    written = (FOLDER / "fib4.yaml").read_text()
    broken = tmp_path / "fib4.yaml"
    broken.write_text(written + "colour: red\n")
    with pytest.raises(KnowledgeError, match="colour"):
        load_score_model(broken)
    broken.write_text(written.replace("sqrt(alt)", "sqrt(alat)"))
    with pytest.raises(KnowledgeError, match="alat"):
        load_score_model(broken)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')",
        "age.real",
        "[x for x in age]",
        "lambda: 1",
        "open('x')",
        "age if",
        "f'{age}'",
        "age[0]",
        "(age := 3)",
    ],
)
def test_the_language_of_scores_is_arithmetic_only(text: str) -> None:
    with pytest.raises(KnowledgeError):
        parse(text).evaluate({"age": np.array([1.0])})


def test_conditionals_choose_row_by_row() -> None:
    column = parse("1 if sex == 'female' and age >= 50 else 0").evaluate(
        {"sex": np.array(["female", "male", None], dtype=object), "age": np.array([60.0, 60, 60])}
    )
    assert column.tolist() == [1, 0, 0]


def test_warnings_of_numpy_do_not_escape_a_missing_value() -> None:
    model = score_model("kfre")
    found = evaluate_columns(model, columns_of(model, [{"age": 60}, {"uacr_mg_g": 0}]), 2)
    assert np.isnan(found.outputs["risk"]).all()


@pytest.mark.parametrize(
    ("name", "changed", "says"),
    [
        ("cha2ds2_vasc", {"chf": 7}, "chf must be 0 or 1"),
        ("cha2ds2_vasc", {"age": float("inf")}, "age must be a finite number"),
        ("cha2ds2_vasc", {"age": "old"}, "age must be a number"),
        ("cha2ds2_vasc", {"age": []}, "age must be a number"),
        ("charlson", {"conditions": 3}, "conditions must be a list"),
        ("charlson", {"conditions": "copd"}, "conditions must be a list"),
        ("elixhauser_van_walraven", {"conditions": ["flu"]}, "conditions may have"),
    ],
)
def test_a_slip_of_the_hand_is_a_user_error(
    name: str, changed: dict[str, object], says: str
) -> None:
    given = {**score_model(name).cases[0].given, **changed}
    with pytest.raises(UserError, match=says):
        score(name, given)
