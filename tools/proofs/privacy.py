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
        name="audit-chain",
        promise="any flip, drop, reorder or truncation of the audit log is found; one person's disclosures are listed",
        measure=tests("tests/unit/timeline/test_audit.py"),
    ),
)
