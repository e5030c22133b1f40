"""Where pages and hooks ask `care` and `models`, and get plain values back."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from lifecourse.base.errors import ModelError
from lifecourse.privacy.acts import noted
from lifecourse.serve.observations import observations
from lifecourse.serve.site import PURPOSE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lifecourse.schema.actor import Actor
    from lifecourse.serve.site import Site
    from lifecourse.timeline.chart import Chart


# Most of a plan; asked about first, a page is made a tenth sooner.
SCALARS = frozenset({str, int, float, bool})


def plan_of(chart: Chart, at: int, risks: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    """The care plan at `at`, with the published scores it was made from."""
    from lifecourse.care import plan

    document: dict[str, Any] = plain(plan(chart, at, predictions=risks))
    return document


def what_if_of(chart: Chart, at: int) -> dict[str, Any]:
    """What treatments would do to a person's risks at `at`."""
    from lifecourse.care.whatif import what_if

    found: dict[str, Any] = plain(what_if(chart, at))
    return found


def risks_of(site: Site, actor: Actor, chart: Chart, at: int) -> list[dict[str, Any]]:
    """What each of the site's models says of one person at `at`; a model that cannot says why."""
    if not site.trained:
        return []
    from lifecourse.models import predict
    from lifecourse.timeline.access import timeline_of_chart

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
            }
            for estimate in estimates
        )
    return found


def warm() -> None:
    """Read the knowledge and compile the kernel, so that the first page does not wait for them."""
    import polars as pl

    from lifecourse.base.clock import now, to_microseconds
    from lifecourse.timeline.access import timeline_from_events

    birth = now().replace(tzinfo=None, year=now().year - 50, day=1)
    rows = pl.DataFrame({"subject_id": [0], "time": [birth], "code": ["MEDS_BIRTH"]})
    plan_of(timeline_from_events(rows).chart(0), to_microseconds(now()))


def plain(value: Any) -> Any:
    """`value` as dicts, lists and scalars."""
    if value is None or type(value) in SCALARS:
        return value
    if hasattr(value, "to_dict"):
        return plain(value.to_dict())
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    return value.value if isinstance(value, Enum) else value
