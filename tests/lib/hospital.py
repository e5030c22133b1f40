"""A small workspace to serve: four people as MEDS, and what a run leaves beside the store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from lifecourse.base.files import write_json
from lifecourse.schema.actor import Identifiability

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lifecourse.timeline.chart import Chart

# Long ids, so that finding one in a log is no accident.
DORA, NEWBORN, TIMELESS, MALICIOUS = 7310144901, 102, 103, 104
SCRIPT = "<script>alert(1)</script>"

Row = tuple[int, datetime | None, str, float | None, str | None]


def _at(*when: int) -> datetime:
    return datetime(*when, tzinfo=UTC).replace(tzinfo=None)  # type: ignore[arg-type]  # year, month and so on


def _dora() -> list[Row]:
    """A woman of 63 with diabetes, falling eGFR and yearly tests."""
    rows: list[Row] = [
        (DORA, None, "SEX//female", None, None),
        (DORA, _at(1962, 5, 1), "MEDS_BIRTH", None, None),
        (DORA, _at(2016, 3, 1), "SNOMED//44054006", None, "Diabetes mellitus type 2 (disorder)"),
        (DORA, _at(2018, 6, 1), "SNOMED//59621000", None, "Essential hypertension (disorder)"),
        (DORA, _at(2016, 3, 2), "RxNorm//860975", None, "Metformin 500 MG Oral Tablet"),
        (DORA, _at(2019, 1, 2), "ALLERGY//SNOMED//91936005", None, "Allergy to penicillin"),
    ]
    for year in range(2016, 2026):
        day = _at(year, 3, 1)
        rows += [
            (DORA, day, "VISIT//outpatient", None, None),
            (DORA, day, "LOINC//4548-4", 6.4 + 0.2 * (year - 2016), None),
            (DORA, day, "LOINC//33914-3", 88.0 - 4 * (year - 2016), None),
            (DORA, day, "LOINC//8480-6", 138.0 + (year % 3) * 6, None),
            (DORA, day + timedelta(hours=1), "LOINC//2089-1", 131.0 - year % 5, None),
        ]
    return rows


def _others() -> list[Row]:
    return [
        (NEWBORN, None, "SEX//male", None, None),
        (NEWBORN, _at(2025, 11, 20), "MEDS_BIRTH", None, None),
        (TIMELESS, None, "SEX//female", None, None),
        (MALICIOUS, _at(1980, 1, 1), "MEDS_BIRTH", None, None),
        (MALICIOUS, _at(2020, 1, 1), "SNOMED//38341003", None, SCRIPT),
        (MALICIOUS, _at(2020, 1, 1), f"LOCAL//{SCRIPT}", 1.0, f'"><img src=x onerror=alert(1)>{SCRIPT}'),
        (MALICIOUS, _at(2021, 1, 1), "VISIT//inpatient", None, "' onload='alert(1)"),
    ]  # fmt: skip


def write_meds(folder: Path, rows: Sequence[Row]) -> Path:
    """`rows` as a MEDS folder."""
    columns = ("subject_id", "time", "code", "numeric_value", "text_value")
    schema = (pl.Int64, pl.Datetime("us"), pl.String, pl.Float32, pl.String)
    table = pl.DataFrame(rows, schema=dict(zip(columns, schema, strict=True)), orient="row")
    (folder / "data").mkdir(parents=True)
    (folder / "metadata").mkdir()
    table.sort("subject_id", "time", nulls_last=False).write_parquet(folder / "data" / "0.parquet")
    write_json(
        folder / "metadata" / "dataset.json", {"dataset_name": "test", "meds_version": "0.4"}
    )
    return folder


def make_workspace(root: Path, rows: Sequence[Row] | None = None) -> Path:
    """A workspace around a store of `rows` (default: the four people), with a run's results."""
    from lifecourse.timeline.ingestion import ingest

    workspace = root / "workspace"
    source = write_meds(root / "source", [*_dora(), *_others()] if rows is None else rows)
    workspace.mkdir()
    (workspace / "lifecourse.yaml").write_text("timezone: UTC\n")
    ingest(source, workspace / "store", kind="meds", identifiability=Identifiability.SYNTHETIC)
    for subject_id, answer in ((DORA, "fires"), (MALICIOUS, "excluded")):
        plan = {
            "patient": {"subject_id": subject_id},
            "recommendations": [{"name": "statin", "title": "Start a statin", "answer": answer}],
        }
        write_json(workspace / "plans" / f"{subject_id}.json", plan)
    write_json(
        workspace / "labels" / "mortality_1y.attrition.json",
        [{"step": 1, "reason": "everyone", "subjects": 4, "rows": 4}],
    )
    write_json(
        workspace / "models" / "mortality_1y" / "outcome.json",
        {
            "task": "mortality_1y",
            "outcome": "abstention",
            "n_events": 3,
            "n_needed": 100,
            "reason": "3 people with the outcome; a model needs 100",
        },
    )
    write_json(
        workspace / "findings" / "findings.json",
        {
            "findings": [
                {
                    "first": "SNOMED//38341003", "first_name": SCRIPT, "first_kind": "condition",
                    "then": "SNOMED//433144002", "then_name": "", "then_kind": "condition",
                    "people": 25, "median_gap_days": 900.4, "ratio": 2.1, "low": 1.4, "high": 3.0,
                    "crude_ratio": 4.4, "confirmed_ratio": 1.9, "confirmed_low": 1.2,
                    "confirmed_high": 2.9, "only_at_once": True, "known_from": None,
                }
            ],
            "explained": [
                {
                    "first_name": "Cataract", "then_name": "Hip fracture", "people": 31,
                    "crude_ratio": 2.2, "ratio": 1.0, "low": 0.8, "high": 1.3,
                }
            ],
            "trajectories": [
                {
                    "names": [SCRIPT, "Kidney disease", "Heart failure"], "kinds": ["condition"] * 3,
                    "people": 17, "median_gap_days": [20.0, 1000.0], "beyond_ratio": None,
                    "beyond_low": None, "beyond_high": None,
                }
            ],
            "drug_signals": [
                {
                    "drug_names": ["sertraline", SCRIPT], "outcome_name": "Hyponatremia",
                    "people": 40, "ratio": 8.0, "low": 6.0, "high": 10.0, "confirmed_ratio": 7.5,
                    "confirmed_low": 5.5, "confirmed_high": 9.5, "against_first": 7.7,
                    "against_second": 7.9, "reri": 6.6,
                }
            ],
            "people": 4, "pairs_tested": 30, "pairs_found": 3, "pairs_confirmed": 2,
            "replication_rate": 2 / 3, "confirmed_by_chance": 0,
            "command": "lifecourse discover STORE --seed 0",
        },
    )  # fmt: skip
    return workspace


def made_up_plan(chart: Chart, at: int, risks: Any = (), scores: Any = None) -> dict[str, Any]:
    """A plan with all five answers for Dora, none for anyone else."""
    del at, risks, scores
    if chart.subject_id != DORA:
        return {"recommendations": [], "scores": made_up_scores(chart)}
    deciding = [_event(chart, "SNOMED//44054006"), _event(chart, "LOINC//2089-1")]
    return {
        "scores": made_up_scores(chart),
        "recommendations": [
            {
                "name": "statin",
                "title": "Start a moderate-intensity statin",
                "answer": "fires",
                "action": "Offer atorvastatin 20 mg once daily",
                "reason": "Diabetes at age 40 to 75 with LDL cholesterol of 70 mg/dL or more.",
                "grade": "Class 1, level A",
                "cautions": ["check liver enzymes first"],
                "source": {"title": "AHA/ACC 2018 cholesterol guideline", "doi": "10.1161/CIR.0000000000000625"},
                "review_by": "2027-12-31",
                "events": deciding,
            },
            {"name": "uacr", "title": "SGLT2 inhibitor in CKD", "answer": "missing_data",
             "reason": "Albuminuria was never measured.", "missing": ["urine albumin/creatinine"]},
            {"name": "screen", "title": "Screen for diabetes", "answer": "excluded",
             "reason": "Diabetes is known.", "events": deciding[:1]},
            {"name": "af", "title": "Anticoagulation in atrial fibrillation", "answer": "not_applicable",
             "reason": "No atrial fibrillation."},
            {"name": "smoking", "title": "Smoking cessation", "answer": "already_done",
             "reason": "Counselled in 2025."},
        ]
    }  # fmt: skip


def made_up_scores(chart: Chart) -> list[dict[str, Any]]:
    """A computed risk, a computed quantity and one that lacks data."""
    if chart.subject_id != DORA:
        return [{"name": "prevent", "outcome": "cardiovascular disease", "horizon_years": 10,
                 "status": "not_applicable", "reason": "age is outside 30 to 79 years"}]  # fmt: skip
    return [
        {"name": "prevent", "title": "Cardiovascular disease", "horizon_years": 10, "value": 0.182,
         "status": "computed", "interval": None, "source": "PREVENT base 2023",
         "comparator": {"name": "same age and sex with optimal factors", "value": 0.06},
         "inputs": [{"name": "sbp", "value": 144, "unit": "mmHg", "events": [_event(chart, "LOINC//8480-6")]},
                    {"name": "smoker", "value": False}]},
        {"name": "ckd_epi_2021", "title": "eGFR", "value": 52.0, "unit": "mL/min/1.73 m²",
         "status": "computed", "inputs": []},
        {"name": "kfre", "title": "Kidney failure", "horizon_years": 5, "status": "missing_data",
         "reason": "urine albumin/creatinine was never measured"},
    ]  # fmt: skip


def _event(chart: Chart, code: str) -> dict[str, Any]:
    row = chart.events.filter(pl.col("code") == code).tail(1).row(0, named=True)
    return {"code": code, "time": row["time"], "source_id": row["source_id"]}
