"""One patient's page as data: who, what happened, what is likely, what to do and why.

The page shows this; the JSON twin is this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lifecourse.base.clock import from_microseconds
from lifecourse.base.errors import UserError
from lifecourse.privacy.access.asking import Action
from lifecourse.serve.advice import advice
from lifecourse.serve.drawing import RANGES, courses, draw, latest
from lifecourse.serve.emergency import emergency_of, timeline_for
from lifecourse.serve.envelope import Json
from lifecourse.serve.lifestyle import smoking_words
from lifecourse.serve.likely import likely
from lifecourse.serve.looks import looks_at
from lifecourse.serve.modified import modified
from lifecourse.serve.possible import NOTHING, possible
from lifecourse.serve.reckoning import integrated_of, plan_of, risks_of, scores_of, what_if_of
from lifecourse.serve.record import Record
from lifecourse.serve.site import Absent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lifecourse.care import Assessment
    from lifecourse.schema.actor import Actor
    from lifecourse.serve.site import Site
    from lifecourse.timeline.access import Timeline
    from lifecourse.timeline.chart import Chart

MOST_EVENTS = 200
ADULT_YEARS = 18
NOT_PLANNED: dict[str, Any] = {"reason": "The policies of this house show no advice to you."}


def patient(
    site: Site,
    actor: Actor,
    subject_id: int,
    years: str | None = None,
    answers: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """The page of `subject_id` as of the last record there is; the look is audited first.

    Raises
    ------
    Absent
        The store has no such subject.
    """
    timeline = timeline_for(site, actor, subject_id)
    chart = _chart(timeline, subject_id)
    at = chart.as_of
    is_foreseen = at is not None and timeline.may(Action.PREDICT)
    risks = risks_of(site, actor, chart, at) if at is not None and is_foreseen else []
    is_planned = at is not None and timeline.may(Action.PLAN)
    scores = scores_of(chart, at) if at is not None and is_planned else None
    page = view_of(
        chart, risks=risks, years=years, answers=answers, may=timeline.may, scores=scores
    )
    is_reckoned = is_foreseen and is_planned and page["plan"]["reason"] is None
    page["what_if"] = (
        possible(what_if_of(chart, at, scores)) if at is not None and is_reckoned else NOTHING
    )
    page["integrated"] = (
        modified(integrated_of(chart, at, scores))
        if at is not None and scores is not None and is_reckoned
        else None
    )
    page["emergency"] = emergency_of(site, actor, timeline)
    page["looks"] = looks_at(timeline.audit, subject_id)
    page["identifiability"] = str(timeline.identifiability)
    page["purpose"] = str(timeline.purpose)
    page["store_version"] = timeline.version
    return page


def view_of(
    chart: Chart,
    *,
    risks: list[dict[str, Any]],
    years: str | None = None,
    answers: Mapping[str, Mapping[str, Any]] | None = None,
    may: Callable[[Action], bool] = lambda _: True,
    scores: Assessment | None = None,
) -> dict[str, Any]:
    """The page of a chart alone; a chart without any dated event has neither drawing nor estimates.

    What policies do not let the asker do (`may`) is not on it. `scores` are the published ones, where they were
    computed before.
    """
    record, at = Record(chart), chart.as_of
    if at is None:
        return _undated(record)
    as_of = f"{from_microseconds(at):%Y-%m-%d}"
    found = courses(record, at)
    drawing = draw(record, found, at, years)
    plan = plan_of(chart, at, risks, scores) if may(Action.PLAN) else NOT_PLANNED
    page: dict[str, Any] = {
        "who": who_is(record, at),
        "as_of": as_of,
        "drawing": {
            "svg": drawing.figure.svg if drawing.figure else None,
            "rows": drawing.figure.rows if drawing.figure else [],
            "years": drawing.years,
            "ranges": list(RANGES),
            "left_out": drawing.left_out,
        },
        "latest": latest(found),
        "likely": likely(
            (plan.get("scores") or ()) if may(Action.PREDICT) else (), risks, record, as_of
        ),
        "plan": advice(plan, record, answers),
    }
    page["events"], page["n_events"] = events_of(record, page)
    return page


def _undated(record: Record) -> dict[str, Any]:
    events, count = events_of(record, {})
    return {
        "who": who_is(record, None),
        "as_of": None,
        "drawing": {"svg": None, "rows": [], "years": "all", "ranges": [], "left_out": 0},
        "latest": [],
        "likely": {"made": [], "quantities": [], "not_made": []},
        "plan": advice({}, record),
        "events": events,
        "n_events": count,
    }


def who_is(record: Record, at: int | None) -> dict[str, Any]:
    """Who it is at `at`: age and sex, allergies, problems, and names where the store tells them."""
    chart = record.chart
    age = None if at is None else chart.age_at(at)
    identity = chart.identity or {}
    going_on, ended = _problems(record, at)
    return {
        "subject_id": chart.subject_id,
        "name": identity.get("name"),
        "identifiers": identity.get("identifiers", []),
        "sex": chart.sex,
        "age": _age(age),
        "is_child": age is not None and age < ADULT_YEARS,
        "born": f"{chart.birth:%Y-%m-%d}" if chart.birth else None,
        "died": f"{chart.death:%Y-%m-%d}" if chart.death else None,
        "allergies": sorted({fact.name for fact in record.of("allergy")}),
        "smoking": None if at is None else smoking_words(chart, at),
        "problems": going_on or ended,
        "problems_go_on": bool(going_on),
    }


def _age(years: float | None) -> str | None:
    """An age as it is said: in days, months, then years."""
    if years is None or years < 0:
        return None
    if years < 2 / 12:
        return f"{years * 365.25:.0f} days"
    return f"{years * 12:.0f} months" if years < 2 else f"{int(years)} years"


def _problems(record: Record, at: int | None) -> tuple[list[str], list[str]]:
    """Problems without an end at `at`, and those with one; the most recent first, each once."""
    going_on: dict[str, int] = {}
    ended: dict[str, int] = {}
    for fact in record.of("problem"):
        if at is not None and fact.time is not None and fact.time <= at:
            lasts = fact.end is None or fact.end > at
            (going_on if lasts else ended)[fact.name] = fact.time
    return (
        sorted(going_on, key=lambda name: -going_on[name]),
        sorted(ended, key=lambda name: -ended[name]),
    )


def events_of(record: Record, page: dict[str, Any]) -> tuple[list[dict[str, Any]], int]:
    """The latest events, newest first, and all that the page points at."""
    count = len(record.facts)
    shown = set(range(max(0, count - MOST_EVENTS), count)) | _pointed_at(page)
    newest = sorted(shown, reverse=True)
    return [record.facts[place].to_dict() for place in newest], count


def _pointed_at(page: dict[str, Any]) -> set[int]:
    """Events that something on the page links to; of the many lines of a plan their own events alone."""
    plan = page.get("plan", {})
    lines = [*plan.get("fires", ()), *plan.get("put_aside", ())]
    lines += [row for group in plan.get("others", ()) for row in group["rows"]]
    found: set[int] = {event["event"] for line in lines for event in line["events"]}
    ahead: list[Any] = [{**page, "plan": {}}]
    while ahead:
        part = ahead.pop()
        if type(part) is dict:
            if type(place := part.get("event")) is int:
                found.add(place)
            part = part.values()
        ahead.extend(each for each in part if type(each) is dict or type(each) is list)
    return found


def plan_as_fhir(site: Site, actor: Actor, subject_id: int) -> Json:
    """The plan of a subject as a FHIR Bundle; the look is audited.

    Raises
    ------
    Absent
        The store has no such subject, or nothing dated to plan from.
    """
    from lifecourse.care import plan
    from lifecourse.care.exchange.fhir import bundle

    timeline = timeline_for(site, actor, subject_id)
    timeline.require(Action.EXPORT)
    chart = _chart(timeline, subject_id)
    if chart.as_of is None:
        raise Absent("the subject has no dated record to plan from.")
    answer = Json(bundle(plan(chart, chart.as_of)))
    answer.headers["content-type"] = "application/fhir+json"
    return answer


def _chart(timeline: Timeline, subject_id: int) -> Chart:
    try:
        return timeline.chart(subject_id)
    except UserError:
        raise Absent(
            "there is no such patient, or not for you. The list of patients has all whom you may see."
        ) from None
