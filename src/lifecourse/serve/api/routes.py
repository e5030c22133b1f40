"""The JSON twin of every page, in one envelope."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from lifecourse.serve.emergency import LONGEST_REASON, break_glass
from lifecourse.serve.envelope import success
from lifecourse.serve.identity import Results, Served, SignedIn, SubjectId
from lifecourse.serve.panel import Search, panel
from lifecourse.serve.patient import patient
from lifecourse.serve.reviewing import chart_page, review, reviews

router = APIRouter(prefix="/api")


@router.get("/patients")
def patients(
    actor: SignedIn, site: Served, q: str = "", fires: str = "", order: str = "", page: int = 1
) -> Response:
    """A page of patients and who fires what."""
    found = panel(site, actor, Search(words=q, fires=fires, order=order, page=page))
    return success(found, purpose="direct_care")


@router.get("/patients/{subject_id}")
def one_patient(
    subject_id: SubjectId, actor: SignedIn, site: Served, years: str | None = None
) -> Response:
    """All that the patient's page shows."""
    found = patient(site, actor, subject_id, years)
    return success(found, purpose=found["purpose"], as_of=found["as_of"])


class Emergency(BaseModel):
    """Why a record has to be opened now."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(max_length=LONGEST_REASON)


@router.post("/patients/{subject_id}/break-glass")
def open_in_an_emergency(
    subject_id: SubjectId, emergency: Emergency, actor: SignedIn, site: Served
) -> Response:
    """Open one record to who asks for a short while; the reason is reviewed."""
    until = break_glass(site, actor, subject_id, emergency.reason)
    return success({"subject_id": subject_id, "until": until}, purpose="direct_care")


@router.get("/patients/{subject_id}/fhir")
def patient_as_fhir(subject_id: SubjectId, actor: SignedIn, site: Served) -> Response:
    """The plan as a FHIR Bundle of CarePlan and RiskAssessments, bare, as FHIR readers expect it."""
    from lifecourse.serve.patient import plan_as_fhir

    return plan_as_fhir(site, actor, subject_id)


@router.get("/models")
def models(actor: SignedIn, site: Results) -> Response:
    """Each task's model or abstention, and models of many outcomes without the lines of each."""
    del actor
    return success([site.model(name) for name in (*site.models(), *site.models_of_outcomes())])


@router.get("/models/{name}")
def model(name: str, actor: SignedIn, site: Results) -> Response:
    """One model: its evaluation and its report, or why there is none."""
    del actor
    return success(site.model_report(name))


@router.get("/findings")
def findings(actor: SignedIn, site: Results) -> Response:
    """What was discovered on one half of the people and confirmed on the other."""
    del actor
    return success(site.findings())


@router.get("/tasks")
def tasks(actor: SignedIn, site: Results) -> Response:
    """Who is counted in each task, step by step."""
    del actor
    return success(site.tasks())


@router.get("/reviews")
def all_reviews(actor: SignedIn, site: Served) -> Response:
    """Every phenotype, and what clinicians' verdicts say of it so far."""
    return success(reviews(site, actor))


@router.get("/reviews/{name}")
def one_review(name: str, actor: SignedIn, site: Served) -> Response:
    """One phenotype: its definition, the charts drawn, and the agreement so far."""
    return success(review(site, actor, name))


@router.get("/reviews/{name}/charts/{number}")
def one_chart(name: str, number: int, actor: SignedIn, site: Served) -> Response:
    """One chart to judge, and why the phenotype says what it says."""
    found = chart_page(site, actor, name, number)
    return success(found, purpose=found["purpose"], as_of=found["as_of"])
