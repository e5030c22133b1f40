"""What it learned from and how: columns, missing values, settings, divisions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lifecourse.models.reporting.facts.registry import (
    LEARNERS,
    MOST_NAMED,
    fact,
    study,
    times_to_events,
)

if TYPE_CHECKING:
    Card = dict[str, Any]


@fact
def preparation(card: Card) -> str | None:
    """What is done to values before they are columns."""
    if not study(card).get("columns"):
        return None
    return (
        "Each measurement in one unit; values that cannot be are left out; one recipe for everyone."
    )


@fact
def chosen(card: Card) -> str | None:
    """How predictors got in."""
    told = study(card)
    if not told.get("columns") or not card.get("recipe"):
        return None
    codes = (
        f"; and every code that at least {told['least_people_of_a_code']} rows of those who teach have"
        if told.get("least_people_of_a_code")
        else ""
    )
    return f"Those of recipe '{card['recipe']}'{codes}; none by its association with the outcome."


@fact
def predictors(card: Card) -> str | None:
    """Which columns."""
    told = study(card)
    names = told.get("columns")
    if not names:
        return None
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    codes = f"; summaries of {told['codes']:,} codes" if told.get("codes") else ""
    return (
        f"{', '.join(names[:MOST_NAMED])}{more}{codes}. The recipe has each one's codes and window."
    )


@fact
def before(card: Card) -> str | None:
    """When predictors were known."""
    return "Each from events known at or before the prediction time." if study(card) else None


@fact
def missing(card: Card) -> str | None:
    """What is done where a value is missing."""
    learner = card.get("learner")
    if learner not in LEARNERS:
        return None
    if learner == "trees" and not times_to_events(card):
        return "Missing values stay missing, and trees send them the better way; nobody is left out for them."
    if learner == "trees":
        return "Missing values stay missing; nobody is left out for them."
    both = "; in trees they stay missing" if learner == "average" else ""
    return f"A missing value gets the median and a flag that it was missing{both}; nobody is left out for it."


@fact
def divided(card: Card) -> str | None:
    """Who teaches and who judges."""
    return f"By person, never by row; judged {card['judged']}." if card.get("judged") else None


@fact
def form(card: Card) -> str | None:
    """How numbers and counts enter."""
    return {
        "logistic": "Values drawn in to their 0.5th and 99.5th percentile, scaled, straight; logs of counts.",
        "linear": "Splines of values, flags of missing ones, logs of counts.",
        "trees": "Trees cut values and counts where it helps.",
        "average": "Splines of values and logs of counts, averaged with trees, which cut where it helps.",
    }.get(str(card.get("learner")))


@fact
def kind(card: Card) -> str | None:
    """What kind of model."""
    return LEARNERS.get(str(card.get("learner")))


@fact
def tuned(card: Card) -> str | None:
    """What was chosen while learning."""
    settings = study(card).get("settings")
    if not settings:
        return None
    said = "; ".join(f"{name.replace('_', ' ')} {value}" for name, value in settings.items())
    return f"Chosen on people held out within those who teach: {said}."


@fact
def calibrated(card: Card) -> str | None:
    """How its risks were brought to what came, out of fold."""
    found = card.get("calibrated_by")
    if not found:
        return None
    kinds = [kind for row in found for kind in (row if isinstance(row, list) else [row])]
    bent = {kind: kinds.count(kind) for kind in sorted(set(kinds) - {"straight"})}
    by = ", ".join(card.get("levelled_by") or ())
    level = (
        f" Hazards are level by {by}: as many are expected as came, of people held out."
        if by
        else ""
    )
    if not bent:
        return f"Calibrated out of fold by intercept and slope on the log-odds.{level}"
    said = " and ".join(f"{n} bent ({kind})" for kind, n in bent.items())
    rest = ", the rest by intercept and slope" if sum(bent.values()) < len(kinds) else ""
    return f"Calibrated out of fold; of {len(kinds)} maps of log-odds {said}{rest}.{level}"


@fact
def rivals(card: Card) -> str | None:
    """What else was tried on the same people, by its log loss out of fold."""
    twins = card.get("twins")
    if not twins:
        return None
    return (
        "Log loss out of fold: "
        + ", ".join(f"{name} {one['log_loss']:.4f}" for name, one in sorted(twins.items()))
        + "."
    )


@fact
def imbalance(card: Card) -> str | None:
    """Nothing is done about it."""
    if card.get("learner") not in LEARNERS:
        return None
    return "Nothing was done: people are neither drawn nor weighted by their outcome, so risks stay risks."


@fact
def judged_risks(card: Card) -> str | None:
    """Where the risks that were judged come from."""
    if not card.get("judged"):
        return None
    return "Each person's by a model, and a calibration, that had not seen that person."


@fact
def software(card: Card) -> str | None:
    """By which software."""
    found = study(card).get("software")
    return (
        f"By {found} (Apache-2.0); task and recipe lie in model.json beside this report."
        if found
        else None
    )


@fact
def whole(card: Card) -> str | None:
    """Where all of the model is."""
    if not card.get("version"):
        return None
    return f"Version {card['version']}: all coefficients or trees, calibration, task and recipe lie beside this report."


@fact
def updated(card: Card) -> str | None:
    """How it was brought to other people."""
    found = card.get("recalibrated")
    return f"Recalibrated ({found['method']}) to store {found['data'][:12]}." if found else None
