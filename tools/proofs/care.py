"""Care plans: rules, scores, genes, safety, and what plans are worth."""

from __future__ import annotations

import os

from proofs.measuring import Proof, benchmark, tests, told_by

CHAPTER = "Care plans"


def every_rule() -> tuple[bool, str]:
    """The tests of the foreign engines, with all rules in place of some."""
    os.environ["LIFECOURSE_EVERY_RULE"] = "1"
    try:
        return tests("tests/cql/test_cql.py")()
    finally:
        del os.environ["LIFECOURSE_EVERY_RULE"]


PROOFS = (
    Proof(
        name="rules-cases",
        promise="every rule answers each of its cases, at least four each; a rule whose case fails, or whose limit is "
        "moved, does not load",
        measure=tests("tests/unit/care/test_rules.py"),
    ),
    Proof(
        name="scores-vectors",
        promise="every worked example of the scores' files and of the shared facts; a score whose example fails does "
        "not load",
        measure=tests("tests/unit/care/test_scores.py"),
    ),
    Proof(
        name="pairs",
        promise="ONC's 15 pairs with the ten items of W3C's model, doses by kidney function, allergies and doubled "
        "classes, each with cases that fire and cases that do not; planned drugs are checked",
        measure=tests("tests/unit/care/test_safety.py"),
    ),
    Proof(
        name="cql-engine",
        promise="every rule as PlanDefinition and CQL: npm's compiler and engine give the same five answers on all "
        "cases and on 50 simulated people; what is exported passes npm's R4 validator and fhir.resources",
        measure=every_rule,
    ),
    Proof(
        name="what-if-trials",
        promise="what-if reproduces the absolute effects of three published trials from their control arms' risks",
        measure=tests("tests/unit/care/test_whatif.py"),
    ),
    Proof(
        name="fhir-valid",
        promise="plans and what engines of CQL are handed pass npm's R4 validator and fhir.resources",
        measure=tests("tests/cql/test_fhir.py"),
    ),
    Proof(
        name="pgx-calls",
        promise="every published call of the genes named and every published phenotype row; zero wrong calls; pairs of "
        "alleles as laying bases on strands finds them",
        measure=tests("tests/unit/care/pgx"),
    ),
    Proof(
        name="plan-benefit",
        promise="on the synthetic hospital, with the same number of treatments: the first three treatments of the plan "
        "lower the true 10-year risk of the tenth at the highest risk more than the three commonest do (95 % interval "
        "of the ratio of mean falls above 1)",
        measure=told_by("benefit"),
    ),
    Proof(
        name="worked-plans",
        promise="three made-up people and three of Synthea are in the docs with pictures of their pages, each line "
        "with its events and source; who takes clopidogrel with CYP2C19 *2/*2, or simvastatin with a strong CYP3A4 "
        "inhibitor, sees it first",
        measure=tests("tests/docs/test_worked_plans.py"),
    ),
    Proof(
        name="panel",
        promise="100,000 simulated people, every rule and score, in under 3 minutes and 4 GB on 2 cores; 1,000 plans "
        "byte for byte as each is alone; one alone in under 25 ms warm",
        measure=benchmark("panel"),
    ),
)
