"""Each property in `docs/security.md` names files and tests that exist."""

from __future__ import annotations

import re
from pathlib import Path


def test_every_property_names_its_file_and_its_test(repository: Path) -> None:
    rows = re.findall(
        r"^\| (?!property|---)(.+) \|$", (repository / "docs/security.md").read_text(), re.MULTILINE
    )
    assert len(rows) >= 8
    for row in rows:
        paths = [
            path for path in re.findall(r"`([\w./-]+)`", row) if "." in path.rsplit("/", 1)[-1]
        ]
        assert paths, row
        for path in paths:
            assert (repository / path).exists(), path
