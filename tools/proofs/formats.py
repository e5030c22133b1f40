"""Records of other formats: HL7 v2 messages and C-CDA documents, beside the FHIR that is expected of them."""

from __future__ import annotations

from proofs.measuring import Proof, benchmark, tests

CHAPTER = "Every record"
CCDA_TESTS = "tests/unit/records/ccda"
PROOFS: tuple[Proof, ...] = (
    Proof(
        name="ccda-pairs",
        promise="C-CDA beside expected FHIR: the same person, dates, codes and values, each difference in a table with "
        "its reason",
        measure=tests(f"{CCDA_TESTS}/test_pairs.py"),
    ),
    Proof(
        name="ccda-hostile",
        promise="entity bombs, external entities, packed bombs, deep nesting, a line of 2 GB: one clear error, within "
        "1 GB and a minute",
        measure=tests(f"{CCDA_TESTS}/test_hostile.py", "-m", "prove or not prove"),
    ),
    Proof(
        name="ccda-speed",
        promise="C-CDA documents into an encrypted store at 10 MB/s on both cores, under 1.5 GB; every row accounted "
        "for",
        measure=benchmark("ccda"),
    ),
)
