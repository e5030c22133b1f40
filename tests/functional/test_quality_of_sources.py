"""From a table to the report: what a source lost on the way is told with the number of people it touches."""

from __future__ import annotations

import csv
import gzip
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from lifecourse.cli import main

if TYPE_CHECKING:
    from pathlib import Path

MAPPING = """\
_source: {title: Diagnoses of a hospital, issuer: hospital}
_defaults: {subject_id: $person}
diagnoses:
  _table: {}
  diagnosis:
    code: f"ICD9CM//{$icd9}"
    time: $day
  result:
    when: $hba1c is not null
    code: LOINC//4548-4
    time: $day
    numeric_value: $hba1c
"""
# As text, and as what a spreadsheet makes of it: the number.
WHOLE = ("008.45", "038.9", "250.00", "401.9", "001.1")
LESS = ("8.45", "38.9", "250.0", "401.9", "1.1")


def _inspected(capsys: pytest.CaptureFixture[str], store: Path) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["inspect", str(store), "--json"]) == 0
    report: dict[str, Any] = json.loads(capsys.readouterr().out)
    return {check["check"]: check for check in report["quality"]["checks"]}


def _stored(folder: Path, codes: tuple[str, ...], people: int = 50) -> Path:
    source = folder / "tables"
    source.mkdir(parents=True)
    (source / "mapping.yaml").write_text(MAPPING, encoding="utf-8")
    with (source / "diagnoses.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["person", "icd9", "day", "hba1c"])
        for person in range(people):
            # Each person has two of the five codes: 8.45 and 38.9, 38.9 and 250.0, ...
            for turn in (0, 1):
                rows.writerow(
                    [person, codes[(person + turn) % 5], f"2020-01-{turn + 1:02d}", "6.5"]
                )
    assert main(["ingest", str(source), "--store", str(folder / "store"), "--plain"]) == 0
    return folder / "store"


def test_a_table_whose_codes_lost_their_zeros_is_told_with_the_people_affected(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sound = _inspected(capsys, _stored(tmp_path / "sound", WHOLE))["lost-zeros"]
    assert (sound["status"], sound["people"]) == ("passed", 0)
    damaged = _inspected(capsys, _stored(tmp_path / "damaged", LESS))["lost-zeros"]
    # Of every five people one has neither 8.45, 38.9 nor 1.1: the one with 250.0 and 401.9.
    assert (damaged["status"], damaged["people"]) == ("failed", 40)
    assert damaged["details"][0]["system"] == "ICD9CM"
    assert damaged["details"][0]["codes"] == 3


def test_values_that_came_without_a_unit_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    units = _inspected(capsys, _stored(tmp_path, WHOLE))["units-missing"]
    assert (units["status"], units["amiss"], units["of"]) == ("failed", 100, 100)


def test_the_text_says_what_failed_and_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = _stored(tmp_path, LESS)
    capsys.readouterr()
    assert main(["inspect", str(store), "--page", str(tmp_path / "page")]) == 0
    said = capsys.readouterr().out
    assert re.search(r"lost-zeros +failed +60 +200 events", said)
    assert "Do: Export the column as text" in said
    page = (tmp_path / "page" / "quality.html").read_text(encoding="utf-8")
    assert "<strong>40 people</strong>" in page


@pytest.mark.prove
def test_the_lost_zeros_of_the_uci_table_are_those_of_its_rows(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, store = shared_data / "uci-diabetes130", tmp_path / "store"
    ingest = ["ingest", str(source), "--store", str(store), "--mapping", "uci_diabetes", "--plain"]
    assert main(ingest) == 0
    people, rows = set(), 0
    with gzip.open(source / "diabetic_data.csv.gz", "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            for name in ("diag_1", "diag_2", "diag_3"):
                if re.fullmatch(r"[0-9]{1,2}(\.[0-9]{1,2})?", row[name]):
                    people.add(row["patient_nbr"])
                    rows += 1
    found = _inspected(capsys, store)["lost-zeros"]
    assert (found["people"], found["amiss"]) == (len(people), rows) == (5053, 5732)
