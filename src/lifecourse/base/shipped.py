"""Knowledge is what was shipped: a data file of an installed package has the hash that was recorded when it was built.

A wheel has the SHA-256 of each of its files in ``RECORD``; scores, rules, phenotypes, codelists and policies are
compared with it when they are read, each by itself. A checkout of the sources has none: there the file is what its
author is writing, and its own worked cases judge it.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from lifecourse.base.texts import decoded

if TYPE_CHECKING:
    from lifecourse.base.errors import UserError

PACKAGE = Path(__file__).resolve().parent.parent
ALGORITHM = "sha256="


def read_shipped(path: Path, error: type[UserError]) -> str:
    """The text of a data file; where it is one of the package's and that was installed, as it was shipped.

    Raises
    ------
    error
        The file is not the one that was installed, or it is not UTF-8.
    """
    content = path.read_bytes()
    recorded = _record()
    if recorded:
        _check(path, content, recorded, error)
    return decoded(content, path.name, error)


def _check(path: Path, content: bytes, recorded: dict[str, str], error: type[UserError]) -> None:
    whole = path.resolve()
    if not whole.is_relative_to(PACKAGE):
        return  # a site's own
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
    if recorded.get(whole.relative_to(PACKAGE.parent).as_posix()) != digest:
        raise error(
            f"{path.name} is not the file that was installed with lifecourse: it was changed or added. "
            "Install lifecourse anew; what a site adds lies outside the package."
        )


@cache
def _record() -> dict[str, str]:
    """SHA-256 by path, of every file that was installed with this package; nothing for a checkout of the sources."""
    found = sorted(PACKAGE.parent.glob(f"{PACKAGE.name}-*.dist-info/RECORD"))
    if not found:
        return {}
    lines = (line.rsplit(",", 2) for line in found[-1].read_text(encoding="utf-8").splitlines())
    return {
        name: digest.removeprefix(ALGORITHM)
        for name, digest, _ in lines
        if digest.startswith(ALGORITHM)
    }
