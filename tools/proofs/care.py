"""Care plans: pharmacogenes."""

from __future__ import annotations

from proofs.measuring import Proof, tests

CHAPTER = "Care plans"
PROOFS = (
    Proof(
        name="pgx-calls",
        promise="every published call of the genes named and every published phenotype row; zero wrong calls; pairs of "
        "alleles as laying bases on strands finds them",
        measure=tests("tests/unit/care/pgx"),
    ),
)
