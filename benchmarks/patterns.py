"""What follows what, beside DiNetxify and pyPheWAS: ``python -m benchmarks.patterns FOLDER [PEOPLE]``.

On the simulated lives of Delphi-2M (all, or the first PEOPLE): `discover` whole, DiNetxify's pipeline for a cohort of
the exposed (comorbidity strength, order, network, trajectories) on as many processes as there are cores, and
pyPheWAS for one illness (type 2 diabetes) against all others. They do not ask the same question: the times stand beside
each other, and what each found is counted.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import polars as pl
from benchmarks.peers import PeerAbsent, peer, version
from benchmarks.workload import ROOT, Result, report

from lifecourse.base.clock import DAYS_PER_YEAR

DATA = Path(os.environ.get("LIFECOURSE_DATA", ROOT.parent / "shared" / "data"))
BIRTH = date(1940, 1, 1)
FEWEST = 20
PEER_SECONDS = 1_800
TARGET = "E11"
WHAT = {
    "dinetxify": "comorbidity network and trajectories",
    "pyphewas": "one illness against all phecodes",
}

DINETXIFY = """
import os, sys
import DiNetxify as dnt
def main(folder, out, fewest):
    data = dnt.DiseaseNetworkData(study_design="exposed-only cohort", phecode_level=1)
    names = {"Participant ID": "id", "Sex": "sex", "Index date": "begin", "End date": "end"}
    data.phenotype_data(folder + "/people.csv", column_names=names, covariates=[])
    columns = {"Participant ID": "id", "Diagnosis code": "code", "Date of diagnosis": "date"}
    data.merge_medical_records(folder + "/records.csv", diagnosis_code="ICD-10-WHO", column_names=columns)
    dnt.disease_network_pipeline(
        data, n_process=os.cpu_count(), n_threshold_phewas=fewest, n_threshold_comorbidity=fewest,
        output_dir=out, project_prefix="peer", covariates=["sex"], matching_var_dict={"sex": "exact"},
    )
if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
"""


def main(folder: Path, people: int | None) -> None:
    """Measure each side that is here."""
    work = folder / "patterns"
    work.mkdir(parents=True, exist_ok=True)
    n = _tables(work, people)
    ours, confirmed = _ours(work)
    for name, measure in (("dinetxify", _dinetxify), ("pyphewas", _pyphewas)):
        seconds, said = None, "not the same question"
        try:
            seconds, said = measure(work, confirmed)
        except PeerAbsent as absent:
            sys.stdout.write(f"{absent}\n")
            continue
        except (subprocess.SubprocessError, OSError) as failed:
            said = f"{type(failed).__name__} (at most {PEER_SECONDS} s)"
        report(
            Result(
                work=f"what follows what: {len(confirmed):,} pairs confirmed",
                size=f"{n:,} people",
                peer=f"{name} {version(name)}, {WHAT[name]}",
                ours=ours,
                theirs=seconds,
                checked=said,
                command="python -m benchmarks.patterns FOLDER",
            )
        )


def _tables(work: Path, people: int | None) -> int:
    """The lives as our own ingest and as each peer reads them; ICD-10 codes alone, with age as a date."""
    events = pl.read_parquet(DATA / "delphi-simulated" / "events.parquet")
    if people is not None:
        first = events["subject_id"].unique().sort().head(people)
        events = events.filter(pl.col("subject_id").is_in(first.implode()))
    day_of = pl.lit(BIRTH).cast(pl.Datetime("us")) + pl.duration(days="age_days")
    sexes = events.filter(pl.col("code").str.starts_with("SEX//"))
    sex = sexes.select(id="subject_id", sex=(pl.col("code") == "SEX//Female").cast(pl.Int8))
    dated = events.filter(~pl.col("code").str.starts_with("SEX//")).select(
        id="subject_id", code="code", date=day_of, age=pl.col("age_days") / DAYS_PER_YEAR
    )
    records = dated.filter(pl.col("code").str.starts_with("ICD10//")).with_columns(
        pl.col("code").str.strip_prefix("ICD10//")
    )
    spans = dated.group_by("id").agg(
        begin=pl.lit(BIRTH).cast(pl.Datetime("us")).first(), end=pl.col("date").max()
    )
    joined = spans.join(sex, on="id").filter(pl.col("end") > pl.col("begin")).sort("id")
    known = records.join(joined.select("id"), on="id", how="semi")
    day = {"date_format": "%Y-%m-%d", "datetime_format": "%Y-%m-%d"}
    joined.write_csv(work / "people.csv", **day)
    known.select("id", "code", "date").write_csv(work / "records.csv", **day)
    ill = known.filter(pl.col("code") == TARGET)["id"].unique()
    group = joined.select("id", "sex", genotype=pl.col("id").is_in(ill.implode()).cast(pl.Int8))
    group.write_csv(work / "group.csv")
    known.filter(pl.col("code") != TARGET).select(
        "id", ICD_CODE="code", ICD_TYPE=pl.lit(10), AgeAtICD="age"
    ).write_csv(work / "icd.csv")
    meds = pl.concat(
        [
            joined.select(subject_id="id", time=pl.lit(None, pl.Datetime("us")), code=pl.when(pl.col("sex") == 1)
                          .then(pl.lit("SEX//female")).otherwise(pl.lit("SEX//male"))),
            joined.select(subject_id="id", time="begin", code=pl.lit("MEDS_BIRTH")),
            known.select(subject_id="id", time="date", code=pl.lit("ICD10//") + pl.col("code")),
        ],
        how="vertical_relaxed",
    )  # fmt: skip
    (work / "meds" / "data").mkdir(parents=True, exist_ok=True)
    meds.sort("subject_id", "time", nulls_last=False).write_parquet(
        work / "meds" / "data" / "0.parquet"
    )
    return joined.height


def _ours(work: Path) -> tuple[float, set[tuple[str, str]]]:
    """Seconds of the whole command, and the pairs that it confirms."""
    store = work / "store"
    shutil.rmtree(store, ignore_errors=True)
    program = [sys.executable, "-m", "lifecourse.cli"]
    made = ["ingest", str(work / "meds"), "--store", str(store), "--identifiability", "synthetic"]
    subprocess.run([*program, *made], check=True, capture_output=True, cwd=ROOT)
    began = time.perf_counter()
    answer = subprocess.run(
        [*program, "discover", str(store), "--json"], check=True, capture_output=True, cwd=ROOT
    )
    seconds = time.perf_counter() - began
    found = json.loads(answer.stdout)["findings"]
    return seconds, {(row["first"][7:], row["then"][7:]) for row in found}


def _dinetxify(work: Path, confirmed: set[tuple[str, str]]) -> tuple[float, str]:
    del confirmed  # phecodes of its own: pairs of theirs are not pairs of ICD codes
    out = work / "dinetxify"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    began = time.perf_counter()
    script = work / "dinetxify.py"
    script.write_text(DINETXIFY, encoding="utf-8")
    subprocess.run(
        [str(peer("dinetxify")), str(script), str(work), str(out), str(FEWEST)],
        check=True, capture_output=True, timeout=PEER_SECONDS, cwd=work,
    )  # fmt: skip
    seconds = time.perf_counter() - began
    tables = sorted(out.glob("*trajectory*.csv"))
    found = pl.read_csv(tables[0], ignore_errors=True).height if tables else 0
    return seconds, f"not the same question: {found:,} trajectories tested by phecode"


def _pyphewas(work: Path, confirmed: set[tuple[str, str]]) -> tuple[float, str]:
    program = peer("pyphewas", "pyPhewasLookup").parent
    shared = ["--path", str(work), "--group", "group.csv", "--reg_type", "log"]
    began = time.perf_counter()
    for words in (
        [str(program / "pyPhewasLookup"), "--phenotype", "icd.csv", "--outfile", "matrix.csv"],
        [str(program / "pyPhewasModel"), "--feature_matrix", "matrix.csv",
         "--covariates", "sex+MaxAgeAtICD", "--outfile", "regressions.csv"],
    ):  # fmt: skip
        subprocess.run([*words, *shared], check=True, capture_output=True, timeout=PEER_SECONDS)
    seconds = time.perf_counter() - began
    own = sum(TARGET in pair for pair in confirmed)
    return seconds, f"not the same question: one illness, of which we confirm {own} pairs"


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None)
