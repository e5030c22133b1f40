"""The numbers of the simulated hospital, from the files of `model/`, each with its source."""

from __future__ import annotations

import datetime
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, Field

from lifecourse.base.yaml import Document, load_document
from lifecourse.schema.address import address_codes

STEPS_PER_YEAR = 4
MODEL = Path(__file__).parent / "model"
PLANTED = MODEL / "planted.yaml"


class Smoking(Document):
    """Shares at the start and yearly chances of a change."""

    current: float
    former: float
    deprivation_odds: float
    packs_per_day: dict[str, float]
    quits_per_year: float
    relapses_per_year: float


class People(Document):
    """Who lives in the region."""

    version: str | float
    cut: datetime.date | str
    years: int
    ages: tuple[float, float]
    female: float
    siblings: float
    ancestries: dict[str, float]
    moves_per_year: float
    smoking: Smoking
    alcohol: dict[str, float]
    activity: dict[str, float]
    frailty: dict[str, float]
    family_history: dict[str, float]
    years_before: int

    @property
    def cut_date(self) -> datetime.date:
        """The day on which the data end; nothing at or after its midnight is recorded."""
        return datetime.date.fromisoformat(str(self.cut)[:10])


class County(Document):
    """A place: PM2.5 in ug/m3 in the first year and its yearly trend; deprivation from 0 to 1."""

    fips: str
    name: str
    state: str
    weight: float
    pm25: float
    trend: float
    deprivation: float


class Places(Document):
    """Where people live."""

    source: str
    counties: tuple[County, ...]


class Quantity(Document):
    """A latent quantity: spread at the start, slopes with age, time and BMI, noise of one measurement."""

    mean: float
    sd: float
    age: float
    female: float
    per_bmi: float = 0.0
    drift: float
    drift_sd: float
    low: float
    high: float
    noise: float


class Body(Document):
    """Quantities, and what illness and treatment do to them.

    falling_hemoglobin : ``share`` of people whose level moves once, ``per_year`` g/dL for ``years``, and how long after
        (``years_after``) the hazard stays raised
    """

    source: str
    quantities: dict[str, Quantity]
    falling_hemoglobin: dict[str, float]
    effects: dict[str, float | dict[str, float]]

    def effect(self, name: str) -> float:
        """A plain effect."""
        value = self.effects[name]
        return value["mean"] if isinstance(value, dict) else value


class Hazard(Document):
    """Events per year at the centre, and what each covariate multiplies that by per unit."""

    per_year: float = Field(gt=0)
    ratios: dict[str, float]


class Variant(Document):
    """A pharmacogene's variant (GRCh38), with the frequency of the alternate allele by ancestry label."""

    rsid: str
    gene: str
    allele: str
    chromosome: str
    position: int
    reference: str
    alternate: str
    source: str
    frequency: dict[str, float]


class Genes(Document):
    """Pharmacogenes and made polygenic scores."""

    pharmacogenes: tuple[Variant, ...]
    polygenic: dict[str, Any]
    effects: dict[str, Any]


class Care(Document):
    """Visits, tests, what is written down, what is started."""

    visits: dict[str, float]
    tests: dict[str, dict[str, float]]
    asked: dict[str, float]
    recorded: dict[str, float]
    never_written: float
    noted: float
    errs: float
    started: dict[str, float]
    stopped_per_year: float
    varenicline_quit_chance: float
    readmission: float
    gap: dict[str, float]


class Coded(Document):
    """A code that records carry; `digits` are decimals of its values."""

    code: str
    display: str
    table: str
    unit: str | None = None
    digits: int = 0


class Parameters(Document):
    """All parameters of the model."""

    people: People
    places: Places
    body: Body
    illness: dict[str, Hazard]
    genes: Genes
    care: Care
    planted: dict[str, Any]
    codes: dict[str, Coded]

    @property
    def steps(self) -> int:
        """Quarters of records before the cut."""
        return self.people.years * STEPS_PER_YEAR

    @property
    def version(self) -> str:
        """Of the parameters."""
        return str(self.people.version)


class _Illness(Document):
    model_config = ConfigDict(**{**Document.model_config, "extra": "allow"})
    __pydantic_extra__: dict[str, Hazard]


class _Codes(Document):
    codes: dict[str, Coded]


class _Planted(Document):
    model_config = ConfigDict(**{**Document.model_config, "extra": "allow"})
    __pydantic_extra__: dict[str, dict[str, Any]]


@cache
def parameters() -> Parameters:
    """The parameters that come with the package.

    Raises
    ------
    ConfigError
        A file of `model/` is not well formed; the message names file, line and key.
    """
    illness = load_document(MODEL / "illness.yaml", _Illness)
    planted = load_document(PLANTED, _Planted)
    places = load_document(MODEL / "places.yaml", Places)
    return Parameters(
        people=load_document(MODEL / "people.yaml", People),
        places=places,
        body=load_document(MODEL / "body.yaml", Body),
        illness=dict(illness.__pydantic_extra__ or {}),
        genes=load_document(MODEL / "genes.yaml", Genes),
        care=load_document(MODEL / "care.yaml", Care),
        planted=dict(planted.__pydantic_extra__ or {}),
        codes={**load_document(MODEL / "codes.yaml", _Codes).codes, **_addresses(places)},
    )


def _addresses(places: Places) -> dict[str, Coded]:
    """An item for each county that somebody can live in."""
    return {
        address_item(county.fips): Coded(
            code=address_codes(state=county.state, county=county.name)[0],
            display=f"{county.name}, {county.state}",
            table="address",
        )
        for county in places.counties
    }


def address_item(fips: str) -> str:
    """The item that says that somebody lives in a county."""
    return f"address_{fips}"
