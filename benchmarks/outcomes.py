"""Every outcome of the simulated lives of Delphi-2M at once: ``python -m benchmarks.outcomes FOLDER``.

`lifecourse train STORE --outcomes all --among SPLIT//train` learns from the published training half; the held-out half
judges. There each person is looked at once in each five years of age from 20 on, at a random moment from which the
horizon ends before the lives do: they all go on to the age of 80 or to death, whenever something was last recorded.
Cases come to the outcome within the horizon, others do not or die first; who had it before is not asked about. Within
each age band and sex every case is paired with every other (`stratified_auroc`), so that what age and sex tell counts
for nothing but within five years; the mean is over the outcomes that the held-out half has both of. Beside the hazards
stand the rates by age and sex alone, and an ordinary Poisson regression on age, sex and how often each code was
recorded, with a penalty chosen in the same way. Ends with 1 where the hazards are not 0.05 above age and sex, not
above the regression, or took longer than 10 minutes to train.
"""

from __future__ import annotations

import json
import os
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
from lifecourse.models.outcomes.landmarks import YEAR, followed_persons, landmarks_at
from lifecourse.models.outcomes.predicting import ROWS_AT_ONCE, risks_at
from lifecourse.models.outcomes.ratios import FollowUps
from lifecourse.models.outcomes.training import people_with, strata
from lifecourse.models.split import folds_of
from lifecourse.schema.actor import Actor, Purpose
from lifecourse.timeline.access import open_timeline
from lifecourse.timeline.derived import Derived

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.models.outcomes import OutcomesModel
    from lifecourse.models.outcomes.landmarks import Landmarks
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
HAZARDS, REGRESSION, ALONE = "hazards", "counts", "age_sex"
COUNTS = Recipe.model_validate(
    {"name": "counts", "every_code": {"days": [None], "summaries": ["count"]}}
)
LEAST_GAIN, MOST_SECONDS = 0.05, 600.0


def main(folder: Path) -> int:
    """Measure; returns 1 where a promise is broken."""
    folder.mkdir(parents=True, exist_ok=True)
    store, seconds = folder / "delphi.store", {}
    timeline = _learned(store, seconds)
    model = load_outcomes(store.parent / "models" / "outcomes", Derived.of(store))
    started = time.monotonic()
    regression = train_outcomes(timeline, among=TRAINING, recipe=COUNTS, plain=True)
    seconds["counts_training"] = time.monotonic() - started
    held_out = _Judged(timeline, model)
    started = time.monotonic()
    found = held_out.areas({HAZARDS: model, REGRESSION: regression})
    seconds["judging"] = time.monotonic() - started
    told = {**held_out.summary(found), "seconds": seconds, "card": _short(model.card)}
    for line in told["horizons"]:
        print(json.dumps(line), flush=True)
    (folder / "outcomes.json").write_text(json.dumps({**told, "each": held_out.each(found)}))
    main_line = next(line for line in told["horizons"] if line["years"] == MAIN)
    _report(main_line, seconds["training"], len(model.names))
    gain = main_line[HAZARDS] - main_line[ALONE]
    above = main_line[HAZARDS] > main_line[REGRESSION]
    print(
        json.dumps(
            {"outcomes": len(model.names), "training_seconds": round(seconds["training"], 1)}
        )
    )
    return int(not (gain >= LEAST_GAIN and above and seconds["training"] <= MOST_SECONDS))


def _learned(store: Path, seconds: dict[str, float]) -> Timeline:
    """The lives in a store, and a model of all outcomes beside it, by commands."""
    for made in (store, store.parent / "models"):
        shutil.rmtree(made, ignore_errors=True)
    source = str(DATA / "delphi-simulated")
    for name, words in (
        ("ingest", ["ingest", source, "--mapping", "delphi", "--store", str(store), *MADE_UP]),
        ("training", ["train", str(store), "--outcomes", "all", "--among", TRAINING]),
    ):
        started = time.monotonic()
        program = [sys.executable, "-m", "lifecourse.cli", *words]
        subprocess.run(program, check=True, capture_output=True, cwd=ROOT)
        seconds[name] = time.monotonic() - started
    return open_timeline(store, actor=Actor(name="benchmark"), purpose=Purpose.OPERATIONS)


class _Judged:
    """The held-out half at its moments."""

    def __init__(self, timeline: Timeline, model: OutcomesModel) -> None:
        persons = followed_persons(timeline.persons())
        held_out = people_with(timeline, JUDGED)
        self._cut = timeline.end_of_records()
        persons = persons.filter(pl.col("subject_id").is_in(held_out.implode())).with_columns(
            end=pl.when("dies").then("end").otherwise(self._cut)
        )
        self._timeline, self._names, self._titles = timeline, model.names, model.titles
        self._landmarks = _moments(persons)
        every = onsets_of(timeline)
        self._onsets = every.only([every.names.index(name) for name in model.names])
        self._rates = model.rates
        self._stratum = strata(self._landmarks)
        self._part = folds_of(self._landmarks.subjects, PARTS, SEED)
        self._people = persons.height

    def areas(self, models: dict[str, OutcomesModel]) -> dict[str, Any]:
        """By learner float64[years, parts + 1, k] areas, the first of all people and then without each part of them."""
        found: dict[str, Any] = {}
        for name, model in models.items():
            risk, alone = self._risks(model)
            found[name] = self._areas_of(risk)
            found[f"{name}_calibration"] = self._calibration(risk)
            if name == HAZARDS:
                found[ALONE] = self._areas_of(alone)
        return found

    def _risks(self, model: OutcomesModel) -> tuple[npt.NDArray[np.float32], ...]:
        """float32[years, k, n] of the model, and by age and sex alone."""
        marks = self._landmarks
        shape = (len(YEARS), len(self._names), len(marks))
        both = np.empty(shape, np.float32), np.empty(shape, np.float32)
        days = [round(years * 365.25) for years in YEARS]
        for start in range(0, len(marks), ROWS_AT_ONCE):
            here = slice(start, start + ROWS_AT_ONCE)
            given = marks.rows[here], marks.age[here], marks.female[here]
            for kept, one in zip(both, risks_at(model, self._timeline, *given, days), strict=True):
                kept[:, :, here] = one.transpose(2, 1, 0)
        return both

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
            areas = {name: found[name][at] for name in (ALONE, REGRESSION, HAZARDS)}
            kept = np.isfinite([one[0] for one in areas.values()]).all(axis=0)
            line: dict[str, Any] = {"years": years, "outcomes_judged": int(kept.sum())}
            line |= {name: round(float(one[0][kept].mean()), 4) for name, one in areas.items()}
            line["observed_over_expected"] = found[f"{HAZARDS}_calibration"][at]
            if years == MAIN:
                for other in (ALONE, REGRESSION):
                    line[f"gain_over_{other}"] = _gain(areas[HAZARDS], areas[other])
            lines.append(line)
        return {"people": self._people, "moments": len(self._landmarks), "horizons": lines}

    def each(self, found: dict[str, Any]) -> list[dict[str, Any]]:
        """Each outcome at the main horizon, the commonest first."""
        at, lines = YEARS.index(MAIN), []
        for place, (name, title) in enumerate(zip(self._names, self._titles, strict=True)):
            came, known = self._known(MAIN, place)
            areas = {one: float(found[one][at, 0, place]) for one in (ALONE, REGRESSION, HAZARDS)}
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
