"""What the records say about groups of people: found on one half, confirmed on the other."""

from lifecourse.insights.findings import Finding, Findings, discover

__all__ = ["Finding", "Findings", "discover"]
