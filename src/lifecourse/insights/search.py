"""One search of one arrangement of facts: what one half of the people shows, and whether the other half agrees."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from lifecourse.base.clock import MICROSECONDS_PER_DAY
from lifecourse.insights.association import (
    RateRatio,
    crude,
    direction_p,
    false_discovery_within,
    rate_ratio,
)
from lifecourse.insights.drugs import TogetherSearch, together_of
from lifecourse.insights.following import Following
from lifecourse.insights.pairs import count_pairs

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.insights.drugs import Taking, Together
    from lifecourse.insights.lives import Lives
    from lifecourse.insights.occurrences import FirstOccurrences
    from lifecourse.privacy.release import ReleasePolicy

LARGEST_Q = 0.05
LARGEST_P = 0.05
SMALLEST_RATIO = 1.2
MOST_TESTED = 10_000
LAG_DAYS = 90
MOST_TRIPLES = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """B after A on one half: adjusted, crude, without the first 90 days after A, and the days from A to B."""

    adjusted: RateRatio | None
    crude: RateRatio | None
    later: RateRatio | None
    gaps: npt.NDArray[np.float64]

    @property
    def stands(self) -> bool:
        """Whether the adjusted ratio is large enough and its interval above 1."""
        found = self.adjusted
        return found is not None and found.value >= SMALLEST_RATIO and found.low > 1

    @property
    def is_crude(self) -> bool:
        """Whether the crude ratio would have been a finding."""
        found = self.crude
        return found is not None and found.value >= SMALLEST_RATIO and found.low > 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PairFound:
    """A pair that the search looked at and what both halves say; `again` is None where the first found nothing.

    q, crude_q : of the adjusted and of the crude ratio; order_q : of A before B against B before A; each within the
        pair's family (condition, drug or procedure, then the same)
    order_again : the p of that order on the other half
    """

    first: int
    then: int
    found: Compared
    q: float
    crude_q: float
    order_q: float
    again: Compared | None
    order_again: float

    @property
    def is_found(self) -> bool:
        """Whether the first half shows it: more often after than without, and in this order."""
        return self.q <= LARGEST_Q and self.order_q <= LARGEST_Q and self.found.stands

    @property
    def confirmed(self) -> bool:
        """Whether it was found, and the other half says the same."""
        return (
            self.is_found
            and self.order_again <= LARGEST_P
            and self.again is not None
            and self.again.adjusted is not None
            and self.again.adjusted.low > 1
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TripleFound:
    """A then B then C: how many went so in each half, and C after both against C after B alone, on all people."""

    steps: tuple[int, int, int]
    people: tuple[int, int]
    beyond: RateRatio | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TogetherFound:
    """Two drugs and an outcome on both halves, with the people who had it while they took both."""

    drugs: tuple[int, int]
    outcome: int
    found: Together
    q: float
    again: Together
    people: tuple[int, int]


@dataclass(slots=True, kw_only=True)
class Search:
    """The halves of `lives` asked about one arrangement of facts."""

    occurrences: FirstOccurrences
    lives: Lives
    half: npt.NDArray[np.int64]
    rules: ReleasePolicy
    halves: list[Following] = field(init=False)
    orders: list[npt.NDArray[np.int64]] = field(init=False)

    def __post_init__(self) -> None:
        """Count the orders on each half."""
        chosen = [self.half == number for number in (0, 1)]
        self.halves = [Following(self.occurrences, self.lives, each) for each in chosen]
        self.orders = [ordered_pairs(self.occurrences, each) for each in chosen]

    def candidates(self) -> list[tuple[int, int]]:
        """Pairs with enough people in both halves, mostly in the order tested; commonest first."""
        both = np.minimum(self.orders[0], self.orders[1])
        a, b = np.nonzero((both >= self.rules.fewest_people) & (self.orders[0] > self.orders[0].T))
        order = np.lexsort((b, a, -both[a, b]))[:MOST_TESTED]
        return [(int(a[i]), int(b[i])) for i in order]

    def pairs(self) -> list[PairFound]:
        """Every candidate with what the first half says; those found, with what the other half says."""
        tested = self.candidates()
        for half in self.halves:
            for b in {b for _, b in tested}:
                half.at_risk(b)
        kinds = self.occurrences.kinds
        family = np.array([f"{kinds[a]} {kinds[b]}" for a, b in tested], dtype=np.str_)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            found = list(pool.map(lambda pair: self._compared(*pair, half=0), tested))
            q = false_discovery_within(family, [c.adjusted.p if c.adjusted else 1.0 for c in found])
            rough = false_discovery_within(family, [c.crude.p if c.crude else 1.0 for c in found])
            order = false_discovery_within(
                family, [self._order_p(*pair, half=0) for pair in tested]
            )
            wanted = [
                (q[i] <= LARGEST_Q and c.stands) or (rough[i] <= LARGEST_Q and c.is_crude)
                for i, c in enumerate(found)
            ]
            again = list(
                pool.map(
                    lambda item: self._compared(*item[0], half=1) if item[1] else None,
                    zip(tested, wanted, strict=True),
                )
            )
        return [
            PairFound(
                first=a,
                then=b,
                found=found[i],
                q=float(q[i]),
                crude_q=float(rough[i]),
                order_q=float(order[i]),
                again=again[i],
                order_again=self._order_p(a, b, half=1),
            )
            for i, (a, b) in enumerate(tested)
        ]

    def confirmed(self, pairs: list[PairFound]) -> list[PairFound]:
        """The pairs that both halves show, in the same order, with enough people behind each number."""
        return [
            pair
            for pair in pairs
            if pair.confirmed
            and pair.found.adjusted is not None
            and pair.again is not None
            and pair.again.adjusted is not None
            and self.rules.allows(pair.found.adjusted.events, pair.again.adjusted.events)
        ]

    def triples(self, pairs: list[PairFound]) -> list[TripleFound]:
        """Chains of two confirmed pairs that enough people went through, by their weaker link."""
        strength = {
            (pair.first, pair.then): pair.again.adjusted.low
            for pair in pairs
            if pair.again is not None and pair.again.adjusted is not None
        }
        after: dict[int, list[int]] = {}
        for a, b in strength:
            after.setdefault(a, []).append(b)
        weaker = {
            (a, b, c): min(strength[a, b], strength[b, c])
            for a in after
            for b in after[a]
            for c in after.get(b, ())
            if c != a
        }
        found = []
        for chain in sorted(weaker, key=lambda each: (-weaker[each], each))[:MOST_TRIPLES]:
            cells, steps = zip(*(half.after_two(*chain) for half in self.halves), strict=True)
            if self.rules.allows(sum(steps)):
                whole = np.sum(cells, axis=0)
                found.append(TripleFound(steps=chain, people=steps, beyond=rate_ratio(whole)))
        return found

    def together(self, taking: Taking, outcomes: list[int]) -> list[TogetherFound]:
        """Pairs of drugs under which an outcome comes more often than under either alone, on both halves."""
        halves = [
            TogetherSearch(self.occurrences, self.lives, taking, self.half == number)
            for number in (0, 1)
        ]
        tested: list[tuple[tuple[int, int], int, Together, int]] = []
        for pair in halves[0].pairs():
            for outcome in outcomes:
                cells = halves[0].cells(pair, outcome)
                people = int(cells[:, 3, 0].sum())
                found = together_of(cells) if self.rules.allows(people) else None
                if found is not None:
                    tested.append((pair, outcome, found, people))
        outcome_kinds = np.array(
            [self.occurrences.kinds[b] for _, b, _, _ in tested], dtype=np.str_
        )
        q = false_discovery_within(outcome_kinds, [found.p for _, _, found, _ in tested])
        confirmed = []
        for number, (pair, outcome, found, people) in enumerate(tested):
            if q[number] > LARGEST_Q or not found.stands:
                continue
            cells = halves[1].cells(pair, outcome)
            others = int(cells[:, 3, 0].sum())
            again = together_of(cells) if self.rules.allows(others) else None
            if again is not None and again.stands:
                drugs = (taking.drugs[pair[0]], taking.drugs[pair[1]])
                confirmed.append(
                    TogetherFound(
                        drugs=drugs, outcome=outcome, found=found, q=float(q[number]), again=again,
                        people=(people, others),
                    )
                )  # fmt: skip
        return sorted(confirmed, key=lambda each: (-each.again.against_neither.low, each.drugs))

    def _order_p(self, a: int, b: int, *, half: int) -> float:
        """That A before B is no commoner than B before A; 1 where it is the rarer one."""
        forth, back = int(self.orders[half][a, b]), int(self.orders[half][b, a])
        return direction_p(forth, back) if forth > back else 1.0

    def _compared(self, a: int, b: int, *, half: int) -> Compared:
        cells, later, gaps = self.halves[half].after(a, b, LAG_DAYS * MICROSECONDS_PER_DAY)
        return Compared(
            adjusted=rate_ratio(cells), crude=crude(cells), later=rate_ratio(later), gaps=gaps
        )


def ordered_pairs(
    occurrences: FirstOccurrences, chosen: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int64]:
    """int64[n, n], how many of the `chosen` people had A strictly before B; shards of people on every core."""
    n = len(occurrences.names)
    o = occurrences
    workers = os.cpu_count() or 1
    edges = np.searchsorted(o.person, np.linspace(0, len(chosen), workers + 1).astype(np.int64))

    def count(number: int) -> npt.NDArray[np.int64]:
        part = slice(int(edges[number]), int(edges[number + 1]))
        a_then_b = np.zeros((n, n), np.int64)
        count_pairs(o.person[part], o.fact[part], o.time[part], chosen, a_then_b)
        return a_then_b

    with ThreadPoolExecutor(workers) as pool:
        return np.sum(list(pool.map(count, range(workers))), axis=0)
