"""The truth beside the records: who has what since when, what is planted, and each person's true risk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from lifecourse.simulation.charting import DAYS_PER_YEAR, US_PER_DAY, begin_microseconds
from lifecourse.simulation.clinic import EVERYONE
from lifecourse.simulation.futures import (
    COMPOSITE,
    HORIZONS,
    LANDMARK_YEARS,
    OUTCOMES,
    has_had,
    true_risks,
)
from lifecourse.simulation.observed import is_recorded
from lifecourse.simulation.state import CARDIOVASCULAR, SMOKING, under_treatment

if TYPE_CHECKING:
    from lifecourse.simulation.clinic import Forced
    from lifecourse.simulation.history import History
    from lifecourse.simulation.oracle import RecordsOracle
    from lifecourse.simulation.parameters import Parameters

TREATMENTS = (
    "statin",
    "ace_inhibitor",
    "metformin",
    "sglt2_inhibitor",
    "anticoagulant",
    "varenicline",
)


def true_people(history: History, model: Parameters) -> pl.DataFrame:
    """One row per person, at the cut or the death.

    Columns: person, age, female, ``onset_<illness>`` and ``recorded_<illness>`` (Datetime, null where it has not come
    or was never written down), onset_lasting_ckd (when eGFR had been below 60 for three months), ``true_<quantity>``
    (without noise), smoking, genotyped, county (FIPS), ``pgs_<score>``, insulin_deficient, hemoglobin_falls_from.
    """
    people, state = history.people, history.state
    begin = begin_microseconds(model)
    columns: dict[str, pl.Series | np.ndarray | list[str]] = {
        "person": np.arange(people.first, people.first + people.n),
        "age": people.age + np.minimum(state.years, state.onset["death"]),
        "female": people.female,
    }
    for illness, onset in state.onset.items():
        columns[f"onset_{illness}"] = _moments(onset, begin)
        if illness in state.known:
            columns[f"recorded_{illness}"] = _moments(state.known[illness], begin)
    columns["onset_lasting_ckd"] = _moments(state.lasting_ckd, begin)
    for name, value in under_treatment(people, state).items():
        columns[f"true_{name}"] = value
    columns["smoking"] = [SMOKING[place] for place in state.smoking]
    columns["genotyped"] = people.genotyped
    counties = [county.fips for county in model.places.counties]
    columns["county"] = [counties[place] for place in people.county[:, model.people.years - 1]]
    for name, score in people.polygenic.items():
        columns[f"pgs_{name}"] = score
    columns["insulin_deficient"] = people.insulin_deficient
    columns["hemoglobin_falls_from"] = _moments(people.fall_begins, begin)
    return pl.DataFrame(columns)


def risks_at_landmark(
    history: History,
    model: Parameters,
    rng: np.random.Generator,
    *,
    futures: int,
    treatments: bool,
) -> pl.DataFrame:
    """True risks of those alive at the landmark, `LANDMARK_YEARS` before the cut.

    Columns: person, time, outcome, years, risk, happened (within those years; null where they reach beyond the cut),
    onset (null where it did not come before the cut), is_recorded (whether the records show by then that it has been),
    and with `treatments` ``with_<drug>`` and ``without_<drug>``: the risk if everyone takes or nobody takes the drug
    from then on. People past a first event have no row for that outcome.
    """
    years = float(model.people.years - LANDMARK_YEARS)
    people, state = history.people, history.snapshots[years]
    seed = int(rng.integers(2**63))

    def risks(forced: Forced | None) -> dict[tuple[str, int], np.ndarray]:
        # The same futures' chance for each treatment: their difference is the treatment.
        own = np.random.default_rng(seed)
        return true_risks(people, state, model, own, futures=futures, forced=forced)

    plain = risks(None)
    forced = {}
    for drug in TREATMENTS if treatments else ():
        forced[f"with_{drug}"] = risks({drug: (EVERYONE, True)})
        forced[f"without_{drug}"] = risks({drug: (EVERYONE, False)})
    moment = begin_microseconds(model) + int(years * DAYS_PER_YEAR) * US_PER_DAY
    tables = []
    for outcome in OUTCOMES:
        here = np.flatnonzero(state.alive & ~has_had(state, outcome))
        recorded = is_recorded(history, outcome, years)[here]
        when = first_onset(history, outcome)[here]
        onset = _moments(when, begin_microseconds(model))
        for horizon in HORIZONS:
            is_within_records = horizon <= LANDMARK_YEARS
            tables.append(
                pl.DataFrame(
                    {
                        "person": people.first + here,
                        "risk": np.minimum(plain[(outcome, horizon)][here], 1.0),
                        "happened": when <= years + horizon if is_within_records else None,
                        "onset": onset,
                        "is_recorded": recorded,
                        **{
                            name: np.minimum(risk[(outcome, horizon)][here], 1.0)
                            for name, risk in forced.items()
                        },
                    },
                    schema_overrides={"happened": pl.Boolean},
                ).with_columns(
                    time=pl.lit(moment).cast(pl.Datetime("us")),
                    outcome=pl.lit(outcome),
                    years=pl.lit(horizon, pl.Int32),
                )
            )
    first = ["person", "time", "outcome", "years"]
    return pl.concat(tables).select(*first, pl.exclude(*first))


def with_attainable(
    risks: pl.DataFrame, oracle: RecordsOracle, history: History, model: Parameters
) -> pl.DataFrame:
    """`risks` with a column ``attainable``: what the records oracle says; null for outcomes that it was not taught.

    Where the oracle has twins that do not look at a kind of knowledge, ``attainable_without_<kind>`` beside it.
    """
    years = float(model.people.years - LANDMARK_YEARS)
    people = np.arange(history.people.first, history.people.first + history.people.n)
    oracles = {"attainable": oracle}
    oracles |= {f"attainable_without_{kind}": twin for kind, twin in oracle.without.items()}
    for name, each in oracles.items():
        told = [
            pl.DataFrame({"person": people, name: np.minimum(risk, 1.0)}).with_columns(
                outcome=pl.lit(outcome), years=pl.lit(horizon, pl.Int32)
            )
            for (outcome, horizon), risk in each.risks(history, years, model).items()
        ]
        risks = risks.join(
            pl.concat(told), on=["person", "outcome", "years"], how="left", maintain_order="left"
        )
    return risks


def first_onset(history: History, outcome: str) -> np.ndarray:
    """When the outcome first came, float64[n], years since the records begin; inf where it has not."""
    onset = history.state.onset
    if outcome == COMPOSITE:
        return np.asarray(np.minimum.reduce([onset[name] for name in CARDIOVASCULAR]))
    return onset[outcome]


def _moments(years: np.ndarray, begin: int) -> pl.Series:
    never = ~np.isfinite(years)
    whole = begin + np.where(never, 0.0, years) * DAYS_PER_YEAR * US_PER_DAY
    moments = pl.Series(whole.astype(np.int64)).cast(pl.Datetime("us"))
    return moments.zip_with(
        pl.Series(~never), pl.Series([None] * len(years), dtype=pl.Datetime("us"))
    )
