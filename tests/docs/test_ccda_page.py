"""The C-CDA page names every template and every reason for which the reader refuses a row."""

from __future__ import annotations

import re
from pathlib import Path

from lifecourse.records.ccda import kinds as tables
from lifecourse.records.ccda.reading import READERS
from lifecourse.vocab.systems import systems


def test_every_template_and_every_reason_is_on_the_page(repository: Path) -> None:
    page = (repository / "docs/reference/ccda.md").read_text()
    templates = tables.kinds().templates
    assert all(f"| {root} |" in page for root in templates)
    code = "".join(path.read_text() for path in Path(tables.__file__).parent.glob("*.py"))
    reasons = set(re.findall(r'RejectedError\(\s*"([^"]+)"', code))
    reasons |= set(
        re.findall(r'^[A-Z_0-9]+ = "((?:a|not|more|elements|entered) [^"]+)"$', code, re.MULTILINE)
    )
    assert len(reasons) > 12
    # The longest reason of all says more than the page needs to.
    assert [reason for reason in sorted(reasons) if reason.split(", which")[0] not in page] == []


def test_every_reader_is_there_and_described() -> None:
    kinds = tables.kinds()
    asked = {template.reader for template in kinds.templates.values()}
    assert asked <= set(kinds.readers)
    assert asked - {"concern", "planned", "through", "within", "refers"} == set(READERS)


def test_other_names_of_systems_are_of_systems_that_there_are() -> None:
    assert set(tables.kinds().systems.values()) <= set(systems())
