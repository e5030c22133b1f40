"""FHIR: fast, whole, and nothing that is thrown at it is an exception."""

from __future__ import annotations

from proofs.measuring import Proof, benchmark, tests

CHAPTER = "Every record"
FHIR_TESTS = "tests/unit/records/fhir"
PROOFS: tuple[Proof, ...] = (
    Proof(
        name="fhir-ndjson-speed",
        promise="FHIR NDJSON of 20,000 simulated people into a store at 120 k resources/s, under 1.5 GB; every row "
        "accounted for",
        measure=benchmark("fhir", "hospital"),
    ),
    Proof(
        name="fhir-bundles-speed",
        promise="indented Synthea Bundles into a store at 60 k resources/s, under 1.5 GB; every row accounted for",
        measure=benchmark("fhir", "bundles"),
    ),
    Proof(
        name="us-core",
        promise="every clinical statement of the US Core examples is an event or a counted reason",
        measure=tests(f"{FHIR_TESTS}/test_us_core.py"),
    ),
    Proof(
        name="fhir-hostile",
        promise="wrong types, any nesting, NaN, keys that stand twice, a line of 2 GB, bombs of 10 GB: rejects "
        "by type or one clear error, in bounded time and memory, never an exception",
        measure=tests(
            f"{FHIR_TESTS}/test_hostile.py",
            f"{FHIR_TESTS}/test_bounds.py",
            "-m",
            "prove or not prove",
        ),
    ),
)
