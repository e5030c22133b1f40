"""Quality and meaning: planted faults found, lost zeros counted, units and drugs there and back, provenance."""

from __future__ import annotations

from proofs.measuring import Proof, tests

CHAPTER = "Every record"
PROOFS: tuple[Proof, ...] = (
    Proof(
        name="quality-planted",
        promise="each of the checks of `inspect` finds the fault planted for it and no other check fails; clean "
        "records fail nothing; no number is about fewer than ten people",
        measure=tests(
            "tests/unit/insights/test_quality.py", "tests/generative/test_quality_laws.py"
        ),
    ),
    Proof(
        name="lost-zeros-people",
        promise="a table whose ICD codes lost leading zeros is reported with the number of people affected: 5,053 in "
        "the UCI table, as its rows say",
        measure=tests("tests/functional/test_quality_of_sources.py", "-m", "prove or not prove"),
    ),
    Proof(
        name="unit-round-trip",
        promise="units there and back are exact (mg/dL-mmol/L and every other that a quantity has): the same float32",
        measure=tests("tests/unit/vocab/test_units.py"),
    ),
    Proof(
        name="drug-round-trip",
        promise="NDC to RxNorm to ATC and back by a vocabulary of a site's own tables",
        measure=tests("tests/unit/vocab/test_vocabulary_files.py"),
    ),
    Proof(
        name="every-event-its-source",
        promise="of every kind of source every event names its file and row, and `inspect` leads back to them",
        measure=tests("tests/functional/test_every_event_its_source.py"),
    ),
)
