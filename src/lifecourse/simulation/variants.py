"""Genomes as VCF 4.3, for those whose genome the hospital has."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import numpy as np

from lifecourse.base.files import write_bytes, written_atomically
from lifecourse.simulation.genome import catalogue

if TYPE_CHECKING:
    from pathlib import Path

    from lifecourse.simulation.parameters import Parameters
    from lifecourse.simulation.population import People

MADE_CHROMOSOME = "chr22"
FIRST_MADE_POSITION, MADE_STEP = 20_000_000, 10_000
LENGTHS = {  # GRCh38, of the chromosomes that occur
    "chr1": 248956422,
    "chr6": 170805979,
    "chr10": 133797422,
    "chr12": 133275309,
    "chr16": 90338345,
    "chr22": 50818468,
}
GENOTYPES = np.array([[b"0|0\t", b"0|1\t"], [b"1|0\t", b"1|1\t"]], dtype="S4")


def write_vcf(people: People, model: Parameters, path: Path) -> int:
    """Write the phased genotypes of the genotyped among `people`; gives how many there are.

    Samples are named by person. The variants of the made polygenic scores lie on chr22, at positions that stand for
    nothing, named ``made_<score>_<number>``.
    """
    who = np.flatnonzero(people.genotyped)
    alleles = np.concatenate([people.genotypes.pharmacogenes, people.genotypes.polygenic], axis=2)[
        who
    ]
    rows = sorted(enumerate(sites(model)), key=lambda site: (_number(site[1][0]), site[1][1]))
    lines = [
        "##fileformat=VCFv4.3",
        "##source=lifecourse simulate",
        "##reference=GRCh38",
        *(f"##contig=<ID={name},length={length}>" for name, length in LENGTHS.items()),
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">',
        "\t".join(
            ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT"]
            + [str(people.first + place) for place in who]
        ),
    ]
    # No name and no time in the header: the same seed gives the same bytes.
    with (
        written_atomically(path) as passing,
        passing.open("wb") as raw,
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=1, mtime=0) as out,
    ):
        out.write(("\n".join(lines) + "\n").encode())
        for place, (chromosome, position, name, reference, alternate) in rows:
            fixed = [
                chromosome,
                str(position),
                name,
                reference,
                alternate,
                ".",
                "PASS",
                ".",
                "GT",
            ]
            told = GENOTYPES[alleles[:, 0, place], alleles[:, 1, place]].tobytes()
            out.write("\t".join(fixed).encode() + b"\t" + told[:-1] + b"\n")
    return len(who)


def sites(model: Parameters) -> list[tuple[str, int, str, str, str]]:
    """Chromosome, position, name, reference and alternate of every variant, as the genotypes hold them."""
    known = [
        (v.chromosome, v.position, v.rsid, v.reference, v.alternate)
        for v in model.genes.pharmacogenes
    ]
    listed = catalogue(model.genes)
    made = [
        (
            MADE_CHROMOSOME,
            FIRST_MADE_POSITION + MADE_STEP * number,
            f"made_{listed.scores[score]}_{number}",
            "A",
            "G",
        )
        for number, score in enumerate(listed.score)
    ]
    return known + made


def _number(chromosome: str) -> int:
    return int(chromosome.removeprefix("chr"))


def write_scores(model: Parameters, folder: Path) -> None:
    """The made polygenic scores as scoring files of the PGS Catalog's format, ``SIM_<score>.txt``."""
    listed = catalogue(model.genes)
    places = sites(model)[len(model.genes.pharmacogenes) :]
    for number, score in enumerate(listed.scores):
        rows = [
            f"{place[0].removeprefix('chr')}\t{place[1]}\t{place[4]}\t{place[3]}\t{weight!r}\t{frequency:.6f}"
            for place, which, weight, frequency in zip(
                places,
                listed.score,
                listed.weight.tolist(),
                listed.frequency.tolist(),
                strict=True,
            )
            if which == number
        ]
        lines = [
            "###PGS CATALOG SCORING FILE - made by lifecourse simulate, of no use outside it",
            "#format_version=2.0",
            f"#pgs_id=SIM_{score}",
            f"#trait_reported={score}",
            "#genome_build=GRCh38",
            f"#variants_number={len(rows)}",
            "chr_name\tchr_position\teffect_allele\tother_allele\teffect_weight\tallelefrequency_effect",
            *rows,
        ]
        write_bytes(folder / f"SIM_{score}.txt", ("\n".join(lines) + "\n").encode())
