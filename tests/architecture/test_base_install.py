"""What the base install lacks is used only where an extra brings it."""

from __future__ import annotations

import re
from pathlib import Path

ARROW = re.compile(r"\bpyarrow\b|\.to_arrow\(|from_arrow\(")
MAY_USE_ARROW = {"records/omop/server.py", "records/omop/postgres.py", "timeline/linkage.py"}
"""The extras `postgres` and `linkage` bring pyarrow; nothing else may need it."""


def test_pyarrow_is_used_by_extras_alone() -> None:
    package = Path(__file__).resolve().parents[2] / "src" / "lifecourse"
    users = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if ARROW.search(path.read_text(encoding="utf-8"))
    }
    assert users <= MAY_USE_ARROW
