"""A model against the truth of a simulated hospital: how much of what could be foreseen it foresees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from lifecourse.base.clock import DAYS_PER_YEAR, MICROSECONDS_PER_DAY
from lifecourse.base.errors import ModelError
from lifecourse.features import featurize
from lifecourse.models.evaluation import auroc, over_draws
from lifecourse.models.model import age_band, sex_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt

    from lifecourse.models.model import RiskModel
    from lifecourse.timeline.access import Timeline

    Floats = npt.NDArray[np.float64]
    Flags = npt.NDArray[np.bool_]
    Names = npt.NDArray[np.object_]

ALERT_RATE = 0.05
EARLY_MONTHS = 12
SMALLEST_GROUP = 200
DAYS_PER_MONTH = DAYS_PER_YEAR / 12


def compare_with_truth(
    model: RiskModel,
    timeline: Timeline,
    truth: Path,
    *,
    outcome: str | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Score `model` on the people of `timeline` by the truth that `simulate` left in the folder `truth`.

    Asked about is everyone alive and free of `outcome`, in truth and in the records, at the moment the truth was told
    for; what came is the true onset, whether or not anyone wrote it down. `outcome` is one of the truth's; where None,
    the one that the task is named after. The horizon is the task's, in whole years.

    Returns ``auroc`` of the model, of the records oracle (``attainable``, where the truth has it) and of the true risk
    (``latent``), and ``share_of_attainable_gain`` = (model - 0.5) / (attainable - 0.5), each with the 95 % interval of
    200 draws of people; predicted, true and observed risk of everyone and by sex, age and true smoking, with the
    interval of predicted over true; and how early the alerts of the 5 % at highest risk come, by the model and, for
    comparison, by what is attainable and by the true risk.

    Raises
    ------
    ModelError
        The truth has no such outcome or horizon, or is not about the people of this store.
    """
    table = _asked_about(timeline, truth, _outcome(model, truth, outcome), _years(model))
    features = featurize(
        timeline,
        table.select(subject_id="person", prediction_time="time"),
        model.recipe,
        vocabulary=model.vocabulary,
    )
    risk = model.risk(features)
    happened = table["happened"].to_numpy().astype(bool)
    if not 0 < happened.mean() < 1:
        raise ModelError(
            f"{int(happened.sum())} of {len(happened)} people came to have it: nothing to judge a model on."
        )
    scores = {"model": risk, "latent": table["risk"].to_numpy()}
    if "attainable" in table.columns and table["attainable"].null_count() == 0:
        scores["attainable"] = table["attainable"].to_numpy()
    return {
        "outcome": table["outcome"][0],
        "years": int(table["years"][0]),
        "people": table.height,
        "events": int(happened.sum()),
        **_discrimination(happened, scores, seed),
        "groups": list(_groups(happened, scores, _kinds(features.dense, truth, table), seed)),
        "alerts": {
            "rate": ALERT_RATE,
            "by": {name: _alerts(score, table) for name, score in scores.items()},
        },
    }


def _outcome(model: RiskModel, truth: Path, named: str | None) -> str:
    known = _risks(truth).select(pl.col("outcome").unique().sort()).collect()["outcome"].to_list()
    if named in known:
        return str(named)
    meant = [name for name in known if named is None and name in model.name]
    if meant:
        return str(max(meant, key=len))
    raise ModelError(
        f"the truth says nothing of '{named or model.name}'. Name one of: {', '.join(known)}."
    )


def _years(model: RiskModel) -> int:
    days = model.card["horizon_days"]
    if days is None:
        raise ModelError(
            f"task '{model.name}' has no horizon, and a true risk is one in so many years."
        )
    return round(days / DAYS_PER_YEAR)


def _risks(truth: Path) -> pl.LazyFrame:
    if not any((truth / "risks").glob("*.parquet")):
        raise ModelError(
            f"there are no true risks in '{truth.name}'. Give the folder `truth` that `lifecourse simulate` left."
        )
    return pl.scan_parquet(truth / "risks" / "*.parquet")


def _asked_about(timeline: Timeline, truth: Path, outcome: str, years: int) -> pl.DataFrame:
    of_outcome = (pl.col("outcome") == outcome) & (pl.col("years") == years)
    asked = of_outcome & ~pl.col("is_recorded") & pl.col("happened").is_not_null()
    table = _risks(truth).filter(asked).collect()
    if table.is_empty():
        raise ModelError(
            f"the truth does not tell who came to have {outcome} within {years} years: the records end earlier."
        )
    table = table.filter(pl.col("person").is_in(timeline.persons()["subject_id"].implode()))
    if table.is_empty():
        raise ModelError(
            "the truth is about other people than this store. Give the truth that came with it."
        )
    return table


def _discrimination(happened: Flags, scores: dict[str, Floats], seed: int) -> dict[str, Any]:
    """AUROCs and the share of the attainable gain, of the same people in each draw."""

    def measured(rows: npt.NDArray[np.int64]) -> dict[str, float]:
        areas = {name: auroc(happened[rows], score[rows]) for name, score in scores.items()}
        if "attainable" in areas:
            areas["share"] = (areas["model"] - 0.5) / (areas["attainable"] - 0.5)
        return areas

    found = over_draws(measured, np.arange(len(happened)), seed=seed)
    told: dict[str, Any] = {"auroc": {name: found[name] for name in scores}}
    if "share" in found:
        told["share_of_attainable_gain"] = found["share"]
    return told


def _kinds(dense: Floats, truth: Path, table: pl.DataFrame) -> dict[str, Names]:
    """By kind of group, the name of each person's; of true smoking where the truth tells it."""
    kinds = {
        "everyone": np.full(table.height, "", dtype=object),
        "sex": np.array([sex_name(value) for value in dense[:, 1]], dtype=object),
        "age": np.array([age_band(value) for value in dense[:, 0]], dtype=object),
    }
    if any((truth / "people").glob("*.parquet")):
        people = pl.scan_parquet(truth / "people" / "*.parquet")
        if "smoking" in people.collect_schema():
            told = people.select("person", "smoking").collect()
            joined = table.select("person").join(
                told, on="person", how="left", maintain_order="left"
            )
            kinds["smoking"] = joined["smoking"].fill_null("unknown").to_numpy().astype(object)
    return kinds


def _groups(
    happened: Flags, scores: dict[str, Floats], kinds: dict[str, Names], seed: int
) -> Iterator[dict[str, Any]]:
    """Mean predicted, true and observed risk of each group of 200 or more; predicted over true with its interval."""
    risk, true = scores["model"], scores["latent"]
    for kind, names in kinds.items():
        for name in sorted(set(names)):
            mine = np.flatnonzero(names == name)
            if len(mine) < SMALLEST_GROUP:
                continue

            yield {
                "group": f"{kind}: {name}" if name else kind,
                "people": len(mine),
                "predicted": float(risk[mine].mean()),
                "true": float(true[mine].mean()),
                "observed": float(happened[mine].mean()),
                "predicted_over_true": _ratio(risk[mine], true[mine], seed),
            }


def _ratio(risk: Floats, true: Floats, seed: int) -> dict[str, float | None]:
    """Mean predicted over mean true risk, with its interval over draws of people."""

    def measured(rows: npt.NDArray[np.int64]) -> dict[str, float]:
        return {"ratio": float(risk[rows].mean() / true[rows].mean())}

    return over_draws(measured, np.arange(len(risk)), seed=seed)["ratio"]


def _alerts(risk: Floats, table: pl.DataFrame) -> dict[str, Any]:
    """Of those who came to have it, who were among the 5 % at highest risk, and how long before.

    ``quartiles_months_before``: of those caught, from the moment asked about to the onset; None where nobody was.
    """
    n_alerts = max(round(ALERT_RATE * len(risk)), 1)
    alerted = np.zeros(len(risk), dtype=np.bool_)
    alerted[np.argsort(-risk, kind="stable")[:n_alerts]] = True
    came = table.with_columns(alerted=alerted).filter("happened")
    days = (pl.col("onset") - pl.col("time")).dt.total_microseconds() / MICROSECONDS_PER_DAY
    months = came.filter("alerted").select(days / DAYS_PER_MONTH).to_series().to_numpy()
    quartiles = np.quantile(months, [0.25, 0.5, 0.75]).tolist() if len(months) else None
    return {
        "share_caught": len(months) / came.height,
        "share_caught_early": float((months >= EARLY_MONTHS).sum() / came.height),
        "right": len(months) / n_alerts,
        "quartiles_months_before": quartiles,
    }
