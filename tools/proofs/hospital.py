"""The synthetic hospital and its truth."""

from __future__ import annotations

from proofs.measuring import Proof, tests
from proofs.speed import benchmark

CHAPTER = "The synthetic hospital"
PROOFS = (
    Proof(
        name="hospital",
        promise="the hospital flatters nobody, measured on 50,000 people: attainable AUROC in 0.72-0.88, age and "
        "sex at most 0.65 of its gain, 30 % or more untested in two years, 10 % or more of true illness uncoded, "
        "some risk never recorded",
        measure=tests("tests/unit/simulation/test_truth.py", "-m", "prove"),
    ),
    Proof(
        name="simulate-meds-speed",
        promise="100,000 simulated people as MEDS at 1 M events/s, under 1.5 GB",
        measure=benchmark("simulate", "meds"),
    ),
    Proof(
        name="simulate-fhir-speed",
        promise="20,000 simulated people as FHIR at 20,000 resources/s, under 1.5 GB",
        measure=benchmark("simulate", "fhir"),
    ),
    Proof(
        name="simulate-million",
        promise="a million simulated people on disk as MEDS at 1 M events/s, under 1.5 GB (2 GB of disk, given back)",
        measure=benchmark("simulate", "million"),
    ),
)
