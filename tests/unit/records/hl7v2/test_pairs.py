"""Messages read by us, and the FHIR that a public converter makes of them, say the same but for a table of differences."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hl7v2s import COMPARED, multiset, read, rejects

TABLE = Path(__file__).parents[3] / "data" / "hl7v2" / "differences.csv"
WITHOUT_A_PAIR = ("VXU-V04-01",)
"""Its expected file is of another message: another sex, birth date and address."""
FOLDER = ("hl7v2-ccda", "hl7v2")

Difference = Counter[tuple[str, ...]]


def known_differences() -> dict[str, Difference]:
    found: dict[str, Difference] = {}
    with TABLE.open(newline="") as handle:
        for row in csv.DictReader(handle):
            assert row["reason"].strip(), f"a difference of {row['pair']} has no reason"
            says = (row["whose"], *(row[name] for name in COMPARED))
            found.setdefault(row["pair"], Counter())[says] += int(row["count"])
    return found


def differences(message: Path, expected: Path) -> Difference:
    ours, theirs = multiset(read(message)), multiset(read(expected, kind="fhir"))
    found: Difference = Counter()
    for whose, more in (("ours", ours - theirs), ("expected", theirs - ours)):
        for says, count in more.items():
            found[(whose, *says)] += count
    return found


def test_every_pair_differs_by_the_table_alone(shared_data: Path) -> None:
    folder = shared_data.joinpath(*FOLDER)
    known = known_differences()
    messages = sorted(folder.glob("*.hl7"))
    assert len(messages) == 66
    amiss: list[tuple[str, str, Any]] = []
    for message in messages:
        if message.stem in WITHOUT_A_PAIR:
            continue
        found = differences(message, folder / f"{message.stem}-expected.json")
        listed = known.pop(message.stem, Counter())
        amiss += [(message.stem, "not in the table", says) for says in found - listed]
        amiss += [(message.stem, "no longer needed", says) for says in listed - found]
    assert not amiss, amiss[:10]
    assert not known, "the table has pairs that there are none of"


def test_the_file_beside_the_message_without_a_pair_is_of_somebody_else(shared_data: Path) -> None:
    folder = shared_data.joinpath(*FOLDER)
    ours = multiset(read(folder / "VXU-V04-01.hl7"))
    theirs = multiset(read(folder / "VXU-expected.json", kind="fhir"))
    code = COMPARED.index("code")
    assert {says[code] for says in ours if says[code].startswith("SEX")} == {"SEX//male"}
    assert {says[code] for says in theirs if says[code].startswith("SEX")} == {"SEX//female"}


def test_person_is_the_expected_one_in_every_pair(shared_data: Path) -> None:
    """Birth, death and sex never differ where the converter has a Patient."""
    listed = [
        row
        for row in csv.DictReader(TABLE.open(newline=""))
        if row["code"].startswith(("SEX//", "MEDS_BIRTH", "MEDS_DEATH", "ETHNICITY//"))
    ]
    assert {row["whose"] for row in listed} == {"ours"}
    assert {row["pair"] for row in listed} <= {
        "ADT-A40-02", "ADT-A41-01", "ADT-A45-01", "ADT-A45-02",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["ADT-A01-01", "ORU-R01-01", "VXU-V04-02", "OUL-R24-01"])
def test_every_segment_is_an_event_or_is_counted(shared_data: Path, name: str) -> None:
    batches = read(shared_data.joinpath(*FOLDER, f"{name}.hl7"))
    assert not rejects(batches)
    assert sum(batch.rows_read for batch in batches) == 1
