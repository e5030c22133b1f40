"""Every record: genetics, lifestyle, environment, formats, meaning and quality."""

from __future__ import annotations

from proofs.measuring import Proof

PROOFS: tuple[Proof, ...] = ()
