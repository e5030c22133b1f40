"""Where named facts of a card are kept, and what several of them ask it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Card = dict[str, Any]
    Fact = Callable[[Card], str | None]

FACTS: dict[str, Fact] = {}
LEARNERS = {
    "logistic": "L2-penalised logistic regression",
    "linear": "cause-specific hazards by elastic-net Poisson regression on splines",
    "trees": "boosted trees",
    "average": "the average of linear and boosted cause-specific hazards",
}
MOST_NAMED = 12


def fact(function: Fact) -> Fact:
    """Keep a fact under its function's name."""
    FACTS[function.__name__] = function
    return function


def study(card: Card) -> Card:
    """What the card keeps of the study; empty on a card from before it was kept."""
    return card.get("study") or {}


def times_to_events(card: Card) -> bool:
    """Whether it is asked when, not only whether."""
    return "horizons" in card
