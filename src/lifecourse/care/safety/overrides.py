"""What was overridden, and which reasons last: an alert that somebody answered for good is not shown again."""

from __future__ import annotations

from dataclasses import dataclass

LASTING = frozenset(
    {
        "benefit-outweighs-risk",
        "dose-already-adjusted",
        "intended",
        "monitored",
        "not-an-allergy",
        "not-applicable",
        "patient-declined",
        "tolerated-since",
    }
)
"""Reasons that stay true until the drugs change; the others (``being-switched``, ``not-taken``) pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """An answer to an alert: of which rule, about which ingredients, why."""

    rule: str
    drugs: frozenset[str]
    reason: str

    @property
    def lasts(self) -> bool:
        """Whether the same alert need not be shown again."""
        return self.reason in LASTING
