"""VCF into a store: ``python -m benchmarks.genome FOLDER [S|M]``.

A seeded VCF of many people (3,000 x 5,000 sites, packed by bgzip and by gzip) and one of one person (300,000 sites),
each with the positions of pharmacogenes among others that nobody needs. The peer is a loop by hand over cyvcf2, which
does the least that can be done: every genotype as an array, kept where the position is needed.
"""

from __future__ import annotations

import csv
import gzip
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from benchmarks.workload import ROOT, Result, ingested_thrice, measured, report

RATE = 200.0
SIZES = {"S": (300, 1_500), "M": (3_000, 5_000)}
THOUSAND = 1e3
LENGTHS = {"1": 248956422, "2": 242193529, "4": 190214555, "6": 170805979, "7": 159345973, "10": 133797422,
           "12": 133275309, "13": 114364328, "16": 90338345, "19": 58617616, "X": 156040895}  # fmt: skip
CALLS = np.array([b"0/0", b"0/1", b"1/1", b"0|1", b"1|0", b"./."])
CHANCES = (0.55, 0.2, 0.1, 0.07, 0.07, 0.01)
BY_HAND = """
import sys, cyvcf2
needed = {tuple(line.split(",")[:2]) for line in open(sys.argv[2]) if line.startswith("chr")}
kept = 0
for variant in cyvcf2.VCF(sys.argv[1], strict_gt=True):
    calls = variant.genotype.array()
    if (variant.CHROM, str(variant.POS)) in needed:
        kept += int((calls[:, :-1] >= 0).all(axis=1).sum())
print(kept)
"""
POSITIONS = ROOT / "src" / "lifecourse" / "records" / "genome" / "positions.csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """A VCF: how many genotypes it has, and how many of them are whole and needed."""

    work: str
    path: Path
    genotypes: int
    needed: int


def main(folder: Path, size: str = "M") -> None:
    """Measure each input; the promise is of many people at M, where start-up is a small part."""
    for source in inputs(folder, size):
        ours = ingested(source, folder)
        script = folder / "genome.by_hand.py"
        script.write_text(BY_HAND)
        theirs = measured([sys.executable, str(script), str(source.path), str(POSITIONS)])
        report(
            Result(
                work=source.work,
                size=size,
                peer="cyvcf2 by hand",
                ours=source.genotypes / ours["wall"] / THOUSAND,
                theirs=source.genotypes / theirs["wall"] / THOUSAND,
                unit="k genotypes/s",
                higher_is_better=True,
                target=RATE if size == "M" and " people" in source.work else None,
                peak_mb=ours["peak_mb"],
                peer_peak_mb=theirs["peak_mb"],
                processor=ours["processor"],
                checked=f"all {source.needed:,} genotypes at needed positions are events",
                command=f"python -m benchmarks.genome FOLDER {size}",
            )
        )


def inputs(folder: Path, size: str) -> list[Input]:
    """The files, made on first use."""
    people, sites = SIZES[size]
    folder = folder / f"{size}.genome"
    found = []
    for name, n_people, n_sites, work in (
        ("many.vcf.gz", people, sites, f"VCF of {people:,} people, bgzip"),
        ("many.plain.vcf.gz", people, sites, f"VCF of {people:,} people, gzip"),
        ("one.vcf.gz", 1, 60 * sites, "VCF of one person, bgzip"),
    ):
        path = folder / name.split(".")[0] / name
        told = path.with_suffix(".json")
        if not told.exists():
            needed = _write(path, n_people, n_sites)
            told.write_text(json.dumps(needed))
        path = _alone(path)
        found.append(
            Input(
                work=work, path=path, genotypes=n_people * n_sites, needed=json.loads(told.read_text())
            )
        )  # fmt: skip
    return found


def _alone(path: Path) -> Path:
    """The same file in a folder of its own: neighbours would be read with it."""
    folder = path.parent / path.name.replace(".", "_")
    folder.mkdir(exist_ok=True)
    here = folder / path.name
    if not here.exists():
        here.hardlink_to(path)
    return here


def ingested(source: Input, folder: Path) -> dict[str, float]:
    """Three ingests into an empty folder, the last one's events counted.

    Raises
    ------
    SystemExit
        A genotype is missing.
    """
    words = [str(source.path), "--as", "genome", "--plain"]
    middle, told = ingested_thrice(words, folder / "genome.passing")
    if told["events"] != source.needed:
        raise SystemExit(f"{source.work}: genotypes are missing")
    return middle


def _write(path: Path, people: int, sites: int) -> int:
    """Write a VCF on GRCh38; how many whole calls it has at positions that are needed."""
    chance = np.random.default_rng(38)
    with POSITIONS.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(line for line in lines if not line.startswith("#"))
        places = {
            (row["chromosome"].removeprefix("chr"), int(row["position"])): row["reference"]
            for row in rows
        }
    wanted = set(places)
    while len(places) < sites:
        name = str(chance.choice(list(LENGTHS)))
        for position in chance.integers(1, LENGTHS[name], 512).tolist():
            if len(places) < sites:
                places.setdefault((name, position), "ACGT"[position % 4])
    path.parent.mkdir(parents=True, exist_ok=True)
    needed = 0
    names = b"\t".join(b"S%d" % number for number in range(1, people + 1))
    fields = b"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t"
    plain = path.with_suffix("") if "plain" not in path.name else None
    with plain.open("wb") if plain else gzip.open(path, "wb", 6) as file:
        file.write(b"##fileformat=VCFv4.3\n##reference=GRCh38\n")
        for name, length in LENGTHS.items():
            file.write(b"##contig=<ID=chr%b,length=%d>\n" % (name.encode(), length))
        file.write(b'##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n')
        file.write(fields + names + b"\n")
        order = sorted(places, key=lambda place: (list(LENGTHS).index(place[0]), place[1]))
        for name, position in order:
            calls = chance.choice(len(CALLS), people, p=CHANCES)
            needed += int((calls < len(CALLS) - 1).sum()) if (name, position) in wanted else 0
            reference = places[name, position].encode()
            alternate = b"T" if reference[:1] != b"T" else b"G"
            file.write(
                b"chr%b\t%d\t.\t%b\t%b\t.\tPASS\t.\tGT\t"
                % (name.encode(), position, reference, alternate)
            )
            file.write(b"\t".join(CALLS[calls].tolist()) + b"\n")
    if plain is not None:
        _bgzip(plain, path)
        plain.unlink()
    return needed


def _bgzip(plain: Path, packed: Path) -> None:
    """Pack by htslib's own writer where its program is not here."""
    program = shutil.which("bgzip")
    if program is not None:
        with packed.open("wb") as out:
            subprocess.run([program, "-c", str(plain)], stdout=out, check=True)
        return
    import cyvcf2

    reader = cyvcf2.VCF(str(plain))
    writer = cyvcf2.Writer(str(packed), reader, "wz")
    for variant in reader:
        writer.write_record(variant)
    writer.close()
    reader.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:3])
