"""What a recommendation is worth to this person: their own risk times a published relative effect."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lifecourse.care.rules.evaluate import points_of

if TYPE_CHECKING:
    from lifecourse.care.rules.definition import Baseline, Effect, Rule
    from lifecourse.care.rules.questions import Facts


@dataclass(frozen=True, slots=True, kw_only=True)
class Benefit:
    """Absolute benefit over `years`.

    baseline, treated : risk without and with, 0 to 1
    reduction : baseline - treated; `low` and `high` from the 95 % interval of the relative effect alone
    needed_to_treat : 1 / reduction, rounded up
    """

    outcome: str
    years: float
    baseline: float
    treated: float
    reduction: float
    low: float
    high: float
    needed_to_treat: int
    measure: str
    relative: float
    relative_ci: tuple[float, float]
    per: str | None
    source: str
    doi: str | None
    baseline_source: str

    @property
    def yearly(self) -> float:
        """The reduction a year that order goes by: at the unfavourable end of its interval."""
        return self.low / self.years

    @property
    def text(self) -> str:
        """In words, in people out of a hundred."""
        per = f", for {self.per}" if self.per else ""
        return (
            f"Of 100 people with this risk, {self.baseline * 100:.1f} have {self.outcome} in "
            f"{self.years:g} year{'' if self.years == 1 else 's'} without and {self.treated * 100:.1f} "
            f"with treatment{per}: {self.reduction * 100:.1f} fewer "
            f"({self.low * 100:.1f} to {self.high * 100:.1f}); number needed to treat "
            f"{self.needed_to_treat}."
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "text": self.text,
            "outcome": self.outcome,
            "horizon_years": self.years,
            "baseline_risk": self.baseline,
            "baseline_source": self.baseline_source,
            "treated_risk": self.treated,
            "absolute_reduction": self.reduction,
            "interval": [self.low, self.high],
            "interval_reason": "95 % interval of the relative effect; the baseline is taken as it is",
            "number_needed_to_treat": self.needed_to_treat,
            "relative_effect": {
                "measure": self.measure,
                "value": self.relative,
                "ci": list(self.relative_ci),
                "per": self.per,
            },
            "source": self.source,
            "doi": self.doi,
        }


def yearly_of(written: dict[str, Any] | None) -> float:
    """`Benefit.yearly` of a benefit that `Benefit.to_dict` wrote; 0 where there is none."""
    return float(written["interval"][0]) / float(written["horizon_years"]) if written else 0.0


def benefit_of(rule: Rule, facts: Facts) -> Benefit | None:
    """The first absolute benefit that `rule`'s evidence allows for this person; None where none does."""
    for evidence in rule.evidence:
        effect = evidence.effect
        if effect is None or effect.baseline is None:
            continue
        baseline = _baseline_risk(effect.baseline, rule, facts)
        if baseline is None or not 0 < baseline < 1:
            continue
        return _benefit(effect, baseline, evidence.citation, evidence.doi)
    return None


def _benefit(effect: Effect, baseline: float, citation: str, doi: str | None) -> Benefit | None:
    assert effect.baseline is not None  # noqa: S101 -- asked for by the caller
    return benefit_between(
        baseline=baseline,
        years=effect.baseline.years,
        outcome=effect.outcome,
        measure=effect.measure,
        relative=effect.value,
        interval=effect.ci,
        per=effect.per,
        source=citation,
        doi=doi,
        baseline_source=_named(effect.baseline),
    )


def benefit_between(
    *,
    baseline: float,
    years: float,
    outcome: str,
    measure: str,
    relative: float,
    interval: tuple[float, float],
    per: str | None,
    source: str,
    doi: str | None,
    baseline_source: str,
) -> Benefit | None:
    """A relative effect on a baseline risk; None where it lowers nothing."""
    treated = treated_risk(baseline, measure, relative)
    reduction = baseline - treated
    if reduction <= 0:
        return None
    low, high = (baseline - treated_risk(baseline, measure, bound) for bound in interval)
    return Benefit(
        outcome=outcome,
        years=years,
        baseline=_rounded(baseline),
        treated=_rounded(treated),
        reduction=_rounded(reduction),
        low=_rounded(min(low, high)),
        high=_rounded(max(low, high)),
        needed_to_treat=math.ceil(1 / reduction - 1e-9),
        measure=measure,
        relative=relative,
        relative_ci=interval,
        per=per,
        source=source,
        doi=doi,
        baseline_source=baseline_source,
    )


def treated_risk(baseline: float, measure: str, value: float) -> float:
    """Risk under treatment; a hazard ratio acts on the survival, 1 - (1 - p)^HR, a risk ratio on p."""
    if measure == "HR":
        return 1 - float((1 - baseline) ** value)
    return min(1.0, baseline * value)


def _baseline_risk(baseline: Baseline, rule: Rule, facts: Facts) -> float | None:
    if baseline.question is not None:
        value = facts[baseline.question].value
        return value if isinstance(value, float) else None
    assert baseline.points is not None  # noqa: S101 -- checked when the file was read
    reached = int(points_of(rule, baseline.points, facts))
    return baseline.by_points[min(reached, len(baseline.by_points) - 1)]


def _named(baseline: Baseline) -> str:
    if baseline.model is not None:
        return f"{baseline.model}.{baseline.outcome}"
    return baseline.citation or str(baseline.points)


def _rounded(risk: float) -> float:
    # Ten digits say more than any risk knows, and keep the bytes of a plan the same everywhere.
    return round(risk, 10)
