"""How good the records of a store are: checks by Kahn's terms, each with a threshold, counts and what to do."""

from lifecourse.insights.quality.report import QualityReport, quality

__all__ = ["QualityReport", "quality"]
