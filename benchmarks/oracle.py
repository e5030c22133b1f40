"""Models against the records oracle of the synthetic hospital, and what genes, lifestyle and environment are worth.

``python -m benchmarks.oracle FOLDER`` simulates 20,000 people to learn from and 50,000 of another seed to judge on
(kept in FOLDER), trains the logistic model and the trees for five outcomes five years ahead, prints a line an outcome,
then a line an outcome and kind of knowledge. It ends with 1 where a promise is broken.

``python -m benchmarks.oracle FOLDER 111 222`` does it with people of other seeds (learned from, judged on): what was
seen at the usual seeds cannot have shaped what is asked of these.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from benchmarks.hospital import hospital

from lifecourse.features import featurize, load_recipe
from lifecourse.models.evaluation import auroc, over_draws
from lifecourse.models.linear import Logistic
from lifecourse.models.split import folds_of
from lifecourse.models.trees import Trees
from lifecourse.simulation.futures import MAIN_OUTCOMES
from lifecourse.tasks import label, load_task

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.features import FeatureMatrix
    from lifecourse.timeline.access import Timeline

TRAINING, JUDGED, ORACLE = (20_000, 101), (50_000, 202), 100_000
LEARNERS: dict[str, type[Logistic] | type[Trees]] = {"logistic": Logistic, "trees": Trees}
LEAST_MEAN, LEAST_EACH, ENOUGH_EVENTS = 0.90, 0.88, 400
FOLDS = 5
"""People that the models learn from are left out by fifths, to say how much their losses hang on who they are."""
KINDS = {
    "genes": ("PGS//", "GENOTYPE//"),
    "lifestyle": (
        "current_smoker", "former_smoker", "never_smoker", "smoking.", "alcohol_drinks", "exercise_minutes",
        "smoking_cessation_treatment", "LOINC//72166-2", "LOINC//74013-4", "LOINC//68516-4",
        "RxNorm//591622",
    ),
    "environment": ("pm25", "deprivation", "EXPOSURE//", "ADDRESS//"),
}  # fmt: skip
"""What the columns of each kind of knowledge start with."""
Z = NormalDist().inv_cdf(1 - 0.05 / 2)
Z_OF_ALL = NormalDist().inv_cdf(1 - 0.05 / 2 / (len(MAIN_OUTCOMES) * len(KINDS)))
"""Bonferroni's: of as many 95 % intervals as there are outcomes and kinds, chance alone would have one miss in half of
all runs; with these all hold in 95 of 100."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Of one outcome: what to learn from, what to judge on, and the truth of the judged."""

    outcome: str
    learning: FeatureMatrix
    happened: npt.NDArray[np.bool_]
    people: npt.NDArray[np.int64]
    judged: FeatureMatrix
    truth: pl.DataFrame


def main(folder: Path, seeds: tuple[int, ...] = ()) -> int:
    """Run it all; returns 1 where a promise is broken."""
    (learned, seed), (judged, other_seed) = TRAINING, JUDGED
    train = hospital(folder / "train", learned, seeds[0] if seeds else seed)
    judge = hospital(
        folder / "judge",
        judged,
        seeds[1] if seeds else other_seed,
        oracle_people=ORACLE,
        ablations=True,
    )
    kept, shares = True, {name: [] for name in LEARNERS}
    lines: list[dict[str, Any]] = []
    for outcome in MAIN_OUTCOMES:
        setting = _setting(outcome, train, judge, folder / "judge" / "truth")
        whole, lines_of_learners = _against_oracle(setting)
        for line in lines_of_learners:
            shares[line["learner"]].append(line["share"])
            enough = line["events"] >= ENOUGH_EVENTS
            kept &= not enough or line["share"] >= LEAST_EACH
            lines.append(_printed(line))
        for line in _worth(setting, whole):
            kept &= line["agrees"]
            lines.append(_printed(line))
    for name, found in shares.items():
        kept &= float(np.mean(found)) >= LEAST_MEAN
        lines.append(_printed({"learner": name, "mean_share": round(float(np.mean(found)), 3)}))
    (folder / "oracle.json").write_text(json.dumps(lines, indent=1))
    return int(not kept)


def _printed(line: dict[str, Any]) -> dict[str, Any]:
    print(json.dumps(line), flush=True)
    return line


def _setting(outcome: str, train: Timeline, judge: Timeline, truth: Path) -> Setting:
    labels = label(train, load_task(f"{outcome}_5y")).table.filter(
        pl.col("boolean_value").is_not_null()
    )
    recipe = load_recipe("synthetic_hospital")
    learning = featurize(train, labels, recipe)
    asked = (pl.col("outcome") == outcome) & (pl.col("years") == 5) & ~pl.col("is_recorded")
    told = pl.scan_parquet(truth / "risks" / "*.parquet").filter(asked).collect()
    rows = told.select(subject_id="person", prediction_time="time")
    return Setting(
        outcome=outcome,
        learning=learning,
        happened=labels["boolean_value"].to_numpy().astype(bool),
        people=labels["subject_id"].to_numpy(),
        judged=featurize(judge, rows, recipe, vocabulary=learning.vocabulary),
        truth=told,
    )


def _fitted(
    setting: Setting,
    learner: type[Logistic] | type[Trees],
    without: str | None = None,
    left_out: int | None = None,
) -> npt.NDArray[np.float64]:
    """The risks of the judged; with `left_out` a fifth of the people is, and the penalty is the usual one."""
    learning, judged = (_without(m, without) for m in (setting.learning, setting.judged))
    rows = np.arange(len(setting.happened))
    inner = folds_of(setting.people, 5, 1) == 0
    if left_out is not None:
        rows = np.flatnonzero(folds_of(setting.people, FOLDS, 2) != left_out)
        inner = np.zeros(len(rows), dtype=np.bool_)
    return learner.fit(learning, setting.happened, rows, inner).predict(judged)


def _without(features: FeatureMatrix, kind: str | None) -> FeatureMatrix:
    """The features without the columns of one kind of knowledge."""
    if kind is None:
        return features
    starts = KINDS[kind]
    dense = [i for i, name in enumerate(features.dense_names) if not name.startswith(starts)]
    codes = [i for i, name in enumerate(features.code_names) if not name.startswith(starts)]
    return replace(
        features,
        dense=features.dense[:, dense],
        dense_names=[features.dense_names[i] for i in dense],
        codes=features.codes[:, codes],
        code_names=[features.code_names[i] for i in codes],
    )


def _against_oracle(setting: Setting) -> tuple[npt.NDArray[np.float64], list[dict[str, Any]]]:
    """The logistic model's risks, and a line a learner."""
    came = setting.truth["happened"].to_numpy().astype(bool)
    attainable, latent = (setting.truth[name].to_numpy() for name in ("attainable", "risk"))
    lines = []
    risks = {name: _fitted(setting, learner) for name, learner in LEARNERS.items()}
    for name, risk in risks.items():

        def measured(
            rows: npt.NDArray[np.int64], risk: npt.NDArray[np.float64] = risk
        ) -> dict[str, float]:
            areas = [auroc(came[rows], score[rows]) for score in (risk, attainable, latent)]
            gain, most, all_of_it = (area - 0.5 for area in areas)
            return {
                "auroc": areas[0],
                "attainable": areas[1],
                "latent": areas[2],
                "share": gain / most,
                "share_of_latent": gain / all_of_it,
            }

        found = over_draws(measured, np.arange(len(came)), seed=0, draws=100)
        lines.append(
            {
                "outcome": setting.outcome,
                "learner": name,
                "events": len(np.unique(setting.people[setting.happened])),
                **{key: round(value["value"] or 0.0, 3) for key, value in found.items()},
                "share_interval": [round(found["share"][end] or 0.0, 3) for end in ("low", "high")],
                "predicted_over_true": round(float(risk.mean() / latent.mean()), 3),
            }
        )
    return risks["logistic"], lines


def _worth(setting: Setting, whole: npt.NDArray[np.float64]) -> list[dict[str, Any]]:
    """What AUROC each kind of knowledge is worth: to the logistic model with its interval, and by the truth.

    The interval holds who was judged (bootstrap) and who was learned from (jackknife by fifths); the model agrees with
    the truth where the interval of its loss, wide enough for all lines together, holds what the truth says.
    """
    came = setting.truth["happened"].to_numpy().astype(bool)
    best = setting.truth["attainable"].to_numpy()
    of_fifths = [auroc(came, _fitted(setting, Logistic, left_out=f)) for f in range(FOLDS)]
    lines = []
    for kind in KINDS:
        less = _fitted(setting, Logistic, without=kind)
        blind = setting.truth[f"attainable_without_{kind}"].to_numpy()

        def measured(
            rows: npt.NDArray[np.int64],
            less: npt.NDArray[np.float64] = less,
            blind: npt.NDArray[np.float64] = blind,
        ) -> dict[str, float]:
            mine, without, truths, blinded = (
                auroc(came[rows], score[rows]) for score in (whole, less, best, blind)
            )
            model, truth = mine - without, truths - blinded
            return {"model": model, "truth": truth, "difference": model - truth}

        found = over_draws(measured, np.arange(len(came)), seed=0, draws=200)
        losses = [
            area - auroc(came, _fitted(setting, Logistic, without=kind, left_out=f))
            for f, area in enumerate(of_fifths)
        ]
        of_learning = (FOLDS - 1) / FOLDS * float(np.sum((losses - np.mean(losses)) ** 2))
        model = found["model"]["value"] or 0.0
        difference = found["difference"]["value"] or 0.0
        truth = found["truth"]["value"] or 0.0
        low, high = _interval(model, found["model"], of_learning, Z_OF_ALL)
        lines.append(
            {
                "outcome": setting.outcome,
                "without": kind,
                "loss_of_model": round(model, 4),
                "interval": _interval(model, found["model"], of_learning),
                "interval_of_all": [low, high],
                "loss_by_the_truth": round(truth, 4),
                "difference_interval": _interval(difference, found["difference"], of_learning),
                "agrees": low <= round(truth, 4) <= high,
            }
        )
    return lines


def _interval(
    value: float, drawn: dict[str, float | None], more: float, z: float = Z
) -> list[float]:
    """The interval of a value with the spread of its draws and another variance; 95 % where `z` is not given."""
    spread = ((drawn["high"] or 0.0) - (drawn["low"] or 0.0)) / (2 * Z)
    half = z * float(np.sqrt(spread**2 + more))
    return [round(value - half, 4), round(value + half, 4)]


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), tuple(map(int, sys.argv[2:4]))))
