"""Who may see what."""

from __future__ import annotations

from proofs.measuring import Proof, benchmark, tests

CHAPTER = "Privacy"
EITHER = ("-m", "prove or not prove")
PROOFS = (
    Proof(
        name="view-equals-decision",
        promise="what a timeline shows by every way of reading is what Cedar permits of each event asked about by "
        "itself, on 200 random policies x stores; more scopes never show less",
        measure=tests("tests/generative/test_view_laws.py", *EITHER),
    ),
    Proof(
        name="non-interference",
        promise="two workspaces that differ in closed rows alone (same trained model, frozen clock) answer every route "
        "and parameter with the same bytes; an emergency opens one record, for minutes, with a sealed reason",
        measure=tests("tests/functional/test_access.py", *EITHER),
    ),
    Proof(
        name="policies-and-consents",
        promise="a policy with an error is refused with file and line; what of a FHIR Consent cannot be read denies",
        measure=tests("tests/unit/privacy/access"),
    ),
    Proof(
        name="page-p95",
        promise="a patient's page within 150 ms at the 95th percentile with every rule in force (5,000 people, "
        "encrypted, care team, labels, consents, model, audit); a policy decision within 1 ms",
        measure=benchmark("pages"),
    ),
    Proof(
        name="browser-access",
        promise="in a browser: a Part 2 label is not on the page, who denied is as if absent, the glass is broken with "
        "a reason and one record opens",
        measure=tests("tests/browser/test_access_in_browser.py"),
    ),
)
