"""Tables by a mapping file, codes without their zeros, and one person of several sources."""

from __future__ import annotations

import csv
import gzip
import json
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from proofs.measuring import PYTHON, ROOT, Proof, run, tests

if TYPE_CHECKING:
    from collections.abc import Iterator

CHAPTER = "Every record"
DATA = Path(os.environ.get("LIFECOURSE_DATA", ROOT.parent / "shared" / "data"))
TABLE = "uci-diabetes130/diabetic_data.csv.gz"
TASK = """\
name: stays
trigger: {codes: [VISIT//inpatient]}
outcome: {codes: [READMITTED//within_30_days]}
outcome_window_days: 1
censoring: negative
"""
RECIPE = """\
name: stay
covariates:
  - {codes: [VISIT//inpatient], summary: count, name: stays}
  - {codelist: hba1c, summary: exists, name: hba1c}
  - {codes: [DISCHARGE_DISPOSITION//13, DISCHARGE_DISPOSITION//14], summary: exists, name: hospice}
"""


class Failed(Exception):
    """A command did not do what it should."""


def lifecourse(*words: str | Path) -> dict[str, Any]:
    """What a command answers."""
    answer = run([str(PYTHON), "-m", "lifecourse.cli", *map(str, words), "--json"])
    if answer.returncode:
        raise Failed(f"lifecourse {words[0]} failed: {answer.stderr.strip()[-300:]}")
    return dict(json.loads(answer.stdout))


@contextmanager
def folder() -> Iterator[Path]:
    """A folder for a while."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def raw_rows() -> list[dict[str, str]]:
    """The rows of the diabetes table, as Python's own reader has them."""
    with gzip.open(DATA / TABLE, "rt", encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def uci_diabetes() -> tuple[bool, str]:
    """The published cohort, asked of a store by a task and a recipe."""
    if not (DATA / TABLE).is_file():
        return False, "the data are not here: set LIFECOURSE_DATA"
    import polars as pl

    with folder() as work:
        store = work / "store"
        report = lifecourse("ingest", DATA / "uci-diabetes130", "--out", store, "--plain")
        (work / "task.yaml").write_text(TASK)
        (work / "recipe.yaml").write_text(RECIPE)
        lifecourse("label", store, work / "task.yaml", "--out", work / "labels.parquet")
        lifecourse(
            "featurize", store, "--labels", work / "labels.parquet", "--recipe", work / "recipe.yaml",
            "--out", work / "features",
        )  # fmt: skip
        named = pl.concat(
            pl.read_parquet(p) for p in sorted((work / "features").rglob("named-*.parquet"))
        )
        first = named.filter((pl.col("stays") == 1) & (pl.col("hospice") == 0))
        measured = float(first.select(pl.col("hba1c").mean()).item())
    said = (
        f"{report['subjects']:,} people, {first.height:,} first stays not discharged dead or to a hospice, HbA1c "
        f"measured in {measured:.1%}"
    )
    kept = (report["subjects"], first.height, f"{measured:.1%}") == (71_518, 69_973, "18.4%")
    return kept, said


def lost_zeros() -> tuple[bool, str]:
    """The quality report on a table whose codes are known to have lost their zeros, against a plain count."""
    if not (DATA / TABLE).is_file():
        return False, "the data are not here: set LIFECOURSE_DATA"
    harmed = [
        (row["patient_nbr"], row[name])
        for row in raw_rows()
        for name in ("diag_1", "diag_2", "diag_3")
        if row[name].split(".")[0].isdigit() and len(row[name].split(".")[0]) < 3
    ]
    with folder() as work:
        lifecourse("ingest", DATA / "uci-diabetes130", "--out", work / "store", "--plain")
        checks = lifecourse("inspect", work / "store")["quality"]["checks"]
    check = next(check for check in checks if check["check"] == "lost-zeros")
    people = len({person for person, _ in harmed})
    said = (
        f"the check says {check['status']}: {check['people']:,} people, {check['amiss']:,} codes; "
        f"counted in the table {people:,} people, {len(harmed):,} codes"
    )
    kept = (check["status"], check["people"], check["amiss"]) == ("failed", people, len(harmed))
    return kept and people > 0, said


PROOFS: tuple[Proof, ...] = (
    Proof(
        name="uci-diabetes",
        promise="UCI diabetes by mapping file: 71,518 people, 69,973 first encounters after removing death and "
        "hospice, HbA1c measured in 18.4 %",
        measure=uci_diabetes,
    ),
    Proof(
        name="lost-zeros",
        promise="a table whose ICD codes lost leading zeros is reported with the number of people affected",
        measure=lost_zeros,
    ),
    Proof(
        name="same-as",
        promise="records of one person from several sources merge by an explicit map, in whatever order they come; a "
        "fact of two sources is one event with two provenances; linkage is only proposed (precision 98 %, recall 97 % "
        "at 0.9)",
        measure=tests("tests/unit/timeline/test_same_as.py", "tests/unit/timeline/test_linkage.py"),
    ),
)
