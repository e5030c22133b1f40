"""The rules of a house, as its `lifecourse.yaml` has them under `access`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

Label = Literal["substance_use", "behavioural_health", "hiv", "reproductive"]
Demand = Literal["required", "not required"]
LONGEST_MINUTES = 240


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessSettings:
    """Who may see what.

    policies : a folder of Cedar policies in the workspace; the ones that are shipped when absent
    treatment_relationship : ``required``: who treats sees the people of their care team alone
    care_team : a CSV in the workspace that says who treats whom, from when until when
    protected : sensitivity labels in force: ``substance_use``, ``behavioural_health``, ``hiv``, ``reproductive``
    consent : ``required``: nothing is open that the person's FHIR Consent does not permit
    break_glass_minutes : how long an emergency opens one record, 1 to 240
    """

    # Every command asks these; the models of documents, which read them from a file, are loaded where there is one.
    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    policies: str | None = None
    treatment_relationship: Demand = "not required"
    care_team: str = "access/care_team.csv"
    protected: tuple[Label, ...] = ()
    consent: Demand = "not required"
    break_glass_minutes: int = 15

    def __post_init__(self) -> None:
        if not 1 <= self.break_glass_minutes <= LONGEST_MINUTES:
            raise ValueError(f"break_glass_minutes is 1 to {LONGEST_MINUTES}")
