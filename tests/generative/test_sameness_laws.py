"""Laws of facts that several sources tell: the fast way is the obvious one, and nothing is lost on the way."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from lifecourse.schema.event import EVENT_COLUMNS, event_schema
from lifecourse.timeline.sameness import NAMED, further_origins, tellings, told_once
from lifecourse.timeline.shard import conform

SOURCES = {0: 0, 1: 0, 2: 1, 3: 2}
"""Four files of three sources."""

FACTS = ["ICD10CM//E11.9", "LOINC//4548-4", "NOTE//x"]


def lists(
    codes: list[str], precisions: list[str | None]
) -> st.SearchStrategy[list[dict[str, Any]]]:
    return st.lists(
        st.fixed_dictionaries(
            {
                "subject_id": st.integers(1, 2),
                "time": st.sampled_from([None, datetime(2020, 1, 1), datetime(2020, 1, 2)]),
                "code": st.sampled_from(codes),
                "numeric_value": st.sampled_from([None, 1.5]),
                "text_value": st.sampled_from([None, "a", "b"]),
                "end_time": st.sampled_from([None, datetime(2021, 1, 1), datetime(2021, 1, 2)]),
                "precision": st.sampled_from(precisions),
                "source_id": st.sampled_from([None, "r/1", "r/2"]),
                "source_file": st.integers(0, 3),
                "source_row": st.integers(1, 9),
            }
        ),
        max_size=12,
    )


facts = lists(FACTS, [None])
facts_and_births = lists([*FACTS, "MEDS_BIRTH"], [None, "day", "month", "year"])


def as_events(told: list[dict[str, Any]]) -> pl.DataFrame:
    return conform(
        pl.DataFrame(told, schema={k: event_schema()[k] for k in told[0]} if told else None)
    )


def obvious(told: list[dict[str, Any]]) -> int:
    """How many events there are when each fact is told once, counted one fact after the other."""
    of_person: dict[int, set[int]] = defaultdict(set)
    for row in told:
        of_person[row["subject_id"]].add(SOURCES[row["source_file"]])
    facts: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    alone = 0
    for row in told:
        if len(of_person[row["subject_id"]]) == 1:
            alone += 1
            continue
        words = None if pl.Series([row["code"]]).str.contains(NAMED)[0] else row["text_value"]
        facts[row["subject_id"], row["time"], row["code"], row["numeric_value"], words].append(row)
    events = alone
    for same in facts.values():
        ends = {row["end_time"] for row in same if row["end_time"] is not None}
        parts: dict[Any, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        for row in same:
            end = row["end_time"] if len(ends) > 1 else None
            parts[end][SOURCES[row["source_file"]]] += 1
        events += sum(max(by_source.values()) for by_source in parts.values())
    return events


@given(facts)
def test_each_fact_is_told_once_as_counted_by_hand(told: list[dict[str, Any]]) -> None:
    once, again = told_once(as_events(told), SOURCES)
    assert once.height == obvious(told)
    assert once.height + again == len(told)


@given(facts_and_births)
def test_every_telling_is_kept_as_it_was(told: list[dict[str, Any]]) -> None:
    events = as_events(told)
    once, _ = told_once(events, SOURCES)
    kept = tellings(once)
    assert kept.columns == list(EVENT_COLUMNS)
    assert kept.sort(EVENT_COLUMNS).equals(events.sort(EVENT_COLUMNS))


@given(facts_and_births, st.randoms(use_true_random=False))
def test_the_order_of_events_does_not_matter(told: list[dict[str, Any]], random: Any) -> None:
    shuffled = list(told)
    random.shuffle(shuffled)
    one, other = (told_once(as_events(each), SOURCES)[0] for each in (told, shuffled))
    assert one.sort(one.columns).equals(other.sort(other.columns))


@given(facts_and_births)
def test_the_tellings_of_an_event_are_of_different_sources(told: list[dict[str, Any]]) -> None:
    once, _ = told_once(as_events(told), SOURCES)
    for row in once.iter_rows(named=True):
        files = [row["source_file"], *(o["source_file"] for o in further_origins(row["also_from"]))]
        places = [SOURCES[file] for file in files]
        assert len(set(places)) == len(places)
