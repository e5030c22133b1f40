"""Two drugs together: whether an outcome comes more often while both are taken than while either is.

A drug is taken from its start to its stated end, or for `SUPPLY_DAYS` where none is stated. The measure of interaction
is the relative excess risk RERI = RR11 - RR10 - RR01 + 1 (Rothman 1986; Knol & VanderWeele 2012,
doi:10.1093/ije/dyr218). A signal must have more of the outcome under both than under each alone, in the same strata,
and more than what each alone does multiplied: drugs given for two illnesses that each raise the outcome meet the first,
not the second.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from lifecourse.base.clock import MICROSECONDS_PER_DAY
from lifecourse.engine.compiled import kernel, part
from lifecourse.insights.association import RateRatio, rate_ratio, ratio_of
from lifecourse.insights.following import LAID_OUT, NEVER, Asked, time_of
from lifecourse.insights.lives import QUARTER
from lifecourse.timeline.shard import NO_END, STATIC

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]
    Ids = npt.NDArray[np.int32]
    Flags = npt.NDArray[np.bool_]
    States = npt.NDArray[np.uint64]

    from lifecourse.insights.lives import Lives
    from lifecourse.insights.occurrences import FirstOccurrences
    from lifecourse.timeline.access import Timeline

SUPPLY_DAYS = 90
MOST_DRUGS = 30
"""The commonest; a bit each in the state of a quarter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taking:
    """Which drugs are taken in each quarter of `Lives`: uint64[q], bit d for the d-th of `drugs` (facts)."""

    drugs: tuple[int, ...]
    state: npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """Of two drugs and an outcome: both against the first alone, against the second alone, and against neither."""

    against_first: RateRatio
    against_second: RateRatio
    against_neither: RateRatio
    beyond_both: RateRatio
    reri: float

    @property
    def p(self) -> float:
        """That both exceed either alone, and more than their effects alone multiplied: the largest of the three p."""
        return max(self.against_first.p, self.against_second.p, self.beyond_both.p)

    @property
    def stands(self) -> bool:
        """Whether all three intervals lie above 1."""
        return min(self.against_first.low, self.against_second.low, self.beyond_both.low) > 1


def taking_of(timeline: Timeline, occurrences: FirstOccurrences, lives: Lives) -> Taking:
    """The drugs that people take, quarter by quarter: a drug counts where it is taken on the quarter's first day."""
    is_drug = np.array([kind == "drug" for kind in occurrences.kinds], dtype=np.bool_)
    counts = np.bincount(occurrences.fact, minlength=len(is_drug)) * is_drug
    common = [int(fact) for fact in np.argsort(-counts, kind="stable")[:MOST_DRUGS] if counts[fact]]
    bit = np.full(len(is_drug) + 1, -1, dtype=np.int64)
    bit[common] = np.arange(len(common))
    state = np.zeros(int(lives.quarters[-1]), dtype=np.uint64)
    subjects = timeline.subject_ids()
    for shard in timeline.shards():
        if not shard.n_events:
            continue
        number = bit[occurrences.fact_of_code[shard.code]]
        places = np.flatnonzero((number >= 0) & (shard.time != STATIC))
        owner = shard.owners(places)
        people = np.searchsorted(subjects, shard.subject_ids)[owner].astype(np.int64)
        begin = shard.time[places]
        end = shard.end[places]
        supply = SUPPLY_DAYS * MICROSECONDS_PER_DAY
        until = np.where(end == NO_END, begin + supply, end)
        take(people, number[places], begin, until, lives.start, lives.quarters, state)
    return Taking(drugs=tuple(common), state=state)


@kernel("int64[]", "int64[]", "int64[]", "int64[]", "int64[]", "int64[]", "uint64[]")
def take(
    people: Integers, number: Integers, begin: Integers, until: Integers, starts: Integers,
    quarters: Integers, state: States,
) -> None:  # fmt: skip
    """Set the bit `number` of each quarter of the `people` whose first day lies in [begin, until)."""
    for row in range(len(people)):
        i = people[row]
        n = quarters[i + 1] - quarters[i]
        if n == 0:
            continue
        low = max(-(-(begin[row] - starts[i]) // QUARTER), 0)
        high = min((until[row] - starts[i] - 1) // QUARTER, n - 1)
        for k in range(low, high + 1):
            state[quarters[i] + k] |= np.uint64(1) << np.uint64(number[row])


@kernel("int64", "int64", "int64", "int64[]", *LAID_OUT, "uint64[]", "float64[][]", "float64[][][]")
def events_and_quarters(
    first: int, second: int, b: int, people_with: Integers, chosen: Flags, rows: Integers,
    fact: Ids, time: Integers, starts: Integers, lasts: Integers, quarters: Integers,
    stratum: Ids, state: States, whole: Floats, cells: Floats,
) -> None:  # fmt: skip
    """Events of B and quarters at risk by stratum and state (neither, first, second, both): float64[strata, 4, 2]."""
    for s in range(len(whole)):
        for taken in range(4):
            cells[s, taken, 1] = whole[s, taken]
    for i in people_with:
        if not chosen[i] or quarters[i + 1] == quarters[i]:
            continue
        came = time_of(fact, time, rows[i], rows[i + 1], b)
        if came == NEVER or came > lasts[i]:
            continue
        k = max((came - starts[i]) // QUARTER, 0)
        for q in range(quarters[i] + k, quarters[i + 1]):
            cells[stratum[q], state_of(state[q], first, second), 1] -= 1.0
        if came >= starts[i]:
            q = min(quarters[i] + k, quarters[i + 1] - 1)
            taken = state_of(state[q], first, second)
            cells[stratum[q], taken, 0] += 1.0
            cells[stratum[q], taken, 1] += 1.0


@part
def state_of(taken: np.uint64, first: int, second: int) -> int:
    """0 neither drug, 1 the first, 2 the second, 3 both."""
    one = (taken >> np.uint64(first)) & np.uint64(1)
    other = (taken >> np.uint64(second)) & np.uint64(1)
    return int(one) + 2 * int(other)


@kernel("int64", "int64", *LAID_OUT, "uint64[]", "float64[][]")
def everyone(
    first: int, second: int, chosen: Flags, rows: Integers, fact: Ids, time: Integers,
    starts: Integers, lasts: Integers, quarters: Integers, stratum: Ids, state: States,
    whole: Floats,
) -> None:  # fmt: skip
    """Add the quarters of the `chosen` people to `whole` (float64[strata, 4]), by state."""
    for i in range(len(quarters) - 1):
        if chosen[i]:
            for q in range(quarters[i], quarters[i + 1]):
                whole[stratum[q], state_of(state[q], first, second)] += 1.0


class TogetherSearch(Asked):
    """Asks of pairs of drugs."""

    def __init__(
        self,
        occurrences: FirstOccurrences,
        lives: Lives,
        taking: Taking,
        chosen: npt.NDArray[np.bool_],
    ) -> None:
        super().__init__(occurrences, lives, chosen)
        self._taking = taking
        self._whole: dict[tuple[int, int], npt.NDArray[np.float64]] = {}

    def pairs(self) -> Iterator[tuple[int, int]]:
        """Pairs of drugs that anyone takes together, as places in `Taking.drugs`."""
        for pair in combinations(range(len(self._taking.drugs)), 2):
            both = np.uint64((1 << pair[0]) | (1 << pair[1]))
            if ((self._taking.state & both) == both).any():
                yield pair

    def cells(self, pair: tuple[int, int], b: int) -> npt.NDArray[np.float64]:
        """float64[strata, 4, 2]: events of B and quarters at risk with neither drug, the first, the second, both."""
        lives = self.lives
        if pair not in self._whole:
            whole = np.zeros((lives.n_strata, 4))
            everyone(*pair, *self.laid_out, self._taking.state, whole)
            self._whole[pair] = whole
        cells = np.zeros((lives.n_strata, 4, 2))
        events_and_quarters(
            *pair, b, self.people_with(b), *self.laid_out, self._taking.state, self._whole[pair],
            cells,
        )  # fmt: skip
        return cells


def together_of(cells: npt.NDArray[np.float64]) -> Together | None:
    """The three comparisons; None where one of them cannot be made."""
    neither, first, second, both = (cells[:, place] for place in range(4))
    ratios = [rate_ratio(np.hstack([both, other])) for other in (first, second, neither)]
    alone = [rate_ratio(np.hstack([other, neither])) for other in (first, second)]
    if any(ratio is None for ratio in (*ratios, *alone)):
        return None
    one, two, none = (ratio for ratio in ratios if ratio is not None)
    firsts, seconds = (ratio for ratio in alone if ratio is not None)
    return Together(
        against_first=one,
        against_second=two,
        against_neither=none,
        beyond_both=ratio_of(one, seconds),
        reri=none.value - firsts.value - seconds.value + 1.0,
    )
