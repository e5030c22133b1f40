"""How much time people spend after a fact and not after it, and how often another fact comes, by stratum."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lifecourse.base.clock import MICROSECONDS_PER_DAY
from lifecourse.engine.compiled import kernel, part
from lifecourse.insights.lives import QUARTER

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.insights.lives import Lives
    from lifecourse.insights.occurrences import FirstOccurrences

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]
    Ids = npt.NDArray[np.int32]
    Flags = npt.NDArray[np.bool_]

NEVER = np.iinfo(np.int64).max
_DAY = float(MICROSECONDS_PER_DAY)
LAID_OUT = (
    "bool[]", "int64[]", "int32[]", "int64[]", "int64[]", "int64[]", "int64[]", "int32[]",
)  # fmt: skip
"""The kinds of `Asked.laid_out`: chosen, rows, fact, time, starts, lasts, quarters and stratum."""


@part
def add_time(
    cells: Floats, column: int, sign: float, begin: int, end: int,
    start: int, first: int, last: int, stratum: Ids,
) -> None:  # fmt: skip
    """Add the days in [begin, end) of a person whose quarters are `first` to `last` to the strata they lie in."""
    if end <= begin:
        return
    q = first + (begin - start) // QUARTER
    at = begin
    while at < end and q < last:
        edge = start + (q - first + 1) * QUARTER
        until = min(end, edge)
        cells[stratum[q], column] += sign * (until - at) / _DAY
        at = until
        q += 1


@part
def stratum_at(moment: int, start: int, first: int, last: int, stratum: Ids) -> int:
    """The stratum of the quarter that a moment of follow-up lies in."""
    return stratum[min(first + (moment - start) // QUARTER, last - 1)]


@part
def time_of(fact: Ids, time: Integers, begin: int, end: int, wanted: int) -> int:
    """When somebody first had a fact, among their rows [begin, end); NEVER where they have not."""
    for row in range(begin, end):
        if fact[row] == wanted:
            return time[row]
    return NEVER


@kernel("int64", *LAID_OUT, "float64[][]", "float64[][]")
def at_risk(
    b: int, chosen: Flags, rows: Integers, fact: Ids, time: Integers, starts: Integers,
    lasts: Integers, quarters: Integers, stratum: Ids, whole: Floats, cells: Floats,
) -> None:  # fmt: skip
    """Fill `cells` (float64[strata, 2]) with the events of B and the days at risk of it, over the `chosen` people.

    `whole` is float64[strata, 1], the days of all chosen people; who had B before follow-up is not at risk.
    """
    for s in range(len(whole)):
        cells[s, 1] = whole[s, 0]
    for i in range(len(starts)):
        if not chosen[i] or quarters[i + 1] == quarters[i]:
            continue
        came = time_of(fact, time, rows[i], rows[i + 1], b)
        if came == NEVER or came > lasts[i]:
            continue
        since = max(came, starts[i])
        add_time(cells, 1, -1.0, since, lasts[i], starts[i], quarters[i], quarters[i + 1], stratum)
        if came >= starts[i]:
            cells[stratum_at(came, starts[i], quarters[i], quarters[i + 1], stratum), 0] += 1.0


@kernel("int64", "int64", "int64", "int64[]", *LAID_OUT, "float64[][]", "float64[]", "int64[]")
def exposed(
    a: int, b: int, lag: int, people: Integers, chosen: Flags, rows: Integers, fact: Ids,
    time: Integers, starts: Integers, lasts: Integers, quarters: Integers, stratum: Ids,
    cells: Floats, gaps: Floats, n_gaps: Integers,
) -> None:  # fmt: skip
    """Fill `cells` (float64[strata, 4]) with the events of B and the days after A, then those within `lag` of A.

    Of the `people` who have A; gives the number of `gaps`, days from A to B, written. A and B at one moment count as
    unexposed, since neither came first.
    """
    n_gaps[0] = 0
    for i in people:
        if not chosen[i] or quarters[i + 1] == quarters[i]:
            continue
        first, last = quarters[i], quarters[i + 1]
        since = time_of(fact, time, rows[i], rows[i + 1], a)
        came = time_of(fact, time, rows[i], rows[i + 1], b)
        if came <= since or came < starts[i]:
            continue
        until = min(came, lasts[i])
        begin = max(since, starts[i])
        add_time(cells, 1, 1.0, begin, until, starts[i], first, last, stratum)
        soon = min(until, since + lag)
        add_time(cells, 3, 1.0, begin, soon, starts[i], first, last, stratum)
        if came <= lasts[i]:
            s = stratum_at(came, starts[i], first, last, stratum)
            cells[s, 0] += 1.0
            if came <= since + lag:
                cells[s, 2] += 1.0
            gaps[n_gaps[0]] = (came - since) / _DAY
            n_gaps[0] += 1


@kernel("int64", "int64", "int64", "int64[]", *LAID_OUT, "float64[][]", "int64[]")
def after_two(
    a: int, b: int, c: int, people: Integers, chosen: Flags, rows: Integers, fact: Ids,
    time: Integers, starts: Integers, lasts: Integers, quarters: Integers, stratum: Ids,
    cells: Floats, steps: Integers,
) -> None:  # fmt: skip
    """Fill `cells` (float64[strata, 4]) with C after B: events and days of who had A before B, then of who had not.

    Of the `people` who have B. Gives how many went A, B, C.
    """
    steps[0] = 0
    for i in people:
        if not chosen[i] or quarters[i + 1] == quarters[i]:
            continue
        first, last = quarters[i], quarters[i + 1]
        one = time_of(fact, time, rows[i], rows[i + 1], a)
        two = time_of(fact, time, rows[i], rows[i + 1], b)
        came = time_of(fact, time, rows[i], rows[i + 1], c)
        if came <= two or came < starts[i]:
            continue
        is_both = one < two
        until = min(came, lasts[i])
        if not is_both:
            until = min(until, max(one, two))
        begin = max(two, starts[i])
        column = 0 if is_both else 2
        add_time(cells, column + 1, 1.0, begin, until, starts[i], first, last, stratum)
        if came <= lasts[i] and came <= until:
            cells[stratum_at(came, starts[i], first, last, stratum), column] += 1.0
            if is_both:
                steps[0] += 1


class Asked:
    """First occurrences and lives, laid out for the loops; `chosen` is one half of the people."""

    def __init__(
        self, occurrences: FirstOccurrences, lives: Lives, chosen: npt.NDArray[np.bool_]
    ) -> None:
        self.lives = lives
        rows = np.searchsorted(occurrences.person, np.arange(lives.n + 1)).astype(np.int64)
        self.laid_out = (
            chosen, rows, occurrences.fact, occurrences.time, lives.start, lives.last, lives.quarters,
            lives.stratum,
        )  # fmt: skip
        order = np.argsort(occurrences.fact, kind="stable")
        facts = np.arange(len(occurrences.names) + 1)
        self._edges = np.searchsorted(occurrences.fact[order], facts)
        self._people = occurrences.person[order]

    def people_with(self, fact: int) -> npt.NDArray[np.int64]:
        """Places of the people who have a fact, ascending."""
        return self._people[self._edges[fact] : self._edges[fact + 1]]


class Following(Asked):
    """Asks what follows what."""

    def __init__(
        self, occurrences: FirstOccurrences, lives: Lives, chosen: npt.NDArray[np.bool_]
    ) -> None:
        super().__init__(occurrences, lives, chosen)
        self._whole = np.zeros((lives.n_strata, 1))
        whole(*self.laid_out, self._whole)
        self._at_risk: dict[int, Floats] = {}

    def at_risk(self, b: int) -> Floats:
        """float64[strata, 2]: events of B, and days at risk of it."""
        if b not in self._at_risk:
            cells = np.zeros((self.lives.n_strata, 2))
            at_risk(b, *self.laid_out, self._whole, cells)
            self._at_risk[b] = cells
        return self._at_risk[b]

    def after(self, a: int, b: int, lag: int) -> tuple[Floats, Floats, Floats]:
        """Cells for `rate_ratio` of B after A, the same without what came within `lag` of A, and days from A to B."""
        people = self.people_with(a)
        found = np.zeros((self.lives.n_strata, 4))
        gaps = np.empty(len(people))
        n_gaps = np.zeros(1, dtype=np.int64)
        exposed(a, b, lag, people, *self.laid_out, found, gaps, n_gaps)
        total = self.at_risk(b)
        cells = np.column_stack([found[:, :2], total - found[:, :2]]).clip(min=0.0)
        later = np.column_stack([found[:, :2] - found[:, 2:], total - found[:, :2]]).clip(min=0.0)
        return cells, later, gaps[: n_gaps[0]]

    def after_two(self, a: int, b: int, c: int) -> tuple[Floats, int]:
        """Cells for `rate_ratio` of C after A then B against C after B alone, and how many went all three steps."""
        cells = np.zeros((self.lives.n_strata, 4))
        steps = np.zeros(1, dtype=np.int64)
        after_two(a, b, c, self.people_with(b), *self.laid_out, cells, steps)
        return cells, int(steps[0])


@kernel(*LAID_OUT, "float64[][]")
def whole(
    chosen: Flags, rows: Integers, fact: Ids, time: Integers, starts: Integers, lasts: Integers,
    quarters: Integers, stratum: Ids, cells: Floats,
) -> None:  # fmt: skip
    """Add all days of the `chosen` people to the first column of `cells` (float64[strata, 1])."""
    for i in range(len(starts)):
        if chosen[i] and quarters[i + 1] > quarters[i]:
            add_time(
                cells, 0, 1.0, starts[i], lasts[i], starts[i], quarters[i], quarters[i + 1], stratum
            )
