"""Charts of a phenotype before a clinician's eyes: what there is to judge, why the phenotype said so, and the verdicts.

The pages show this; the JSON twins are this.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from lifecourse.base.clock import from_microseconds
from lifecourse.base.errors import UserError
from lifecourse.privacy.access.asking import Action
from lifecourse.schema.actor import Purpose
from lifecourse.serve.drawing import courses, draw, latest
from lifecourse.serve.evidence import criterion_in_words, evidence
from lifecourse.serve.patient import events_of, who_is
from lifecourse.serve.record import Record
from lifecourse.serve.site import Absent
from lifecourse.tasks.agreement import agreement
from lifecourse.tasks.phenotypes import phenotype, phenotype_names
from lifecourse.tasks.review import STRATA, draw_charts

if TYPE_CHECKING:
    from lifecourse.schema.actor import Actor
    from lifecourse.serve.site import Site
    from lifecourse.tasks.phenotypes import Phenotype
    from lifecourse.tasks.review import Drawn, Sample
    from lifecourse.tasks.verdicts import ChartVerdict
    from lifecourse.timeline.access import Timeline
    from lifecourse.timeline.chart import Chart

PURPOSES = {
    Purpose.OPERATIONS: "operations: quality of care",
    Purpose.RESEARCH: "research",
}
EACH = 30
REASONS = (
    "written in the record as a confirmed diagnosis",
    "tests show it",
    "treated for it",
    "only suspected, or ruled out later",
    "coded in error",
    "another illness explains it",
    "too little in the record",
)


def reviews(site: Site, actor: Actor) -> dict[str, Any]:
    """Every phenotype, and how far its review is."""
    return {"phenotypes": [_line(site, actor, name) for name in phenotype_names()]}


def _line(site: Site, actor: Actor, name: str) -> dict[str, Any]:
    asked, sample = phenotype(name), site.reviews.sample(name)
    line: dict[str, Any] = {"name": name, "title": asked.title, "charts": 0}
    if sample is None:
        return line
    verdicts = site.reviews.verdicts(name)
    found = agreement(sample, verdicts)
    return {
        **line,
        "charts": found.charts,
        "judged": found.judged,
        "judged_by_you": len(_own(sample, verdicts, actor)),
        "ppv": found.ppv and found.ppv.to_dict(),
        "sensitivity": found.sensitivity and found.sensitivity.to_dict(),
    }


def review(site: Site, actor: Actor, name: str) -> dict[str, Any]:
    """One phenotype: how it is defined, the charts drawn, and what the verdicts say so far.

    Raises
    ------
    Absent
        There is no such phenotype.
    """
    asked = _phenotype(name)
    page: dict[str, Any] = {
        "name": name,
        "title": asked.title,
        "source": asked.source,
        "criteria": [criterion_in_words(criterion) for criterion in asked.any_of],
        "sample": None,
        "agreement": None,
        "next": None,
    }
    sample = site.reviews.sample(name)
    if sample is None:
        return page
    verdicts = site.reviews.verdicts(name)
    told = {key: value for key, value in asdict(sample).items() if key not in ("charts", "people")}
    page["sample"] = {**told, "is_current": sample.is_current, "purpose": sample.purpose}
    page["agreement"] = agreement(sample, verdicts).to_dict()
    page["judged_by_you"] = len(_own(sample, verdicts, actor))
    page["next"] = _next(sample, verdicts, actor, after=0)
    return page


def draw_review(
    site: Site, actor: Actor, name: str, *, each: int, seed: int, purpose: str, is_blind: bool
) -> None:
    """Draw charts of a phenotype and review these from now on.

    Raises
    ------
    Absent
        There is no such phenotype.
    UserError
        The purpose is none of the two for which charts are reviewed, or the numbers make no sense.
    PolicyRefused
        The store may not be opened for the purpose.
    """
    _phenotype(name)
    if purpose not in PURPOSES:
        raise UserError("say for which purpose: operations or research.")
    timeline = site.timeline(actor, Purpose(purpose))
    timeline.require(Action.JUDGE)
    site.reviews.keep(draw_charts(timeline, name, each=each, seed=seed, is_blind=is_blind))


def chart_page(site: Site, actor: Actor, name: str, number: int) -> dict[str, Any]:
    """Chart `number` (from 1) of the sample: the record up to its moment and why the phenotype said what it said.

    The look is audited first. Names and identifiers are not shown: nobody needs them to judge. Of a blind sample, what
    the phenotype said is kept back until `actor` has judged.

    Raises
    ------
    Absent
        There is no such phenotype, sample or chart, or its person is no longer in the store.
    """
    asked, sample = _phenotype(name), _sample(site, name)
    drawn = _drawn(sample, number)
    timeline = site.timeline(actor, Purpose(sample.purpose))
    timeline.require(Action.JUDGE)
    chart = _chart(timeline, drawn)
    record = Record(chart.until(drawn.as_of))
    found = courses(record, drawn.as_of)
    drawing = draw(record, found, drawn.as_of, None)
    verdicts = site.reviews.verdicts(name)
    own = _own(sample, verdicts, actor)
    given = own.get((drawn.subject_id, drawn.as_of))
    is_hidden = sample.is_blind and given is None
    # Who drew the charts may have seen more of the person than who judges them.
    is_told = not is_hidden and timeline.is_whole(drawn.subject_id)
    page: dict[str, Any] = {
        "name": name,
        "title": asked.title,
        "number": number,
        "charts": len(sample.charts),
        "judged_by_you": len(own),
        "purpose": sample.purpose,
        "as_of": f"{from_microseconds(drawn.as_of):%Y-%m-%d}",
        "who": _without_names(who_is(record, drawn.as_of)),
        "given": given and _given(given),
        "others": [] if is_hidden else _others(verdicts, drawn, actor),
        "is_hidden": is_hidden,
        "stratum": _stratum(drawn) if is_told else None,
        "why": None if is_hidden else evidence(asked, record),
        "drawing": {
            "svg": drawing.figure.svg if drawing.figure else None,
            "rows": drawing.figure.rows if drawing.figure else [],
            "left_out": drawing.left_out,
        },
        "latest": latest(found),
        "before": number - 1 or None,
        "after": number + 1 if number < len(sample.charts) else None,
        "changed": chart.as_of != drawn.as_of,
    }
    page["events"], page["n_events"] = events_of(record, page)
    return page


def judge(
    site: Site, actor: Actor, name: str, number: int, *, answer: str, reason: str
) -> int | None:
    """Keep a verdict on chart `number`; gives the number of the next chart that `actor` has not judged, None after all.

    Raises
    ------
    Absent
        There is no such phenotype, sample or chart.
    TaskError
        It is no answer, or the reason is too long.
    """
    _phenotype(name)
    sample = _sample(site, name)
    drawn = _drawn(sample, number)
    timeline = site.timeline(actor, Purpose(sample.purpose))
    timeline.require(Action.JUDGE)
    _chart(timeline, drawn)
    timeline.record(f"judge {name}", f"subject/{drawn.subject_id}")
    site.reviews.add(actor, sample, drawn, answer, reason)
    return _next(sample, site.reviews.verdicts(name), actor, after=number)


def _phenotype(name: str) -> Phenotype:
    if name not in phenotype_names():
        raise Absent("there is no such phenotype. The page of reviews lists them.")
    return phenotype(name)


def _sample(site: Site, name: str) -> Sample:
    sample = site.reviews.sample(name)
    if sample is None:
        raise Absent("no charts were drawn for this phenotype. Draw some on its page.")
    return sample


def _drawn(sample: Sample, number: int) -> Drawn:
    if not 1 <= number <= len(sample.charts):
        raise Absent(f"the sample has {len(sample.charts)} charts, and none of this number.")
    return sample.charts[number - 1]


def _chart(timeline: Timeline, drawn: Drawn) -> Chart:
    try:
        return timeline.chart(drawn.subject_id)
    except UserError:
        raise Absent(
            "the person of this chart is not in the store any more, or not for you. Draw new charts."
        ) from None


def _stratum(drawn: Drawn) -> dict[str, str]:
    return {"name": drawn.stratum, "means": STRATA[drawn.stratum]}


def _own(
    sample: Sample, verdicts: list[ChartVerdict], actor: Actor
) -> dict[tuple[int, int], ChartVerdict]:
    """The verdicts of `actor` on charts of the sample."""
    there = {(chart.subject_id, chart.as_of) for chart in sample.charts}
    mine = {(v.subject_id, v.as_of): v for v in verdicts if v.reviewer == actor.name}
    return {chart: verdict for chart, verdict in mine.items() if chart in there}


def _next(sample: Sample, verdicts: list[ChartVerdict], actor: Actor, *, after: int) -> int | None:
    """The number of the first chart behind `after`, then from the start, that `actor` has not judged."""
    judged = _own(sample, verdicts, actor)
    numbered = list(enumerate(sample.charts, start=1))
    for number, chart in numbered[after:] + numbered[:after]:
        if (chart.subject_id, chart.as_of) not in judged:
            return number
    return None


def _others(verdicts: list[ChartVerdict], drawn: Drawn, actor: Actor) -> list[dict[str, Any]]:
    """What others said of the chart; only to somebody who has said something, so that nobody follows another."""
    of_chart = [v for v in verdicts if (v.subject_id, v.as_of) == (drawn.subject_id, drawn.as_of)]
    if all(v.reviewer != actor.name for v in of_chart):
        return []
    return [_given(v) for v in of_chart if v.reviewer != actor.name]


def _given(verdict: ChartVerdict) -> dict[str, Any]:
    return {
        "answer": verdict.answer,
        "reason": verdict.reason,
        "reviewer": verdict.reviewer,
        "time": verdict.time,
    }


def _without_names(who: dict[str, Any]) -> dict[str, Any]:
    return {**who, "name": None, "identifiers": []}
