"""The numbers of the simulated hospital, from `parameters.yaml`."""

from __future__ import annotations

import datetime
from functools import cache
from pathlib import Path

from pydantic import Field

from lifecourse.base.yaml import Document, load_document


class Start(Document):
    """How a quantity is spread at the start and how it changes: `drift` per year, with `drift_sd` between people."""

    mean: float
    sd: float
    per_year_of_age: float
    drift: float
    drift_sd: float
    low: float
    high: float


class Hazard(Document):
    """Events per year at the centre, and what each covariate multiplies that by."""

    per_year: float = Field(gt=0)
    ratios: dict[str, float]


class Coded(Document):
    """A code that records carry; `digits` are decimals of its values."""

    code: str
    display: str
    table: str
    unit: str | None = None
    digits: int = 0


class Parameters(Document):
    """All parameters of the model."""

    version: str | float
    cut: datetime.date | str
    years: int
    source: str
    ages: tuple[float, float]
    female: float
    smoking: dict[str, float]
    visits_per_year: float
    start: dict[str, Start]
    noise: dict[str, float]
    hazards: dict[str, Hazard]
    effects: dict[str, float]
    care: dict[str, float]
    codes: dict[str, Coded]

    @property
    def cut_date(self) -> datetime.date:
        """The day on which the data end; nothing at or after its midnight is recorded."""
        return datetime.date.fromisoformat(str(self.cut)[:10])


@cache
def parameters() -> Parameters:
    """The parameters that come with the package."""
    return load_document(Path(__file__).with_suffix(".yaml"), Parameters)
