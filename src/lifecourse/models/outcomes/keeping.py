"""A model of many outcomes on disk: JSON, ratios as plain numbers, a manifest and the store's signature."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import orjson

from lifecourse.base.files import to_json
from lifecourse.features import Recipe
from lifecourse.models.hazards.basis import Basis
from lifecourse.models.outcomes.baseline import AgeSexRates
from lifecourse.models.outcomes.model import OutcomesModel
from lifecourse.models.outcomes.ratios import HazardRatios
from lifecourse.models.persistence import CARD, MODEL, OUTCOMES, read_document, write_signed
from lifecourse.timeline.derived import PLAIN, Derived

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FORMAT = 1
RATIOS, RATES = "ratios.npy", "rates.npy"


def save_outcomes(
    model: OutcomesModel,
    folder: Path,
    derived: Derived = PLAIN,
    *,
    notes: Mapping[str, object] | None = None,
) -> None:
    """Leave `model` in `folder`, as `save_model` leaves a model of one task; the same model gives the same bytes."""
    document = {
        "format": FORMAT,
        "kind": OUTCOMES,
        "names": model.names,
        "titles": model.titles,
        "recipe": model.recipe.model_dump(mode="json"),
        "vocabulary": model.vocabulary,
        "basis": model.ratios.basis.to_dict(),
        "level": model.ratios.level.tolist(),
        "totals": model.ratios.totals,
    }
    files = {
        MODEL: to_json(document),
        CARD: to_json(model.card),
        RATIOS: _bytes(model.ratios.beta),
        RATES: _bytes(model.rates.cumulated),
    }
    write_signed(files, folder, derived, notes=notes)


def load_outcomes(folder: Path, derived: Derived | None = None) -> OutcomesModel:
    """The model in `folder`.

    Raises
    ------
    ModelError
        There is none, it is of another kind or format, it was changed, or another store's key signed it or none did.
    """
    document, files = read_document(folder, derived, kind=OUTCOMES, version=FORMAT)
    return OutcomesModel(
        names=document["names"],
        titles=document["titles"],
        recipe=Recipe.model_validate(document["recipe"]),
        vocabulary=document["vocabulary"],
        rates=AgeSexRates(cumulated=_array(files[RATES])),
        ratios=HazardRatios(
            basis=Basis.from_dict(document["basis"]),
            beta=_array(files[RATIOS]),
            level=np.array(document["level"]),
            totals=document["totals"],
        ),
        card=dict(orjson.loads(files[CARD])),
    )


def _bytes(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _array(content: bytes) -> np.ndarray:
    found: np.ndarray = np.load(io.BytesIO(content), allow_pickle=False)
    return found
