"""Named facts of a card, in words: each says what the card tells, or None where it tells nothing.

Checklists (``library/*.yaml``) name them. A fact is never made up: what no function here finds on the card is missing.
"""

from lifecourse.models.reporting.facts import asked, found, taught
from lifecourse.models.reporting.facts.registry import FACTS, fact

__all__ = ["FACTS", "asked", "fact", "found", "taught"]
