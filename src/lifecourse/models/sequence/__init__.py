"""Many outcomes at once from the order and the ages of what came before: a small transformer (extra `deep`)."""

from lifecourse.base.errors import ModelError

try:
    from lifecourse.models.sequence.futures import sample_futures
    from lifecourse.models.sequence.keeping import load_sequence, save_sequence
    from lifecourse.models.sequence.model import SequenceModel
    from lifecourse.models.sequence.training import train_sequence
except ModuleNotFoundError as missing:
    if missing.name not in ("torch", "safetensors"):
        raise
    raise ModelError(
        "the sequence model needs the extra `deep`: pip install 'lifecourse[deep]'."
    ) from None

__all__ = [
    "SequenceModel",
    "load_sequence",
    "sample_futures",
    "save_sequence",
    "train_sequence",
]
