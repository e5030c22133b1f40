"""The rules of a house, as its `lifecourse.yaml` has them under `access`."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from lifecourse.base.yaml import Document

Label = Literal["substance_use", "behavioural_health", "hiv", "reproductive"]
Demand = Literal["required", "not required"]


class AccessSettings(Document):
    """Who may see what.

    policies : a folder of Cedar policies in the workspace; the ones that are shipped when absent
    treatment_relationship : ``required``: who treats sees the people of their care team alone
    care_team : a CSV in the workspace that says who treats whom, from when until when
    protected : sensitivity labels in force: ``substance_use``, ``behavioural_health``, ``hiv``, ``reproductive``
    consent : ``required``: nothing is open that the person's FHIR Consent does not permit
    break_glass_minutes : how long an emergency opens one record
    """

    policies: str | None = None
    treatment_relationship: Demand = "not required"
    care_team: str = "access/care_team.csv"
    protected: tuple[Label, ...] = ()
    consent: Demand = "not required"
    break_glass_minutes: int = Field(default=15, ge=1, le=240)


class HouseSettings(Document):
    """What this layer reads of `lifecourse.yaml`; the rest is for others."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    access: AccessSettings = AccessSettings()
