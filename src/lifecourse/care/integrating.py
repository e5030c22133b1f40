"""Integrated risks of one person: what a chart says of the modifiers, added to the published risks that lack them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from lifecourse.care.integrated import base_of_score, integrate, modifiers
from lifecourse.care.rules.gathering import event_of
from lifecourse.care.scored import COMPUTED
from lifecourse.schema.covariate import Covariate, Summary
from lifecourse.schema.window import before, static
from lifecourse.vocab.codelists import codelist

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lifecourse.care.integrated import Base, IntegratedRisk, Modifier
    from lifecourse.care.scored import Assessment, ScoreResult
    from lifecourse.timeline.chart import Chart

SHOWN = 3
"""Events behind a value that are cited."""
PARENTS = frozenset({"mother", "father", "parent", "mth", "fth", "nmth", "nfth", "prn"})
"""A relative as records name one, in words or by HL7's role codes: whom a ratio of family history was measured for."""
OF_RELATIVES = "FAMILY_HISTORY//"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a record says of one modifier, in the modifier's unit, and the events that say it."""

    modifier: Modifier
    value: float
    events: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Integrated:
    """One published risk with what the record adds to it.

    title : the score's own words for the risk
    left_out : modifiers measured for this risk that do not enter, with the reason
    """

    title: str
    found: IntegratedRisk
    known: tuple[Known, ...]
    left_out: tuple[tuple[str, str], ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        written = self.found.to_dict()
        events = {each.modifier.name: list(each.events) for each in self.known}
        return {
            "title": self.title,
            **written,
            "steps": [{**step, "events": events[step["name"]]} for step in written["steps"]],
            "left_out": [{"title": title, "reason": reason} for title, reason in self.left_out],
        }


def integrated_risks(chart: Chart, at: int, assessment: Assessment) -> list[Integrated]:
    """Every published risk of `assessment` to which something in the record at `at` (microseconds UTC) can be added.

    Of modifiers that measure in part the same, the first of the file enters. A score whose contents are not written
    down is no base.
    """
    known = {each.modifier.name: each for each in _known(chart, at)}
    found = []
    for score in assessment.scores:
        base = _base(score)
        if base is None:
            continue
        chosen, left_out = _chosen(base, known, assessment.age)
        if chosen:
            risk = integrate(base, {each.modifier.name: each.value for each in chosen})
            found.append(
                Integrated(
                    title=score.title, found=risk, known=tuple(chosen), left_out=tuple(left_out)
                )
            )
    return found


def _base(score: ScoreResult) -> Base | None:
    """A computed probability of a score of which it is written down what it contains."""
    if score.status != COMPUTED or score.unit != "probability" or score.horizon_years is None:
        return None
    if score.name not in modifiers().contains or not 0 < (score.value or 0.0) < 1:
        return None
    return base_of_score(score.name, score.outcome, score.horizon_years, score.value or 0.0)


def _chosen(
    base: Base, known: dict[str, Known], age: int | None
) -> tuple[list[Known], list[tuple[str, str]]]:
    chosen: list[Known] = []
    left_out = []
    for modifier in modifiers().modifiers:
        if modifier.asks is None or base.outcome not in modifier.of:
            continue
        reason = _reason(modifier, base, known, age, {each.modifier.name for each in chosen})
        if reason is None:
            chosen.append(known[modifier.name])
        else:
            left_out.append((modifier.title, reason))
    return chosen, left_out


def _reason(
    modifier: Modifier, base: Base, known: dict[str, Known], age: int | None, chosen: set[str]
) -> str | None:
    """Why a modifier does not enter; None where it does."""
    if modifier.name in base.contains:
        return f"{base.name} has it already"
    if modifier.name not in known:
        return "not recorded"
    if modifier.ages is not None and not (
        age is not None and modifier.ages[0] <= age <= modifier.ages[1]
    ):
        return f"measured in people of {modifier.ages[0]:g} to {modifier.ages[1]:g} years"
    low, high = modifier.range
    if not low <= known[modifier.name].value <= high:
        return f"studied from {low:g} to {high:g}; recorded is {known[modifier.name].value:.3g}"
    shared = sorted(set(modifier.overlaps) & chosen)
    return f"measures in part what {shared[0].replace('_', ' ')} does" if shared else None


def _known(chart: Chart, at: int) -> Iterator[Known]:
    asked = _asked()
    answers = chart.ask(tuple(asked.values()), at)
    for name, covariate in asked.items():
        modifier = modifiers().named(name)
        assert modifier is not None  # noqa: S101 -- named by itself
        assert modifier.asks is not None  # noqa: S101 -- it was asked
        answer = answers[name]
        if math.isnan(answer) or (covariate.summary == Summary.EXISTS and not answer):
            continue
        rows = chart.deciding(covariate, at, SHOWN)
        if modifier.asks.how == "recorded":
            rows = [row for row in rows if _is_of_a_parent(row)]
            if not rows:
                continue
        if modifier.asks.how == "percentile":
            if not 0 < answer < 100:
                continue
            answer = NormalDist().inv_cdf(answer / 100)
        yield Known(
            modifier=modifier, value=answer, events=tuple(event_of(row, None) for row in rows)
        )


@cache
def _asked() -> dict[str, Covariate]:
    """What the kernel is asked of each modifier that a record can answer."""
    found = {}
    for modifier in modifiers().modifiers:
        asks = modifier.asks
        if asks is None:
            continue
        days = asks.within_days
        window = before() if days is None else before(timedelta(days=days))
        found[modifier.name] = Covariate(
            name=modifier.name,
            codelist=codelist(asks.codelist),
            window=static() if asks.how == "percentile" else window,
            summary=Summary.EXISTS if asks.how == "recorded" else Summary.LAST,
        )
    return found


def _is_of_a_parent(row: dict[str, Any]) -> bool:
    """Whether an event tells of a parent: one of a relative says whose it is, a code of family history does not."""
    if not row["code"].startswith(OF_RELATIVES):
        return True
    relative = str(row["text_value"] or "").partition(":")[0].casefold()
    words = relative.replace("/", " ").replace("#", " ").replace("|", " ").split()
    return bool(PARENTS & set(words))
