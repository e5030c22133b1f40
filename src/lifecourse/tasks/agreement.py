"""How right a phenotype is by clinicians' verdicts: what the sample permits to say, with intervals."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import combinations
from math import sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from lifecourse.tasks.review import NEAR, NOT, SAID, STRATA
from lifecourse.tasks.verdicts import ANSWERS, CANNOT_TELL, NO, YES, settled

if TYPE_CHECKING:
    from lifecourse.tasks.review import Sample
    from lifecourse.tasks.verdicts import ChartVerdict

Z = 1.959963984540054
LEAST_DECIDED = 10
DRAWS = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A share and its 95 % interval."""

    value: float
    low: float
    high: float

    def to_dict(self) -> dict[str, float]:
        """As JSON says it."""
        return {"value": self.value, "low": self.low, "high": self.high}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratum:
    """What became of the charts of one stratum.

    people : in the store; charts : drawn; yes, no, cannot_tell, disputed : as all reviewers together answered
    """

    name: str
    people: int
    charts: int
    yes: int
    no: int
    cannot_tell: int
    disputed: int

    @property
    def decided(self) -> int:
        """Charts on which there is one answer, yes or no."""
        return self.yes + self.no

    @property
    def is_enough(self) -> bool:
        """Whether its share of yes can be told: ten charts decided, or everyone there is."""
        return self.decided >= min(LEAST_DECIDED, self.people)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kappa:
    """Cohen's kappa of two reviewers on the charts that both judged; `value` None where it is not defined."""

    reviewers: tuple[str, str]
    charts: int
    agreed: int
    value: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How a phenotype stands to the verdicts on one sample."""

    strata: tuple[Stratum, ...]
    ppv: Estimate | None
    sensitivity: Estimate | None
    kappas: tuple[Kappa, ...]

    @property
    def judged(self) -> int:
        """Charts with any verdict."""
        return sum(s.decided + s.cannot_tell + s.disputed for s in self.strata)

    @property
    def charts(self) -> int:
        """Charts drawn."""
        return sum(s.charts for s in self.strata)

    def to_dict(self) -> dict[str, Any]:
        """As JSON says it."""
        return {
            "charts": self.charts,
            "judged": self.judged,
            "ppv": self.ppv and self.ppv.to_dict(),
            "sensitivity": self.sensitivity and self.sensitivity.to_dict(),
            "strata": [
                {
                    "stratum": s.name,
                    "means": STRATA[s.name],
                    "people": s.people,
                    "charts": s.charts,
                    "yes": s.yes,
                    "no": s.no,
                    "cannot_tell": s.cannot_tell,
                    "disputed": s.disputed,
                }
                for s in self.strata
            ],
            "kappas": [
                {
                    "reviewers": list(k.reviewers),
                    "charts": k.charts,
                    "agreed": k.agreed,
                    "kappa": k.value,
                }
                for k in self.kappas
            ],
        }


def agreement(sample: Sample, verdicts: list[ChartVerdict]) -> Agreement:
    """What the verdicts on the charts of `sample` say so far; those on other charts do not count.

    The positive predictive value is the share of yes among the decided charts of which the phenotype says yes, with
    Wilson's interval; charts that nobody could tell or on which reviewers differ are left out and counted. The
    sensitivity weighs each stratum with its people, and needs ten decided charts of each, or all there are.
    """
    drawn = {(chart.subject_id, chart.as_of): chart.stratum for chart in sample.charts}
    mine = [v for v in verdicts if (v.subject_id, v.as_of) in drawn]
    answers = Counter((drawn[chart], answer) for chart, answer in settled(mine).items())
    strata = tuple(
        Stratum(
            name=name,
            people=sample.people[name],
            charts=len(sample.of(name)),
            yes=answers[name, YES],
            no=answers[name, NO],
            cannot_tell=answers[name, CANNOT_TELL],
            disputed=answers[name, None],
        )
        for name in STRATA
    )
    said = strata[0]
    return Agreement(
        strata=strata,
        ppv=wilson(said.yes, said.decided),
        sensitivity=_sensitivity({s.name: s for s in strata}),
        kappas=tuple(_kappas(mine)),
    )


def wilson(hits: int, of: int) -> Estimate | None:
    """`hits` / `of` with Wilson's 95 % interval (1927, doi:10.1080/01621459.1927.10502953); None where `of` is 0."""
    if of == 0:
        return None
    share = hits / of
    middle = (share + Z**2 / (2 * of)) / (1 + Z**2 / of)
    half = Z / (1 + Z**2 / of) * sqrt(share * (1 - share) / of + Z**2 / (4 * of**2))
    # At 0 and 1 a bound is the share itself, but for the last digit.
    low, high = min(max(middle - half, 0.0), share), max(min(middle + half, 1.0), share)
    return Estimate(value=share, low=low, high=high)


def _sensitivity(strata: dict[str, Stratum]) -> Estimate | None:
    """Of all who have it by the verdicts, those the phenotype finds: N1 p1 / (N1 p1 + N2 p2 + N3 p3).

    The interval: the 2.5th and 97.5th percentile of 20,000 draws of the shares from Jeffreys' posterior Beta(yes + 1/2,
    no + 1/2) (Brown 2001, doi:10.1214/ss/1009213286), none where all of a stratum were judged.
    """
    there = {name: s for name, s in strata.items() if s.people}
    if SAID not in there or not all(s.is_enough for s in there.values()):
        return None
    rng = np.random.default_rng(0)
    ill, drawn = {}, {}
    for name in (SAID, NEAR, NOT):
        if name not in there:
            ill[name], drawn[name] = 0.0, np.zeros(DRAWS)
            continue
        s = there[name]
        ill[name] = s.people * s.yes / s.decided
        is_whole = s.decided == s.people
        shares = rng.beta(s.yes + 0.5, s.no + 0.5, DRAWS)
        drawn[name] = np.full(DRAWS, ill[name]) if is_whole else s.people * shares
    if sum(ill.values()) == 0.0:
        return None
    of = sum(drawn.values())
    share = np.divide(drawn[SAID], of, out=np.zeros(DRAWS), where=of > 0)
    low, high = np.quantile(share, [0.025, 0.975])
    value = ill[SAID] / sum(ill.values())
    return Estimate(value=value, low=min(float(low), value), high=max(float(high), value))


def _kappas(verdicts: list[ChartVerdict]) -> list[Kappa]:
    """Cohen's kappa (1960, doi:10.1177/001316446002000104) of each two reviewers who judged the same charts."""
    given: dict[str, dict[tuple[int, int], str]] = {}
    for verdict in verdicts:
        given.setdefault(verdict.reviewer, {})[verdict.subject_id, verdict.as_of] = verdict.answer
    found = []
    for one, other in combinations(sorted(given), 2):
        both = sorted(given[one].keys() & given[other].keys())
        if both:
            pairs = [(given[one][chart], given[other][chart]) for chart in both]
            found.append(_kappa((one, other), pairs))
    return found


def _kappa(reviewers: tuple[str, str], pairs: list[tuple[str, str]]) -> Kappa:
    n, agreed = len(pairs), sum(a == b for a, b in pairs)
    first, second = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    by_chance = sum(first[answer] * second[answer] for answer in ANSWERS) / n**2
    value = None if by_chance == 1.0 else (agreed / n - by_chance) / (1.0 - by_chance)
    return Kappa(reviewers=reviewers, charts=n, agreed=agreed, value=value)
