"""Where pages and hooks ask `care` and `models`, and get plain values back."""

from __future__ import annotations

import gc
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

import orjson

from lifecourse.base.errors import ModelError
from lifecourse.privacy.acts import noted
from lifecourse.serve.observations import observations, title_of
from lifecourse.serve.site import PURPOSE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lifecourse.care import Assessment
    from lifecourse.schema.actor import Actor
    from lifecourse.serve.site import Site
    from lifecourse.timeline.chart import Chart


# Dataclasses of ours say themselves how they read.
AS_WE_SAY = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY


def scores_of(chart: Chart, at: int) -> Assessment:
    """The published scores at `at`: of a plan and of what treatments would do."""
    from lifecourse.care import assess

    return assess(chart, at)


def plan_of(
    chart: Chart,
    at: int,
    risks: Sequence[dict[str, Any]] = (),
    scores: Assessment | None = None,
) -> dict[str, Any]:
    """The care plan at `at`, with the published scores it was made from."""
    from lifecourse.care import plan

    return plan(chart, at, predictions=risks, assessment=scores).to_dict()


def what_if_of(chart: Chart, at: int, scores: Assessment | None = None) -> dict[str, Any]:
    """What treatments would do to a person's risks at `at`."""
    from lifecourse.care.whatif import what_if

    found: dict[str, Any] = plain(what_if(chart, at, assessment=scores))
    return found


def integrated_of(chart: Chart, at: int, scores: Assessment) -> list[dict[str, Any]]:
    """The published risks at `at` with what genes, family and surroundings add to them."""
    from lifecourse.care.integrating import integrated_risks

    return [plain(each) for each in integrated_risks(chart, at, scores)]


def risks_of(site: Site, actor: Actor, chart: Chart, at: int) -> list[dict[str, Any]]:
    """What each of the site's models says of one person at `at`; a model that cannot says why."""
    if not site.trained:
        return []
    from lifecourse.models import predict
    from lifecourse.timeline.unstored import timeline_of_chart

    one = timeline_of_chart(chart, actor=actor, purpose=PURPOSE)
    found: list[dict[str, Any]] = []
    noted(models=[f"{name}@{model.version}" for name, model in site.trained.items()])
    for name, model in site.trained.items():
        try:
            estimates = predict(model, one, [chart.subject_id], at)
        except ModelError as refusal:
            found.append({"name": name, "reason": Exception.__str__(refusal)})
            continue
        found.extend(
            {
                **plain(estimate),
                "name": name,
                "why": observations(model.recipe, chart, at, estimate),
                "not_measured": [title_of(fact) for fact in estimate.not_measured],
            }
            for estimate in estimates
        )
    return found


def warm() -> None:
    """Read the knowledge and compile the kernel, so that the first page does not wait for them.

    What was read stays for good: Python's cycle collector, which would go through all of it in the midst of some pages,
    is told so.
    """
    import polars as pl

    from lifecourse.base.clock import now, to_microseconds
    from lifecourse.timeline.unstored import timeline_from_events

    birth = now().replace(tzinfo=None, year=now().year - 50, day=1)
    rows = pl.DataFrame({"subject_id": [0], "time": [birth], "code": ["MEDS_BIRTH"]})
    at = to_microseconds(now())
    chart = timeline_from_events(rows).chart(0)
    scores = scores_of(chart, at)
    what_if_of(chart, at, scores)
    integrated_of(chart, at, scores)
    plan_of(chart, at, scores=scores)
    gc.collect()
    gc.freeze()


def plain(value: Any) -> Any:
    """`value` as dicts, lists and scalars; what is no number is None."""
    return orjson.loads(orjson.dumps(value, default=_document, option=AS_WE_SAY))


def _document(value: Any) -> Any:
    if hasattr(value, "to_dict"):
        return value.to_dict()
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    raise TypeError(f"{type(value).__name__} is nothing that a page can show")
