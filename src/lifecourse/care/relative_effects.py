"""Relative effects of treatments (risk and hazard ratios), each with its interval, alone and together."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

SPREAD = 2 * 1.959963984540054
"""Standard errors of the logarithm between the ends of a 95 % interval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relative:
    """A relative effect and its 95 % interval; multiplies with others on the log scale."""

    value: float
    low: float
    high: float

    def times(self, amount: float) -> Relative:
        """For `amount` times what it was measured for."""
        return Relative(value=self.value**amount, low=self.low**amount, high=self.high**amount)

    @property
    def error(self) -> float:
        """Standard error of the logarithm."""
        return (math.log(self.high) - math.log(self.low)) / SPREAD

    def at_least(self, floor: float) -> Relative:
        """No part of it below `floor`."""
        return Relative(
            value=max(self.value, floor), low=max(self.low, floor), high=max(self.high, floor)
        )


def combined(effects: Sequence[Relative]) -> Relative:
    """Effects together: logarithms add up, and so do the squares of their errors (independent effects are assumed)."""
    value = sum(math.log(each.value) for each in effects)
    half = SPREAD / 2 * math.sqrt(sum(each.error**2 for each in effects))
    return Relative(value=math.exp(value), low=math.exp(value - half), high=math.exp(value + half))
