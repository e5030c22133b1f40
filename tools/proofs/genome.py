"""Genomes: fast, and nothing that is thrown at them ends in more than one error."""

from __future__ import annotations

from proofs.measuring import Proof, tests
from proofs.speed import benchmark

CHAPTER = "Genomes"
PROOFS = (
    Proof(
        name="vcf-speed",
        promise="a VCF of 3,000 people x 5,000 sites into a store at 200,000 genotypes/s, every needed one an event",
        measure=benchmark("genome", "M"),
    ),
    Proof(
        name="vcf-hostile",
        promise="a line of 2 GB, bombs of 10 GB, cut bgzip, headers that lie: one clear error in bounded time and "
        "memory",
        measure=tests("tests/unit/records/genome/test_hostile.py", "-m", "prove or not prove"),
    ),
)
