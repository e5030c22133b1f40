"""Every record: genetics, lifestyle, environment, formats, meaning and quality."""

from __future__ import annotations

from typing import TYPE_CHECKING


if TYPE_CHECKING:
    from proofs.measuring import Proof

CHAPTER = "Every record"
PROOFS: tuple[Proof, ...] = (*fhir.PROOFS,)
