"""A Bundle that is written over lines is read some entries at a time, and gives what it gives as a whole."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from fhirs import (
    CLAIM,
    LOINC,
    SUBJECT,
    bundle,
    concept,
    condition,
    entry,
    events,
    read,
    rejects,
    report,
    timeless,
)

from lifecourse.records.fhir import intake
from lifecourse.records.fhir.portions import frame_of, portions

if TYPE_CHECKING:
    from pathlib import Path

    from lifecourse.records.source import Batch

OVER = {**condition("over"), "clinicalStatus": {"text": "resolved"}}
HOLDER = {
    **condition("holder"),
    "contained": [{"resourceType": "Observation", "code": concept(LOINC, "2093-3"), "valueString": "x"}],
}  # fmt: skip
GONE = {"request": {"method": "DELETE", "url": "Condition/c9"}}
MIXED = [
    entry(timeless("o1")), entry(CLAIM), entry(report("o1")), GONE, entry(timeless("o2")), entry(OVER),
    entry(HOLDER), entry({"resourceType": "Nonsense", "id": "n"}), 7, {"resource": None}, {"entry": ["x"]},
]  # fmt: skip
DOCUMENTS: dict[str, Any] = {
    "claims": bundle(entry(CLAIM), entry(CLAIM), entry(condition()), entry(CLAIM)),
    "nested alone": bundle({"resource": bundle(entry(CLAIM), entry(condition()))}),
    "mixed": bundle(*MIXED),
    "mixed at a time": bundle(*MIXED) | {"timestamp": "2021-01-01T00:00:00Z"},
    "mixed, known before": {"timestamp": "2021-01-01T00:00:00Z"} | bundle(*MIXED),
    "nested": bundle(*MIXED, {"resource": bundle(*MIXED)}),
    "no entry": bundle(),
    "list with entries": {"resourceType": "List", "id": "l", "entry": [{"item": SUBJECT}]},
}


def told(batches: list[Batch]) -> tuple[Any, ...]:
    """All that batches say, whatever the order in which they say it."""
    counted: dict[str, int] = {}
    for batch in batches:
        for name, count in (*batch.reference_rows.items(), *batch.counts.items()):
            counted[name] = counted.get(name, 0) + count
    columns = ["source_row", "source_id", "source_part", "code", "time", "end_time", "onset_time"]
    rows = events(batches).select(columns).sort(columns).to_dicts()
    gone = sorted(
        str(row) for b in batches if b.deletions is not None for row in b.deletions.rows()
    )
    return rows, sorted(rejects(batches)), counted, gone, sum(b.rows_read for b in batches)


def as_a_whole(path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, ...]:
    with monkeypatch.context() as patched:
        patched.setattr(intake, "frame_of", lambda _: None)
        return told(read(path))


@pytest.mark.parametrize("indent", [0, 1, 4, "\t"])
@pytest.mark.parametrize("size", [1, 300, 256 << 10])
@pytest.mark.parametrize("name", DOCUMENTS)
def test_portions_give_what_the_whole_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, size: int, indent: int | str
) -> None:
    path = tmp_path / "x.json"
    path.write_text(json.dumps(DOCUMENTS[name], indent=indent))
    monkeypatch.setattr(intake, "PORTION_BYTES", size)
    assert told(read(path)) == as_a_whole(path, monkeypatch)


def test_a_portion_has_some_of_the_entries() -> None:
    raw = json.dumps(bundle(*(entry(condition(f"c{n}")) for n in range(20))), indent=2).encode()
    frame = frame_of(raw)
    assert frame is not None
    found = list(portions(raw, *frame[1:], 2_000))
    assert [e["resource"]["id"] for some in found for e in some] == [f"c{n}" for n in range(20)]
    assert 3 < len(found) < 20


LINES = json.dumps(bundle(*(entry(condition(f"c{n}")) for n in range(20))), indent=2)


@pytest.mark.parametrize(
    "hostile",
    [
        LINES.replace('"id": "c7"', '"id": "c7", "id": "c8"'),
        LINES.replace('"c7",', '"c7"'),
        LINES[: len(LINES) // 2],
        LINES.replace('"entry"', '"entry": [], "entry"'),
        LINES.rstrip("}\n "),
        LINES.replace("    },\n    {", "    ]},\n    [{", 1),
        LINES + "}",
    ],
    ids=["key twice", "no comma", "cut", "entries twice", "not closed", "other brackets", "too many"],
)  # fmt: skip
def test_of_a_document_that_is_broken_nothing_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hostile: str
) -> None:
    monkeypatch.setattr(intake, "PORTION_BYTES", 500)
    (tmp_path / "x.json").write_text(hostile)
    (tmp_path / "y.json").write_text(json.dumps(condition("last")))
    batches = read(tmp_path)
    assert events(batches)["source_id"].to_list() == ["Condition/last"]
    assert len(rejects(batches)) == 1
