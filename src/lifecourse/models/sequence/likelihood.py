"""How likely what came next was: exponential waiting times that compete, a piece of life at a time.

From a moment on, each outcome that a person is free of waits with its own rate; the first to come ends the piece. The
log density of outcome j after a wait t is ``log softmax(log rates)[j] + log(total) - total * t``: the share of j among
the rates, and the exponential waiting time at their total (Delphi-2M: Shmatko 2025, doi 10.1038/s41586-025-09529-3).
That is ``log rate[j] - total * t``; a piece that ends without an event has ``- total * t``, so that the end of
records is no event. Within a piece rates keep to those of age and sex, times a ratio that holds until the next moment:
the Poisson form of a hazard that is piecewise proportional (Holford 1980, doi 10.2307/2529982). Outcomes that come on
one day share one wait.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from lifecourse.base.clock import DAYS_PER_YEAR
from lifecourse.models.outcomes.baseline import AGES

if TYPE_CHECKING:
    from lifecourse.models.outcomes.baseline import AgeSexRates
    from lifecourse.models.sequence.network import Network
    from lifecourse.models.sequence.sequences import Lesson


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """r pieces of life and what ended them.

    at_risk, came : bool[r, k], free of each outcome when the piece began; it came at its end
    expected : float32[r, k] events that age and sex let expect within it
    """

    at_risk: Tensor
    came: Tensor
    expected: Tensor


class Baseline:
    """`AgeSexRates` as tensors."""

    def __init__(self, rates: AgeSexRates) -> None:
        male, female = rates.cumulated.transpose(1, 2, 0)
        by_sex = np.stack([male, (male + female) / 2, female])
        self._cumulated = torch.from_numpy(np.ascontiguousarray(by_sex))

    def expected(self, female: Tensor, age: Tensor, later: Tensor) -> Tensor:
        """float32[r, k] events between two ages, float64[r] years each; female : float64[r], 1, 0 or a half."""
        sex = (2 * female).round().long()
        return (self._by(sex, later) - self._by(sex, age)).float()

    def _by(self, sex: Tensor, age: Tensor) -> Tensor:
        age = age.clamp(0, AGES)
        year = age.long().clamp(max=AGES - 1)
        here, later = self._cumulated[sex, year], self._cumulated[sex, year + 1]
        return torch.lerp(here, later, (age - year)[:, None])


def pieces_of(given: Lesson, baseline: Baseline) -> Pieces:
    """The pieces of life of a lesson."""
    row, column = torch.from_numpy(given.row), torch.from_numpy(given.column)
    since = torch.from_numpy(given.rows.day)[row, column]
    until = torch.from_numpy(given.until)
    onset = torch.from_numpy(given.onset)[row]
    at_risk = onset > since[:, None]
    female = torch.from_numpy(given.female)[row]
    return Pieces(
        at_risk=at_risk,
        came=at_risk & (onset <= until[:, None]),
        expected=baseline.expected(
            female, *(one.double() / DAYS_PER_YEAR for one in (since, until))
        ),
    )


def surprise(logs: Tensor, pieces: Pieces) -> Tensor:
    """Minus the log density of all pieces together, less what does not depend on `logs` (float32[r, k] log ratios)."""
    waited = (logs.exp() * pieces.expected)[pieces.at_risk].sum()
    return waited - logs[pieces.came].sum()


def surprise_of(network: Network, given: Lesson, baseline: Baseline) -> tuple[Tensor, int]:
    """`surprise` of a lesson by a network, and how many events it had."""
    logs = network(
        torch.from_numpy(given.rows.token),
        torch.from_numpy(given.rows.day),
        torch.from_numpy(given.row),
        torch.from_numpy(given.column),
    )
    pieces = pieces_of(given, baseline)
    return surprise(logs, pieces), int(pieces.came.sum())
