"""Discover: what follows what, found on one half of the people and confirmed on the other."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lifecourse.insights.association import RateRatio, direction_p
from lifecourse.insights.drugs import taking_of
from lifecourse.insights.known import Knowledge
from lifecourse.insights.lives import lives_of
from lifecourse.insights.occurrences import FirstOccurrences, first_occurrences
from lifecourse.insights.search import LARGEST_Q, PairFound, Search, TogetherFound, TripleFound
from lifecourse.privacy.release import ReleasePolicy

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.timeline.access import Timeline

MOST_EXPLAINED = 500
MOST_OUTCOMES = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """B follows A more often than it comes without A; an association, not an effect.

    people : those of the discovering half with A before B
    ratio, low, high : Mantel-Haenszel rate ratio by sex, attained age, calendar time and contacts with care in the year
        before, on the discovering half, 95 %; crude_ratio is without strata
    confirmed_ratio ... : the same on the other half
    direction_p : two-sided binomial p of A before B against B before A, on the discovering half
    only_at_once : the interval holds 1 when the first 90 days after A are left out: B may have caused A to be recorded
    known_from : where it is known from already; None for news
    """

    first: str
    first_name: str
    first_kind: str
    then: str
    then_name: str
    then_kind: str
    people: int
    median_gap_days: float
    ratio: float
    low: float
    high: float
    q: float
    crude_ratio: float
    direction_p: float
    confirmed_people: int
    confirmed_ratio: float
    confirmed_low: float
    confirmed_high: float
    only_at_once: bool
    known_from: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """A pair that would be a finding if people were not compared with their like, and is none when they are."""

    first: str
    first_name: str
    first_kind: str
    then: str
    then_name: str
    then_kind: str
    people: int
    crude_ratio: float
    crude_low: float
    ratio: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trajectory:
    """Three steps: `people` went through them, median days between; C after both against C after B alone, 95 %."""

    steps: tuple[str, str, str]
    names: tuple[str, str, str]
    kinds: tuple[str, str, str]
    people: int
    median_gap_days: tuple[float, float]
    beyond_ratio: float | None
    beyond_low: float | None
    beyond_high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DrugSignal:
    """An outcome that comes more often under both drugs than under either.

    ratio ... : both against neither; against_first, against_second : against either alone
    beyond_both, reri : both against the product, and against the sum, of what either does alone
    """

    drugs: tuple[str, str]
    drug_names: tuple[str, str]
    outcome: str
    outcome_name: str
    people: int
    ratio: float
    low: float
    high: float
    against_first: float
    against_second: float
    beyond_both: float
    reri: float
    q: float
    confirmed_people: int
    confirmed_ratio: float
    confirmed_low: float
    confirmed_high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Confirmed findings, strongest first, and how they came about.

    confirmed_by_chance : how many pairs the same search confirms where each person's dates are dealt out anew
    """

    findings: list[Finding]
    explained: list[Explained]
    trajectories: list[Trajectory]
    drug_signals: list[DrugSignal]
    people: int
    pairs_tested: int
    pairs_found: int
    pairs_confirmed: int
    confirmed_by_chance: int | None
    fewest_people: int
    seed: int
    command: str

    @property
    def replication_rate(self) -> float | None:
        """Confirmed over found; None where nothing was found."""
        return self.pairs_confirmed / self.pairs_found if self.pairs_found else None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {**asdict(self), "replication_rate": self.replication_rate}


def discover(
    timeline: Timeline,
    *,
    seed: int = 0,
    policy: ReleasePolicy | None = None,
    shuffled: int | None = None,
    with_chance: bool = True,
) -> Findings:
    """What follows what on both halves of the people: pairs, chains of three, and pairs of drugs.

    Facts are conditions (ICD by three characters), drugs (by ingredient where it is known) and procedures, each at its
    first occurrence. People are halved by a hash of their id and `seed`. Rates are compared within sex, five-year bands
    of attained age, four-year bands of calendar time and contacts with care in the year before. Nothing about fewer
    people than the release policy allows is shown. With `shuffled` facts are first dealt out anew among all people and
    moments, by that seed: whatever is confirmed then is false. `with_chance` also searches with each person's dates
    dealt out anew.
    """
    rules = policy or ReleasePolicy()
    real = first_occurrences(timeline)
    occurrences = real if shuffled is None else real.shuffled(shuffled)
    lives = lives_of(timeline)
    half = _half_of(timeline.persons()["subject_id"].to_numpy(), seed)
    search = Search(occurrences=occurrences, lives=lives, half=half, rules=rules)
    pairs = search.pairs()
    confirmed = search.confirmed(pairs)
    telling = _Telling(occurrences, Knowledge(occurrences, timeline.codes), search)
    taking = taking_of(timeline, occurrences, lives)
    signals = search.together(taking, _outcomes(occurrences))
    chance = None
    if with_chance:
        redated = Search(occurrences=occurrences.redated(seed), lives=lives, half=half, rules=rules)
        chance = len(redated.confirmed(redated.pairs()))
    return Findings(
        findings=sorted(
            (telling.finding(pair) for pair in confirmed),
            key=lambda f: (-f.confirmed_low, f.first, f.then),
        ),
        explained=telling.explained(pairs),
        trajectories=[telling.trajectory(each) for each in search.triples(confirmed)],
        drug_signals=[telling.signal(each) for each in signals],
        people=timeline.n_subjects,
        pairs_tested=len(pairs),
        pairs_found=sum(pair.is_found for pair in pairs),
        pairs_confirmed=len(confirmed),
        confirmed_by_chance=chance,
        fewest_people=rules.fewest_people,
        seed=seed,
        command=f"lifecourse discover STORE --seed {seed}"
        + ("" if shuffled is None else f" --shuffle {shuffled}"),
    )


def _outcomes(occurrences: FirstOccurrences) -> list[int]:
    """The commonest conditions."""
    counts = np.bincount(occurrences.fact, minlength=len(occurrences.names))
    illness = np.array([kind == "condition" for kind in occurrences.kinds], dtype=np.bool_)
    order = np.argsort(-(counts * illness), kind="stable")[:MOST_OUTCOMES]
    return [int(fact) for fact in order if counts[fact] and illness[fact]]


class _Telling:
    """Findings in words and numbers."""

    def __init__(self, occurrences: FirstOccurrences, known: Knowledge, search: Search) -> None:
        self._names, self._told = occurrences.names, occurrences.descriptions
        self._kinds = occurrences.kinds
        self._known, self._search = known, search

    def finding(self, pair: PairFound) -> Finding:
        a, b = pair.first, pair.then
        found, again = pair.found.adjusted, pair.again.adjusted if pair.again else None
        assert found is not None and again is not None  # noqa: S101, PT018 -- both are there in a confirmed pair
        orders = self._search.orders[0]
        later = pair.found.later
        return Finding(
            **self._pair(a, b),
            people=found.events,
            median_gap_days=round(float(np.median(pair.found.gaps)), 1),
            ratio=found.value,
            low=found.low,
            high=found.high,
            q=pair.q,
            crude_ratio=pair.found.crude.value if pair.found.crude else found.value,
            direction_p=direction_p(int(orders[a, b]), int(orders[b, a])),
            confirmed_people=again.events,
            confirmed_ratio=again.value,
            confirmed_low=again.low,
            confirmed_high=again.high,
            only_at_once=later is None or later.low <= 1,
            known_from=self._known.source_of(a, b),
        )

    def explained(self, pairs: list[PairFound]) -> list[Explained]:
        """Pairs that both halves show crudely and the first does not when adjusted, most people first."""
        rows = []
        for pair in pairs:
            crude, again = pair.found.crude, pair.again
            is_crude = pair.crude_q <= LARGEST_Q and pair.found.is_crude
            if not is_crude or crude is None or again is None or not again.is_crude:
                continue
            if pair.q <= LARGEST_Q and pair.found.stands:
                continue
            adjusted: RateRatio | None = pair.found.adjusted
            rows.append(
                Explained(
                    **self._pair(pair.first, pair.then),
                    people=crude.events,
                    crude_ratio=crude.value,
                    crude_low=crude.low,
                    ratio=adjusted.value if adjusted else None,
                    low=adjusted.low if adjusted else None,
                    high=adjusted.high if adjusted else None,
                )
            )
        return sorted(rows, key=lambda row: (-row.crude_low, row.first, row.then))[:MOST_EXPLAINED]

    def trajectory(self, triple: TripleFound) -> Trajectory:
        gaps = [
            np.concatenate([half.after(*step, 0)[2] for half in self._search.halves])
            for step in (triple.steps[:2], triple.steps[1:])
        ]
        beyond = triple.beyond
        a, b, c = triple.steps
        return Trajectory(
            steps=(self._names[a], self._names[b], self._names[c]),
            names=(self._told[a], self._told[b], self._told[c]),
            kinds=(self._kinds[a], self._kinds[b], self._kinds[c]),
            people=sum(triple.people),
            median_gap_days=(
                round(float(np.median(gaps[0])), 1),
                round(float(np.median(gaps[1])), 1),
            ),
            beyond_ratio=beyond.value if beyond else None,
            beyond_low=beyond.low if beyond else None,
            beyond_high=beyond.high if beyond else None,
        )

    def signal(self, signal: TogetherFound) -> DrugSignal:
        one, other = signal.drugs
        found, again = signal.found, signal.again
        return DrugSignal(
            drugs=(self._names[one], self._names[other]),
            drug_names=(self._told[one], self._told[other]),
            outcome=self._names[signal.outcome],
            outcome_name=self._told[signal.outcome],
            people=signal.people[0],
            ratio=found.against_neither.value,
            low=found.against_neither.low,
            high=found.against_neither.high,
            against_first=found.against_first.value,
            against_second=found.against_second.value,
            beyond_both=found.beyond_both.value,
            reri=found.reri,
            q=signal.q,
            confirmed_people=signal.people[1],
            confirmed_ratio=again.against_neither.value,
            confirmed_low=again.against_neither.low,
            confirmed_high=again.against_neither.high,
        )

    def _pair(self, a: int, b: int) -> dict[str, str]:
        return {
            "first": self._names[a],
            "first_name": self._told[a],
            "first_kind": self._kinds[a],
            "then": self._names[b],
            "then_name": self._told[b],
            "then_kind": self._kinds[b],
        }


def _half_of(subject_ids: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.int64]:
    """int64[n] 0 or 1 by a hash of the id: the same person is in the same half, whoever else is there."""
    mixed = subject_ids.astype(np.uint64) ^ np.uint64((seed + 1) * 0xD1B54A32D192ED03 % 2**64)
    with np.errstate(over="ignore"):
        mixed = (mixed ^ (mixed >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
        mixed = (mixed ^ (mixed >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return ((mixed >> np.uint64(40)) & np.uint64(1)).astype(np.int64)
