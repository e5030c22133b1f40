"""Every record: genetics, lifestyle, environment, formats, meaning and quality."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proofs import fhir

if TYPE_CHECKING:
    from proofs.measuring import Proof

PROOFS: tuple[Proof, ...] = (*fhir.PROOFS,)
