"""Privacy, the door."""

from __future__ import annotations

from proofs.measuring import Proof, benchmark, tests

CHAPTER = "Privacy"
PROOFS = (
    Proof(
        name="encrypted-scan",
        promise="an encrypted full scan takes at most 1.3 times a plain one by the same loop over shards on both "
        "cores, kernel features 1.15 times, a hot random subject as long",
        measure=benchmark("sealed"),
    ),
    Proof(
        name="refusals",
        promise="a flipped bit, a wrong key, a swapped file, a cut or foreign manifest, an altered or foreign model "
        "and altered knowledge: each refused by name",
        measure=tests(
            "tests/unit/timeline/test_refusals.py",
            "tests/unit/privacy/test_sealing.py",
            "tests/architecture/test_shipped.py",
        ),
    ),
    Proof(
        name="kill-storm",
        promise="500 kill -9 at random moments across two competing writers and an eraser: every surviving store "
        "opens, verifies and has lost nothing committed; nobody who was erased is in any version",
        measure=tests("-m", "prove", "tests/functional/test_kill_storm.py"),
    ),
    Proof(
        name="no-spill",
        promise="every byte that ingest, label, featurize, train, plan and run write of real people, also in passing, "
        "is sealed; the same scan finds the canaries of a plain workspace",
        measure=tests("tests/functional/test_spilling.py"),
    ),
    Proof(
        name="keys",
        promise="keys are turned in kilobytes and killed at any step the store is readable; after the stated day "
        "backups made before are noise; vault and hardware module keep keys as a file does; every earlier format opens "
        "or migrates",
        measure=tests(
            "tests/unit/privacy/test_keys.py",
            "tests/unit/timeline/test_rotation.py",
            "tests/unit/timeline/test_formats.py",
            "tests/unit/timeline/test_backup.py",
        ),
    ),
    Proof(
        name="forged-tokens",
        promise="every forgery (none, HS256 with the public key, kid, jku, x5u, jwk, crit, expired, not yet valid, "
        "wrong audience or issuer, replayed, claims named twice, oversized, other algorithms, any character changed), "
        "at each place that takes tokens: one 401, the same to the byte as without a token; no key it names is fetched",
        measure=tests("tests/functional/test_forged_tokens.py"),
    ),
    Proof(
        name="closed-ways",
        promise="signing in elsewhere is finished by the browser that began it alone; no address in a call or a "
        "record is fetched; a hook is of one patient; rates, bodies, time and JSON have bounds",
        measure=tests(
            "tests/functional/test_sign_in.py",
            "tests/functional/test_fetching.py",
            "tests/functional/test_wrong_patient.py",
            "tests/unit/serve/test_outbound.py",
            "tests/unit/serve/test_limits.py",
            "tests/unit/schema/test_scopes.py",
            "tests/functional/test_scoped_tokens.py",
        ),
    ),
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
    Proof(
        name="canary",
        promise="unique strings planted in every identifying field of FHIR, OMOP, HL7 v2, C-CDA, tables and notes "
        "never appear in any log, error, file name, statistic or output of any command or in the server's, under "
        "normal use, malformed records, exceptions with debugging on and kills",
        measure=tests("tests/functional/test_canaries.py"),
    ),
    Proof(
        name="schemathesis",
        promise="the whole OpenAPI by schemathesis, valid and invalid requests, in every sign-in state (anonymous, "
        "expired, clinician, officer, service, bound to a patient, forged, nonsense): no 5xx, no data without "
        "authorisation",
        measure=tests("tests/functional/test_openapi.py", "-m", "prove or not prove"),
    ),
)
