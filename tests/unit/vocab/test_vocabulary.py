"""What codes mean: tidy forms, codelists that hold together, units, and mapped codes."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from lifecourse.base.errors import CodelistError, UserError
from lifecourse.vocab import map_codes, normalise
from lifecourse.vocab.codelists import codelist, describe, entries, names
from lifecourse.vocab.systems import (
    is_wellformed,
    system_of_name,
    system_of_uri,
    systems,
    tidy_code,
)
from lifecourse.vocab.units import convert, quantities, si, tidy_unit

VERHOEFF_PRODUCT = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    [1, 2, 3, 4, 0, 6, 7, 8, 9, 5],
    [2, 3, 4, 0, 1, 7, 8, 9, 5, 6],
    [3, 4, 0, 1, 2, 8, 9, 5, 6, 7],
    [4, 0, 1, 2, 3, 9, 5, 6, 7, 8],
    [5, 9, 8, 7, 6, 0, 4, 3, 2, 1],
    [6, 5, 9, 8, 7, 1, 0, 4, 3, 2],
    [7, 6, 5, 9, 8, 2, 1, 0, 4, 3],
    [8, 7, 6, 5, 9, 3, 2, 1, 0, 4],
    [9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
]
VERHOEFF_SHIFT = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]


def has_snomed_check_digit(code: str) -> bool:
    check = 0
    for place, digit in enumerate(reversed(code)):
        shifted = int(digit)
        for _ in range(place % 8):
            shifted = VERHOEFF_SHIFT[shifted]
        check = VERHOEFF_PRODUCT[check][shifted]
    return check == 0


def has_loinc_check_digit(code: str) -> bool:
    number, check = code.split("-")
    total = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value // 10 + value % 10
    return (10 - total % 10) % 10 == int(check)


def parts(name: str) -> list[tuple[str, str]]:
    found = []
    for code in codelist(name).exact:
        pieces = code.split("//")
        found += [(a, b) for a, b in zip(pieces[::2], pieces[1::2], strict=False)]
    return found


@pytest.mark.parametrize("name", names())
def test_a_codelists_codes_have_their_systems_form_and_check_digits(name: str) -> None:
    for system, code in parts(name):
        assert is_wellformed(system, code), (system, code)
        if system == "SNOMED":
            assert has_snomed_check_digit(code), code
        if system == "LOINC" and not code.startswith("LA"):  # answers are numbered otherwise
            assert has_loinc_check_digit(code), code


@pytest.mark.parametrize("name", names())
def test_a_codelist_says_its_source_and_version(name: str) -> None:
    said = describe(name)
    assert said["title"]
    assert said["source"]
    assert said["version"]


def test_prefixes_are_dotted_as_codes_are() -> None:
    for name in names():
        for prefix in codelist(name).prefixes:
            system, _, start = prefix.partition("//")
            if system in ("ICD10CM", "ICD10") and len(start) > 3:
                assert start[3] == ".", prefix


def test_an_unknown_codelist_names_the_nearest() -> None:
    with pytest.raises(CodelistError, match="type_2_diabetes"):
        codelist("type2_diabetes")


def test_type_1_and_type_2_diabetes_share_no_code() -> None:
    assert not codelist("type_1_diabetes").exact & codelist("type_2_diabetes").exact


def test_every_quantity_is_a_codelist() -> None:
    assert set(quantities()) <= set(entries())


@pytest.mark.parametrize(
    ("written", "tidy"),
    [
        ("ICD10CM//e119", "ICD10CM//E11.9"),
        ("ICD10CM//E11.9", "ICD10CM//E11.9"),
        ("ICD9CM//25000", "ICD9CM//250.00"),
        ("ICD9CM//4019", "ICD9CM//401.9"),
        ("ICD9CM//E8495", "ICD9CM//E849.5"),
        ("ICD9CM//V4511", "ICD9CM//V45.11"),
        ("ICD9CM//1.0", "ICD9CM//1.0"),
        ("ICD9CM//0010", "ICD9CM//001.0"),
        ("ICD9Proc//3995", "ICD9Proc//39.95"),
        ("ICD10PCS//02rf0jz", "ICD10PCS//02RF0JZ"),
        ("NDC//0002-7510-01", "NDC//00002751001"),
        ("CVX//8", "CVX//08"),
        ("RxNorm//000860975", "RxNorm//860975"),
        ("NOT_DONE//ICD10CM//E119", "NOT_DONE//ICD10CM//E11.9"),
        ("LOINC//72166-2//SNOMED// 449868002 ", "LOINC//72166-2//SNOMED//449868002"),
        ("local//x y", "local//x y"),
    ],
)
def test_codes_are_put_into_their_systems_form(written: str, tidy: str) -> None:
    assert tidy_code(written) == tidy
    assert tidy_code(tidy) == tidy


@pytest.mark.parametrize(
    ("uri", "prefix"),
    [
        ("http://snomed.info/sct", "SNOMED"),
        ("http://snomed.info/sct/", "SNOMED"),
        ("http://hl7.org/fhir/sid/icd-10-cm", "ICD10CM"),
        ("urn:oid:2.16.840.1.113883.6.1", "LOINC"),
        ("2.16.840.1.113883.6.88", "RxNorm"),
        ("https://loinc.org", "LOINC"),
        ("http://example.org/local", None),
    ],
)
def test_a_systems_uri_or_oid_gives_our_prefix(uri: str, prefix: str | None) -> None:
    assert system_of_uri(uri) == prefix


def test_names_of_systems_in_other_standards_give_our_prefix() -> None:
    assert system_of_name("SCT") == "SNOMED"
    assert system_of_name("RxNorm Extension") == "RxNormExtension"
    assert all(system_of_name(prefix) == prefix for prefix in systems())


@pytest.mark.parametrize(
    ("value", "code", "unit", "canonical", "expected"),
    [
        (88.4, "LOINC//2160-0", "umol/L", "mg/dL", 1.0),
        (5.0, "LOINC//2093-3", "mmol/L", "mg/dL", 193.3),
        (5.5, "LOINC//2345-7", "mmol/L", "mg/dL", 99.1),
        (1.7, "LOINC//2571-8", "mmol/L", "mg/dL", 150.5),
        (48.0, "LOINC//4548-4", "mmol/mol", "%", 6.5),
        (3.0, "LOINC//9318-7", "mg/mmol", "mg/g", 26.5),
        (180.0, "LOINC//29463-7", "[lb_av]", "kg", 81.6),
        (1.8, "LOINC//8302-2", "m", "cm", 180.0),
        (98.6, "LOINC//8310-5", "[degF]", "Cel", 37.0),
    ],
)
def test_values_are_converted_as_laboratories_do(
    value: float, code: str, unit: str, canonical: str, expected: float
) -> None:
    assert convert(value, code, unit, canonical) == pytest.approx(expected, abs=0.06)
    assert convert(convert(value, code, unit, canonical), code, canonical, unit) == pytest.approx(
        value
    )


def test_a_unit_of_something_else_is_refused() -> None:
    with pytest.raises(UserError, match="not a unit of creatinine"):
        convert(1.0, "LOINC//2160-0", "kg", "mg/dL")


def test_spellings_of_units_become_ucum() -> None:
    assert tidy_unit("mmHg") == "mm[Hg]"
    assert tidy_unit("mL/min/1.73 m2") == "mL/min/{1.73_m2}"
    assert tidy_unit("µmol/L") == "umol/L"
    assert tidy_unit("UNK") is None
    assert tidy_unit("{score}") == "{score}"


def test_si_display_of_creatinine_and_hba1c() -> None:
    unit, factor, offset = si("LOINC//2160-0")
    assert (unit, round(factor + offset)) == ("umol/L", 88)
    unit, factor, offset = si("LOINC//4548-4")
    assert (unit, round(6.5 * factor + offset)) == ("mmol/mol", 48)


def events(*rows: tuple[str, float | None, str | None]) -> pl.DataFrame:
    return pl.DataFrame(
        rows,
        schema={"code": pl.String, "numeric_value": pl.Float32, "unit": pl.String},
        orient="row",
    )


def test_normalised_values_are_in_the_canonical_unit_and_counted() -> None:
    given = events(
        ("LOINC//2160-0", 88.4, "µmol/L"),
        ("LOINC//2160-0", 1.0, None),
        ("LOINC//59261-8", 48.0, None),
        ("LOINC//2160-0", 3.0, "furlong"),
        ("ICD10CM//E119", None, None),
        ("LOINC//2947-0", 140.0, "mEq/L"),
    )
    done, counts = normalise(given)
    assert done["code"].to_list() == [
        "LOINC//2160-0",
        "LOINC//2160-0",
        "LOINC//59261-8",
        "LOINC//2160-0//UNIT:furlong",
        "ICD10CM//E11.9",
        "LOINC//2947-0",
    ]
    assert done["numeric_value"].to_list() == pytest.approx(
        [1.0, 1.0, 6.543, 3.0, None, 140.0], abs=1e-3
    )
    assert done["unit"].to_list() == ["mg/dL", "mg/dL", "%", "furlong", None, "mmol/L"]
    assert sorted(counts.values()) == [1, 1, 2, 2]


def test_an_inconvertible_value_is_in_no_codelist() -> None:
    done, _ = normalise(events(("LOINC//2160-0", 3.0, "furlong")))
    assert done["code"][0] not in codelist("creatinine").exact


def test_normalising_twice_is_normalising_once() -> None:
    once, _ = normalise(events(("LOINC//2093-3", 5.0, "mmol/L"), ("ICD9CM//4019", None, None)))
    twice, counts = normalise(once)
    assert twice.equals(once)
    assert counts == {}


def test_normalised_events_keep_their_order() -> None:
    given = events(*[("LOINC//2160-0", float(i), "umol/L" if i % 2 else None) for i in range(50)])
    done, _ = normalise(given.with_row_index("row"))
    assert done["row"].to_list() == list(range(50))


def parents(code: str, extra: tuple[Path, ...] = ()) -> list[str]:
    found: list[str] = map_codes([code], extra)["parent_codes"][0].to_list()
    return found


@pytest.mark.parametrize(
    ("code", "parent"),
    [
        ("DIAGNOSIS//ICD//9//4019", "ICD9CM//401.9"),
        ("DIAGNOSIS//ICD//10//E1151", "ICD10CM//E11.51"),
        ("PROCEDURE//ICD//9//3995", "ICD9Proc//39.95"),
        ("PROCEDURE//ICD//10//02RF0JZ", "ICD10PCS//02RF0JZ"),
        ("LAB//50912//mg/dL", "LOINC//2160-0"),
        ("GENDER//F", "SEX//female"),
        ("HOSPITAL_ADMISSION//URGENT//TRANSFER FROM HOSPITAL", "VISIT//inpatient"),
        ("HOSPITAL_DISCHARGE//HOME", "VISIT_END//inpatient"),
        ("MEDICATION//Atorvastatin//Administered", "RxNorm//83367"),
        ("MEDICATION//START//MetFORMIN (Glucophage)", "RxNorm//6809"),
        ("RxNorm//316672", "RxNorm//36567"),
        ("RxNorm//36567", "ATC//C10AA01"),
        ("ICD10CM//E119", "ICD10CM//E11.9"),
        ("LOINC//2160-0//umol/L", "LOINC//2160-0"),
    ],
)
def test_a_sources_code_stands_for_a_concept(code: str, parent: str) -> None:
    assert parent in parents(code)


@pytest.mark.parametrize(
    "code",
    [
        "MEDICATION//Atorvastatin//Not Given",
        "MEDICATION//Atorvastatin//Hold Dose",
        "MEDICATION//STOP//Atorvastatin",
        "NOT_DONE//RxNorm//316672",
        "LAB//223761//°F",
        "LOINC//2160-0//UNIT:furlong",
    ],
)
def test_what_did_not_happen_or_cannot_be_converted_stands_for_nothing(code: str) -> None:
    assert parents(code) == []


def test_a_factor_takes_a_sources_value_to_the_canonical_unit() -> None:
    rows = map_codes(["LAB//226531//UNK", "LOINC//2160-0//umol/L", "LOINC//2160-0"])
    assert rows["unit"].to_list() == ["kg", "mg/dL", "mg/dL"]
    assert rows["unit_factor"].to_list() == pytest.approx([0.45359, 0.011312, 1.0], rel=1e-4)


def test_a_sites_mapping_file_comes_first(tmp_path: Path) -> None:
    own = tmp_path / "site.csv"
    own.write_text("code,parent_code,unit\nCREA,LOINC//2160-0,umol/L\nSTAT,RxNorm//316672,\n")
    assert parents("CREA", (own,)) == ["LOINC//2160-0"]
    assert "ATC//C10AA01" in parents("STAT", (own,))
    assert map_codes(["CREA"], [own])["unit_factor"][0] == pytest.approx(0.011312)


def test_a_mapping_file_without_its_columns_says_which(tmp_path: Path) -> None:
    own = tmp_path / "site.csv"
    own.write_text("code,concept\nA,B\n")
    with pytest.raises(CodelistError, match="parent_code"):
        map_codes(["A"], [own])


def test_a_mapping_in_a_unit_that_no_factor_converts_is_refused(tmp_path: Path) -> None:
    own = tmp_path / "site.csv"
    own.write_text("code,parent_code,unit\nA1C,LOINC//4548-4,mmol/mol\n")
    with pytest.raises(CodelistError, match="row 1: values in"):
        map_codes(["A1C"], [own])
