"""The FHIR page names every resource type and every reason for which the reader refuses one."""

from __future__ import annotations

import re
from pathlib import Path

from lifecourse.records.fhir import statements


def test_every_type_and_every_reason_is_on_the_page(repository: Path) -> None:
    page = (repository / "docs/reference/fhir.md").read_text()
    assert all(f"| {kind} | " in page for kind in statements.known_types())
    code = "".join(path.read_text() for path in Path(statements.__file__).parent.glob("*.py"))
    reasons = set(re.findall(r'(?:RejectedError|ValueError)\(\s*"([^"]+)"', code))
    reasons |= set(re.findall(r'^[A-Z_0-9]+ = "((?:a|not) [a-zA-Z0-9 ]+)"$', code, re.MULTILINE))
    assert len(reasons) > 20
    assert [reason for reason in sorted(reasons) if reason not in page] == []
