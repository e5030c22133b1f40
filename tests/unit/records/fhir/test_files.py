"""Files of FHIR whatever they are called and however they are packed, and a row of one shown again."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from typing import TYPE_CHECKING, Any

import pytest
from fhirs import PATIENT, bundle, condition, events, read, rejects, write_ndjson

from lifecourse.records.fhir import FhirSource, intake
from lifecourse.records.fhir import source as source_module
from lifecourse.records.registry import detect

if TYPE_CHECKING:
    from pathlib import Path

THREE = [condition(name) for name in "abc"]
IDS = ["Condition/a", "Condition/b", "Condition/c"]


def _pretty(body: Any) -> str:
    return json.dumps(body, indent=2)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.json", json.dumps(THREE)),
        ("x.json", _pretty(THREE)),
        ("x.json", "\n".join(map(json.dumps, THREE))),
        ("x.json", "\n".join(map(_pretty, THREE))),
        ("x.json", _pretty([bundle({"resource": THREE[0]}), *THREE[1:]])),
        ("x.json", "\ufeff" + "\n".join(map(json.dumps, THREE))),
        ("x.ndjson", _pretty(THREE)),
        ("x.ndjson", _pretty(bundle(*({"resource": body} for body in THREE)))),
        ("x.ndjson", "\r\n".join(map(json.dumps, THREE))),
        ("x.jsonl", json.dumps(bundle(*({"resource": body} for body in THREE)))),
        ("X.JSON", json.dumps(THREE)),
    ],
)
@pytest.mark.parametrize("packed", ["", ".gz", ".tar", ".tar.gz", ".tgz"])
def test_file_is_read_whatever_it_is_called_and_packed_in(
    tmp_path: Path, name: str, text: str, packed: str
) -> None:
    raw = text.encode()
    if packed == ".gz":
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(raw))
    elif packed:
        _archive(tmp_path / f"x{packed}", {f"./folder/{name}": raw, "folder/readme.txt": b"no"})
    else:
        (tmp_path / name).write_bytes(raw)
    assert detect(tmp_path) == "fhir"
    batches = read(tmp_path)
    assert events(batches).select("source_id", "source_row").rows() == [
        (name, row) for row, name in enumerate(IDS, start=1)
    ]
    assert rejects(batches) == []


def _archive(path: Path, contents: dict[str, bytes]) -> None:
    mode = "w:gz" if path.name.endswith("gz") else "w"
    with tarfile.open(path, mode) as archive:
        for name, raw in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(raw)
            archive.addfile(member, io.BytesIO(raw))


def test_rows_of_an_archive_go_on_counting_and_rejects_name_the_file_in_it(tmp_path: Path) -> None:
    contents = {"a.ndjson": b"\n".join(json.dumps(b).encode() for b in THREE), "b.json": b"{", "c.json": json.dumps(PATIENT).encode()}  # fmt: skip
    _archive(tmp_path / "x.tgz", contents)
    batches = read(tmp_path)
    assert [(r[0], r[1]) for b in batches if b.rejects is not None for r in b.rejects.rows()] == [("x.tgz/b.json", 4)]  # fmt: skip
    assert events(batches)["source_row"].unique().sort().to_list() == [1, 2, 3, 5]


def test_small_files_are_read_together_and_each_keeps_its_name(tmp_path: Path) -> None:
    for number in range(40):
        (tmp_path / f"{number:02}.json").write_text(json.dumps(condition(f"c{number}")))
    (tmp_path / "20.json").write_text("{")
    source = FhirSource(tmp_path)
    assert len(source.units()) == 1
    batches = read(tmp_path)
    files = {file.index: file.name for file in source.files()}
    told = events(batches).select("source_file", "source_id").rows()
    assert [f"{files[index][:2]} {name}" for index, name in told] == [
        f"{n:02} Condition/c{n}" for n in range(40) if n != 20
    ]
    assert [n for b in batches if b.rejects is not None for n in b.rejects["file"]] == ["20.json"]


@pytest.mark.parametrize("kind", ["bundle", "list"])
def test_large_document_is_read_in_parts_and_gives_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    resources = [PATIENT, *(condition(f"c{n}", note=[{"text": '}],{["' * 20}]) for n in range(300))]
    body: Any = resources
    if kind == "bundle":
        gone = {"request": {"method": "DELETE", "url": "Condition/c9"}}
        inner = bundle({"resource": condition("inner")})
        body = bundle(*({"fullUrl": "urn:uuid:1", "resource": r} for r in resources), gone, {"resource": inner}) | {"total": 3}  # fmt: skip
    (tmp_path / "x.json").write_text(json.dumps(body, indent=1))
    whole = read(tmp_path)
    monkeypatch.setattr(intake, "WHOLE_BYTES", 4_096)
    parts = read(tmp_path)
    assert events(parts).equals(events(whole))
    assert rejects(parts) == rejects(whole) == []
    assert sum(b.rows_read for b in parts) == sum(b.rows_read for b in whole)


@pytest.mark.parametrize("cut", [0.3, 0.9])
def test_large_document_that_is_cut_gives_what_came_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: float
) -> None:
    monkeypatch.setattr(intake, "WHOLE_BYTES", 4_096)
    text = json.dumps(bundle(*({"resource": condition(f"c{n}")} for n in range(200))))
    (tmp_path / "x.json").write_text(text[: int(len(text) * cut)])
    write_ndjson(tmp_path / "y.ndjson", [condition("last")])
    batches = read(tmp_path)
    assert 40 < events(batches).height < 200
    assert [reason for _, reason in rejects(batches)] == ["not valid JSON"]


@pytest.mark.parametrize(
    ("name", "text", "row", "expected"),
    [
        ("x.ndjson", '{"resourceType": "Condition",  "id": "a"}\n\n{"resourceType":"Basic"}', 1,
         '{"resourceType": "Condition",  "id": "a"}'),
        ("x.ndjson", '{"resourceType":"Basic"}\n\n{"resourceType":"Flag"}', 3, '{"resourceType":"Flag"}'),
        ("x.ndjson", "{broken", 1, "{broken"),
        ("x.json", json.dumps(bundle({"resource": THREE[0]}, {"resource": {"resourceType": "Flag"}})), 2,
         '{\n  "resourceType": "Flag"\n}'),
        ("x.ndjson", json.dumps(bundle({"resource": {"resourceType": "Flag"}})), 1, '{\n  "resourceType": "Flag"\n}'),
        ("x.json", json.dumps(THREE), 4, None),
    ],
)  # fmt: skip
def test_row_is_shown_as_it_stands_or_as_the_entry_that_it_is(
    tmp_path: Path, name: str, text: str, row: int, expected: str | None
) -> None:
    (tmp_path / name).write_text(text)
    source = FhirSource(tmp_path)
    assert source.row(source.files()[0], row) == expected


def test_line_ranges_begin_and_end_with_lines_of_any_length(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_module, "UNIT_BYTES", 500)
    resources = [condition(f"c{n}", note=[{"text": "x" * (n * 97 % 1_900)}]) for n in range(60)]
    path = write_ndjson(tmp_path / "x.json", resources)
    assert len(FhirSource(path).units()) > 10
    assert events(read(path))["source_row"].to_list() == list(range(1, 61))
