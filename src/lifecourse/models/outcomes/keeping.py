"""A model of many outcomes on disk: JSON, ratios as plain numbers, a manifest and the store's signature."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from lifecourse.base.errors import ModelError
from lifecourse.base.files import to_json
from lifecourse.features import Recipe
from lifecourse.models.hazards.basis import Basis
from lifecourse.models.outcomes.baseline import AgeSexRates
from lifecourse.models.outcomes.model import OutcomesModel
from lifecourse.models.outcomes.ratios import HazardRatios
from lifecourse.models.persistence import CARD, MODEL, read_signed, write_signed
from lifecourse.timeline.derived import PLAIN, Derived

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = 1
KIND = "outcomes"
RATIOS, RATES = "ratios.npy", "rates.npy"


def save_outcomes(model: OutcomesModel, folder: Path, derived: Derived = PLAIN) -> None:
    """Leave `model` in `folder`, as `save_model` leaves a model of one task; the same model gives the same bytes."""
    document = {
        "format": FORMAT,
        "kind": KIND,
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
    write_signed(files, folder, derived)


def load_outcomes(folder: Path, derived: Derived | None = None) -> OutcomesModel:
    """The model in `folder`.

    Raises
    ------
    ModelError
        There is none, it is of one task, it was changed, or another store's key signed it or none did.
    """
    files = read_signed(folder, derived)
    document: Any = orjson.loads(files[MODEL])
    if document.get("kind") != KIND:
        what = "a sequence model" if "kind" in document else "of one task, not of many outcomes"
        raise ModelError(f"model '{folder.name}' is {what}.")
    if document["format"] != FORMAT:
        raise ModelError(f"model '{folder.name}' is of another format. Train it again.")
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


def kind_of(folder: Path, derived: Derived | None = None) -> str:
    """What a model is of: ``outcomes`` or ``sequence``, both of many outcomes; ``task``, of one."""
    document: Any = orjson.loads(read_signed(folder, derived)[MODEL])
    return str(document.get("kind", "task"))


def _bytes(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _array(content: bytes) -> np.ndarray:
    found: np.ndarray = np.load(io.BytesIO(content), allow_pickle=False)
    return found
