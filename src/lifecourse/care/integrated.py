"""Integrated risk: a base, what a person's genes, family and surroundings add to it, and the result, step by step.

The base is a published score or a trained model. Each modifier acts as a hazard ratio on the survival, its interval is
carried along, and what the base contains already is refused: nothing counts twice. The steps add up to the result.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from lifecourse.base.errors import KnowledgeError, UserError
from lifecourse.base.yaml import Document, load_document
from lifecourse.care.benefit import treated_risk

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

FILE = Path(__file__).parent / "modifiers.yaml"
SPREAD = 2 * 1.959963984540054


class Asks(Document):
    """What of a record answers a modifier.

    how : ``measured``, the latest number of the last `within_days`; ``recorded``, 1 where it is and unknown elsewhere;
        ``percentile`` among reference people, as standard deviations from their mean
    """

    how: Literal["measured", "recorded", "percentile"]
    codelist: str
    within_days: int | None = None


class Modifier(Document):
    """A published hazard ratio for each `unit` above `reference`.

    of : outcomes it was measured for
    ages : completed years of the people it was measured in, both ends included
    overlaps : modifiers that measure in part the same; only one of them may enter
    """

    name: str
    title: str
    of: list[str] = Field(min_length=1)
    per: str
    reference: float
    unit: float = Field(default=1.0, gt=0)
    range: tuple[float, float]
    hazard_ratio: float = Field(gt=0)
    ci: tuple[float, float]
    citation: str
    doi: str
    overlaps: list[str] = Field(default_factory=list)
    note: str | None = None
    ages: tuple[float, float] | None = None
    asks: Asks | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Modifier:
        if not 0 < self.ci[0] <= self.hazard_ratio <= self.ci[1]:
            raise ValueError("the interval does not hold the ratio")
        return self

    @property
    def error(self) -> float:
        """Standard error of the logarithm of the ratio."""
        return (math.log(self.ci[1]) - math.log(self.ci[0])) / SPREAD


class Modifiers(Document):
    """The file: modifiers, and what each base contains."""

    contains: dict[str, list[str]]
    modifiers: list[Modifier]

    def named(self, name: str) -> Modifier | None:
        """The modifier called `name`."""
        return next((each for each in self.modifiers if each.name == name), None)


@cache
def modifiers() -> Modifiers:
    """The modifiers that come with the package.

    Raises
    ------
    KnowledgeError
        The file does not fit.
    """
    return load_document(FILE, Modifiers, error=KnowledgeError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """Where a risk starts.

    name : a score (``prevent``) or a model; contains : what it has already, by the names of modifiers
    interval : 95 %, where the base has one
    """

    name: str
    outcome: str
    years: float
    risk: float
    contains: frozenset[str]
    interval: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one modifier adds to the risk that stood before it, in the order given."""

    modifier: Modifier
    value: float
    ratio: float
    added: float


@dataclass(frozen=True, slots=True, kw_only=True)
class IntegratedRisk:
    """The base, the steps and where they lead: ``base.risk`` + all ``added`` = ``risk``.

    interval : 95 %, from the intervals of the ratios and of the base where it has one
    """

    base: Base
    steps: tuple[Step, ...]
    risk: float
    interval: tuple[float, float]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "base": {
                "name": self.base.name,
                "outcome": self.base.outcome,
                "horizon_years": self.base.years,
                "risk": self.base.risk,
                "interval": None if self.base.interval is None else list(self.base.interval),
                "contains": sorted(self.base.contains),
            },
            "steps": [
                {
                    "name": step.modifier.name,
                    "title": step.modifier.title,
                    "value": step.value,
                    "per": step.modifier.per,
                    "hazard_ratio": step.ratio,
                    "published": {
                        "hazard_ratio": step.modifier.hazard_ratio,
                        "ci": list(step.modifier.ci),
                    },
                    "added": step.added,
                    "source": step.modifier.citation,
                    "doi": step.modifier.doi,
                    "note": step.modifier.note,
                }
                for step in self.steps
            ],
            "risk": self.risk,
            "interval": list(self.interval),
            "interval_reason": "95 % of the ratios"
            + (
                "; the base is taken as it is" if self.base.interval is None else " and of the base"
            ),
            "assumes": "hazards in proportion, each ratio independent of the others and of what the base contains",
        }


def base_of_score(name: str, outcome: str, years: float, risk: float) -> Base:
    """A published score as a base.

    Raises
    ------
    UserError
        It is not known what the score contains.
    """
    contains = modifiers().contains.get(name)
    if contains is None:
        known = ", ".join(modifiers().contains)
        raise UserError(f"what '{name}' contains is not written down. Known are: {known}.")
    return Base(name=name, outcome=outcome, years=years, risk=risk, contains=frozenset(contains))


def integrate(base: Base, values: Mapping[str, float]) -> IntegratedRisk:
    """`base` with the modifiers of `values` (by name, in the modifier's unit), in their order.

    Raises
    ------
    UserError
        The risk is no probability; a modifier is not known, was not measured for the outcome, is in the base already,
        measures what another one does, or its value is outside what was studied.
    """
    if not 0 < base.risk < 1:
        raise UserError("the base must be a probability above 0 and below 1.")
    chosen = [(_allowed(name, value, base, values), value) for name, value in values.items()]
    risk, steps, logarithm, variance = base.risk, [], 0.0, 0.0
    for modifier, value in chosen:
        amount = (value - modifier.reference) / modifier.unit
        ratio = modifier.hazard_ratio**amount
        after = treated_risk(risk, "HR", ratio)
        steps.append(Step(modifier=modifier, value=value, ratio=ratio, added=after - risk))
        risk = after
        logarithm += math.log(ratio)
        variance += (amount * modifier.error) ** 2
    return IntegratedRisk(
        base=base, steps=tuple(steps), risk=risk, interval=_interval(base, logarithm, variance)
    )


def _allowed(name: str, value: float, base: Base, beside: Collection[str]) -> Modifier:
    modifier = modifiers().named(name)
    if modifier is None:
        known = ", ".join(each.name for each in modifiers().modifiers)
        raise UserError(f"there is no modifier '{name}'. There are: {known}.")
    if name in base.contains:
        raise UserError(
            f"'{base.name}' contains {name} already. Leave it out: it would count twice."
        )
    if base.outcome not in modifier.of:
        raise UserError(
            f"'{name}' was measured for {', '.join(modifier.of)}, not for {base.outcome}. Choose such a base."
        )
    shared = sorted(set(modifier.overlaps) & set(beside))
    if shared:
        raise UserError(f"'{name}' and {shared[0]} measure in part the same. Choose one of them.")
    low, high = modifier.range
    if not low <= value <= high:
        raise UserError(
            f"'{name}' was studied from {low:g} to {high:g}. Outside there is no number."
        )
    return modifier


def _interval(base: Base, logarithm: float, variance: float) -> tuple[float, float]:
    """On the scale of log(-log(1 - p)), where hazard ratios add and errors of base and ratios are independent."""
    centre = _log_hazard(base.risk) + logarithm
    if base.interval is not None:
        low, high = (_log_hazard(min(max(p, 1e-9), 1 - 1e-9)) for p in base.interval)
        variance += ((high - low) / SPREAD) ** 2
    half = SPREAD / 2 * math.sqrt(variance)
    return _risk_of(centre - half), _risk_of(centre + half)


def _log_hazard(risk: float) -> float:
    return math.log(-math.log1p(-risk))


def _risk_of(log_hazard: float) -> float:
    return -math.expm1(-math.exp(log_hazard))
