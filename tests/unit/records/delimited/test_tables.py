"""Tables by a mapping file: what comes in, what is left out and why, and what a wrong mapping says."""

from __future__ import annotations

import gzip
from datetime import datetime
from pathlib import Path
from textwrap import dedent
from typing import Any

import polars as pl
import pytest

from lifecourse.base.errors import SourceError
from lifecourse.cli import main
from lifecourse.schema.actor import Actor, Purpose
from lifecourse.timeline.assembly import IngestReport
from lifecourse.timeline.ingestion import ingest
from lifecourse.timeline.origin import origin
from lifecourse.timeline.store import Store

HEAD = """
_defaults:
  subject_id: $mrn
"""
LABS = """
labs:
  lab:
    code: f"LAB//{$test}"
    time: $taken
    numeric_value: $result
    unit: $unit
"""


def folder_of(tmp_path: Path, mapping: str, **tables: str) -> Path:
    """A folder with tables, and a mapping beside them."""
    folder = tmp_path / "tables"
    folder.mkdir(exist_ok=True)
    for name, text in tables.items():
        (folder / f"{name}.csv").write_text(dedent(text).lstrip())
    (folder / "mapping.yaml").write_text(dedent(mapping))
    return folder


def stored(tmp_path: Path, folder: Path, **options: Any) -> tuple[IngestReport, pl.DataFrame]:
    report = ingest(folder, tmp_path / "store", plain=True, **options)
    told = report.event_rows + sum(report.reference_rows.values()) + sum(report.rejects.values())
    assert told + report.duplicate_rows == report.rows_read
    return report, events_of(tmp_path)


def events_of(tmp_path: Path) -> pl.DataFrame:
    store = Store(tmp_path / "store")
    return pl.concat(store.read(part) for part in store.manifest().parts)


def rejects_of(tmp_path: Path) -> list[tuple[Any, ...]]:
    store = Store(tmp_path / "store")
    table = store.read(store.manifest().rejects)
    return table.select("file", "row", "reason", "raw").rows()


def test_a_mapping_as_meds_extract_writes_it_gives_its_events(tmp_path: Path) -> None:
    mapping = """
    sources:
      dataset: [{type: fsspec, root: s3://bucket}]
    etl: {n_subjects_per_shard: 100}
    _defaults:
      subject_id: $patient_id
    patients:
      _defaults:
        subject_id: hash($MRN)
      eyes: {code: 'f"EYE_COLOR//{$eye_color}"', time: null}
      dob: {code: MEDS_BIRTH, time: '$dob::"%m/%d/%Y"'}
      dod: {code: MEDS_DEATH, time: '$dod as ?"%m/%d/%Y"'}
    vitals:
      _table:
        join:
          stays: {key: stay_id, cols: [patient_id]}
      HR:
        code: HR
        time: $charttime as "%m/%d/%Y %H:%M:%S"
        numeric_value: $HR
    meds:
      med:
        code: f"{$drug}//{$dose ?? 'UNK'}"
        time: coalesce($at::?"%Y-%m-%d %H:%M", $at::?"%d.%m.%Y")
        _metadata:
          classes: {drug: {column: drug (name)}, description: $class, parent_codes: 'f"ATC/{$atc}"'}
    """
    folder = folder_of(
        tmp_path, mapping,
        patients="MRN,eye_color,dob,dod\n7,BROWN,03/09/1970,\n8,BLUE,12/31/1981,01/02/2021\n",
        stays="stay_id,patient_id\n31,7\n32,8\n",
        vitals="stay_id,charttime,HR\n31,05/01/2020 10:00:00,61\n32,05/01/2020 11:30:00,72.5\n",
        meds="patient_id,drug,dose,at\n7,Metformin,500 mg,2020-05-02 08:00\n7,Metformin,,03.05.2020\n",
        classes="drug (name),class,atc\nMetformin,Biguanide,A10BA02\n",
    )  # fmt: skip
    report, events = stored(tmp_path, folder)
    assert (report.subjects, report.rejects) == (2, {})
    assert report.counts == {"patients.dod: no time": 1}
    people = dict(
        events.filter(pl.col("code") == "EYE_COLOR//BROWN").select("code", "subject_id").iter_rows()
    )
    mine = events.filter(pl.col("subject_id") == people["EYE_COLOR//BROWN"])
    assert mine.select("code", "time", "numeric_value").rows() == [
        ("EYE_COLOR//BROWN", None, None),
        ("MEDS_BIRTH", datetime(1970, 3, 9), None),
        ("HR", datetime(2020, 5, 1, 10), 61.0),
        ("Metformin//500 mg", datetime(2020, 5, 2, 8), None),
        ("Metformin//UNK", datetime(2020, 5, 3, 23, 59, 59, 999999), None),
    ]
    store = Store(tmp_path / "store")
    codes = store.read(store.manifest().codes).filter(pl.col("code") == "Metformin//500 mg")
    assert codes["description"].to_list() == ["Biguanide"]
    assert "ATC//A10BA02" in codes["parent_codes"].to_list()[0]


def test_missing_values_have_the_spellings_that_are_stated(tmp_path: Path) -> None:
    folder = folder_of(
        tmp_path,
        HEAD.replace("$mrn", '$mrn\n  missing: ["?", "NULL"]') + LABS,
        labs="mrn,test,taken,result,unit\n1,a,2020-01-01,?,NULL\n1,b,2020-01-02, 5 ,kg\nNULL,a,2020-01-01,1,kg\n",
    )
    report, events = stored(tmp_path, folder)
    assert events.select("code", "numeric_value", "unit").rows() == [
        ("LAB//a", None, None),
        ("LAB//b", 5.0, "kg"),
    ]
    assert report.rejects == {"no subject": 1}


def test_rows_are_left_out_under_the_name_of_their_condition(tmp_path: Path) -> None:
    mapping = HEAD + LABS.replace(
        "  lab:",
        "  _table:\n    drop:\n      cancelled: $test == 'x'\n      unverified: $unit is null\n"
        "    keep:\n      of this year: $taken >= '2020-01-01'\n  lab:",
    )
    folder = folder_of(
        tmp_path, mapping,
        labs="mrn,test,taken,result,unit\n1,a,2020-01-01,1,kg\n1,x,2020-01-02,2,\n1,b,2020-01-02,3,\n1,c,2019-12-31,4,g\n",
    )  # fmt: skip
    report, events = stored(tmp_path, folder)
    assert events["code"].to_list() == ["LAB//a"]
    assert report.reference_rows == {
        "labs: cancelled": 1,
        "labs: unverified": 1,
        "labs: not of this year": 1,
    }


def test_bad_rows_are_laid_aside_with_their_reason_and_text(tmp_path: Path) -> None:
    folder = folder_of(
        tmp_path, HEAD + LABS,
        labs="mrn,test,taken,result,unit\n1,a,2020-01-01,1,kg\n1,a\n1,a,soon,2,kg\n1,,2020-01-01,3,kg\n,a,2020-01-01,4,kg\n",
    )  # fmt: skip
    report, events = stored(tmp_path, folder)
    assert events.height == 1
    assert rejects_of(tmp_path) == [
        ("labs.csv", 2, "malformed row", "1,a"),
        ("labs.csv", 3, "time is not in the form that the mapping states", "1,2,soon,a,kg"),
        ("labs.csv", 4, "nothing in the row is an event", "1,3,2020-01-01,,kg"),
        ("labs.csv", 5, "no subject", ",4,2020-01-01,a,kg"),
    ]
    assert report.rows_read == 5


def test_a_value_that_is_no_number_is_kept_as_text(tmp_path: Path) -> None:
    folder = folder_of(
        tmp_path, HEAD + LABS,
        labs="mrn,test,taken,result,unit\n1,a,2020-01-01,<5,\n1,b,2020-01-01,1e3,\n1,c,2020-01-01,NaN,\n",
    )  # fmt: skip
    report, events = stored(tmp_path, folder)
    assert events.select("numeric_value", "text_value").rows() == [
        (None, "<5"),
        (1000.0, None),
        (None, "NaN"),
    ]
    assert report.counts == {"labs.lab: values that are no number, kept as text": 2}


def test_columns_are_spread_into_events_and_a_stay_has_an_end_and_an_id(tmp_path: Path) -> None:
    mapping = (
        HEAD
        + """
stays:
  _table:
    id: f"stay/{$stay}"
  visit:
    code: f"VISIT//{lower($kind)}"
    time: $begun
    end_time: $ended
  drug:
    spread: {metformin: RxNorm//6809, insulin: RxNorm//5856}
    when: $value != "No"
    code: $column
    time: $begun
    text_value: $value
"""
    )
    folder = folder_of(
        tmp_path, mapping,
        stays="mrn,stay,kind,begun,ended,metformin,insulin\n1,9,Inpatient,2020-01-01T10:00,2020-01-05,Up,No\n",
    )  # fmt: skip
    _, events = stored(tmp_path, folder)
    assert events.select("code", "text_value", "end_time", "source_id", "source_part").rows() == [
        ("RxNorm//6809", "Up", None, "stay/9", "metformin"),
        ("VISIT//inpatient", None, datetime(2020, 1, 5, 23, 59, 59, 999999), "stay/9", "visit"),
    ]


def test_a_later_export_replaces_a_record_by_its_id(tmp_path: Path) -> None:
    mapping = HEAD + LABS.replace("  lab:", '  _table:\n    id: f"lab/{$id}"\n  lab:')
    first = "mrn,id,test,taken,result,unit\n1,1,a,2020-01-01,1,kg\n1,2,a,2020-01-02,2,kg\n"
    folder = folder_of(tmp_path, mapping, labs=first)
    stored(tmp_path, folder)
    folder_of(tmp_path, mapping, labs=first.replace("02,2,kg", "02,2.5,kg"))
    report, events = stored(tmp_path, folder)
    assert (report.changed, report.unchanged, report.added) == (1, 1, 0)
    assert events["numeric_value"].to_list() == [1.0, 2.5]
    again, _ = stored(tmp_path, folder)
    assert (again.version, again.changed) == (report.version, 0)


def test_a_changed_mapping_is_read_again_though_the_tables_are_the_same(tmp_path: Path) -> None:
    folder = folder_of(
        tmp_path, HEAD + LABS, labs="mrn,test,taken,result,unit\n1,a,2020-01-01,1,kg\n"
    )
    stored(tmp_path, folder)
    folder_of(tmp_path, HEAD + LABS.replace("LAB//", "TEST//"))
    _, events = stored(tmp_path, folder)
    assert events["code"].to_list() == ["TEST//a"]


def test_a_joined_column_is_reduced_and_renamed(tmp_path: Path) -> None:
    mapping = (
        HEAD
        + """
patients:
  _table:
    join:
      admissions: {key: mrn, cols: {died: min, stays: count, cost: max}}
      words: {left_on: sex, right_on: letter, cols: [word as sex_word]}
  death: {code: MEDS_DEATH, time: $died}
  sex: {code: 'f"SEX//{$sex_word}"', time: null}
  cost: {code: COST, time: null, numeric_value: $cost}
"""
    )
    folder = folder_of(
        tmp_path, mapping, patients="mrn,sex\n1,f\n2,q\n",
        admissions="mrn,died,stays,cost\n1,2020-03-05,a,9\n1,2020-03-01,b,10\n2,,c,\n",
        words="letter,word\nf,female\n",
    )  # fmt: skip
    report, events = stored(tmp_path, folder)
    assert events.sort("code").select("code", "onset_time", "numeric_value").rows() == [
        ("COST", None, None),
        ("COST", None, 10.0),
        ("MEDS_DEATH", datetime(2020, 3, 1), None),
        ("SEX//female", None, None),
    ]
    assert report.counts["patients: rows without a row in words"] == 1


def test_a_key_may_be_of_several_columns_and_a_row_may_name_its_own_code(tmp_path: Path) -> None:
    mapping = (
        HEAD
        + """
labs:
  _table:
    cols: {kind: "'MAIN'"}
    join:
      drugs: {key: [rx, kind], cols: [ndc, word]}
  drug:
    code: f"NDC//{$ndc}"
    time: $t
    _metadata:
      _self: {description: $word, parent_codes: 'f"ATC/{$atc}"'}
"""
    )
    folder = folder_of(
        tmp_path, mapping, labs="mrn,rx,t,atc\n1,5,2020-01-01,A10BA02\n1,6,2020-01-02,A10BA02\n",
        drugs="rx,kind,ndc,word\n5,BASE,1,water\n5,MAIN,00093-1048-01,Metformin\n",
    )  # fmt: skip
    report, events = stored(tmp_path, folder)
    assert report.counts["labs: rows without a row in drugs"] == 1
    store = Store(tmp_path / "store")
    (code,) = store.read(store.manifest().codes).rows(named=True)
    assert (code["code"], code["description"]) == (events["code"][0], "Metformin")
    assert "ATC//A10BA02" in code["parent_codes"]


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


def test_a_mapping_that_lies_elsewhere_is_named_and_rows_are_found_without_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = folder_of(tmp_path, "", labs="mrn,test,taken,result,unit\n1,a,2020-01-01,1,kg\n")
    (folder / "mapping.yaml").unlink()
    mapping = tmp_path / "labs-of-ours.yaml"
    mapping.write_text(HEAD + LABS)
    words = [
        "ingest",
        str(folder),
        "--mapping",
        str(mapping),
        "--out",
        str(tmp_path / "store"),
        "--plain",
    ]
    assert main([*words, "--json"]) == 0
    events = events_of(tmp_path)
    assert events["code"].to_list() == ["LAB//a"]
    person = str(events["subject_id"][0])
    shown = [
        "inspect",
        str(tmp_path / "store"),
        "--subject",
        person,
        "--event",
        "0",
        "--source",
        str(folder),
    ]
    assert main(shown) == 0
    assert '"result":"1"' in capsys.readouterr().out
    renamed = folder / "labs.csv"
    renamed.rename(folder / "export-2.csv")
    assert (
        main(["ingest", str(folder / "export-2.csv"), *words[2:]]) == 0
    )  # the one table of the mapping


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


def test_columns_may_have_any_name(tmp_path: Path) -> None:
    mapping = """
labs:
  _table: {id: $row, join: {subject_key: {key: time first, cols: [has_time]}}}
  _defaults: {subject_id: $subject_key}
  lab: {code: $code, time: $`time first`, numeric_value: $numeric_value, text_value: $has_time}
"""
    folder = folder_of(
        tmp_path, mapping,
        labs="row,subject_key,time first,code,numeric_value,when\nr7,p1,2020-01-01,X,5,no\n",
        subject_key="time first,has_time\n2020-01-01,yes\n",
    )  # fmt: skip
    _, events = stored(tmp_path, folder)
    assert events.select(
        "source_id", "source_row", "code", "numeric_value", "text_value"
    ).rows() == [("r7", 1, "X", 5.0, "yes")]


def test_files_that_no_table_names_are_counted(tmp_path: Path) -> None:
    folder = folder_of(
        tmp_path,
        HEAD + LABS,
        labs="mrn,test,taken,result,unit\n1,a,2020-01-01,1,kg\n",
        more="a\n1\n",
    )
    assert stored(tmp_path, folder)[0].counts == {"files that the mapping does not name": 1}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("$result", "$outcome"), r"mapping.yaml, line 9: labs.lab.numeric_value: labs.csv has no column outcome; it has mrn"),
        (("$taken", "$taken as '%H'"), r"line 8: labs.lab.time: the format '%H' has no year"),
        (("$taken", "$taken +"), r"line 8: labs.lab.time: expected a value at the end"),
        (("    time: $taken\n", ""), r"say when: time: \$column, or time: null"),
        (("numeric_value", "numeric_vaule"), r"no property numeric_vaule; did you mean numeric_value\?"),
        (("subject_id: $mrn", "missing: []"), r"line 5: labs: labs.csv has no column subject_id"),
        (("labs:", "results:"), r"line 5: results: there is no file of this table; there is labs.csv"),
        (("  lab:", "  _tabel: {}\n  lab:"), r"there is no _tabel of a table, only _defaults and _table"),
        (('f"LAB//{$test}"', "col(test)"), r"written \$name since MEDS-Extract 0.6"),
        (("    unit: $unit", "   unit: $unit"), r"mapping.yaml, line \d+: not valid YAML"),
        (("    unit: $unit", "    unit: $unit\n    _metadata: {words: {label: $label}}"), r"named as a column of the code"),
        (("    unit: $unit", "    unit: $unit\n    _metadata: {words: {test: $t}}"), r"there is no file of a table 'words'"),
        (("  lab:", "  _table:\n    join: {words: {key: unit, cols: [x]}}\n  lab:"), r"no file of a table 'words'"),
        (("  lab:", "  _table:\n    encoding: utf-16\n  lab:"), r"labs._table.encoding: name an encoding with ASCII"),
        (("  lab:", "  _table:\n    join: {words: {cols: [x]}}\n  lab:"), r"give key, or left_on and right_on"),
    ],
)  # fmt: skip
def test_a_wrong_mapping_says_where_and_what_to_do(
    tmp_path: Path, change: tuple[str, str], words: str
) -> None:
    folder = folder_of(
        tmp_path, (HEAD + LABS).replace(*change), labs="mrn,test,taken,result,unit\n1,a,2020-01-01,1,kg\n"
    )  # fmt: skip
    with pytest.raises(SourceError, match=words):
        ingest(folder, tmp_path / "store", plain=True)
    assert not (tmp_path / "store" / "metadata").exists()


def test_tables_without_a_mapping_say_that_one_is_needed(tmp_path: Path) -> None:
    (tmp_path / "labs.csv").write_text("mrn,test\n1,a\n")
    with pytest.raises(SourceError, match=r"--mapping FILE"):
        ingest(tmp_path / "labs.csv", tmp_path / "store", kind="delimited", plain=True)
    with pytest.raises(SourceError, match=r"no mapping nothing.yaml"):
        ingest(tmp_path / "labs.csv", tmp_path / "store", mappings=[Path("nothing.yaml")])


def test_two_columns_of_one_name_are_an_error(tmp_path: Path) -> None:
    folder = folder_of(
        tmp_path, HEAD + LABS, labs="mrn,test,taken,result,unit,unit\n1,a,2020-01-01,1,kg,g\n"
    )
    with pytest.raises(SourceError, match=r"labs.csv has two columns unit"):
        ingest(folder, tmp_path / "store", plain=True)


def test_two_mappings_beside_the_tables_are_a_question(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, HEAD + LABS, labs="mrn,test,taken,result,unit\n")
    (folder / "other.yaml").write_text(HEAD + LABS)
    with pytest.raises(SourceError, match=r"mapping.yaml and other.yaml both"):
        ingest(folder, tmp_path / "store", plain=True)


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
