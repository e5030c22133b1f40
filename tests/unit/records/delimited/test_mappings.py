"""Where the mapping of tables lies, and what a wrong one says."""

from __future__ import annotations

from pathlib import Path

import pytest
from mapped_tables import HEAD, LABS, events_of, folder_of, stored

from lifecourse.base.errors import SourceError
from lifecourse.cli import main
from lifecourse.timeline.ingestion import ingest


def test_a_changed_mapping_is_read_again_though_the_tables_are_the_same(tmp_path: Path) -> None:
    folder = folder_of(
        tmp_path, HEAD + LABS, labs="mrn,test,taken,result,unit\n1,a,2020-01-01,1,kg\n"
    )
    stored(tmp_path, folder)
    folder_of(tmp_path, HEAD + LABS.replace("LAB//", "TEST//"))
    _, events = stored(tmp_path, folder)
    assert events["code"].to_list() == ["TEST//a"]


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
