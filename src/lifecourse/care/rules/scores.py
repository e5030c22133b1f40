"""What an assessment's scores say, as facts that rules ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecourse.care.rules.gathering import ScoreFact
from lifecourse.care.rules.questions import Fact

if TYPE_CHECKING:
    from lifecourse.care.scored import Assessment, ScoreResult


def score_facts(assessment: Assessment | None) -> dict[str, ScoreFact]:
    """What `assessment` says of each output of each score, by the key of the question that asks it."""
    if assessment is None:
        return {}
    return {_key(score): _score_fact(score) for score in reversed(assessment.scores)}


def _key(score: ScoreResult) -> str:
    years = score.horizon_years
    return f"{score.name}.{score.outcome}" + ("" if years is None else f".{years:g}y")


def _score_fact(score: ScoreResult) -> ScoreFact:
    if score.status == "computed":
        fact = Fact(value=score.value)
    elif score.status == "not_applicable":
        fact = Fact(inapplicable=score.reason or "outside its range")
    else:
        fact = Fact(missing=score.missing or (_key(score),))
    return ScoreFact(fact=fact, inputs=score.inputs)
