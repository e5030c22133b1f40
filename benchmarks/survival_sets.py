"""Five public sets of followed people, as features of ours and as tables for the peers, with folds and a time grid.

GBSG2, WHAS500 and FLCHAIN come with scikit-survival, support2 and Framingham with SurvSet, which lies in an environment
of its own. Three columns tell how it ended and are left out: FLCHAIN's cause of death, Framingham's row number, and
support2's state of function after two months, which says of the dead that they were not followed so long. support2's
forecasts by physicians and models (``sps``, ``surv2m``, ``surv6m``), and the order not to resuscitate, are judged with
and without.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from benchmarks.peers import peer
from scipy import sparse

from lifecourse.features import FeatureMatrix
from lifecourse.models.evaluation import Followed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]

SETS = ("GBSG2", "WHAS500", "FLCHAIN", "support2", "Framingham")
OF_SCIKIT_SURVIVAL = ("GBSG2", "WHAS500", "FLCHAIN")
TELL_THE_END = ("chapter", "pid", "fac_sfdm2")
PROGNOSES = ("num_sps", "num_surv2m", "num_surv6m", "fac_dnr")
REPEATS, FOLDS = 5, 5
GRID = np.arange(1, 10) / 10
"""Quantiles of the event times of the whole set: the days at which all are judged."""

EXPORT = """
import sys
from SurvSet.data import SurvLoader
table, _ = SurvLoader().load_dataset(ds_name=sys.argv[1]).values()
table.to_csv(sys.argv[2], index=False)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SurvivalSet:
    """One set.

    table : its covariates; followed : what came of each row, one cause; horizons_days : float64[9]
    """

    name: str
    table: pl.DataFrame
    followed: Followed
    horizons_days: Floats

    def without(self, columns: tuple[str, ...]) -> SurvivalSet:
        """The same people without some columns."""
        return SurvivalSet(
            name=f"{self.name} without forecasts",
            table=self.table.drop(columns),
            followed=self.followed,
            horizons_days=self.horizons_days,
        )

    def features(self) -> FeatureMatrix:
        """Numbers as covariates, missing left missing; each word of a column of words as a code."""
        numbers = [name for name in self.table.columns if self.table[name].dtype.is_numeric()]
        words = self.table.drop(numbers)
        marks = [
            (f"{name}={word}", (words[name] == word).fill_null(value=False).to_numpy())
            for name in words.columns
            for word in _told(words[name])
        ]
        codes = np.column_stack([mark for _, mark in marks] or [np.zeros((len(self.table), 0))])
        names = [name for name, _ in marks]
        n = self.table.height
        return FeatureMatrix(
            rows=pl.DataFrame({"subject_id": np.arange(n), "prediction_time": np.zeros(n)}),
            dense=self.table.select(numbers).cast(pl.Float64).fill_null(np.nan).to_numpy(),
            dense_names=numbers,
            codes=sparse.csr_matrix(codes.astype(np.float32)),
            code_names=names,
            vocabulary=names,
        )

    def folds(self) -> Iterator[tuple[Integers, Integers]]:
        """Who learns and who judges, 25 times; the same for everyone."""
        for repeat in range(REPEATS):
            fold = np.random.default_rng(repeat).permutation(len(self.followed)) % FOLDS
            for judged in range(FOLDS):
                yield np.flatnonzero(fold != judged), np.flatnonzero(fold == judged)


def survival_sets(
    folder: Path, names: tuple[str, ...] = SETS, *, whole: bool = False
) -> Iterator[SurvivalSet]:
    """The sets of `names`; what SurvSet gives is kept in `folder`. `whole` leaves in what tells how it ended."""
    for name in names:
        if name in OF_SCIKIT_SURVIVAL:
            table, event, days = _of_scikit_survival(name)
        else:
            table, event, days = _of_survset(name, folder)
        gone = [one for one in TELL_THE_END if one in table.columns and not whole]
        lasting = np.maximum(days, 0.5)  # an event of the first day came within it
        yield SurvivalSet(
            name=name,
            table=table.drop(gone),
            followed=Followed(duration_days=lasting, event=event.astype(np.int64)),
            horizons_days=np.unique(np.quantile(lasting[event], GRID)),
        )


def _of_scikit_survival(name: str) -> tuple[pl.DataFrame, npt.NDArray[np.bool_], Floats]:
    from sksurv import datasets

    table, outcome = getattr(datasets, f"load_{name.lower()}")()
    event, days = (outcome[field] for field in outcome.dtype.names)
    words = table.astype(dict.fromkeys(table.select_dtypes(["category", "object"]).columns, str))
    return _polars(words), event.astype(bool), days.astype(np.float64)


def _polars(table: Any) -> pl.DataFrame:
    columns = {name: table[name].to_numpy() for name in table.columns}
    return pl.DataFrame(
        {
            name: pl.Series([str(word) for word in column])
            if column.dtype == object
            else pl.Series(column.astype(np.float64)).fill_nan(None)
            for name, column in columns.items()
        }
    )


def _of_survset(name: str, folder: Path) -> tuple[pl.DataFrame, npt.NDArray[np.bool_], Floats]:
    path = folder / f"{name}.csv"
    if not path.exists():
        run = [str(peer("survset")), "-c", EXPORT, name, str(path)]
        subprocess.run(run, check=True, capture_output=True)
    table = pl.read_csv(path, infer_schema_length=None)
    words = [column for column in table.columns if column.startswith("fac_")]
    return (
        table.drop("event", "time").with_columns(pl.col(words).cast(pl.String)),
        table["event"].to_numpy().astype(bool),
        table["time"].to_numpy().astype(np.float64),
    )


def _told(words: pl.Series) -> list[str]:
    """The words of a column; of two, the second alone."""
    told = sorted(words.drop_nulls().unique().to_list())
    return told[1:] if len(told) == 2 else told


def for_peers(features: FeatureMatrix, learning: Integers) -> Floats:
    """float64[n, k]: missing numbers at the median of those who learn, with a flag; all columns standardised."""
    dense = features.dense
    missing = np.isnan(dense)
    filled = np.where(missing, np.nanmedian(dense[learning], axis=0), dense)
    columns = np.hstack(
        [filled, missing[:, missing.any(axis=0)].astype(float), features.codes.toarray()]
    )
    centre, spread = columns[learning].mean(axis=0), columns[learning].std(axis=0)
    return (columns - centre) / np.where(spread > 0, spread, 1.0)
