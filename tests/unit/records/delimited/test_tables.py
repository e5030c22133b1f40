"""Tables by a mapping file: what comes in, and what is left out and why."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import polars as pl
from mapped_tables import HEAD, LABS, folder_of, rejects_of, stored

from lifecourse.timeline.store import Store


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
