"""Privacy, the door."""

from __future__ import annotations

from proofs.measuring import Proof, tests

CHAPTER = "Privacy"
PROOFS = (
    Proof(
        name="erasure",
        promise="a person planted with unique strings and values: after `erase`, no byte, key, name, log entry or old "
        "version of store and workspace yields them, the audit chain verifies, and a kill at any moment leaves the "
        "person whole or gone",
        measure=tests("tests/functional/test_erasure.py"),
    ),
    Proof(
        name="audit-every-route",
        promise="every route x outcome (success, not found, refused, bad input, not signed in, failed) leaves exactly "
        "one audit event before its body; without the log nothing is answered",
        measure=tests("tests/functional/test_audit_of_routes.py"),
    ),
    Proof(
        name="audit-tamper",
        promise="any flip, drop, reorder, repetition, truncation or fork of the audit log is found and its line named; "
        "who holds its key is found by a checkpoint elsewhere; roots and proofs are those of pymerkle; one person's "
        "disclosures are listed",
        measure=tests("tests/unit/privacy", "tests/generative/test_audit_laws.py"),
    ),
)
