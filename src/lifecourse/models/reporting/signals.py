"""Rules that answer signalling questions from a card: an answer and why; None where the card does not tell.

Answers are those of PROBAST+AI: yes, probably yes, probably no, no, not applicable. What no rule here can tell from the
card is for people who know the records.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from lifecourse.models.reporting.facts import asked, found, registry, taught

if TYPE_CHECKING:
    from collections.abc import Callable

    Card = dict[str, Any]
    Rule = Callable[[Card], "Signal | None"]

YES, PROBABLY, PROBABLY_NO, NO = "yes", "probably yes", "probably no", "no"
NOT_APPLICABLE = "not applicable"
ENOUGH_TO_JUDGE = 100
"""People with the rarer answer (Collins et al. 2016, doi 10.1002/sim.6787)."""
STILL_LEARNS = 0.01
"""Gain of AUROC or C from half of the people to all, from which on more people would help."""
RULES: dict[str, Rule] = {}


class Signal(NamedTuple):
    """An answer and why."""

    answer: str
    why: str


def rule(function: Rule) -> Rule:
    """Keep a rule under its function's name."""
    RULES[function.__name__] = function
    return function


def _because(answer: str, why: str | None) -> Signal | None:
    return Signal(answer, why) if why else None


def _concern(card: Card, *kinds: str) -> str | None:
    return next((c["said"] for c in card.get("concerns", []) if c["kind"] in kinds), None)


@rule
def design(card: Card) -> Signal | None:
    """A cohort followed forward; of records that were kept for care."""
    if not registry.study(card).get("asked_at"):
        return None
    return Signal(
        PROBABLY,
        "A cohort asked about at a moment and followed from there; its records were kept for care, not for this.",
    )


@rule
def alike(card: Card) -> Signal | None:
    """One recipe, but whoever measured."""
    if not registry.study(card).get("columns"):
        return None
    return Signal(
        PROBABLY,
        "One recipe of codes, units and windows for everyone; how they were measured is not recorded.",
    )


@rule
def prepared_alike(card: Card) -> Signal | None:
    """One recipe."""
    return _because(YES, taught.preparation(card))


@rule
def before_outcome(card: Card) -> Signal | None:
    """Nothing known later is read."""
    return _because(YES, taught.before(card))


@rule
def at_hand(card: Card) -> Signal | None:
    """From events known by then; a forecast among the columns may not be."""
    forecast = _concern(card, "a forecast")
    return Signal(PROBABLY_NO, forecast) if forecast else _because(YES, taught.before(card))


@rule
def outcome_alike(card: Card) -> Signal | None:
    """The same codes, but whoever is seen more has more told."""
    seen = _concern(card, "follows from being seen", "negatives not followed")
    if seen:
        return Signal(PROBABLY_NO, seen)
    if not registry.study(card).get("outcomes"):
        return None
    return Signal(
        PROBABLY,
        "The same codes for everyone; that it hangs on how much a person is seen was looked for and not found.",
    )


@rule
def enough_to_learn(card: Card) -> Signal | None:
    """By whether more people would still teach."""
    few = _concern(card, "few", "too few")
    if few:
        return Signal(PROBABLY_NO, few)
    said = found.learning(card)
    if said is None:
        return None
    half, whole = card["learning_curve"]["points"][-2:]
    gains = whole["value"] - half["value"] >= STILL_LEARNS
    return Signal(
        PROBABLY_NO if gains else PROBABLY,
        f"{said} {'More people would still help.' if gains else 'More people would hardly help.'}",
    )


@rule
def form(card: Card) -> Signal | None:
    """Bent where the learner bends; straight where trees, which bend, foretold no better."""
    said = taught.form(card)
    if card.get("learner") == "logistic" and said:
        return Signal(
            PROBABLY, f"{said} Trees, which bend and cut, foretold no better on the same people."
        )
    return _because(YES, said)


@rule
def handled(card: Card) -> Signal | None:
    """Nobody is left out for what is missing; who is lost is weighted for, left out, or taken as well."""
    gone, lost = taught.missing(card), asked.lost(card)
    if gone is None or lost is None:
        return None
    answer = PROBABLY if registry.times_to_events(card) else PROBABLY_NO
    return Signal(answer, f"{gone} {lost}")


@rule
def imbalance(card: Card) -> Signal | None:
    """No method is used."""
    return _because(NOT_APPLICABLE, taught.imbalance(card))


@rule
def held_back(card: Card) -> Signal | None:
    """Penalties, depths and numbers of trees are chosen on others."""
    return _because(YES, taught.tuned(card))


@rule
def beyond_apparent(card: Card) -> Signal | None:
    """Judged on people held out."""
    judged = card.get("judged")
    return Signal(YES, f"Judged {judged}; not yet on another store.") if judged else None


@rule
def enough_to_judge(card: Card) -> Signal | None:
    """A hundred of each at least."""
    if not {"events", "rows"} <= card.keys():
        return None
    rarer = min(card["events"], card["rows"] - card["events"])
    answer = YES if rarer >= ENOUGH_TO_JUDGE else PROBABLY_NO
    return Signal(
        answer, f"{rarer:,} with the rarer answer; {ENOUGH_TO_JUDGE} are held to be enough."
    )


@rule
def no_leak(card: Card) -> Signal | None:
    """Split by person; the columns of a fold are those that the people outside it teach."""
    said = taught.divided(card)
    if said is None:
        return None
    if registry.times_to_events(card):
        return Signal(
            PROBABLY,
            f"{said} Splines and medians of values, without the outcome, come from everyone.",
        )
    return Signal(
        YES, f"{said} Columns, medians and settings come from the people outside the fold."
    )


@rule
def every_step(card: Card) -> Signal | None:
    """Columns, settings, fit and calibration are made anew without each fold."""
    judged = card.get("judged")
    if not judged:
        return None
    if "folds" not in judged:
        return Signal(NOT_APPLICABLE, f"Not resampled: judged {judged}.")
    if registry.times_to_events(card):
        return Signal(
            PROBABLY,
            "Codes, settings, fit and calibration anew without each fold; splines of values once.",
        )
    return Signal(YES, "Codes, settings, fit and calibration anew without each fold.")


@rule
def looked_at(card: Card) -> Signal | None:
    """Calibration, discrimination and net benefit are all on the card."""
    parts = {
        "discrimination": "auroc" in card.get("metrics", {}),
        "calibration": bool(card.get("calibration_curve")),
        "net benefit": bool(card.get("decision_curve")),
    }
    if not any(parts.values()):
        return None
    without = [name for name, there in parts.items() if not there]
    if without:
        return Signal(PROBABLY_NO, f"Without {' and '.join(without)}.")
    return _because(YES, found.measures(card))
