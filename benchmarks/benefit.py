"""What a plan is worth beside usual, on the synthetic hospital: ``python -m benchmarks.benefit FOLDER [PEOPLE]``.

PEOPLE (20,000) are simulated and ingested with their genomes and places. Five years before the end, of those without
cardiovascular disease, the tenth at the highest true 10-year risk of it is looked at. Each is given the treatments of
the first three lines of their care plan that name one; or as many of the treatments that are commonest among the same
people, the commonest first, passing over what they take already. Both live the same futures from then on. Told is how
far the true 10-year risk falls by each, and the ratio of the mean falls with its interval over people. Ends with 1
where the interval does not lie above 1.

A line of the plan names a class of drugs; the hospital has a drug or two of the class, or none (`TREATMENT_OF`).
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from benchmarks.hospital import hospital
from benchmarks.workload import Result, report

from lifecourse.care import plan
from lifecourse.care.careplan import Answer
from lifecourse.simulation.charting import DAYS_PER_YEAR, US_PER_DAY, begin_microseconds
from lifecourse.simulation.futures import COMPOSITE, LANDMARK_YEARS, has_had, true_risks
from lifecourse.simulation.history import live
from lifecourse.simulation.hospital import BLOCK
from lifecourse.simulation.parameters import parameters

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from lifecourse.care.careplan import CarePlan
    from lifecourse.simulation.clinic import Forced
    from lifecourse.simulation.population import People
    from lifecourse.simulation.state import State
    from lifecourse.timeline.access import Timeline

    Floats = npt.NDArray[np.float64]

PEOPLE, SEED, FUTURES, DRAWS = 20_000, 505, 60, 2_000
HIGHEST, MOST_ITEMS, YEARS = 0.10, 3, 10
SELECTING_FUTURES = 8
"""Lives by which the tenth is chosen; the falls are measured on others."""
TREATMENT_OF = {
    "statin": ("statin",),
    "antihypertensive": ("ace_inhibitor", "amlodipine"),
    "renin_angiotensin_inhibitor": ("ace_inhibitor",),
    "ace_inhibitor_or_arb": ("ace_inhibitor",),
    "sglt2_inhibitor": ("sglt2_inhibitor",),
    "glucose_lowering_drug": ("metformin", "sglt2_inhibitor"),
    "metformin": ("metformin",),
    "doac": ("anticoagulant",),
    "smoking_cessation_treatment": ("varenicline",),
}
"""The hospital's drugs that a line of the plan may mean, by the codelist it names; the first that is not taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """People of one block: what either side gave them, and their true risk with nothing, the plan's and the usual."""

    planned: list[list[str]]
    usual: list[list[str]]
    nothing: Floats
    by_plan: Floats
    by_usual: Floats


def main(folder: Path, people: int) -> int:
    """Measure; returns 1 where the promise is broken."""
    timeline = hospital(folder / f"benefit-{people}", people, SEED)
    firsts = range(1, people + 1, BLOCK)
    found = [_looked(timeline, first, min(BLOCK, people + 1 - first)) for first in firsts]
    nothing, by_plan, by_usual = (
        np.concatenate([getattr(one, name) for one in found])
        for name in ("nothing", "by_plan", "by_usual")
    )
    low, ratio, high = _ratio(nothing - by_plan, nothing - by_usual)
    told = {
        "people": len(nothing),
        "planned": _counted(one for block in found for one in block.planned),
        "usual": _counted(one for block in found for one in block.usual),
        "risk": round(float(nothing.mean()), 4),
        "fall_by_plan": round(float((nothing - by_plan).mean()), 4),
        "fall_by_usual": round(float((nothing - by_usual).mean()), 4),
        "ratio": round(ratio, 3),
        "low": round(low, 3),
        "high": round(high, 3),
    }
    print(json.dumps(told), flush=True)
    report(
        Result(
            work="fall of true 10-year risk, the plan's first three over the commonest: lower end of the ratio",
            size=f"{people:,}",
            peer="",
            ours=low,
            theirs=None,
            unit="x",
            higher_is_better=True,
            target=1.0,
            checked=f"ratio {ratio:.2f}, 95 % interval {low:.2f} to {high:.2f}, as many treatments for each person",
            command=f"python -m benchmarks.benefit FOLDER {people}",
        )
    )
    return int(low <= 1.0)


def _looked(timeline: Timeline, first: int, count: int) -> Looked:
    """The tenth of a block at the highest true risk at the landmark, of those at risk."""
    model = parameters()
    landmark = float(model.people.years - LANDMARK_YEARS)
    lived = np.random.default_rng([SEED, first, 0])  # as the records were
    history = live(count, first, model, lived, landmarks=(landmark,))
    whole = history.snapshots[landmark]
    risk = _risk(history.people, whole, {}, SELECTING_FUTURES, first)
    at_risk = np.flatnonzero(whole.alive & ~has_had(whole, COMPOSITE))
    most = at_risk[np.argsort(-risk[at_risk], kind="stable")][: round(HIGHEST * len(at_risk))]
    people, state = history.people.take(most), whole.take(most)
    at = begin_microseconds(model) + int(landmark * DAYS_PER_YEAR) * US_PER_DAY
    taking = [{drug for drug, is_on in state.is_on.items() if is_on[i]} for i in range(len(most))]
    planned = [
        _of_plan(plan(timeline.chart(first + int(place)), at), takes)
        for place, takes in zip(most, taking, strict=True)
    ]
    drugs = {drug for several in TREATMENT_OF.values() for drug in several}
    common = [d for d, _ in Counter(d for takes in taking for d in takes & drugs).most_common()]
    usual = [
        [drug for drug in common if drug not in takes][: len(mine)]
        for takes, mine in zip(taking, planned, strict=True)
    ]
    nothing, by_plan, by_usual = (
        _risk(people, state, forced, FUTURES, first + 1)
        for forced in ({}, _forced(planned), _forced(usual))
    )
    return Looked(planned=planned, usual=usual, nothing=nothing, by_plan=by_plan, by_usual=by_usual)


def _of_plan(made: CarePlan, taking: set[str]) -> list[str]:
    """The hospital's drugs that the first three lines of a plan with a treatment propose."""
    found: list[str] = []
    for line in made.recommendations:
        means = TREATMENT_OF.get(line.rule.do.codelist or "", ())
        new = [drug for drug in means if drug not in taking and drug not in found]
        if line.answer != Answer.FIRES or line.same_as is not None or not new:
            continue
        if line.rule.do.kind not in ("medication", "counselling"):
            continue
        found.append(new[0])
        if len(found) == MOST_ITEMS:
            break
    return found


def _forced(treatments: Sequence[Sequence[str]]) -> Forced:
    """Who takes which drug from now on."""
    drugs = sorted({drug for one in treatments for drug in one})
    return {
        drug: (np.array([drug in one for one in treatments], dtype=np.bool_), True)
        for drug in drugs
    }


def _risk(people: People, state: State, forced: Forced, futures: int, seed: int) -> Floats:
    """The true 10-year risk of a first cardiovascular event; the same futures' chance whatever is forced."""
    own = np.random.default_rng([SEED, seed, 9])
    found = true_risks(
        people, state, parameters(), own, futures=futures, horizons=(YEARS,), forced=forced
    )
    return np.asarray(found[(COMPOSITE, YEARS)])


def _ratio(ours: Floats, theirs: Floats) -> tuple[float, float, float]:
    """Ratio of the mean falls with its 95 % bootstrap interval over people: low, ratio, high."""
    random = np.random.default_rng(0)
    drawn = random.integers(0, len(ours), (DRAWS, len(ours)))
    low, high = np.quantile(ours[drawn].mean(axis=1) / theirs[drawn].mean(axis=1), (0.025, 0.975))
    return float(low), float(ours.mean() / theirs.mean()), float(high)


def _counted(treatments: Iterable[Sequence[str]]) -> dict[str, int]:
    return dict(Counter(drug for one in treatments for drug in one).most_common())


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else PEOPLE))
