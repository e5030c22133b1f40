"""Which kind of source lies in a folder, and the reader for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lifecourse.base.errors import SourceError
from lifecourse.base.registry import Registry

if TYPE_CHECKING:
    from pathlib import Path

    from lifecourse.records.source import Source

SOURCES: Registry[Any] = Registry(
    "kind of source",
    {
        "fhir": "lifecourse.records.fhir:FhirSource",
        "omop": "lifecourse.records.omop:OmopSource",
        "meds": "lifecourse.records.meds:MedsSource",
        "genome": "lifecourse.records.genome:GenomeSource",
        "delimited": "lifecourse.records.delimited:DelimitedSource",
        "hl7v2": "lifecourse.records.hl7v2:Hl7v2Source",
        "series": "lifecourse.records.wearables:SeriesSource",
        "ccda": "lifecourse.records.ccda:CcdaSource",
    },
)
NAMED_SO = {"meds": (".parquet",), "genome": (".vcf", ".vcf.bgz", ".bcf")}
FHIR_ENDINGS = (".ndjson", ".jsonl", ".json")
LOOKED_FOR = (
    "FHIR (.json, .ndjson, .gz or .tar of them), OMOP (person.csv or .parquet, a DuckDB file, "
    "a postgresql: settings file), C-CDA (.xml or .ccda that begins with ClinicalDocument), "
    "MEDS (.parquet with subject_id, time, code) or HL7 v2 messages (.hl7, or any file "
    "that begins with MSH, FHS or BHS), tables (CSV, TSV, Parquet) with a mapping file, readings of devices"
)


def open_source(
    path: Path,
    *,
    kind: str | None = None,
    timezone: str = "UTC",
    issuer: str | None = None,
    mapping: Path | None = None,
) -> Source:
    """The source in `path`, its kind detected unless given; `mapping` says what tables mean.

    Raises
    ------
    SourceError
        Nothing there, or nothing of a known kind.
    """
    if not path.exists():
        raise SourceError(f"there is nothing at '{path.name}'. Give a file or folder of records.")
    chosen = kind or ("delimited" if mapping else detect(path))
    options = {"mapping_path": mapping} if mapping else {}
    source: Source = SOURCES.get(chosen)(
        path, timezone=timezone, issuer=issuer or chosen, **options
    )
    return source


def detect(path: Path) -> str:
    """The kind of source in `path`.

    Raises
    ------
    SourceError
        Nothing of a known kind; the message says what was looked for.
    """
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    names = [file.name.lower().removesuffix(".gz") for file in files]
    from lifecourse.records.delimited.finding import has_mapping, is_tables
    from lifecourse.records.fhir.files import holds_fhir, is_archive
    from lifecourse.records.hl7v2.files import is_ours
    from lifecourse.records.omop.postgres import is_postgres
    from lifecourse.records.omop.rows import is_database, table_of

    if has_mapping(path):
        return "delimited"  # whoever lays a mapping beside tables has said what they are
    # By table and packing, not by name alone: Person.ndjson is FHIR's.
    is_omop = (is_database(file) or table_of(file) == "person" for file in files)
    if is_postgres(path) or any(is_omop):
        return "omop"
    if path.is_dir() and any((path / "data").rglob("*.parquet")):
        return "meds"  # before FHIR: a MEDS folder has metadata/dataset.json
    if found := _standard_of(path, files, names):
        return found
    if is_tables(path):
        return "delimited"  # before MEDS: only where a mapping of the library fits
    for kind, endings in NAMED_SO.items():
        if any(name.endswith(endings) for name in names):
            return kind
    if any(is_archive(file.name) and holds_fhir(file) for file in files):
        return "fhir"
    if any(is_ours(file) for file in files):
        return "hl7v2"
    what = "is empty" if not files else "holds no records of a known kind"
    raise SourceError(f"'{path.name}' {what}. Looked for: {LOOKED_FOR}.")


def _standard_of(path: Path, files: list[Path], names: list[str]) -> str | None:
    """HL7 v2 and FHIR by names, C-CDA and readings by how files begin; never FHIR or C-CDA at the cost of the other."""
    from lifecourse.records.ccda.source import holds_document
    from lifecourse.records.hl7v2.files import HL7_ENDINGS
    from lifecourse.records.wearables.source import is_series

    if is_series(path):
        return "series"  # before FHIR: data points are JSON too
    if any(name.endswith(HL7_ENDINGS) for name in names):
        return "hl7v2"
    has_fhir = any(name.endswith(FHIR_ENDINGS) for name in names)
    if not any(holds_document(file) for file in files):
        return "fhir" if has_fhir else None
    if has_fhir:
        raise SourceError(
            f"'{path.name}' holds both FHIR (.json, .ndjson) and C-CDA documents. Say which by --as fhir or --as ccda, "
            "or keep them in folders of their own."
        )
    return "ccda"
