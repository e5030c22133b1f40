"""Polygenic scores as the PGS Catalog writes them (format 2.0; Lambert 2021, doi:10.1038/s41588-021-00783-5)."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from lifecourse.base.errors import SourceError

if TYPE_CHECKING:
    from pathlib import Path

START = b"###PGS CATALOG SCORING FILE"
NOT_STATED = ("", "NR", "None")
OPEN_LICENCE = "PGS Catalog terms: citation of the score and of the Catalog"
COMPLEMENT = str.maketrans("ACGT", "TGCA")
RECESSIVE, DOMINANT = "is_recessive", "is_dominant"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One variant of a score; `chromosome` without ``chr`` and `position` are None where only an rs number is told.

    other : the other alleles that the file allows, empty where it tells none
    frequency : of the effect allele, None where the file tells none
    """

    chromosome: str | None
    position: int | None
    rsid: str | None
    effect: str
    other: frozenset[str]
    weight: float
    frequency: float | None

    @property
    def is_ambiguous(self) -> bool:
        """Whether the alleles are each other's complement, so that the strand cannot be told."""
        return any(self.effect.translate(COMPLEMENT) == allele for allele in self.other)


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A polygenic score; `build` is ``GRCh37``, ``GRCh38`` or None; `variants_told` counts unreadable ones too."""

    name: str
    trait: str
    build: str | None
    licence: str
    variants: tuple[Variant, ...]
    variants_told: int


def is_score(path: Path) -> bool:
    """Whether `path` is a scoring file of the PGS Catalog."""
    try:
        with path.open("rb") as raw:
            file = gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw
            return file.read(len(START)) == START
    except (OSError, EOFError):
        return False


def read_score(path: Path) -> Score:
    """The score in `path`, by its harmonised positions where it has them.

    Raises
    ------
    SourceError
        It is no scoring file, it has no weights, or its weights are of a kind that a sum of dosages is not meant for.
    """
    head, lines = _parts(path)
    table = pl.read_csv(
        "\n".join(lines).encode(), separator="\t", infer_schema=False, truncate_ragged_lines=True
    )
    if not {"effect_allele", "effect_weight"} <= set(table.columns):
        raise SourceError(
            f"{path.name} has no effect_allele and effect_weight. Give a scoring file of the PGS Catalog."
        )
    for column in (RECESSIVE, DOMINANT, "is_interaction", "is_haplotype"):
        if (
            column in table.columns
            and (table[column].fill_null("").str.to_lowercase() == "true").any()
        ):
            raise SourceError(
                f"{path.name} has weights that are not additive ({column}). Such scores are not computed."
            )
    harmonised = "hm_pos" in table.columns
    build = head.get("HmPOS_build") if harmonised else head.get("genome_build")
    names = {"hg19": "GRCh37", "hg38": "GRCh38", "GRCh37": "GRCh37", "GRCh38": "GRCh38"}
    chromosome, position = ("hm_chr", "hm_pos") if harmonised else ("chr_name", "chr_position")
    variants = [
        v for row in table.iter_rows(named=True) if (v := _variant(row, chromosome, position))
    ]
    return Score(
        name=head.get("pgs_id") or path.name.split(".")[0],
        trait=head.get("trait_reported", ""),
        build=names.get(build or ""),
        licence=head.get("license") or OPEN_LICENCE,
        variants=tuple(variants),
        variants_told=table.height,
    )


def _parts(path: Path) -> tuple[dict[str, str], list[str]]:
    try:
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode()
    except (OSError, EOFError, UnicodeDecodeError) as damage:
        raise SourceError(
            f"{path.name} cannot be read: cut short or damaged. Copy it again."
        ) from damage
    lines = text.splitlines()
    head = {}
    for line in lines:
        if not line.startswith("#"):
            break
        name, found, value = line.lstrip("#").partition("=")
        if found and value.strip() not in NOT_STATED:
            head[name.strip()] = value.strip()
    return head, [line for line in lines if line and not line.startswith("#")]


def _variant(row: dict[str, str | None], chromosome: str, position: str) -> Variant | None:
    """The variant of a row; None where it has no place, no rs number, or no number for a weight."""
    rsid = row.get("hm_rsID") or row.get("rsID")
    where, told = row.get(chromosome), row.get(position)
    has_place = bool(where and told and told.isdigit())
    weight = _number(row.get("effect_weight"))
    effect = (row.get("effect_allele") or "").upper()
    others = row.get("other_allele") or row.get("hm_inferOtherAllele") or ""
    if weight is None or not effect or not (has_place or (rsid or "").startswith("rs")):
        return None
    return Variant(
        chromosome=(where or "").removeprefix("chr") if has_place else None,
        position=int(told or 0) if has_place else None,
        rsid=rsid if (rsid or "").startswith("rs") else None,
        effect=effect,
        other=frozenset(a.strip().upper() for a in others.split("/") if a.strip()),
        weight=weight,
        frequency=_number(row.get("allelefrequency_effect")),
    )


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if abs(value) < float("inf") else None
