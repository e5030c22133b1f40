"""The whole person: genes, lifestyle, environment and what devices and notes tell."""

from __future__ import annotations

import os
import time
from pathlib import Path

from proofs.measuring import ROOT, Proof, tests

CHAPTER = "Every record"
DATA = Path(os.environ.get("LIFECOURSE_DATA", ROOT.parent / "shared" / "data"))
POLYGENIC = "tests/unit/records/genome/test_polygenic.py"
SERIES = "tests/unit/records/wearables/test_series.py"
ORACLE_SECONDS = 20.0
PEOPLE = 3202


def counties() -> tuple[bool, str]:
    """The share of the counties of SVI's states with any EPA figure that both tables name as one."""
    from lifecourse.records.exposures.tables import layout_of, read_exposures

    places: list[set[str]] = []
    for name in ("county-air-quality-1980-2021.csv.gz", "county-svi-2020.csv.gz"):
        path = DATA / "environment" / name
        layout = layout_of(path)
        if layout is None:
            return False, f"no layout fits {name}"
        read, _ = read_exposures(path, layout)
        places.append({place for place in read["place"].unique() if place.startswith("county:")})
    air, index = places
    states = {place.split("/")[0] for place in index}
    there = {place for place in air if place.split("/")[0] in states}
    share = len(there & index) / len(there)
    value = f"{len(there & index):,} of {len(there):,} counties ({100 * share:.1f} %)"
    return share >= 0.95, f"{value}; not matched: {', '.join(sorted(there - index)) or 'none'}"


def oracle() -> tuple[bool, str]:
    """The score of a hundred sites against the sum in NumPy, and how long reading and summing takes."""
    kept, closing = tests(POLYGENIC, "-k", "a_score_of_a_hundred_sites")()
    seconds, people = _read_all()
    value = f"{people:,} people in {seconds:.1f} s; {closing}"
    return kept and seconds < ORACLE_SECONDS and people == PEOPLE, value


def _read_all() -> tuple[float, int]:
    """Seconds to read the given VCF with its scores, and how many people are in it."""
    from lifecourse.records.genome import GenomeSource

    source = GenomeSource(DATA / "pgs")
    began = time.perf_counter()
    for unit in source.units():
        for _ in source.read(unit):
            pass
    seconds = time.perf_counter() - began
    import cyvcf2

    return seconds, len(cyvcf2.VCF(str(next((DATA / "pgs").glob("*.vcf.gz")))).samples)


PROOFS: tuple[Proof, ...] = (
    Proof(
        name="whole-person",
        promise="a person with a VCF, a smoking history and two addresses shows all three on the timeline, and a "
        "covariate can ask for each",
        measure=tests("tests/functional/test_whole_person.py"),
    ),
    Proof(
        name="cgm-by-hand",
        promise="mean, SD and time in range of a sensor's day are exact to a hand computation; mg/dL and mmol/L tell "
        "the same; days on which clocks change, gaps, repeats, 'Low' and 'High'",
        measure=tests(SERIES),
    ),
    Proof(
        name="smoking-diary",
        promise="smoking status and pack-years from contradicting records are those of a diary kept day by day",
        measure=tests("tests/unit/tasks/test_smoking.py"),
    ),
    Proof(
        name="notes-context",
        promise="what notes say is told apart (so, denied, family, supposed, past), leads back to its sentence and "
        "changes no coded fact; every fact of the simulator's notes is found and no other",
        measure=tests("tests/unit/records/notes"),
    ),
    Proof(
        name="environment-matched",
        promise="at least 95 % of SVI's counties for which EPA has any figure are matched",
        measure=counties,
    ),
    Proof(
        name="pgs-refused",
        promise="the three given scores are refused on the given VCF, with the overlap",
        measure=tests(
            f"{POLYGENIC}::test_the_three_published_scores_are_refused_with_their_overlap"
        ),
    ),
    Proof(
        name="pgs-oracle",
        promise="a score of 100 of the VCF's sites (strand flips, ambiguous SNPs, missing alleles) is a NumPy oracle's "
        "to 1e-9 for all 3,202 people in under 20 s",
        measure=oracle,
    ),
)
