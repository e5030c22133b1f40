"""Files of tables: however they are packed, parted, encoded or damaged."""

from __future__ import annotations

import gzip
from pathlib import Path

import polars as pl
import pytest
from mapped_tables import HEAD, LABS, folder_of, rejects_of, stored

from lifecourse.base.errors import SourceError
from lifecourse.schema.actor import Actor, Purpose
from lifecourse.timeline.ingestion import ingest
from lifecourse.timeline.origin import origin


def test_the_same_table_gives_the_same_store_however_it_is_packed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [f'{n % 7},"a, ""b""",2020-01-{1 + n % 28:02d} 10:00:00,{n / 4},kg' for n in range(400)]
    text = "\n".join(["mrn,test,taken,result,unit", *rows]) + "\n"
    mapping = HEAD + LABS
    hashes = set()
    for packing in ("csv", "parts", "gz", "tsv", "semicolon", "parquet", "shards"):
        folder = tmp_path / packing
        folder.mkdir()
        (folder / "m.yaml").write_text(mapping)
        table = pl.read_csv(text.encode(), infer_schema=False)
        match packing:
            case "csv" | "parts":
                (folder / "labs.csv").write_text(text)
            case "gz":
                (folder / "labs.csv.gz").write_bytes(gzip.compress(text.encode()))
            case "tsv":
                table.write_csv(folder / "labs.tsv", separator="\t")
            case "semicolon":
                table.write_csv(folder / "labs.txt", separator=";")
            case "parquet":
                typed = table.with_columns(
                    pl.col("mrn").cast(pl.Float64), pl.col("taken").str.to_datetime(), pl.col("result").cast(pl.Float64)
                )  # fmt: skip
                typed.write_parquet(folder / "labs.parquet")
            case "shards":
                (folder / "labs").mkdir()
                for at in (0, 150):
                    table.slice(at, 150 if at == 0 else 400).write_csv(folder / f"labs/{at}.csv")
        with monkeypatch.context() as small:
            if packing == "parts":
                small.setattr("lifecourse.records.separated.UNIT_BYTES", 2_000)
            report = ingest(folder, folder / "store", plain=True)
        assert report.rows_read == report.event_rows == 400
        hashes.add(report.content_hash)
    assert len(hashes) == 1


def test_a_fact_told_once_is_told_once_of_all_files_of_its_table(tmp_path: Path) -> None:
    mapping = HEAD + "labs:\n  sex: {code: 'f\"SEX//{$sex}\"', time: null, once: true}\n"
    folder = folder_of(tmp_path, mapping)
    (folder / "labs").mkdir()
    (folder / "labs" / "1.csv").write_text("mrn,sex\r\n1,female\r\n1,female\r\n2,male\r\n")
    (folder / "labs" / "2.csv").write_text("mrn,sex\n2,male\n1,female\n3,male\n")
    report, events = stored(tmp_path, folder)
    assert sorted(events["code"].to_list()) == ["SEX//female", "SEX//male", "SEX//male"]
    assert report.reference_rows == {"labs: said by an earlier row": 3}
    assert (events["source_file"] * 10 + events["source_row"]).sort().to_list() == [1, 3, 13]


def test_rows_of_parts_are_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [f"1,t{n},2020-01-01,{n},kg" for n in range(300)]
    folder = folder_of(tmp_path, HEAD + LABS, labs="mrn,test,taken,result,unit\n" + "\n".join(rows))
    monkeypatch.setattr("lifecourse.records.separated.UNIT_BYTES", 1_000)
    _, events = stored(tmp_path, folder)
    place = events["code"].to_list().index("LAB//t250")
    found = origin(
        tmp_path / "store", events["subject_id"][0], place,
        actor=Actor(name="t"), purpose=Purpose.OPERATIONS, source=folder,
    )["source"]  # fmt: skip
    assert (found["row"], found["unchanged"]) == (251, True)
    assert (
        found["raw"] == '{"mrn":"1","test":"t250","taken":"2020-01-01","result":"250","unit":"kg"}'
    )


def test_text_of_another_encoding_is_read_as_stated(tmp_path: Path) -> None:
    mapping = HEAD + LABS.replace("  lab:", "  _table:\n    encoding: cp1252\n  lab:").replace(
        "$test", "$größe"
    )
    folder = folder_of(tmp_path, mapping, labs="\n")
    (folder / "labs.csv").write_bytes(
        "mrn,größe,taken,result,unit\n1,Höhe,2020-01-01,1,m\n".encode("cp1252")
    )
    report, events = stored(tmp_path, folder)
    assert (events["code"].to_list(), report.rejects) == (["LAB//Höhe"], {})
    found = origin(
        tmp_path / "store", events["subject_id"][0], 0,
        actor=Actor(name="t"), purpose=Purpose.OPERATIONS, source=folder,
    )["source"]  # fmt: skip
    assert '"größe":"Höhe"' in found["raw"]


def test_rows_with_bytes_that_are_no_text_are_laid_aside(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, HEAD + LABS, labs="\n")
    lines = [
        "mrn,test,taken,result,unit,note",
        "1,Höhe,2020-01-01,1,m,",
        "1,b,2020-01-01,2,m,Größe",
    ]
    whole = (
        "\n".join(lines).encode()
        + b"\n1,Gr\xf6\xdfe,2020-01-02,3,m,\n1,c,2020-01-03,4,m,Gr\xf6\xdfe\n"
    )
    (folder / "labs.csv").write_bytes(whole)
    report, events = stored(tmp_path, folder)
    assert events["code"].to_list() == ["LAB//Höhe", "LAB//b", "LAB//c"]
    assert report.rejects == {"letters that are not of the table's encoding": 1}
    assert [row[:3] for row in rejects_of(tmp_path)] == [
        ("labs.csv", 3, "letters that are not of the table's encoding")
    ]


def test_files_that_no_table_names_are_counted(tmp_path: Path) -> None:
    folder = folder_of(
        tmp_path,
        HEAD + LABS,
        labs="mrn,test,taken,result,unit\n1,a,2020-01-01,1,kg\n",
        more="a\n1\n",
    )
    assert stored(tmp_path, folder)[0].counts == {"files that the mapping does not name": 1}


def test_a_line_without_end_is_one_error_in_bounded_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lifecourse.records.separated.LONGEST_RECORD_BYTES", 1 << 20)
    folder = folder_of(tmp_path, HEAD + LABS, labs="mrn,test,taken,result,unit\n")
    (folder / "labs.csv").unlink()
    for text in (
        b"x" * (4 << 20),
        b'mrn,test,taken,result,unit\n1,"' + b"\n" * 10 + b"y" * (40 << 20),
    ):
        (folder / "labs.csv.gz").write_bytes(gzip.compress(text))
        with pytest.raises(SourceError, match=r"labs.csv.gz cannot be read"):
            ingest(folder, tmp_path / "store", plain=True)
