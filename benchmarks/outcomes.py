"""Every outcome of the simulated lives of Delphi-2M at once: ``python -m benchmarks.outcomes FOLDER``.

`lifecourse train STORE --outcomes all --among SPLIT//train` learns from the published training half; the held-out half
judges. There each person is looked at once in each five years of age from 20 on, at a random moment from which the
horizon ends before the lives do: they all go on to the age of 80 or to death, whenever something was last recorded.
Cases come to the outcome within the horizon, others do not or die first; who had it before is not asked about. Within
each age band and sex every case is paired with every other (`stratified_auroc`), so that what age and sex tell counts
for nothing but within five years; the mean is over the outcomes that the held-out half has both of. Beside the hazards
stand the rates by age and sex alone, an ordinary Poisson regression on age, sex and how often each code was
recorded, with a penalty chosen in the same way, and the sequence model (`--model sequence`) by its analytic risks. Of
some moments its futures are drawn too. Ends with 1 where the hazards or the sequence model are not 0.05 above age and
sex, not above the regression, the hazards took longer than 10 minutes to train, or the sequence model more than 30
minutes of processor time.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from benchmarks.workload import ROOT, Result, report

from lifecourse.features import Recipe
from lifecourse.models.evaluation.stratified import stratified_auroc
from lifecourse.models.outcomes import load_outcomes, train_outcomes
from lifecourse.models.outcomes.catalogue import onsets_of
from lifecourse.models.outcomes.judging import foretold
from lifecourse.models.outcomes.landmarks import YEAR, followed_persons, landmarks_at, strata
from lifecourse.models.outcomes.predicting import risks_at
from lifecourse.models.outcomes.ratios import FollowUps
from lifecourse.models.outcomes.training import people_with
from lifecourse.models.sequence import load_sequence
from lifecourse.models.split import folds_of
from lifecourse.schema.actor import Actor, Purpose
from lifecourse.timeline.access import open_timeline
from lifecourse.timeline.derived import Derived

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.models.outcomes import ModelOfOutcomes
    from lifecourse.models.outcomes.judging import Foretold
    from lifecourse.models.outcomes.landmarks import Landmarks
    from lifecourse.models.sequence import SequenceModel
    from lifecourse.timeline.access import Timeline

    Floats = npt.NDArray[np.float64]

DATA = Path(os.environ.get("LIFECOURSE_DATA", ROOT.parent / "shared" / "data"))
TRAINING, JUDGED = "SPLIT//train", "SPLIT//held_out"
MADE_UP = ("--identifiability", "synthetic")
YEARS = (1, 5, 10)
MAIN = 5
FROM_AGE, UP_TO_AGE, BAND = 20, 80, 5
SEED, PARTS, SPREAD = 11, 5, 2.776
"""The last is Student's t of four degrees of freedom: five parts tell little of how much they vary."""
HAZARDS, SEQUENCE, REGRESSION, ALONE = "hazards", "sequence", "counts", "age_sex"
LEARNERS = (ALONE, REGRESSION, HAZARDS, SEQUENCE)
DRAWN_MOMENTS, FUTURES, FEWEST_CASES = 400, 64, 20
COUNTS = Recipe.model_validate(
    {"name": "counts", "every_code": {"days": [None], "summaries": ["count"]}}
)
LEAST_GAIN, MOST_SECONDS, MOST_SEQUENCE_SECONDS = 0.05, 600.0, 1_800.0


def main(folder: Path) -> int:
    """Measure; returns 1 where a promise is broken."""
    folder.mkdir(parents=True, exist_ok=True)
    store, seconds = folder / "delphi.store", {}
    timeline = _learned(store, seconds)
    models = store.parent / "models"
    model = load_outcomes(models / "outcomes", Derived.of(store))
    sequence = load_sequence(models / "sequence", Derived.of(store))
    started = time.monotonic()
    regression = train_outcomes(timeline, among=TRAINING, recipe=COUNTS, plain=True)
    seconds["counts_training"] = time.monotonic() - started
    held_out = _Judged(timeline, model)
    started = time.monotonic()
    found = held_out.areas({HAZARDS: model, SEQUENCE: sequence, REGRESSION: regression})
    seconds["judging"] = time.monotonic() - started
    started = time.process_time()
    drawn = held_out.drawn(sequence)
    seconds["drawing_cpu"] = time.process_time() - started
    cards = {"card": _short(model.card), "sequence_card": _short(sequence.card)}
    told = {**held_out.summary(found), "futures": drawn, "seconds": seconds, **cards}
    for line in told["horizons"]:
        print(json.dumps(line), flush=True)
    (folder / "outcomes.json").write_text(json.dumps({**told, "each": held_out.each(found)}))
    main_line = next(line for line in told["horizons"] if line["years"] == MAIN)
    _report(main_line, seconds["training"], len(model.names))
    print(json.dumps({"futures": drawn}))
    rounded = {name: round(value, 1) for name, value in seconds.items()}
    print(json.dumps({"outcomes": len(model.names), "seconds": rounded}))
    least = max(main_line[ALONE] + LEAST_GAIN, main_line[REGRESSION])
    good = min(main_line[HAZARDS], main_line[SEQUENCE]) >= least
    quick = seconds["training"] <= MOST_SECONDS
    return int(not (good and quick and seconds["sequence_training_cpu"] <= MOST_SEQUENCE_SECONDS))


def _learned(store: Path, seconds: dict[str, float]) -> Timeline:
    """The lives in a store, and both models of all outcomes beside it, by commands."""
    for made in (store, store.parent / "models"):
        shutil.rmtree(made, ignore_errors=True)
    source = str(DATA / "delphi-simulated")
    train = ["train", str(store), "--outcomes", "all", "--among", TRAINING]
    for name, words in (
        ("ingest", ["ingest", source, "--mapping", "delphi", "--store", str(store), *MADE_UP]),
        ("training", train),
        ("sequence_training", [*train, "--model", SEQUENCE]),
    ):
        started, cpu = time.monotonic(), _cpu_of_children()
        program = [sys.executable, "-m", "lifecourse.cli", *words]
        subprocess.run(program, check=True, capture_output=True, cwd=ROOT)
        seconds[name] = time.monotonic() - started
        seconds[f"{name}_cpu"] = _cpu_of_children() - cpu
    return open_timeline(store, actor=Actor(name="benchmark"), purpose=Purpose.OPERATIONS)


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class _Judged:
    """The held-out half at its moments."""

    def __init__(self, timeline: Timeline, model: ModelOfOutcomes) -> None:
        persons = followed_persons(timeline.persons())
        held_out = people_with(timeline, JUDGED)
        self._cut = timeline.end_of_records()
        persons = persons.filter(pl.col("subject_id").is_in(held_out.implode())).with_columns(
            end=pl.when("dies").then("end").otherwise(self._cut)
        )
        self._timeline, self._names, self._titles = timeline, model.names, model.titles
        self._landmarks = _moments(persons)
        self._every = every = onsets_of(timeline)
        self._onsets = every.named(model.names, model.titles)
        self._rates = model.rates
        self._stratum = strata(self._landmarks)
        self._part = folds_of(self._landmarks.subjects, PARTS, SEED)
        self._people = persons.height

    def areas(self, models: dict[str, ModelOfOutcomes]) -> dict[str, Any]:
        """By learner float64[years, parts + 1, k] areas, the first of all people and then without each part of them."""
        found: dict[str, Any] = {}
        for name, model in models.items():
            if model.names != self._names:
                raise RuntimeError(f"{name} has other outcomes than the hazards")
            told = self._foretold(model)
            found[name] = self._areas_of(told.risk)
            found[f"{name}_calibration"] = self._calibration(told.risk)
            if name == HAZARDS:
                found[ALONE] = self._areas_of(told.alone)
        return found

    def _foretold(self, model: ModelOfOutcomes) -> Foretold:
        marks, logs = self._landmarks, model.log_ratios_in(self._timeline, self._every)
        days = [round(years * 365.25) for years in YEARS]
        return foretold(model, lambda here: logs(marks.rows[here]), marks, days)

    def drawn(self, model: SequenceModel) -> dict[str, Any]:
        """Of some moments, risks by drawn futures beside analytic ones, at the main horizon."""
        inside = np.flatnonzero(self._landmarks.time + int(MAIN * YEAR) <= self._cut)
        chosen = np.random.default_rng(SEED).choice(inside, DRAWN_MOMENTS, replace=False)
        where = np.isin(np.arange(len(self._landmarks)), chosen)
        marks, days = self._landmarks.where(where), [round(MAIN * 365.25)]
        share = model.futures_in(self._timeline, self._every, marks.rows, days, FUTURES, SEED)
        logs = model.log_ratios_in(self._timeline, self._every)
        risk, _ = risks_at(model, logs, marks.rows, marks.age, marks.female, days)
        areas, seen, foretold = [], 0.0, np.zeros(2)
        for place in range(len(self._names)):
            came, known = (one[where] for one in self._known(MAIN, place))
            both = [one[:, place, 0][known] for one in (share, risk)]
            seen += float(came[known].sum())
            foretold += [float(one.sum()) for one in both]
            if came[known].sum() >= FEWEST_CASES:
                stratum = self._stratum[where][known]
                areas.append([stratified_auroc(came[known], one, stratum) for one in both])
        names, means = ("drawn", "analytic"), np.nanmean(areas, axis=0)
        return {
            "moments": DRAWN_MOMENTS,
            "futures": FUTURES,
            "outcomes_judged": len(areas),
            **{name: round(float(one), 4) for name, one in zip(names, means, strict=True)},
            **{
                f"observed_over_expected_{name}": round(float(seen / one), 3)
                for name, one in zip(names, foretold, strict=True)
            },
        }

    def _known(self, years: int, place: int) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        given = {"landmarks": self._landmarks, "onsets": self._onsets, "rates": self._rates}
        came, known = FollowUps(**given, years=float(years)).known(place)
        return came, known & (self._landmarks.time + int(years * YEAR) <= self._cut)

    def _areas_of(self, risk: npt.NDArray[np.float32]) -> Floats:
        def one(at: int, place: int) -> list[float]:
            came, known = self._known(YEARS[at], place)
            parts = [known, *(known & (self._part != part) for part in range(PARTS))]
            asked = parts if YEARS[at] == MAIN else parts[:1]
            areas = [
                stratified_auroc(came[rows], risk[at, place][rows], self._stratum[rows])
                for rows in asked
            ]
            return areas + [np.nan] * (1 + PARTS - len(areas))

        places = range(len(self._names))
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            found = [list(pool.map(partial(one, at), places)) for at in range(len(YEARS))]
        return np.array(found).transpose(0, 2, 1)

    def _calibration(self, risk: npt.NDArray[np.float32]) -> list[float]:
        """Observed over expected of all outcomes together, at each horizon."""
        found = []
        for at, years in enumerate(YEARS):
            seen = foretold = 0.0
            for place in range(len(self._names)):
                came, known = self._known(years, place)
                seen += float(came[known].sum())
                foretold += float(risk[at, place][known].sum(dtype=np.float64))
            found.append(round(seen / foretold, 3))
        return found

    def summary(self, found: dict[str, Any]) -> dict[str, Any]:
        """Mean areas at each horizon, and of the main one the intervals of what the hazards gain."""
        lines = []
        for at, years in enumerate(YEARS):
            areas = {name: found[name][at] for name in LEARNERS}
            kept = np.isfinite([one[0] for one in areas.values()]).all(axis=0)
            line: dict[str, Any] = {"years": years, "outcomes_judged": int(kept.sum())}
            line |= {name: round(float(one[0][kept].mean()), 4) for name, one in areas.items()}
            line["observed_over_expected"] = found[f"{HAZARDS}_calibration"][at]
            line["observed_over_expected_sequence"] = found[f"{SEQUENCE}_calibration"][at]
            if years == MAIN:
                for other in (ALONE, REGRESSION):
                    line[f"gain_over_{other}"] = _gain(areas[HAZARDS], areas[other])
                for other in (ALONE, HAZARDS):
                    line[f"sequence_over_{other}"] = _gain(areas[SEQUENCE], areas[other])
            lines.append(line)
        return {"people": self._people, "moments": len(self._landmarks), "horizons": lines}

    def each(self, found: dict[str, Any]) -> list[dict[str, Any]]:
        """Each outcome at the main horizon, the commonest first."""
        at, lines = YEARS.index(MAIN), []
        for place, (name, title) in enumerate(zip(self._names, self._titles, strict=True)):
            came, known = self._known(MAIN, place)
            areas = {one: float(found[one][at, 0, place]) for one in LEARNERS}
            lines.append({"outcome": name, "title": title, "cases": int((came & known).sum()), **areas})  # fmt: skip
        return sorted(lines, key=lambda line: -line["cases"])


def _moments(persons: pl.DataFrame) -> Landmarks:
    """A random moment of each person in each band of age that was lived through, before the end."""
    random = np.random.default_rng(SEED)
    birth, start, end = (persons[name].to_numpy() for name in ("birth", "start", "end"))
    who, time = [], []
    for age in range(FROM_AGE, UP_TO_AGE, BAND):
        low = np.maximum(start, birth + int(age * YEAR))
        high = np.minimum(end, birth + int((age + BAND) * YEAR))
        here = np.flatnonzero(high > low)
        who.append(here)
        time.append((low + random.random(len(low)) * (high - low)).astype(np.int64)[here])
    everyone, moments = np.concatenate(who), np.concatenate(time)
    order = np.lexsort((moments, everyone))
    return landmarks_at(persons, everyone[order], moments[order])


def _gain(ours: Floats, theirs: Floats) -> list[float]:
    """The mean difference and its 95 % interval, by leaving out a fifth of the people at a time."""
    differences = [float(np.nanmean(one - other)) for one, other in zip(ours, theirs, strict=True)]
    without = np.array(differences[1:])
    spread = SPREAD * np.sqrt((PARTS - 1) / PARTS * ((without - without.mean()) ** 2).sum())
    return [round(differences[0] + sign * spread, 4) for sign in (0, -1, 1)]


def _short(card: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in card.items() if name not in ("events", "limits")}


def _report(line: dict[str, Any], seconds: float, outcomes: int) -> None:
    command = "python -m benchmarks.outcomes FOLDER"
    size, peer = "7,143 people", "regression on counts"
    result = Result(
        work=f"risks of {outcomes} outcomes, trained",
        size=size, peer=peer, ours=seconds, theirs=None, target=MOST_SECONDS, command=command,
    )  # fmt: skip
    report(result)
    area = replace(
        result,
        work=f"mean area within age and sex, {MAIN} years (age and sex alone {line[ALONE]})",
        ours=line[HAZARDS], theirs=line[REGRESSION], unit="area", higher_is_better=True,
        target=round(line[ALONE] + LEAST_GAIN, 4), checked="held-out half, the same moments",
    )  # fmt: skip
    report(area)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
