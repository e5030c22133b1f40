"""Units there and back: every digit of a value survives, molar masses are those of the formulas, and 42 mmol/mol are no 4.2 %."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecourse.base.errors import UserError
from lifecourse.vocab.codelists import codelist
from lifecourse.vocab.ucum import is_ucum, line_between
from lifecourse.vocab.units import convert, molar_mass, quantities, tidy_unit, to_canonical

UNITS = (
    *("mg/dL", "g/L", "mmol/L", "umol/L", "ug/mL", "meq/L", "g/dL", "mg/g", "mg/mmol", "%", "1"),
    *(
        "mmol/mol",
        "mm[Hg]",
        "kPa",
        "kg",
        "[lb_av]",
        "g",
        "cm",
        "[in_i]",
        "m",
        "[ft_i]",
        "Cel",
        "[degF]",
    ),
    *(
        "K",
        "/min",
        "10*9/L",
        "10*3/uL",
        "/uL",
        "U/L",
        "ukat/L",
        "kg/m2",
        "mL/min/{1.73_m2}",
        "mL/s",
        "min",
        "h",
    ),
)
PAIRS = [
    (name, unit)
    for name, quantity in quantities().items()
    for unit in dict.fromkeys((*UNITS, quantity.unit, quantity.si))
    if to_canonical(min(codelist(name).exact), unit) is not None
]


def test_every_quantity_has_units_to_come_from() -> None:
    assert {name for name, _ in PAIRS} == set(quantities())
    assert len(PAIRS) > 70


@pytest.mark.parametrize(("name", "unit"), PAIRS)
def test_a_value_is_the_same_after_it_went_there_and_back(name: str, unit: str) -> None:
    code, canonical = min(codelist(name).exact), quantities()[name].unit
    low, high = quantities()[name].possible
    values = np.random.default_rng(5).uniform(low, high, 60).astype(np.float32)
    for value in values.tolist():
        back = convert(convert(value, code, canonical, unit), code, unit, canonical)
        assert back == pytest.approx(value, rel=1e-12, abs=1e-11)
        assert np.float32(back) == np.float32(value)


@given(st.floats(1e-3, 1e4), st.sampled_from(["mg/dL", "g/L", "umol/L", "mmol/L", "ug/mL"]))
def test_two_steps_are_one(value: float, between: str) -> None:
    creatinine = "LOINC//2160-0"
    whole = convert(value, creatinine, "g/L", "umol/L")
    steps = convert(convert(value, creatinine, "g/L", between), creatinine, between, "umol/L")
    assert steps == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize(
    ("formula", "grams"),
    # PubChem, computed by the same atomic weights: glucose, creatinine, cholesterol, triolein, calcium
    [
        ("C6H12O6", 180.16),
        ("C4H7N3O", 113.12),
        ("C27H46O", 386.7),
        ("C57H104O6", 885.4),
        ("Ca", 40.08),
    ],
)
def test_molar_masses_are_those_of_the_formulas(formula: str, grams: float) -> None:
    assert molar_mass(formula) == pytest.approx(grams, abs=0.06)


@pytest.mark.parametrize(
    ("code", "value", "unit", "to", "expected"),
    [
        # What laboratories print: AMA Manual of Style, SI conversion factors
        ("LOINC//2345-7", 1.0, "mg/dL", "mmol/L", 0.0555),
        ("LOINC//2093-3", 1.0, "mg/dL", "mmol/L", 0.0259),
        ("LOINC//2571-8", 1.0, "mg/dL", "mmol/L", 0.0113),
        ("LOINC//2160-0", 1.0, "mg/dL", "umol/L", 88.4),
        ("LOINC//17861-6", 1.0, "mg/dL", "mmol/L", 0.25),
        ("LOINC//2777-1", 1.0, "mg/dL", "mmol/L", 0.323),
        ("LOINC//1975-2", 1.0, "mg/dL", "umol/L", 17.1),
        ("LOINC//3094-0", 1.0, "mg/dL", "mmol/L", 0.357),
        ("LOINC//3084-1", 1.0, "mg/dL", "umol/L", 59.48),
        ("LOINC//19123-9", 1.0, "mg/dL", "mmol/L", 0.4114),
        ("LOINC//2524-7", 9.0, "mg/dL", "mmol/L", 0.999),
        ("LOINC//3016-3", 1.0, "u[IU]/mL", "m[IU]/L", 1.0),
        ("LOINC//1988-5", 1.0, "mg/dL", "mg/L", 10.0),
        # An equivalent of calcium is half a mole, of sodium a mole
        ("LOINC//17861-6", 5.0, "meq/L", "mmol/L", 2.5),
        ("LOINC//2951-2", 140.0, "meq/L", "mmol/L", 140.0),
        ("LOINC//8310-5", 98.6, "[degF]", "Cel", 37.0),
        ("LOINC//8310-5", 310.15, "K", "Cel", 37.0),
        ("LOINC//1742-6", 1.0, "ukat/L", "U/L", 60.0),
        ("LOINC//4548-4", 0.065, "1", "%", 6.5),
        ("LOINC//4548-4", 48.0, "mmol/mol", "%", 6.543),
    ],
)
def test_conversions_are_the_published_ones(
    code: str, value: float, unit: str, to: str, expected: float
) -> None:
    assert convert(value, code, unit, to) == pytest.approx(expected, rel=2e-3)


@pytest.mark.parametrize(
    ("code", "unit"),
    [
        ("LOINC//4548-4", "mol/mol"),  # the same dimension as %, another thing
        ("LOINC//4548-4", "mg/g"),
        ("LOINC//59408-5", "mmol/mol"),
        ("LOINC//9318-7", "%"),
        ("LOINC//2160-0", "meq/L"),  # no ion
        ("LOINC//2160-0", "kg"),
        ("LOINC//2160-0", "furlongs per fortnight"),
        ("LOINC//8480-6", "mg/dL"),
    ],
)
def test_a_unit_that_the_quantity_cannot_have_is_refused(code: str, unit: str) -> None:
    assert to_canonical(code, unit) is None
    with pytest.raises(UserError, match="is not a unit of"):
        convert(1.0, code, unit, "mg/dL")


def test_any_unit_that_ucum_can_write_is_understood() -> None:
    assert to_canonical("LOINC//2160-0", "g.m-3").factor == pytest.approx(0.1)  # type: ignore[union-attr]  # None fails the test
    assert to_canonical("LOINC//29463-7", "[stone_av]").factor == pytest.approx(6.35029318)  # type: ignore[union-attr]  # None fails the test
    assert to_canonical("LOINC//777-3", "10*12/L").factor == 1000.0  # type: ignore[union-attr]  # None fails the test
    assert to_canonical("LOINC//8867-4", "{beats}/min").factor == 1.0  # type: ignore[union-attr]  # None fails the test


def test_units_of_the_file_are_ucum() -> None:
    for quantity in quantities().values():
        written = {
            quantity.unit,
            quantity.si,
            *quantity.only,
            *quantity.affine,
            *quantity.native.values(),
        }
        assert all(is_ucum(unit) for unit in written)
        assert line_between(quantity.si, quantity.unit, 1.0) is not None or quantity.affine


def test_millimetres_are_not_millimoles() -> None:
    assert tidy_unit("mm") == "mm"
    assert convert(1750.0, "LOINC//8302-2", "mm", "cm") == pytest.approx(175.0)


def test_the_library_is_loaded_only_where_a_unit_is_another() -> None:
    program = (
        "import sys; from lifecourse.vocab.units import to_canonical, tidy_unit\n"
        "assert to_canonical('LOINC//2160-0', 'mg/dL').factor == 1.0\n"
        "assert to_canonical('LOINC//4548-4', 'mmol/mol').offset > 2\n"
        "assert tidy_unit('MMHG') == 'mm[Hg]'\n"
        "assert 'pint' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
