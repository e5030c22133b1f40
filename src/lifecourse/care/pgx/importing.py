"""Our tables of pharmacogenes from the files that ClinPGx publishes with PharmCAT: definitions and phenotypes."""

from __future__ import annotations

import csv
import gzip
import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

POSITIONS = ("gene", "name", "chromosome", "position", "ref", "alts", "spelled")
ALLELES = ("gene", "allele", "kind", "core", "function", "activity", "defined")
PHENOTYPES = ("gene", "function", "other", "phenotype")


@dataclass(slots=True, kw_only=True)
class Tables:
    """Rows of the three tables."""

    positions: list[tuple[str, ...]] = field(default_factory=list)
    alleles: list[tuple[str, ...]] = field(default_factory=list)
    phenotypes: list[tuple[str, ...]] = field(default_factory=list)
    versions: set[str] = field(default_factory=set)

    def write(self, folder: Path) -> None:
        """Write ``positions.csv``, ``alleles.csv`` and ``phenotypes.csv``, each with its source in the first line."""
        source = (
            "# Facts of CPIC (CC0) as ClinPGx publishes them with PharmCAT, version "
            f"{max(self.versions)}, GRCh38;\n# re-encoded by tools/pgx_tables.py.\n"
        )
        for name, columns, rows in (
            ("positions", POSITIONS, self.positions),
            ("alleles", ALLELES, self.alleles),
            ("phenotypes", PHENOTYPES, self.phenotypes),
        ):
            text = io.StringIO()
            writer = csv.writer(text, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(rows)
            (folder / f"{name}.csv").write_text(source + text.getvalue(), encoding="utf-8")


def import_tables(folder: Path, names: tuple[str, ...]) -> Tables:
    """The tables of the genes `names`, from ``definition/GENE_translation.json`` and ``phenotype/GENE.json``.

    Both may be packed (``.gz``).

    Raises
    ------
    FileNotFoundError
        A gene has no definition in `folder`.
    """
    tables = Tables()
    for name in names:
        definition = _document(folder / "definition" / f"{name}_translation.json")
        if definition is None:
            raise FileNotFoundError(f"{folder.name} has no definition of {name}.")
        phenotype = _document(folder / "phenotype" / f"{name}.json") or {}
        tables.versions.add(definition["version"])
        _add(tables, name, definition, phenotype)
    return tables


def _document(path: Path) -> dict[str, Any] | None:
    packed = path.with_name(path.name + ".gz")
    if packed.is_file():
        content = gzip.decompress(packed.read_bytes())
    elif path.is_file():
        content = path.read_bytes()
    else:
        return None
    document: dict[str, Any] = json.loads(content)
    return document


def _add(tables: Tables, name: str, definition: dict[str, Any], phenotype: dict[str, Any]) -> None:
    variants = definition["variants"]
    names = [variant["rsid"] or variant["chromosomeHgvsName"] for variant in variants]
    for variant, called in zip(variants, names, strict=True):
        spelled = {said: vcf for said, vcf in variant["cpicToVcfAlleleMap"].items() if said != vcf}
        tables.positions.append(
            (
                name,
                called,
                variant["chromosome"],
                str(variant["position"]),
                variant["ref"],
                " ".join(variant["alts"]),
                " ".join(f"{said}={vcf}" for said, vcf in sorted(spelled.items())),
            )
        )
    functions = {each["name"]: each for each in phenotype.get("namedAlleles", ())}
    cores = definition["suballelesMap"]
    defined_names = set()
    for allele in definition["namedAlleles"]:
        defined_names.add(allele["name"])
        # CPIC's own bases tell what defines an allele; the VCF bases beside them how it is written.
        defined = " ".join(
            f"{called}={vcf}"
            for called, said, vcf in zip(
                names, allele["cpicAlleles"], allele["alleles"], strict=True
            )
            if said is not None and not allele["reference"]
        )
        whole = allele["score"] == len(variants) and len(variants) > 1
        kind = "reference" if allele["reference"] else "whole" if whole else ""
        core = cores.get(allele["name"], "")
        assigned = functions.get(core or allele["name"], {})
        tables.alleles.append((name, allele["name"], kind, core, *_assigned(assigned), defined))
    for called, assigned in functions.items():
        if called not in defined_names and called not in cores.values():
            tables.alleles.append((name, called, "outside", "", *_assigned(assigned), ""))
    _add_phenotypes(tables, name, functions, phenotype)


def _assigned(allele: dict[str, Any]) -> tuple[str, str]:
    activity = allele.get("activityValue")
    return (
        allele.get("functionValue") or "",
        "" if activity in (None, "n/a") else str(float(activity)),
    )


def _add_phenotypes(
    tables: Tables, name: str, functions: dict[str, Any], phenotype: dict[str, Any]
) -> None:
    rules: dict[tuple[str, str], set[str]] = {}
    for row in phenotype.get("diplotypes", ()):
        pair = [
            functions[allele]["functionValue"]
            for allele, copies in row["diplotypekey"].items()
            for _ in range(copies)
        ]
        rules.setdefault((min(pair), max(pair)), set()).add(row["phenotype"])
    unclear = [pair for pair, found in rules.items() if len(found) > 1]
    if unclear:
        raise ValueError(f"{name}: functions {unclear[0]} have more than one phenotype.")
    tables.phenotypes += [(name, *pair, found.pop()) for pair, found in sorted(rules.items())]
