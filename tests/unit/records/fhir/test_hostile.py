"""Hostile FHIR: wrong types everywhere, deep nesting, long lines, packed bombs. Nothing raises; everything is accounted for."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from fhir_resources import SPECIMENS
from fhirs import LOINC, PATIENT, SNOMED, SUBJECT, bundle, concept, condition, events, read, rejects

from lifecourse.base.errors import SourceError
from lifecourse.records import unpacking
from lifecourse.records.fhir import intake
from lifecourse.records.fhir.reading import MISSHAPEN, READERS
from lifecourse.records.fhir.statements import known_types

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lifecourse.records.source import Batch

JUNK: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, 10**400, 2**63, "", "x", "\0", "2020-01-01", "//", [], {}, [[]], [{}], [None], [1, "x"],
    {"reference": 5}, {"coding": 5}, {"coding": [5]}, {"coding": [{"code": {}}]}, {"value": "x"}, {"value": 1e308},
    {"start": 5}, "Patient/", "urn:", "9" * 30,
)  # fmt: skip


def accounted(batches: list[Batch], n_rows: int) -> None:
    """Every row gave events, was rejected or was counted, and no row twice."""
    found = events(batches)
    gave = found.select("source_row").n_unique()
    counted = sum(sum(batch.reference_rows.values()) for batch in batches)
    referred = sum(b.references.height for b in batches if b.references is not None)
    refused = rejects(batches)
    assert sum(batch.rows_read for batch in batches) == n_rows
    assert len({row for row, _ in refused}) == len(refused)
    assert not {row for row, _ in refused} & set(found["source_row"].to_list())
    assert gave + counted + len(refused) == n_rows, referred


def mutants(body: Any, rng: np.random.Generator, many: int) -> Iterator[Any]:
    """`body` with one or more of its parts replaced by something else."""
    for _ in range(many):
        copy = json.loads(json.dumps(body))
        for _ in range(int(rng.integers(1, 4))):
            parent, key = _part(copy, rng)
            parent[key] = deepcopy(JUNK[int(rng.integers(len(JUNK)))])
        copy["resourceType"] = body["resourceType"]
        yield copy


def _part(body: Any, rng: np.random.Generator) -> tuple[Any, Any]:
    parts: list[tuple[Any, Any]] = []
    waiting = [body]
    while waiting:
        node = waiting.pop()
        pairs = node.items() if isinstance(node, dict) else enumerate(node)
        for key, value in pairs:
            parts.append((node, key))
            if isinstance(value, dict | list) and value:
                waiting.append(value)
    return parts[int(rng.integers(len(parts)))]


def _lines(bodies: list[Any]) -> bytes:
    # Numbers beyond any float are JSON all the same.
    return b"\n".join(json.dumps(body).encode() for body in bodies) + b"\n"


def test_specimens_cover_every_type_that_is_read_and_give_events(tmp_path: Path) -> None:
    assert {body["resourceType"] for body in SPECIMENS} == set(READERS)
    (tmp_path / "x.ndjson").write_bytes(_lines(SPECIMENS))
    batches = read(tmp_path)
    accounted(batches, len(SPECIMENS))
    assert rejects(batches) == []


def test_wrong_types_anywhere_are_rejects_and_never_exceptions(tmp_path: Path) -> None:
    rng = np.random.default_rng(20_261_125)
    bodies = [mutant for body in SPECIMENS for mutant in mutants(body, rng, 60)]
    (tmp_path / "x.ndjson").write_bytes(_lines(bodies))
    batches = read(tmp_path)
    accounted(batches, len(bodies))
    by_type = sum(
        count for b in batches for what, count in b.counts.items() if " dropped: " in what and not what.startswith("contained")
    )  # fmt: skip
    assert by_type == len([r for _, r in rejects(batches) if r != "not valid JSON"])


def test_every_type_with_nothing_in_it_is_accounted_for(tmp_path: Path) -> None:
    bodies = [{"resourceType": kind, "id": "x"} for kind in sorted(known_types())]
    junk = [
        {"resourceType": kind, "id": j, "status": j, "subject": j, "code": j, "contained": j, "meta": j, "extension": j}
        for kind in sorted(known_types()) for j in JUNK[:-6]
    ]  # fmt: skip
    (tmp_path / "x.ndjson").write_bytes(_lines([*bodies, *junk]))
    accounted(read(tmp_path), len(bodies) + len(junk))


def test_type_of_another_standard_is_rejected_and_its_name_is_not_told(tmp_path: Path) -> None:
    (tmp_path / "x.ndjson").write_bytes(_lines([{"resourceType": "Jane Doe"}]))
    batches = read(tmp_path)
    assert rejects(batches) == [(1, "a resource type that FHIR R4 does not have")]
    assert "Jane" not in str([b.counts | b.reference_rows for b in batches])


@pytest.mark.parametrize("depth", [100, 400, 1_500, 100_000])
@pytest.mark.parametrize("name", ["x.ndjson", "x.json"])
def test_deep_nesting_ends_in_a_reject(tmp_path: Path, depth: int, name: str) -> None:
    deep = '{"item":[' * depth + "]}" * depth
    body = f'{{"resourceType":"QuestionnaireResponse","status":"completed","subject":{json.dumps(SUBJECT)},"authored":"2020","item":[{deep}]}}'  # fmt: skip
    (tmp_path / name).write_text(body)
    (tmp_path / "y.ndjson").write_bytes(_lines([condition()]))
    batches = read(tmp_path)
    assert events(batches)["source_id"].to_list() == ["Condition/c1"]
    assert len(rejects(batches)) == 1


def test_bundles_within_bundles_a_hundred_deep_are_read(tmp_path: Path) -> None:
    body = bundle({"resource": condition()})
    for _ in range(60):
        body = bundle({"resource": body})
    (tmp_path / "x.json").write_text(json.dumps(body))
    assert events(read(tmp_path)).height == 1


def test_line_that_never_ends_is_refused_without_being_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "LONGEST_BYTES", 1 << 20)
    long = b'{"resourceType":"Condition","note":"' + b"x" * (3 << 20) + b'"}\n'
    (tmp_path / "x.ndjson").write_bytes(_lines([condition("a")]) + long + _lines([condition("b")]))
    batches = read(tmp_path)
    assert rejects(batches) == [(2, intake.TOO_LONG)]
    assert events(batches).select("source_id", "source_row").rows() == [
        ("Condition/a", 1), ("Condition/b", 3),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["x.ndjson.gz", "x.json.gz", "x.tar.gz"])
def test_packed_bomb_is_one_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(unpacking, "FREE_BYTES", 1 << 20)
    raw = b" " * (24 << 20)
    if name == "x.tar.gz":
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            member = tarfile.TarInfo("x.ndjson")
            member.size = len(raw)
            archive.addfile(member, io.BytesIO(raw))
        raw = packed.getvalue()
    (tmp_path / name).write_bytes(gzip.compress(raw))
    with pytest.raises(SourceError, match="unpacks to far more"):
        read(tmp_path)
    (tmp_path / "good.ndjson").write_bytes(_lines([condition()]))
    batches = read(tmp_path)
    assert events(batches).height == 1
    assert rejects(batches)[0][1].startswith("a packed file that unpacks to far more")


def test_numbers_that_are_none_and_keys_that_stand_twice_are_rejects(tmp_path: Path) -> None:
    bad = [
        '{"resourceType":"Observation","valueInteger":NaN}',
        '{"resourceType":"Observation","valueInteger":Infinity}',
        '{"resourceType":"Observation","valueInteger":-Infinity}',
        '{"resourceType":"Observation","id":"a","valueQuantity":{"value":1,"value":2}}',
        '{"resourceType":"Observation"}{"resourceType":"Observation"}',
        '{"resourceType":"Observation"},{"resourceType":"Observation"}',
        "\x00", "\ufeff", "}{", '"', "\\", "[[[[", '{"a":"\\ud800"}',
    ]  # fmt: skip
    raw = "\n".join([json.dumps(PATIENT), *bad, json.dumps(condition())]).encode()
    (tmp_path / "x.ndjson").write_bytes(raw)
    batches = read(tmp_path)
    assert [row for row, _ in rejects(batches)] == list(range(2, 2 + len(bad)))
    assert set(events(batches)["source_id"]) == {"Patient/p1", "Condition/c1"}


def test_two_values_in_one_line_and_one_over_two_lines_are_not_taken_for_two(
    tmp_path: Path,
) -> None:
    lines = ['{"a":1},{"b":2}', '{"c":[{"x":1}', '{"y":1}]}']
    (tmp_path / "x.ndjson").write_text("\n".join(lines))
    assert [reason for _, reason in rejects(read(tmp_path))] == ["not valid JSON"] * 3


def test_values_in_words_of_any_kind_are_kept_or_refused(tmp_path: Path) -> None:
    bodies = [
        {"resourceType": "Observation", "id": str(n), "status": "final", "subject": SUBJECT, "code": concept(LOINC, "1-8"),
         "effectiveDateTime": "2020-01-01", name: junk}
        for n, (name, junk) in enumerate((name, junk) for name in ("valueString", "valueRatio", "valueRange", "valueSampledData",
                                                                    "valuePeriod", "valueQuantity", "valueDateTime") for junk in JUNK)
    ]  # fmt: skip
    (tmp_path / "x.ndjson").write_bytes(_lines(bodies))
    accounted(read(tmp_path), len(bodies))


def test_misshapen_is_said_of_what_fhir_would_not_have(tmp_path: Path) -> None:
    body = condition(code=concept(SNOMED, "1"), onsetPeriod="2020")
    (tmp_path / "x.ndjson").write_bytes(_lines([body]))
    assert rejects(read(tmp_path)) == [(1, MISSHAPEN)]
