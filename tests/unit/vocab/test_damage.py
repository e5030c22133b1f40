"""Codes that lost digits: what is found, what is put right, and what is left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecourse.vocab import map_codes
from lifecourse.vocab.checkdigits import mod10_holds, verhoeff_holds
from lifecourse.vocab.codelists import codelist, names
from lifecourse.vocab.damage import Damage, damage_of, restored
from lifecourse.vocab.systems import tidy

# Published: SNOMED CT concepts and LOINC codes of everyday use.
SNOMED = ["44054006", "73211009", "38341003", "22298006", "449868002", "900000000000013009"]
LOINC = ["2160-0", "4548-4", "72166-2", "8480-6", "10000-8", "718-7"]


@pytest.mark.parametrize("code", SNOMED)
def test_every_single_wrong_digit_of_a_snomed_code_is_found(code: str) -> None:
    assert verhoeff_holds(code)
    for place, digit in enumerate(code):
        for other in set("0123456789") - {digit}:
            assert not verhoeff_holds(code[:place] + other + code[place + 1 :])


@given(st.sampled_from(SNOMED), st.data())
def test_two_swapped_digits_of_a_snomed_code_are_found(code: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(code) - 2))
    a, b = code[place], code[place + 1]
    swapped = code[:place] + b + a + code[place + 2 :]
    assert verhoeff_holds(swapped) == (a == b)


def test_a_long_snomed_code_that_went_through_a_spreadsheet_is_found() -> None:
    # A number of 64 bits of floating point keeps 15 to 17 digits of it.
    code = "900000000000013009"
    rounded = str(int(float(code[:15] + "000")))
    assert damage_of("SNOMED", code) is None
    assert damage_of("SNOMED", rounded) == Damage.CHECK_DIGIT


@pytest.mark.parametrize("code", LOINC)
def test_every_single_wrong_digit_of_a_loinc_code_is_found(code: str) -> None:
    assert mod10_holds(code)
    number, _, check = code.partition("-")
    for place, digit in enumerate(number):
        for other in set("0123456789") - {digit}:
            assert not mod10_holds(f"{number[:place]}{other}{number[place + 1 :]}-{check}")


@pytest.mark.parametrize(
    ("system", "left", "was"),
    [
        ("ICD9CM", "38", "038"),
        ("ICD9CM", "8", "008"),
        ("ICD9CM", "8.45", "008.45"),
        ("ICD9CM", "1.0", "001.0"),
        ("ICD9Proc", "3.95", "03.95"),
        ("CPT4", "100", "00100"),
        ("CPT4", "1967", "01967"),
        ("ICD10PCS", "16070", "0016070"),
    ],
)
def test_zeros_that_can_only_be_lost_are_put_back_beside_the_code(
    system: str, left: str, was: str
) -> None:
    assert damage_of(system, left) == Damage.LOST_ZEROS
    assert restored(system, left) == was
    code = f"{system}//{tidy(system, left)}"
    assert f"{system}//{was}" in map_codes([code])["parent_codes"][0].to_list()
    assert tidy(system, left) == left


@pytest.mark.parametrize(
    ("system", "code"),
    [
        ("ICD9CM", "250.00"),
        ("ICD9CM", "845"),
        ("ICD9CM", "V45.11"),
        ("ICD9CM", "E849.5"),
        ("ICD9Proc", "39.95"),
        ("CPT4", "99213"),
        ("CPT4", "0001F"),
        ("RxNorm", "860975"),
        ("CVX", "08"),
        ("NDC", "00002751001"),
        ("HCPCS", "J1815"),
        ("ATC", "C10AA05"),
        ("local", "7"),
    ],
)
def test_whole_codes_are_left_alone(system: str, code: str) -> None:
    assert damage_of(system, code) is None
    assert restored(system, code) is None


def test_an_ndc_without_its_zeros_is_found_and_not_guessed() -> None:
    assert damage_of("NDC", "2751001") == Damage.LOST_ZEROS
    assert restored("NDC", "2751001") is None


def test_a_code_of_another_form_is_found() -> None:
    assert damage_of("ICD10CM", "250.00") == Damage.FORM
    assert damage_of("LOINC", "4548") == Damage.FORM


def test_lost_zeros_do_not_hide_a_disease() -> None:
    # 042 is HIV disease, 038.9 septicaemia: codelists are prefixes such as ICD9CM//038.
    table = map_codes(["ICD9CM//38.9", "DIAGNOSIS//ICD//9//38"])
    assert table["parent_codes"].to_list() == [["ICD9CM//38.9", "ICD9CM//038.9"], ["ICD9CM//038"]]


@pytest.mark.parametrize("name", names())
def test_no_codelist_has_a_damaged_code(name: str) -> None:
    for code in codelist(name).exact:
        parts = code.split("//")
        for system, value in zip(parts[::2], parts[1::2], strict=False):
            assert damage_of(system, value) is None, code
