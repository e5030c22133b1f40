"""The pages on which clinicians judge phenotypes by charts."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import RedirectResponse, Response

from lifecourse.serve.identity import Served, SignedIn
from lifecourse.serve.reviewing import (
    EACH,
    PURPOSES,
    REASONS,
    chart_page,
    draw_review,
    judge,
    review,
    reviews,
)
from lifecourse.serve.web.pages import page
from lifecourse.tasks.review import MOST_CHARTS, STRATA
from lifecourse.tasks.verdicts import LONGEST_REASON

router = APIRouter(prefix="/reviews")


@router.get("")
def all_reviews(actor: SignedIn, site: Served) -> Response:
    """Every phenotype, and how far its review is."""
    return page("reviews.html", actor=actor, **reviews(site, actor))


@router.get("/{name}")
def one_review(name: str, actor: SignedIn, site: Served) -> Response:
    """One phenotype: what it asks for, how to draw charts, and what the verdicts say so far."""
    found = review(site, actor, name)
    return page(
        "review.html",
        actor=actor,
        purposes=PURPOSES,
        strata=STRATA,
        each=EACH,
        most=MOST_CHARTS,
        **found,
    )


@router.post("/{name}")
def draw(
    name: str,
    actor: SignedIn,
    site: Served,
    each: Annotated[int, Form()],
    purpose: Annotated[str, Form(max_length=20)],
    seed: Annotated[int, Form(ge=0, le=2**31)] = 1,
    blind: Annotated[str, Form(max_length=3)] = "",
) -> Response:
    """Draw charts to judge."""
    draw_review(site, actor, name, each=each, seed=seed, purpose=purpose, is_blind=blind == "yes")
    return RedirectResponse(f"/reviews/{name}", status_code=303)


@router.get("/{name}/charts/{number}")
def one_chart(name: str, number: int, actor: SignedIn, site: Served) -> Response:
    """One chart, and three answers to choose from."""
    found = chart_page(site, actor, name, number)
    return page(
        "review_chart.html",
        actor=actor,
        units=site.units,
        reasons=REASONS,
        longest=LONGEST_REASON,
        **found,
    )


@router.post("/{name}/charts/{number}")
def answer(
    name: str,
    number: int,
    actor: SignedIn,
    site: Served,
    answer: Annotated[str, Form(max_length=20)],
    reason: Annotated[str, Form(max_length=LONGEST_REASON)] = "",
) -> Response:
    """Keep a verdict and go to the next chart that is not judged, or to the result after the last."""
    after = judge(site, actor, name, number, answer=answer, reason=reason)
    where = f"/reviews/{name}" + ("" if after is None else f"/charts/{after}")
    return RedirectResponse(where, status_code=303)
