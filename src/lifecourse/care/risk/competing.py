"""Absolute risk between two ages, where death of other causes competes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lifecourse.care.risk.expressions import parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from lifecourse.care.risk.model import AbsoluteRisk

ATTAINED_AGE = "attained_age"


def absolute_risk(risk: AbsoluteRisk, columns: Mapping[str, Any]) -> npt.NDArray[np.float64]:
    """The probability of the event before death, between the two ages, times `scale`, for each row.

    Within a year of age both hazards are constant (Gail 1989, formula 6): a year adds
    ``h1 / (h1 + h2) * S * (1 - exp(-(h1 + h2) * length))``, S being survival free of both to its start.
    """
    start = np.asarray(parse(risk.start).evaluate(columns), dtype=np.float64)
    end = np.asarray(parse(risk.end).evaluate(columns), dtype=np.float64)
    hazards = _rows(risk.hazard, risk.by, columns)
    others = _rows(risk.competing, risk.by, columns)
    total, cumulative = np.zeros(len(start)), np.zeros(len(start))
    bands = hazards.shape[1]
    for age in range(int(risk.first_age), int(risk.first_age + bands * risk.band_years)):
        length = np.clip(np.minimum(end, age + 1) - np.maximum(start, age), 0.0, 1.0)
        band = int((age - risk.first_age) // risk.band_years)
        here = {**columns, ATTAINED_AGE: np.full(len(start), float(age))}
        hazard = hazards[:, band] * parse(risk.multiplier).evaluate(here)
        both = hazard + others[:, band]
        total += hazard / both * np.exp(-cumulative) * (1 - np.exp(-both * length))
        cumulative += both * length
    return np.where(end > start, risk.scale * total, np.nan)


def _rows(table: str, by: str, columns: Mapping[str, Any]) -> npt.NDArray[np.float64]:
    rows = columns[table]
    width = len(next(iter(rows.values())))
    unknown = (np.nan,) * width
    keys = [key if isinstance(key, str) or key is None else f"{key:g}" for key in columns[by]]
    return np.array([rows.get(key, unknown) for key in keys], dtype=np.float64)
