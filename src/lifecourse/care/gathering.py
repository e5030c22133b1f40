"""What scores need of a person, asked of the kernel in one batch, and turned into columns of inputs.

The same code serves one chart and a whole panel: every answer is a column, one row a person.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from lifecourse.care.risk.evaluate import evaluate_columns
from lifecourse.care.risk.expressions import is_missing
from lifecourse.care.risk.library import names, score_model
from lifecourse.schema.covariate import Covariate, Summary
from lifecourse.schema.window import before
from lifecourse.tasks.smoking import Smoking, smoking_covariates, status_and_evidence
from lifecourse.vocab.codelists import codelist
from lifecourse.vocab.units import between

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from lifecourse.care.risk.model import Input, ScoreModel

    Column = npt.NDArray[Any]
    Answers = Mapping[str, npt.NDArray[np.float64]]

# A drug without a stated end counts as taken for this long after it was started or last recorded.
DRUG_LOOKBACK_DAYS = 730.0


@cache
def assessed_models() -> tuple[ScoreModel, ...]:
    """The scores that an assessment makes: those whose file says how (`runs`)."""
    return tuple(model for model in map(score_model, names()) if model.runs)


@cache
def score_covariates() -> tuple[Covariate, ...]:
    """Everything the assessed scores ask of a chart, each question once."""
    asked: dict[str, Covariate] = {}
    for model in assessed_models():
        for each in model.inputs.values():
            asked |= {covariate.name: covariate for covariate in with_fallback(each)}
        for name in (*model.population.exclude, *model.population.require):
            covariate = condition_covariate(name)
            asked[covariate.name] = covariate
    return tuple(asked.values())


@cache
def covariates_of(each: Input) -> tuple[Covariate, ...]:
    """What one input asks; nothing for age, sex, choices and what only its user can state."""
    if each.kind == "smoking":
        return smoking_covariates()
    if each.codelist is None:
        return ()
    if each.kind == "condition":
        return (condition_covariate(each.codelist),)
    if each.kind == "drug":
        days = each.lookback_days or DRUG_LOOKBACK_DAYS
        return (_covariate(each.codelist, "active", days, Summary.ACTIVE),)
    return (_covariate(each.codelist, "last", each.lookback_days, Summary.LAST),)


def with_fallback(each: Input) -> tuple[Covariate, ...]:
    """What one input asks, and what the score asks that gives its value where the chart has none."""
    asked = covariates_of(each)
    if each.otherwise is None:
        return asked
    inputs = score_model(each.otherwise.split(".")[0]).inputs.values()
    return (*asked, *(covariate for source in inputs for covariate in covariates_of(source)))


def condition_covariate(name: str) -> Covariate:
    """Whether a condition was ever recorded."""
    return _covariate(name, "ever", None, Summary.EXISTS)


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is known of n people, as columns of one row a person.

    answers : to `score_covariates`, by name, float64[n]
    age : float64[n], completed years, NaN where not known; sex : object[n], ``female``, ``male`` or None
    """

    answers: Answers
    age: npt.NDArray[np.float64]
    sex: Column

    def inputs_of(self, model: ScoreModel) -> dict[str, Column]:
        """The inputs of `model`; missing stays missing."""
        columns: dict[str, Column] = {}
        for name, each in model.inputs.items():
            if each.kind == "age":
                columns[name] = self.age
            elif each.kind == "sex":
                columns[name] = self.sex
            elif each.kind == "smoking":
                columns[name] = self._smokes
            elif each.codelist is not None:
                columns[name] = self._measured(each)
        return columns

    @cached_property
    def smoking(self) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int64]]:
        """int8[n] `Smoking`, and int64[n] which of `smoking_covariates` has the record that decides; -1 for none."""
        return status_and_evidence(self.answers)

    @cached_property
    def _smokes(self) -> npt.NDArray[np.float64]:
        status = self.smoking[0]
        return np.where(
            status == Smoking.UNKNOWN, np.nan, (status == Smoking.CURRENT).astype(float)
        )

    def _measured(self, each: Input) -> npt.NDArray[np.float64]:
        (covariate,) = covariates_of(each)
        value = self.answers[covariate.name]
        if each.kind == "value" and each.unit is not None and each.codelist is not None:
            value = np.asarray(value * between(each.codelist, each.unit), dtype=np.float64)
        if each.otherwise is None:
            return value
        absent = is_missing(value)
        return np.where(absent, self._computed(each.otherwise), value) if absent.any() else value

    def _computed(self, source: str) -> npt.NDArray[np.float64]:
        """The output of another score (``ckd_epi_2021.egfr``), which the scores that ask for it share."""
        if source not in self._outputs:
            name, output = source.split(".")
            model = score_model(name)
            found = evaluate_columns(model, self.inputs_of(model), len(self.age))
            self._outputs[source] = found.outputs[output]
        return self._outputs[source]

    @cached_property
    def _outputs(self) -> dict[str, npt.NDArray[np.float64]]:
        return {}


def fixed_columns(
    model: ScoreModel, values: Mapping[str, str | float | None], n: int = 1
) -> dict[str, Column]:
    """Columns of n rows that all have the same value; None: it is missing."""
    return {
        name: np.full(n, value, dtype=object if model.inputs[name].is_text else np.float64)
        for name, value in values.items()
    }


@cache
def _covariate(name: str, how: str, days: float | None, summary: Summary) -> Covariate:
    window = before(None if days is None else timedelta(days=days))
    reach = "" if days is None else f".{days:g}d"
    return Covariate(
        name=f"{name}.{how}{reach}", codelist=codelist(name), window=window, summary=summary
    )
