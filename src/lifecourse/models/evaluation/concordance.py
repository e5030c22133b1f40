"""The chance that of two people the one who fell ill first had the higher risk.

Harrell et al. 1982 (doi 10.1001/jama.1982.03320430047030); weighted for censoring: Uno et al. 2011
(doi 10.1002/sim.4154); with competing causes, where who had another cause never falls ill: Wolbers et al. 2014
(doi 10.1093/biostatistics/kxt059).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lifecourse.engine.compiled import kernel, part
from lifecourse.models.evaluation.followed import Staying

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.models.evaluation.followed import Followed

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]
    Flags = npt.NDArray[np.bool_]


def concordance(
    followed: Followed,
    risk: Floats,
    *,
    cause: int = 1,
    until_days: float | None = None,
    weighted: bool = True,
) -> float:
    """Uno's C of `risk` (float64[n], any scale) for `cause`; NaN where no pair can be compared.

    Of each pair one had `cause` by `until_days` (any time when None) and the other was seen longer without it, or
    had another cause. Equal risks count half. Without `weighted` it is Harrell's C, which depends on how long people
    were followed.
    """
    n = len(followed)
    order = np.argsort(followed.duration_days, kind="stable")
    days, event = followed.duration_days[order], followed.event[order]
    _, rank = np.unique(risk[order], return_inverse=True)
    stays = Staying.of(followed).before(days) if weighted else np.ones(n)
    limit = np.inf if until_days is None else until_days
    mine = event == cause
    judged = mine & (days <= limit)
    other = (event > 0) & ~mine
    arrays = (days, event, judged, other, rank.astype(np.int64), 1 / stays)
    sums = np.zeros(2)
    _count_seen_longer(*arrays, np.zeros(n + 2), sums)
    _count_other_causes(*arrays, np.zeros(n + 2), sums)
    return float(sums[0] / sums[1]) if sums[1] > 0 else float("nan")


@part
def _add(tree: Floats, place: int, mass: float) -> None:
    """Put `mass` at `place`; the last of `tree` holds all of it."""
    last = len(tree) - 1
    at = place + 1
    while at < last:
        tree[at] += mass
        at += at & -at
    tree[last] += mass


@part
def _below(tree: Floats, place: int) -> float:
    """The mass at places before `place`."""
    total = 0.0
    at = place
    while at > 0:
        total += tree[at]
        at -= at & -at
    return total


@part
def _compare(tree: Floats, place: int, mass: float, sums: Floats) -> None:
    """Add the pairs of one at `place` with all that `tree` holds: the concordant, half of the tied, and all."""
    below = _below(tree, place)
    tied = _below(tree, place + 1) - below
    sums[0] += mass * (below + tied / 2)
    sums[1] += mass * tree[len(tree) - 1]


ARRAYS = (
    "float64[]",
    "int64[]",
    "bool[]",
    "bool[]",
    "int64[]",
    "float64[]",
    "float64[]",
    "float64[]",
)


@kernel(*ARRAYS)
def _count_seen_longer(
    days: Floats, event: Integers, judged: Flags, other: Flags, rank: Integers, weight: Floats,
    tree: Floats, sums: Floats,
) -> None:  # fmt: skip
    """Pairs with who was seen longer: later days, and on the same day those without an event. Rows by `days`."""
    stop = len(days)
    while stop > 0:
        start = stop - 1
        while start > 0 and days[start - 1] == days[stop - 1]:
            start -= 1
        for j in range(start, stop):
            if event[j] == 0:
                _add(tree, rank[j], 1.0)
        for i in range(start, stop):
            if judged[i]:
                _compare(tree, rank[i], weight[i] * weight[i], sums)
        for j in range(start, stop):
            if event[j] != 0:
                _add(tree, rank[j], 1.0)
        stop = start


@kernel(*ARRAYS)
def _count_other_causes(
    days: Floats, event: Integers, judged: Flags, other: Flags, rank: Integers, weight: Floats,
    tree: Floats, sums: Floats,
) -> None:  # fmt: skip
    """Pairs with who had another cause, on the same day or before. Rows by `days`."""
    start = 0
    while start < len(days):
        stop = start
        while stop < len(days) and days[stop] == days[start]:
            if other[stop]:
                _add(tree, rank[stop], weight[stop])
            stop += 1
        for i in range(start, stop):
            if judged[i]:
                _compare(tree, rank[i], weight[i], sums)
        start = stop
