"""The HL7 v2 page names every segment and every reason for which the reader refuses a message or a segment."""

from __future__ import annotations

import re
from pathlib import Path

from lifecourse.records.hl7v2 import segments
from lifecourse.records.hl7v2.reading import READERS


def test_every_segment_and_every_reason_is_on_the_page(repository: Path) -> None:
    page = (repository / "docs/reference/hl7v2.md").read_text()
    assert set(READERS) == set(segments.described())
    assert not set(segments.described()) & set(segments.counted())
    assert all(f"| {name} | " in page for name in (*segments.described(), *segments.counted()))
    code = "".join(path.read_text() for path in Path(segments.__file__).parent.glob("*.py"))
    reasons = set(re.findall(r'(?:DroppedError|BadMessageError)\(\s*"([^"]+)"', code))
    reasons |= set(re.findall(r'^[A-Z_]+ = "((?:a|text) [a-zA-Z0-9, ]+)"$', code, re.MULTILINE))
    assert len(reasons) > 15
    assert [reason for reason in sorted(reasons) if reason not in page] == []
