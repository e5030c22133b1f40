"""Totals of questionnaires: recorded, or summed from answers given at one moment; against a plain loop."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from math import isnan

import numpy as np
import pytest
from timelines import timeline_of

from lifecourse.base.clock import to_microseconds
from lifecourse.tasks.derived import derived_columns
from lifecourse.tasks.screening import totals_at
from lifecourse.timeline.access import Timeline
from lifecourse.vocab.codelists import codelist
from lifecourse.vocab.scales import scales

Row = tuple[int, datetime, str, float | None]
PHQ, AUDIT = scales()["phq_9"], scales()["audit_c"]
DAY = datetime(2020, 1, 1)


def timeline(rows: list[Row]) -> Timeline:
    return timeline_of(rows)


def form(scale: str, answers: list[int], moment: datetime = DAY, subject: int = 1) -> list[Row]:
    found: list[Row] = []
    for (item, scores), answer in zip(scales()[scale].items.items(), answers, strict=False):
        code = next(code for code, score in scores.items() if score == answer)
        found.append((subject, moment, f"LOINC//{item}//LOINC//{code}", None))
    return found


def total(scale: str, rows: list[Row], moment: datetime = datetime(2021, 1, 1)) -> float:
    shard = timeline(rows).shard(0)
    at = np.array([to_microseconds(moment)])
    return float(derived_columns([f"screening.{scale}"], shard, np.zeros(1, np.int64), at)[0, 0])


def test_answers_to_all_items_are_a_total() -> None:
    assert total("phq_9", form("phq_9", [2, 2, 1, 2, 1, 1, 2, 0, 0])) == 11
    assert total("audit_c", form("audit_c", [3, 1, 2])) == 6
    numbers: list[Row] = [(1, DAY, f"LOINC//{item}", 2.0) for item in PHQ.items]
    assert total("phq_9", numbers) == 18


def test_an_open_or_twice_answered_item_leaves_no_total() -> None:
    whole = form("phq_9", [1] * 9)
    assert isnan(total("phq_9", whole[:-1]))
    assert isnan(total("phq_9", whole + form("phq_9", [2])))
    other = form("phq_9", [1] * 9, DAY + timedelta(hours=1))
    assert isnan(total("phq_9", whole[:-1] + other[-1:]))


def test_the_latest_total_counts_and_a_recorded_one_at_its_moment() -> None:
    recorded: list[Row] = [(1, DAY, min(codelist("phq_9").exact), 20.0)]
    assert total("phq_9", form("phq_9", [1] * 9) + recorded) == 20
    later = form("phq_9", [1] * 9, DAY + timedelta(days=9))
    assert total("phq_9", later + recorded) == 9
    assert total("phq_9", later + recorded, DAY + timedelta(days=2)) == 20
    assert isnan(total("phq_9", later, DAY))
    impossible: list[Row] = [(1, DAY, min(codelist("phq_9").exact), 28.0)]
    assert isnan(total("phq_9", impossible))


def slowly(rows: list[Row], subject: int, moment: datetime) -> float:
    """A plain look through one person's record."""
    best, when = float("nan"), datetime(1, 1, 1)
    forms: dict[datetime, list[tuple[int, float]]] = defaultdict(list)
    recorded: list[tuple[datetime, float]] = []
    for owner, time, code, value in rows:
        if owner != subject or time > moment:
            continue
        if code in codelist("audit_c").exact and value is not None and 0 <= value <= 12:
            recorded.append((time, value))
        elif code in AUDIT.answers:
            place, score = AUDIT.answers[code]
            forms[time].append((place, float(value or 0) if score is None else score))
    for time, told in forms.items():
        if sorted(place for place, _ in told) == [0, 1, 2] and time > when:
            best, when = sum(score for _, score in told), time
    for time, value in recorded:
        if time >= when:
            best, when = value, time
    return best


def test_totals_are_those_of_a_plain_look_through_the_record() -> None:
    random = np.random.default_rng(2)
    rows: list[Row] = []
    codes = [*AUDIT.answers]
    for _ in range(900):
        moment = DAY + timedelta(hours=int(random.integers(0, 60)))
        subject = int(random.integers(0, 8))
        kind = random.random()
        if kind < 0.3:
            rows += form("audit_c", random.integers(0, 5, 3).tolist(), moment, subject)
        elif kind < 0.4:
            rows.append(
                (subject, moment, min(codelist("audit_c").exact), float(random.integers(0, 15)))
            )
        elif kind < 0.5:
            rows.append((subject, moment, str(random.choice(codes)), 1.0))
        else:
            rows.append((subject, moment, "VISIT//outpatient", None))
    rows = list({(s, t, c): (s, t, c, v) for s, t, c, v in rows}.values())
    opened = timeline(rows)
    shard = opened.shard(0)
    known = 0
    for subject in range(8):
        for hours in range(0, 62, 3):
            moment = DAY + timedelta(hours=hours)
            place = shard.index_of(np.array([subject]))
            fast = totals_at(AUDIT, shard, place, np.array([to_microseconds(moment)]))[0]
            assert fast == pytest.approx(slowly(rows, subject, moment), nan_ok=True)
            known += not isnan(fast)
    assert known > 60
