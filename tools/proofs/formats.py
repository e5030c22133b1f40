"""Records of other formats: HL7 v2 messages and C-CDA documents, beside the FHIR that is expected of them."""

from __future__ import annotations

from proofs.measuring import Proof, benchmark, tests

CHAPTER = "Every record"
CCDA_TESTS = "tests/unit/records/ccda"
HL7V2_TESTS = "tests/unit/records/hl7v2"
PROOFS: tuple[Proof, ...] = (
    Proof(
        name="hl7v2-pairs",
        promise="HL7 v2 beside expected FHIR: the same person, dates, codes and values, each difference in a table "
        "with its reason",
        measure=tests(f"{HL7V2_TESTS}/test_pairs.py"),
    ),
    Proof(
        name="hl7v2-hostile",
        promise="a line of 2 GB, any nesting, wrong encoding characters, messages cut short, NULs, bombs of 10 GB: "
        "laid aside with a reason or one clear error, within 700 MB and two minutes",
        measure=tests(f"{HL7V2_TESTS}/test_hostile.py", "-m", "prove or not prove"),
    ),
    Proof(
        name="hl7v2-speed",
        promise="HL7 v2 messages into an encrypted store at 1,500/s on both cores, under 1.5 GB; every message "
        "accounted for",
        measure=benchmark("hl7v2"),
    ),
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
