"""The pages."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query
from starlette.responses import RedirectResponse, Response

from lifecourse.base.errors import UserError
from lifecourse.privacy.access.asking import Action
from lifecourse.serve.emergency import LONGEST_REASON, break_glass, timeline_for
from lifecourse.serve.feedback import OUTCOMES, REASONS
from lifecourse.serve.identity import Given, Results, Served, SignedIn, SubjectId
from lifecourse.serve.panel import Search, panel
from lifecourse.serve.patient import patient
from lifecourse.serve.web.discoveries import findings_view
from lifecourse.serve.web.outcomes import means_view, outcomes_view
from lifecourse.serve.web.pages import page
from lifecourse.serve.web.statistics import model_view, model_views

router = APIRouter()


@router.get("/")
def patients(
    actor: SignedIn,
    site: Served,
    q: str = "",
    fires: str = "",
    order: str = "",
    number: Annotated[int, Query(alias="page")] = 1,
) -> Response:
    """The list of patients."""
    found = panel(site, actor, Search(words=q, fires=fires, order=order, page=number))
    return page("patients.html", actor=actor, **found)


@router.get("/patients/{subject_id}")
def one_patient(
    subject_id: SubjectId, actor: SignedIn, site: Served, given: Given, years: str | None = None
) -> Response:
    """Who, what happened, what is likely, what to do, and why."""
    answers = given.of(subject_id)
    found = patient(site, actor, subject_id, years, answers)
    return page(
        "patient.html",
        actor=actor,
        units=site.units,
        answers=answers,
        reasons=REASONS,
        **found,
    )


@router.post("/patients/{subject_id}/break-glass")
def open_in_an_emergency(
    subject_id: SubjectId,
    actor: SignedIn,
    site: Served,
    reason: Annotated[str, Form(max_length=LONGEST_REASON)],
) -> Response:
    """Open one record to who asks for a short while; the reason is reviewed."""
    break_glass(site, actor, subject_id, reason)
    return RedirectResponse(f"/patients/{subject_id}", status_code=303)


@router.post("/patients/{subject_id}/answers")
def answer(
    subject_id: SubjectId,
    actor: SignedIn,
    site: Served,
    given: Given,
    recommendation: Annotated[str, Form(max_length=200)],
    outcome: Annotated[str, Form(max_length=20)],
    reason: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    """Keep what the clinician answered to a recommendation that is on the patient's page."""
    timeline_for(site, actor, subject_id).require(Action.ANSWER)
    plan = patient(site, actor, subject_id)["plan"]
    offered = {row["name"]: row["override_reasons"] for row in plan["fires"]}
    keys = {row["name"]: row["key"] for row in plan["fires"]}
    if recommendation not in offered:
        raise UserError(
            "this recommendation is not on the patient's page now. Open the page again."
        )
    unknown = outcome == "overridden" and reason not in offered[recommendation]
    if outcome not in OUTCOMES or unknown:
        raise UserError("choose one of the reasons on the page.")
    given.add(
        actor,
        {
            "subject_id": subject_id,
            "recommendation": recommendation,
            "key": keys[recommendation],
            "outcome": outcome,
            "reason": reason if outcome == "overridden" else None,
        },
    )
    return RedirectResponse(f"/patients/{subject_id}#plan", status_code=303)


@router.get("/models")
def models(actor: SignedIn, site: Results) -> Response:
    """Each task's model or abstention, and models of many outcomes."""
    return page(
        "models.html",
        actor=actor,
        models=model_views(site.model(name) for name in site.models()),
        many=[means_view(site.model(name)) for name in site.models_of_outcomes()],
    )


@router.get("/models/{name}")
def model(name: str, actor: SignedIn, site: Results) -> Response:
    """One model: how well it did, on whom, and how its risks compare with what happened."""
    if name in site.models_of_outcomes():
        return page("outcomes.html", actor=actor, model=outcomes_view(site.outcomes_report(name)))
    return page("model.html", actor=actor, model=model_view(site.model_report(name)))


@router.get("/findings")
def findings(actor: SignedIn, site: Results) -> Response:
    """What follows what, among the people of this store."""
    return page("findings.html", actor=actor, **findings_view(site.findings()))


@router.get("/tasks")
def tasks(actor: SignedIn, site: Results) -> Response:
    """Who is counted in each task."""
    return page("tasks.html", actor=actor, tasks=site.tasks())
