"""Why a phenotype says what it says of a record: each criterion in words, and the events that decide or point to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lifecourse.base.clock import from_microseconds
from lifecourse.tasks.filtration import egfr_of_creatinine
from lifecourse.tasks.review import pointing, unsure_codes
from lifecourse.vocab.codelists import describe

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.serve.record import Record
    from lifecourse.tasks.meaning import Values
    from lifecourse.tasks.phenotypes import Criterion, Phenotype

MOST_SHOWN = 4


def evidence(asked: Phenotype, record: Record) -> dict[str, Any]:
    """Whether and since when, the criteria with their deciding events, and what points to it without deciding.

    `record` is all that is judged: it ends at the moment asked about.
    """
    shard = record.chart.shard
    criteria, used = [], set[int]()
    since: int | None = None
    for criterion in asked.any_of:
        deciding = criterion.deciding(shard)
        counting = criterion.places(shard)
        if len(deciding):
            met = int(shard.time[deciding[-1]])
            since = met if since is None else min(since, met)
        shown = deciding if len(deciding) else counting[-MOST_SHOWN:]
        used |= {int(place) for place in counting}
        criteria.append(
            {
                "words": criterion_in_words(criterion),
                "is_met": bool(len(deciding)),
                "since": _day(int(shard.time[deciding[-1]])) if len(deciding) else None,
                "events": _shown(criterion, record, shown),
                "more": len(counting) - len(shown),
            }
        )
    unsure = unsure_codes(asked, shard.codes)
    hints = [int(p) for p in pointing(asked, shard, unsure) if int(p) not in used]
    return {
        "holds": since is not None,
        "since": None if since is None else _day(since),
        "criteria": criteria,
        "hints": [_event(record, place) for place in hints[-MOST_SHOWN:]],
        "more_hints": max(0, len(hints) - MOST_SHOWN),
    }


def criterion_in_words(criterion: Criterion) -> str:
    """What a criterion asks for, as a clinician would say it."""
    words = describe(criterion.codelist)["title"]
    if criterion.as_egfr:
        words += ", where no eGFR was reported, by CKD-EPI 2021"
    if criterion.values is not None:
        words += f" {_limits(criterion.values)}"
    if criterion.times > 1:
        words += f", on {criterion.times} days" + (" in a row" if criterion.in_a_row else "")
    if criterion.apart_days:
        words += f", {criterion.apart_days} days or more apart"
    if criterion.within_days:
        words += f", within {criterion.within_days} days"
    return words


def _limits(values: Values) -> str:
    said = (
        (values.at_least, "of {} or more"),
        (values.above, "above {}"),
        (values.at_most, "of {} or less"),
        (values.below, "below {}"),
    )
    return " and ".join(words.format(f"{limit:g}") for limit, words in said if limit is not None)


def _shown(
    criterion: Criterion, record: Record, places: npt.NDArray[np.int64]
) -> list[dict[str, Any]]:
    events = [_event(record, int(place)) for place in places]
    if criterion.as_egfr:
        rates = egfr_of_creatinine(record.chart.shard, places)
        events = [
            {**event, "note": f"eGFR {rate:.0f}"} for event, rate in zip(events, rates, strict=True)
        ]
    return events


def _event(record: Record, place: int) -> dict[str, Any]:
    fact = record.facts[place]
    value = None if fact.value is None or np.isnan(fact.value) else fact.value
    when = None if fact.time is None else from_microseconds(fact.time).isoformat()
    return {
        "event": place,
        "name": fact.name,
        "value": value,
        "unit": fact.unit,
        "when": when,
        "code": fact.code,
        "note": None,
    }


def _day(moment: int) -> str:
    return f"{from_microseconds(moment):%Y-%m-%d}"
