"""Numbers and lists as facts say them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

MEASURES = {
    "auroc": "AUROC",
    "auprc": "AUPRC",
    "brier": "Brier",
    "ici": "ICI",
    "e50": "E50",
    "e90": "E90",
}


def listed(words: Sequence[str], last: str = "and") -> str:
    """``a, b and c``."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def days(number: float) -> str:
    """``365 days``."""
    return f"{number:,.0f} day{'' if number == 1 else 's'}"


def share(part: float) -> str:
    """``12 %``; ``under 1 %``."""
    return "under 1 %" if part < 0.01 else f"{part * 100:.0f} %"


def measure(name: str) -> str:
    """A measure's name as people write it."""
    return MEASURES.get(name, name.replace("_", " "))
