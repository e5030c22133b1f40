"""The learner that training keeps: linear and boosted hazards, alone or their average."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lifecourse.models.hazards.boosted import BoostedHazards, mean_hazards
from lifecourse.models.hazards.incidence import Hazards, cumulative_incidence
from lifecourse.models.hazards.levelling import Levelling
from lifecourse.models.hazards.linear import LinearHazards

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from lifecourse.features import FeatureMatrix

    Floats = npt.NDArray[np.float64]

LINEAR, TREES, AVERAGE = "linear", "trees", "average"
KINDS = (LINEAR, TREES, AVERAGE)
PARTS = {LINEAR: (LINEAR,), TREES: (TREES,), AVERAGE: (LINEAR, TREES)}
"""Whose hazards a kind is the mean of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HazardLearner:
    """Hazards of c causes as `kind` says: the mean of members that each learned without one fold of the people.

    linear, boosted : one a member
    horizons_days : float64[h], at which it is calibrated and judged
    levelling : what makes the hazards level in people of each age, sex and deprivation; None where nothing does
    """

    kind: str
    linear: list[LinearHazards]
    boosted: list[BoostedHazards]
    horizons_days: Floats
    levelling: Levelling | None = None

    @property
    def n_causes(self) -> int:
        """How many causes compete."""
        return len(self.linear[0].rate)

    @property
    def edges(self) -> Floats:
        """float64[g + 1] days."""
        return self.linear[0].edges

    def incidence(
        self, features: FeatureMatrix, horizons_days: npt.ArrayLike | None = None
    ) -> Floats:
        """float64[r, c, h]: the probability of each cause by each horizon, before calibration."""
        horizons = self.horizons_days if horizons_days is None else horizons_days
        parts = []
        if LINEAR in PARTS[self.kind]:
            parts.append(LinearHazards.mean(self.linear).hazards(features))
        if TREES in PARTS[self.kind]:
            parts.append(mean_hazards(self.boosted, features))
        if self.levelling is not None:
            parts = self.levelling.applied(parts, features, self.edges, self.boosted[0].period)
        return cumulative_incidence(self.edges, parts, horizons)

    def members(self) -> list[HazardLearner]:
        """Each member as a learner of its own."""
        return [
            replace(self, linear=[linear], boosted=[boosted])
            for linear, boosted in zip(self.linear, self.boosted, strict=True)
        ]

    def contributions(self, features: FeatureMatrix) -> Floats:
        """float64[r, columns]: what each adds to the log hazard of the first cause."""
        found = []
        if LINEAR in PARTS[self.kind]:
            found.append(LinearHazards.mean(self.linear).contributions(features))
        if TREES in PARTS[self.kind]:
            found.append(
                np.mean([member.contributions(features) for member in self.boosted], axis=0)
            )
        mean = np.asarray(np.mean(found, axis=0))
        return mean if self.levelling is None else self.levelling.contributions(mean, features, 1)

    def to_dict(self) -> dict[str, Any]:
        """All but the trees, JSON-ready."""
        return {
            "kind": self.kind,
            "linear": [member.to_dict() for member in self.linear],
            "boosted": [member.to_dict() for member in self.boosted],
            "horizons_days": self.horizons_days.tolist(),
            "levelling": self.levelling.to_dict() if self.levelling else None,
        }

    def to_bytes(self) -> list[bytes]:
        """The trees as UBJ: of each member, each cause's."""
        return [raw for member in self.boosted for raw in member.to_bytes()]

    @classmethod
    def from_dict(cls, document: dict[str, Any], raw: Sequence[bytes]) -> HazardLearner:
        """What `to_dict` and `to_bytes` gave."""
        linear = [LinearHazards.from_dict(one) for one in document["linear"]]
        k = len(linear[0].rate)
        return cls(
            kind=document["kind"],
            linear=linear,
            boosted=[
                BoostedHazards.from_bytes(one, raw[place * k : (place + 1) * k])
                for place, one in enumerate(document["boosted"])
            ],
            horizons_days=np.array(document["horizons_days"]),
            levelling=Levelling.from_dict(level) if (level := document.get("levelling")) else None,
        )


def parts_of(kind: str, both: tuple[Hazards, Hazards]) -> list[Hazards]:
    """Those of the linear and the boosted hazards that a kind is the mean of."""
    return [
        hazards for name, hazards in zip((LINEAR, TREES), both, strict=True) if name in PARTS[kind]
    ]
