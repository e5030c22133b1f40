"""A sequence model on disk: JSON, weights as safetensors, a manifest and the store's signature."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
import orjson
import torch
from safetensors import SafetensorError
from safetensors.numpy import load, save

from lifecourse.base.errors import ModelError
from lifecourse.base.files import to_json
from lifecourse.models.outcomes.baseline import AgeSexRates
from lifecourse.models.persistence import CARD, MODEL, SEQUENCE, read_document, write_signed
from lifecourse.models.sequence.asking import network_of
from lifecourse.models.sequence.model import SequenceModel
from lifecourse.models.sequence.network import Shape
from lifecourse.models.sequence.tokens import Vocabulary
from lifecourse.timeline.derived import PLAIN, Derived

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FORMAT = 1
WEIGHTS = "weights.safetensors"
RATES = "rates"


def save_sequence(
    model: SequenceModel,
    folder: Path,
    derived: Derived = PLAIN,
    *,
    notes: Mapping[str, object] | None = None,
) -> None:
    """Leave `model` in `folder`, as `save_model` leaves a model of one task; the same model gives the same bytes."""
    document = {
        "format": FORMAT,
        "kind": SEQUENCE,
        "names": model.names,
        "titles": model.titles,
        "facts": model.vocabulary.facts,
        "events": model.vocabulary.events,
        "shape": asdict(model.network.shape),
        "meanwhile": model.meanwhile.tolist(),
    }
    weights = {name: one.numpy() for name, one in model.network.state_dict().items()}
    files = {
        MODEL: to_json(document),
        CARD: to_json(model.card),
        WEIGHTS: save({**weights, RATES: model.rates.cumulated}),
    }
    write_signed(files, folder, derived, notes=notes)


def load_sequence(folder: Path, derived: Derived | None = None) -> SequenceModel:
    """The model in `folder`.

    Raises
    ------
    ModelError
        There is none, it is of another kind or format, it was changed, or another store's key signed it or none did.
    """
    document, files = read_document(folder, derived, kind=SEQUENCE, version=FORMAT)
    vocabulary = Vocabulary(facts=document["facts"], events=document["events"])
    network = network_of(vocabulary, len(document["names"]), Shape(**document["shape"]))
    try:
        weights = load(files[WEIGHTS])
        rates = weights.pop(RATES)
        network.load_state_dict({name: torch.from_numpy(one) for name, one in weights.items()})
    except (KeyError, RuntimeError, SafetensorError):
        raise ModelError(
            f"{WEIGHTS} of model '{folder.name}' does not fit its {MODEL}. Train it again."
        ) from None
    network.eval()
    return SequenceModel(
        names=document["names"],
        titles=document["titles"],
        rates=AgeSexRates(cumulated=rates),
        vocabulary=vocabulary,
        network=network,
        meanwhile=np.array(document["meanwhile"]),
        card=dict(orjson.loads(files[CARD])),
    )
