"""Something to look into before a model is believed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Concern:
    """One thing that may be wrong with a study.

    grave : whether a model of it would be worthless, so that none is made
    column : the feature it is about, if one
    said : what was found, why it matters and what to do
    measured : the figures behind it, by name
    """

    kind: str
    grave: bool
    said: str
    column: str | None = None
    measured: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)
