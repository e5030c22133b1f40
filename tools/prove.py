"""Measure each promise under its own name, and write `docs/evidence.md`: value, date, command, commit.

``python tools/prove.py`` proves everything; names after it choose (``python tools/prove.py help counts``). Other
lines of the page keep what was measured before.
"""

from __future__ import annotations

import re
import sys
from datetime import UTC
from importlib import import_module
from pkgutil import iter_modules

import proofs
from proofs.measuring import ROOT, Proof, run

PAGE = ROOT / "docs" / "evidence.md"
ORDER = (
    "The main job",
    "Speed and correctness",
    "Every record",
    "The synthetic hospital",
    "Patterns and phenotypes",
)
"""Chapters in the order of the issues; others follow."""
HEAD = """\
# Evidence

*Audience: reviewers. Kind: reference. Written by `make prove`; each line can be measured again by its command.*
"""
TABLE_HEAD = """\
| promise | outcome | value | date | command | commit |
| --- | --- | --- | --- | --- | --- |
"""


def main(names: list[str]) -> int:
    """Prove what is named, or everything; returns how many promises are broken."""
    known = {proof.name: proof for each in chapters().values() for proof in each}
    if unknown := set(names) - set(known):
        print(f"no proof named {', '.join(sorted(unknown))}; there are: {', '.join(known)}")
        return 2
    rows, broken = earlier_rows(), 0
    for name in names or known:
        kept, value = known[name].measure()
        broken += not kept
        print(f"{name}: {'kept' if kept else 'BROKEN'}: {value}", flush=True)
        rows[name] = row_of(known[name], kept, value)
        PAGE.write_text(page_of(rows), encoding="utf-8")
    return int(broken > 0)


def chapters() -> dict[str, list[Proof]]:
    """The proofs of each module in `proofs` that has some, under the chapter that the module names."""
    found: dict[str, list[Proof]] = {title: [] for title in ORDER}
    for module in sorted(iter_modules(proofs.__path__), key=lambda each: each.name):
        loaded = import_module(f"proofs.{module.name}")
        if hasattr(loaded, "PROOFS"):
            found.setdefault(loaded.CHAPTER, []).extend(loaded.PROOFS)
    return found


def page_of(rows: dict[str, str]) -> str:
    """The page, a chapter for each issue."""
    parts = [HEAD]
    for title, each in chapters().items():
        lines = [rows[proof.name] for proof in each if proof.name in rows]
        if lines:
            parts.append(f"\n## {title}\n\n{TABLE_HEAD}{''.join(lines)}")
    return "".join(parts)


def earlier_rows() -> dict[str, str]:
    """The page's lines by name."""
    if not PAGE.is_file():
        return {}
    lines = PAGE.read_text(encoding="utf-8").splitlines(keepends=True)
    return {found[1]: line for line in lines if (found := re.match(r"\| \*\*([\w-]+)\*\*", line))}


def row_of(proof: Proof, kept: bool, value: str) -> str:
    """A line of the page."""
    from lifecourse.base.clock import now

    commit = run(["git", "rev-parse", "--short", "HEAD"]).stdout.strip()
    cells = (
        f"**{proof.name}**: {proof.promise}",
        "kept" if kept else "**broken**",
        value.replace("|", "/"),
        now().astimezone(UTC).date().isoformat(),
        f"`make prove ONLY={proof.name}`",
        f"`{commit}`",
    )
    return f"| {' | '.join(cells)} |\n"


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / "src"))
    sys.exit(main(sys.argv[1:]))
