"""Discover: what follows what, found on one half of the people and confirmed on the other."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from lifecourse.base.clock import DAYS_PER_YEAR, MICROSECONDS_PER_DAY
from lifecourse.insights.association import RateRatio, direction_p, false_discovery, rate_ratio
from lifecourse.insights.occurrences import FirstOccurrences, first_occurrences
from lifecourse.insights.pairs import NO_BIRTH, count_pairs, follow
from lifecourse.privacy.release import ReleasePolicy

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.timeline.access import Timeline

LARGEST_Q = 0.05
SMALLEST_RATIO = 1.2
MOST_TESTED = 5_000
BAND_YEARS = 5
"""Ten-year bands left false findings between facts that both become commoner with age; five-year bands did not."""
BANDS = 21


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """B follows A more often than it comes without A; an association, not an effect.

    people : those of the discovering half with A before B
    ratio, low, high : Mantel-Haenszel rate ratio by attained age and sex on the discovering half, 95 %
    confirmed_ratio ... : the same on the other half
    direction_p : two-sided binomial p of A before B against B before A
    """

    first: str
    first_name: str
    then: str
    then_name: str
    people: int
    median_gap_days: float
    ratio: float
    low: float
    high: float
    q: float
    direction_p: float
    confirmed_people: int
    confirmed_ratio: float
    confirmed_low: float
    confirmed_high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Confirmed findings, strongest first, and how they came about."""

    findings: list[Finding]
    people: int
    pairs_tested: int
    pairs_found: int
    pairs_confirmed: int
    fewest_people: int
    seed: int

    @property
    def replication_rate(self) -> float | None:
        """Confirmed over found; None where nothing was found."""
        return self.pairs_confirmed / self.pairs_found if self.pairs_found else None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {**asdict(self), "replication_rate": self.replication_rate}


def discover(timeline: Timeline, *, seed: int = 0, policy: ReleasePolicy | None = None) -> Findings:
    """Ordered first-occurrence pairs (A then B) that hold on both halves of the people.

    Facts are conditions (ICD by three characters), drugs and procedures. People are halved by a hash of their
    id and `seed`. Rates are compared within sex and five-year bands of attained age. Nothing
    about fewer people than the release policy allows is shown.
    """
    rules = policy or ReleasePolicy()
    search = _Search.of(timeline, seed)
    tested = search.candidates(rules)
    ratios = [search.compare(a, b, half=0) for a, b in tested]
    q = false_discovery(np.array([ratio.p if ratio else 1.0 for ratio, _ in ratios]))
    found = [i for i, (ratio, _) in enumerate(ratios) if _stands(ratio, float(q[i]))]
    confirmed = [
        finding
        for i in found
        if (finding := search.confirm(tested[i], ratios[i], float(q[i]), rules))
    ]
    return Findings(
        findings=sorted(confirmed, key=lambda f: (-f.confirmed_low, f.first, f.then)),
        people=timeline.n_subjects,
        pairs_tested=len(tested),
        pairs_found=len(found),
        pairs_confirmed=len(confirmed),
        fewest_people=rules.fewest_people,
        seed=seed,
    )


def _stands(ratio: RateRatio | None, q: float) -> bool:
    return ratio is not None and q <= LARGEST_Q and ratio.value >= SMALLEST_RATIO and ratio.low > 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Search:
    occurrences: FirstOccurrences
    half: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    last: npt.NDArray[np.int64]
    birth: npt.NDArray[np.int64]
    sex: npt.NDArray[np.int64]
    orders: list[npt.NDArray[np.int64]]

    @classmethod
    def of(cls, timeline: Timeline, seed: int) -> _Search:
        persons = timeline.persons()
        occurrences = first_occurrences(timeline)
        half = _half_of(persons["subject_id"].to_numpy(), seed)
        return cls(
            occurrences=occurrences,
            half=half,
            first=persons["first_time"].cast(pl.Int64).fill_null(0).to_numpy(),
            last=persons["last_time"].cast(pl.Int64).fill_null(0).to_numpy(),
            birth=persons["birth"].cast(pl.Int64).fill_null(NO_BIRTH).to_numpy(),
            sex=_sexes(persons),
            orders=[_ordered_pairs(occurrences, half == number) for number in (0, 1)],
        )

    def candidates(self, rules: ReleasePolicy) -> list[tuple[int, int]]:
        """Pairs with enough people in both halves, commonest first, mostly in the order tested."""
        both = np.minimum(self.orders[0], self.orders[1])
        a, b = np.nonzero((both >= rules.fewest_people) & (self.orders[0] > self.orders[0].T))
        order = np.lexsort((b, a, -both[a, b]))[:MOST_TESTED]
        return [(int(a[i]), int(b[i])) for i in order]

    def compare(
        self, a: int, b: int, *, half: int
    ) -> tuple[RateRatio | None, npt.NDArray[np.float64]]:
        """The rate ratio of B after A on a half, and the days from A to B."""
        o = self.occurrences
        cells, gaps = follow(
            o.person,
            o.fact,
            o.time,
            self.half == half,
            a,
            b,
            self.first,
            self.last,
            self.birth,
            self.sex,
            round(BAND_YEARS * DAYS_PER_YEAR * MICROSECONDS_PER_DAY),
            BANDS,
        )
        return rate_ratio(cells), gaps

    def confirm(
        self,
        pair: tuple[int, int],
        found: tuple[RateRatio | None, npt.NDArray[np.float64]],
        q: float,
        rules: ReleasePolicy,
    ) -> Finding | None:
        """The finding where the other half says the same: an interval above 1 and the same order."""
        a, b = pair
        ratio, gaps = found
        again, _ = self.compare(a, b, half=1)
        if ratio is None or again is None or again.low <= 1:
            return None
        if self.orders[1][a, b] <= self.orders[1][b, a]:
            return None
        if not rules.allows(ratio.events, again.events):
            return None
        names, told = self.occurrences.names, self.occurrences.descriptions
        return Finding(
            first=names[a],
            first_name=told[a],
            then=names[b],
            then_name=told[b],
            people=ratio.events,
            median_gap_days=round(float(np.median(gaps)), 1),
            ratio=ratio.value,
            low=ratio.low,
            high=ratio.high,
            q=q,
            direction_p=direction_p(int(self.orders[0][a, b]), int(self.orders[0][b, a])),
            confirmed_people=again.events,
            confirmed_ratio=again.value,
            confirmed_low=again.low,
            confirmed_high=again.high,
        )


def _ordered_pairs(
    occurrences: FirstOccurrences, chosen: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int64]:
    n = len(occurrences.names)
    with_a, a_then_b = np.zeros(n, np.int64), np.zeros((n, n), np.int64)
    o = occurrences
    count_pairs(o.person, o.fact, o.time, chosen, n, with_a, a_then_b)
    return a_then_b


def _half_of(subject_ids: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.int64]:
    """int64[n] 0 or 1 by a hash of the id: the same person is in the same half, whoever else is there."""
    mixed = subject_ids.astype(np.uint64) ^ np.uint64((seed + 1) * 0xD1B54A32D192ED03 % 2**64)
    with np.errstate(over="ignore"):
        mixed = (mixed ^ (mixed >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
        mixed = (mixed ^ (mixed >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return ((mixed >> np.uint64(40)) & np.uint64(1)).astype(np.int64)


def _sexes(persons: pl.DataFrame) -> npt.NDArray[np.int64]:
    """int64[n] 0 female, 1 male, 2 other or unknown."""
    numbers = {"female": 0, "male": 1}
    sexes = persons["sex"].replace_strict(numbers, default=2, return_dtype=pl.Int64)
    return sexes.fill_null(2).to_numpy()
