"""Hazards against the records oracle of the synthetic hospital, death competing.

``python -m benchmarks.competing FOLDER [PEOPLE [onset|recorded]]``

PEOPLE (100,000) of one seed teach, as many of another are judged; both are kept in FOLDER. Each person who teaches has
three rows: at a moment between 1 and 2.5 years after the records begin, from which ten years can be seen, and at two
with more history, between 3.5 and 5.5 and between 6 and 8 years; all are followed until the data end, 12 years after
they began. The judged are asked of at 7 years, so that who teaches is seen before and after. For five outcomes and 1,
5 and 10 years: the share of the oracle's gain over chance, observed over expected incidence with its interval, and
mean predicted over mean true risk in groups of 1,000 or more by age, sex, ancestry and deprivation (fifths of the
people); age and sex crossed are told beside it. Ten years reach beyond the records of those who are judged: there,
what would happen is drawn from the true risks. A true risk is the mean of 32 lives: of kidney disease, which is a
bound that is crossed, four tell that of a group of 2,500 to 9 % alone.

The truth that judges is when an illness began. Who teaches is followed to the same thing (``onset``), as if a register
of the illness were linked to the records; what is known of them is what the records show. With ``recorded`` they are
followed to what was written down: an illness that began before is then taken for a new one when it is found, and one
that nobody finds for none, and risks differ from the true ones by that. Ends with 1 where a promise is broken.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from benchmarks.hospital import hospital

from lifecourse.base.clock import DAYS_PER_YEAR
from lifecourse.features import featurize, load_recipe
from lifecourse.models.competing import HazardStudy
from lifecourse.models.evaluation import auroc
from lifecourse.models.model import age_band, sex_name
from lifecourse.simulation.charting import US_PER_DAY, begin_microseconds, cut_microseconds
from lifecourse.simulation.futures import COMPOSITE, HORIZONS, MAIN_OUTCOMES
from lifecourse.simulation.hospital import BLOCK
from lifecourse.simulation.parameters import parameters
from lifecourse.simulation.population import born
from lifecourse.simulation.state import CARDIOVASCULAR
from lifecourse.tasks import Task, label, load_task

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from lifecourse.timeline.access import Timeline

    Floats = npt.NDArray[np.float64]

PEOPLE, TRAINING_SEED, JUDGED_SEED, ORACLE, FUTURES = 100_000, 1_909, 2_010, 100_000, 32
LEAST_MEAN, LEAST_EACH = 0.95, 0.93
BOUNDS = ((1_600, 0.05), (400, 0.10))
"""So far may observed over expected be from 1 where there are so many events."""
COVERED, GROUP, GROUP_OFF, Z = 0.90, 1_000, 0.07, 1.96
CROSSED = "age and sex"
ONSET, RECORDED = "onset", "recorded"
MOMENTS = ((1.0, 2.5), (3.5, 5.5), (6.0, 8.0))
"""Years after the records begin, between which each of a person's moments lies."""
MOMENTS_SEED = 5


def main(folder: Path, people: int, followed_to: str = ONSET) -> int:
    """Run it all; returns 1 where a promise is broken."""
    learning = hospital(folder / f"train{people}", people, TRAINING_SEED)
    judged = hospital(
        folder / f"judge{people}",
        people,
        JUDGED_SEED,
        futures=FUTURES,
        oracle_people=min(ORACLE, max(people, 20_000)),
    )
    truth = folder / f"judge{people}" / "truth"
    groups = groups_of(judged, truth, JUDGED_SEED)
    lines: list[dict[str, Any]] = []
    learned = folder / f"train{people}" / "truth" / "people"
    for outcome in MAIN_OUTCOMES:
        started = time.process_time()
        task = task_of(outcome)
        if followed_to == ONSET:
            table = onsets(pl.read_parquet(learned / "*.parquet"), outcome)
        else:
            table = label(learning, task).table
        study = HazardStudy.of(learning, task, table, load_recipe("synthetic_hospital"), 0)
        for line in _judged(study, judged, truth, outcome, groups):
            lines.append(line)
            print(json.dumps(line), flush=True)
        spent = round(time.process_time() - started)
        print(json.dumps({"outcome": outcome, "processor": spent}), flush=True)
    told = {"followed_to": followed_to, "people": people, **summary(lines)}
    print(json.dumps(told), flush=True)
    kept = folder / f"competing-{people}-{followed_to}.json"
    kept.write_text(json.dumps({**told, "lines": lines}, indent=1))
    return int(not told["kept"])


def onsets(truth: pl.DataFrame, outcome: str) -> pl.DataFrame:
    """What came of each person first after each moment: 1 the outcome's onset, 2 death, 0 the end of the data.

    truth : as `lifecourse.simulation.truth.true_people` gives it

    Returns
    -------
    subject_id, prediction_time, event, duration_days, boolean_value
        Those who are alive at the moment, whose illness had neither begun nor been written down; by person and moment.
    """
    model = parameters()
    begin = begin_microseconds(model)
    until = (cut_microseconds(model) - begin) / US_PER_DAY
    truth = truth.sort("person")
    names = CARDIOVASCULAR if outcome == COMPOSITE else (outcome,)

    def days(column: str) -> Floats:
        since = (truth[column].dt.epoch("us") - begin) / US_PER_DAY
        return since.fill_null(np.inf).to_numpy()

    began = np.minimum.reduce([days(f"onset_{name}") for name in names])
    written = np.minimum.reduce([days(f"recorded_{name}") for name in names])
    died = days("onset_death")
    random = np.random.default_rng(MOMENTS_SEED)
    tables = []
    for earliest, latest in MOMENTS:
        moment = random.uniform(earliest, latest, truth.height) * DAYS_PER_YEAR
        free = (began > moment) & (written > moment) & (died > moment)
        ended = np.minimum(np.minimum(began, died), until)
        event = np.where(ended >= until, 0, np.where(began <= died, 1, 2))
        rows = {
            "subject_id": truth["person"],
            "prediction_time": (begin + (moment * US_PER_DAY)).astype(np.int64),
            "event": event.astype(np.int64),
            "duration_days": ended - moment,
            "boolean_value": event == 1,
        }
        tables.append(pl.DataFrame(rows).filter(pl.Series(free)))
    return (
        pl.concat(tables)
        .with_columns(pl.col("prediction_time").cast(pl.Datetime("us")))
        .sort("subject_id", "prediction_time")
    )


def task_of(outcome: str) -> Task:
    """The outcome of the library's task within 1, 5 and 10 years, death competing, at one year of each record."""
    plain = load_task(f"{outcome}_5y")
    if not isinstance(plain, Task):
        raise TypeError(f"{plain.name} is not a task of our own")
    days = [round(years * DAYS_PER_YEAR) for years in HORIZONS]
    return Task.model_validate(
        {
            **plain.model_dump(mode="json"),
            "name": f"{outcome}_or_death",
            "trigger": {"every_days": 365, "which": "random", "seed": MOMENTS_SEED},
            "outcomes": [
                *({**one.model_dump(mode="json"), "name": outcome} for one in plain.outcomes),
                {"codelist": "death", "name": "death"},
            ],
            "outcome_window_days": days[-1],
            "horizons_days": days,
            "censoring": "time-to-event",
        }
    )


def summary(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """Whether the promises hold, and by how much."""
    shares = [line["share"] for line in lines]
    few = [line for line in lines if line["events"] < BOUNDS[-1][0]]
    covered = [line["low"] <= 1 <= line["high"] for line in few]
    off = [
        line for line in lines for least, most in BOUNDS
        if line["events"] >= least and abs(line["observed_over_expected"] - 1) > most
    ]  # fmt: skip
    groups = [
        group for line in lines for group in line["groups"] if abs(group["ratio"] - 1) > GROUP_OFF
    ]
    told = {
        "mean_share": round(float(np.mean(shares)), 3) if shares else 0.0,
        "least_share": min(shares, default=0.0),
        "off": [f"{line['outcome']} {line['years']} y" for line in off],
        "covered": round(float(np.mean(covered)), 3) if covered else None,
        "groups_off": len(groups),
        "groups_told": sum(len(line["groups"]) for line in lines),
        "crossed_off": sum(
            abs(group["ratio"] - 1) > GROUP_OFF for line in lines for group in line["crossed"]
        ),
    }
    kept = told["mean_share"] >= LEAST_MEAN and told["least_share"] >= LEAST_EACH and not off
    return {**told, "kept": kept and not groups and (not covered or told["covered"] >= COVERED)}


def _judged(
    study: HazardStudy, judged: Timeline, truth: Path, outcome: str, groups: pl.DataFrame
) -> Iterator[dict[str, Any]]:
    fitted = study.fit()
    table = asked_of(truth, outcome)
    people = table.unique("person", maintain_order=True).select(
        subject_id="person", prediction_time="time"
    )
    vocabulary = study.features.vocabulary
    features = featurize(judged, people, study.recipe, vocabulary=vocabulary)
    incidence = fitted.incidence(features)
    place = {person: i for i, person in enumerate(people["subject_id"].to_list())}
    for h, years in enumerate(HORIZONS):
        mine = table.filter(pl.col("years") == years)
        rows = np.array([place[person] for person in mine["person"].to_list()])
        line = _line(outcome, years, mine, incidence[rows, 0, h], groups)
        yield {**line, "learner": fitted.learner.kind}


def _line(
    outcome: str, years: int, table: pl.DataFrame, risk: Floats, groups: pl.DataFrame
) -> dict[str, Any]:
    true = table["risk"].to_numpy()
    names = table.select("person").join(groups, on="person", how="left", maintain_order="left")
    if table["happened"].null_count():
        came = np.random.default_rng(0).random(len(true)) < true
    else:
        came = table["happened"].to_numpy().astype(bool)
    best = table["attainable"].to_numpy() if "attainable" in table.columns else true
    areas = [auroc(came, score) - 0.5 for score in (risk, best, true)]
    ratio = came.mean() / risk.mean()
    spread = Z * np.sqrt((1 - came.mean()) / max(came.sum(), 1))
    return {
        "outcome": outcome,
        "years": years,
        "events": int(came.sum()),
        "auroc": round(areas[0] + 0.5, 4),
        "share": round(areas[0] / areas[1], 4),
        "share_of_latent": round(areas[0] / areas[2], 4),
        "observed_over_expected": round(float(ratio), 3),
        "low": round(float(ratio * np.exp(-spread)), 3),
        "high": round(float(ratio * np.exp(spread)), 3),
        "predicted_over_true": round(float(risk.mean() / true.mean()), 3),
        "groups": list(_ratios(risk, true, names.select(pl.exclude(CROSSED, "person")))),
        "crossed": list(_ratios(risk, true, names.select(CROSSED))),
    }


def asked_of(truth: Path, outcome: str) -> pl.DataFrame:
    """The true risks of those who are judged: in whom the records do not show the outcome yet."""
    return (
        pl.scan_parquet(truth / "risks" / "*.parquet")
        .filter((pl.col("outcome") == outcome) & ~pl.col("is_recorded"))
        .collect()
    )


def groups_of(judged: Timeline, truth: Path, seed: int) -> pl.DataFrame:
    """person, and each one's group by age, sex, ancestry and deprivation, and by age and sex together.

    The truth does not keep ancestry: people are born again of the same seed.

    Raises
    ------
    ValueError
        Other people are born than those whose truth this is.
    """
    risks = pl.scan_parquet(truth / "risks" / "*.parquet")
    people = risks.select("person", "time").unique("person").sort("person").collect()
    people = people.rename({"person": "subject_id", "time": "prediction_time"})
    recipe = load_recipe("synthetic_hospital")
    features = featurize(judged, people, recipe, vocabulary=[])
    age, female, deprivation = (
        features.dense[
            :, next(i for i, name in enumerate(features.dense_names) if name.startswith(first))
        ]
        for first in ("age", "female", "deprivation")
    )
    fifth = np.searchsorted(np.nanquantile(deprivation, np.arange(1, 5) / 5), deprivation)
    found = pl.DataFrame(
        {
            "person": people["subject_id"],
            "age": [age_band(value) for value in age],
            "sex": [sex_name(value) for value in female],
            "deprivation": [f"fifth {place + 1}" for place in fifth],
            CROSSED: [f"{sex_name(f)}, {age_band(a)}" for a, f in zip(age, female, strict=True)],
        }
    )
    return found.join(ancestries(truth, seed), on="person", how="left", maintain_order="left")


def ancestries(truth: Path, seed: int) -> pl.DataFrame:
    """person, ancestry: of the people of a hospital, born again."""
    known = pl.read_parquet(truth / "people" / "*.parquet").sort("person")
    model, n = parameters(), known.height
    names = np.array(list(model.people.ancestries))
    labels, female = [], []
    for first in range(1, n + 1, BLOCK):
        lived = np.random.default_rng([seed, first, 0])
        people = born(min(BLOCK, n + 1 - first), first, model, lived)
        labels.append(names[people.ancestry])
        female.append(people.female)
    if not (np.concatenate(female) == known["female"].to_numpy()).all():
        raise ValueError("other people are born of this seed than those whose truth was kept")
    return pl.DataFrame({"person": known["person"], "ancestry": np.concatenate(labels)})


def _ratios(risk: Floats, true: Floats, names: pl.DataFrame) -> Iterator[dict[str, Any]]:
    for kind in names.columns:
        of = names[kind].to_numpy()
        for name in sorted(set(of)):
            mine = of == name
            if mine.sum() >= GROUP:
                ratio = round(float(risk[mine].mean() / true[mine].mean()), 3)
                yield {"group": f"{kind}: {name}", "ratio": ratio}


if __name__ == "__main__":
    size = int(sys.argv[2]) if len(sys.argv) > 2 else PEOPLE
    sys.exit(main(Path(sys.argv[1]), size, *sys.argv[3:4]))
