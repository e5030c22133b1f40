"""A score as its file has it: inputs, ranges, equations, evidence and worked cases."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from lifecourse.base.yaml import Document

InputKind = Literal[
    "age", "sex", "value", "condition", "drug", "smoking", "choice", "stated", "set"
]


class Input(Document):
    """One input.

    kind : where a chart has it
        ``age`` in years, ``sex``, the last ``value`` of a codelist within the look-back, a ``condition`` ever,
        a ``drug`` active now, ``smoking`` (1 when the latest coded answer is a current smoker's), ``choice``
        (which equation), ``stated`` (given by whoever asks; a chart has none), ``set`` (a list of `values`)
    missing : ``refuse`` gives no score; ``allowed`` means the equation has a term for it
    when : an expression; where it is false the input is neither needed nor checked
    otherwise : the score that gives the value where the chart has none, ``ckd_epi_2021.egfr``
    """

    kind: InputKind
    title: str | None = None
    codelist: str | None = None
    unit: str | None = None
    lookback_days: float | None = None
    range: tuple[float | None, float | None] | None = None
    values: tuple[str | float, ...] = ()
    default: str | float | None = None
    missing: Literal["refuse", "allowed"] = "refuse"
    when: str | None = None
    otherwise: str | None = None

    @model_validator(mode="after")
    def _complete(self) -> Input:
        if self.kind in ("value", "condition", "drug") and not self.codelist:
            raise ValueError(f"an input of kind {self.kind} needs a codelist")
        if self.kind in ("choice", "set") and not self.values:
            raise ValueError(f"a {self.kind} needs its values")
        return self

    @property
    def is_text(self) -> bool:
        """Whether its values are words."""
        return self.kind == "sex" or any(isinstance(value, str) for value in self.values)


class AbsoluteRisk(Document):
    """Risk between two ages with competing death: constant hazards in bands of ages, times a person's factor.

    start, end : expressions of the two ages
    by : the column that chooses a row of the tables
    hazard, competing : tables of hazards per year, one row a group, in bands of `band_years` from `first_age`
    multiplier : expression of what the hazard is multiplied with at ``attained_age``
    scale : 100 for a risk in percent
    """

    start: str
    end: str
    by: str
    hazard: str
    competing: str
    first_age: float
    band_years: float
    multiplier: str
    scale: float = 1.0


class Equation(Document):
    """One equation: `output` from coefficients times terms, through the model's form.

    when : values of inputs and derived columns for which this equation stands
    terms : expression -> coefficient; their sum is ``lp``
    constants : names the form's link reads (``s0``, ``mean``)
    formula : in place of terms, the output itself
    absolute_risk : in place of terms, a risk between two ages
    """

    output: str
    when: dict[str, str | float] = Field(default_factory=dict)
    terms: dict[str, float] = Field(default_factory=dict)
    constants: dict[str, float] = Field(default_factory=dict)
    formula: str | None = None
    absolute_risk: AbsoluteRisk | None = None


class Output(Document):
    """What an output is: its title, unit, outcome and bands."""

    title: str
    unit: str = "probability"
    outcome: str | None = None
    horizon_years: float | None = None
    bands: tuple[Band, ...] = ()


class Band(Document):
    """A named part of an output's range, from `at_least` up to the next band; of one horizon if `years` says so."""

    name: str
    at_least: float
    years: float | None = None


class Warn(Document):
    """Words that go with a result where `when` is true."""

    when: str
    text: str


class Run(Document):
    """One evaluation that an assessment makes: fixed choices, and the ages it is meant for."""

    title: str
    set: dict[str, str | float] = Field(default_factory=dict)
    horizon_years: float | None = None
    ages: tuple[float | None, float | None] | None = None


class Comparator(Document):
    """The person the result is compared with: same age and sex, these inputs changed."""

    title: str
    set: dict[str, str | float]


class Population(Document):
    """Whom it is for; `exclude` names codelists of conditions that rule it out, `require` any of which is needed."""

    text: str
    exclude: tuple[str, ...] = ()
    require: tuple[str, ...] = ()


class Evidence(Document):
    """Where it was published, and what is known of its performance."""

    citation: str
    doi: str | None = None
    note: str | None = None


class Case(Document):
    """A published or recomputed example: `in` gives `out` within `tol`."""

    given: dict[str, Any] = Field(alias="in")
    out: dict[str, float]
    tol: float
    source: str = Field(alias="from")


class ScoreModel(Document):
    """A score file."""

    id: str
    version: str | float
    title: str
    form: Literal["logistic", "cox", "sum", "formula", "competing_risk"]
    population: Population
    inputs: dict[str, Input]
    derive: dict[str, str | float] = Field(default_factory=dict)
    tables: dict[str, dict[str, float | tuple[float, ...]]] = Field(default_factory=dict)
    equations: tuple[Equation, ...]
    then: str | None = None
    outputs: dict[str, Output]
    warnings: tuple[Warn, ...] = ()
    interval: str = "the published equation gives none"
    runs: tuple[Run, ...] = ()
    comparator: Comparator | None = None
    evidence: tuple[Evidence, ...]
    licence: str
    review_by: str
    cases: tuple[Case, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _consistent(self) -> ScoreModel:
        unknown = {equation.output for equation in self.equations} - set(self.outputs)
        if unknown:
            raise ValueError(f"equations give outputs that are not described: {sorted(unknown)}")
        return self

    @property
    def equation_name(self) -> str:
        """What every number of this score is labelled with."""
        return f"{self.title} (version {self.version})"
