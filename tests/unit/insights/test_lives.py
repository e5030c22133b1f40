"""Time at risk, what follows and drugs together, against the same questions asked one person and day at a time."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from lifecourse.base.clock import MICROSECONDS_PER_DAY
from lifecourse.insights.drugs import SUPPLY_DAYS, TogetherSearch, taking_of, together_of
from lifecourse.insights.findings import _half_of
from lifecourse.insights.following import Following
from lifecourse.insights.lives import QUARTER, RUN_IN_QUARTERS, lives_of
from lifecourse.insights.occurrences import FirstOccurrences, first_occurrences
from lifecourse.insights.search import ordered_pairs
from lifecourse.timeline.access import Timeline
from lifecourse.timeline.unstored import timeline_from_events

DAY = MICROSECONDS_PER_DAY
FACTS = ("ICD10CM//A10", "ICD10CM//B10", "ICD10CM//C10", "RxNorm//1", "RxNorm//2")
SCHEMA = {
    "subject_id": pl.Int64, "time": pl.Datetime("us"), "code": pl.String, "end_time": pl.Datetime("us"),
}  # fmt: skip


def random_events(people: int, *, seed: int, years: int) -> pl.DataFrame:
    """People with random facts, visits and drugs; some without a birth, a sex or anything dated."""
    random = np.random.default_rng(seed)
    rows: list[tuple[int, datetime | None, str, datetime | None]] = []
    for subject in range(people):
        rows.append((subject, None, "SEX//female" if subject % 2 else "SEX//male", None))
        if subject % 7 == 0:
            continue
        begin = datetime(2000, 1, 1) + timedelta(days=int(random.integers(0, 900)))
        if subject % 5:
            rows.append((subject, begin - timedelta(days=15_000), "MEDS_BIRTH", None))
        span = int(random.integers(1, years * 365))
        for _ in range(int(random.integers(2, 9))):
            day = begin + timedelta(days=int(random.integers(0, span)))
            rows.append((subject, day, "VISIT//outpatient", None))
        for fact in FACTS:
            for _ in range(int(random.integers(0, 3))):
                day = begin + timedelta(days=int(random.integers(0, span)))
                end = day + timedelta(days=int(random.integers(1, 400)))
                stated = fact.startswith("RxNorm") and random.random() < 0.6
                rows.append((subject, day, fact, end if stated else None))
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


@pytest.fixture(scope="module", params=[3, 6])
def asked(request: pytest.FixtureRequest) -> tuple[Timeline, FirstOccurrences]:
    years = request.param
    timeline = timeline_from_events(random_events(60, seed=years, years=years))
    return timeline, first_occurrences(timeline)


def times_of(occurrences: FirstOccurrences, person: int) -> dict[int, int]:
    of_person = occurrences.person == person
    facts, times = occurrences.fact[of_person], occurrences.time[of_person]
    return dict(zip(facts.tolist(), times.tolist(), strict=True))


def test_days_at_risk_and_after_agree_with_days_counted_one_by_one(
    asked: tuple[Timeline, FirstOccurrences],
) -> None:
    timeline, occurrences = asked
    lives = lives_of(timeline)
    chosen = np.arange(lives.n) % 3 > 0
    following = Following(occurrences, lives, chosen)
    for a, b in ((0, 1), (1, 0), (2, 3)):
        cells, later, gaps = following.after(a, b, 90 * DAY)
        expected = np.zeros((lives.n_strata, 4))
        soon = np.zeros((lives.n_strata, 2))
        between = []
        for person in np.flatnonzero(chosen):
            quarters = lives.quarters[person : person + 2]
            if quarters[0] == quarters[1]:
                continue
            times = times_of(occurrences, person)
            start, last = int(lives.start[person]), int(lives.last[person])
            never = last + 1
            first, then = times.get(a, never), times.get(b, never)
            # A quarter of a year is 91 days and 5 sixteenths.
            at = np.arange(start, last, DAY // 16)
            stratum_at = lives.stratum[quarters[0] + (at - start) // QUARTER]
            at_risk = at < then
            np.add.at(expected, (stratum_at[at_risk & (at >= first)], 1), 1 / 16)
            np.add.at(expected, (stratum_at[at_risk & (at < first)], 3), 1 / 16)
            is_soon = at_risk & (at >= first) & (at < first + 90 * DAY)
            np.add.at(soon, (stratum_at[is_soon], 1), 1 / 16)
            if start <= then <= last:
                stratum = lives.stratum[
                    min(quarters[0] + (then - start) // QUARTER, quarters[1] - 1)
                ]
                expected[stratum, 0 if first < then else 2] += 1
                soon[stratum, 0] += first < then <= first + 90 * DAY
                if first < then:
                    between.append((then - first) / DAY)
        assert cells == pytest.approx(expected, abs=1e-6)
        assert later[:, :2] == pytest.approx(expected[:, :2] - soon, abs=1e-6)
        assert sorted(gaps) == pytest.approx(sorted(between))


def test_who_went_three_steps_is_who_has_them_in_that_order(
    asked: tuple[Timeline, FirstOccurrences],
) -> None:
    timeline, occurrences = asked
    lives = lives_of(timeline)
    chosen = np.ones(lives.n, dtype=np.bool_)
    following = Following(occurrences, lives, chosen)
    for chain in ((0, 1, 2), (2, 0, 3)):
        cells, steps = following.after_two(*chain)
        went = 0
        for person in range(lives.n):
            times = times_of(occurrences, person)
            if lives.quarters[person] < lives.quarters[person + 1] and set(chain) <= times.keys():
                a, b, c = (times[step] for step in chain)
                went += a < b < c and lives.start[person] <= c <= lives.last[person]
        assert steps == went == cells[:, 0].sum()


def test_orders_are_counted_as_they_are_in_each_life(
    asked: tuple[Timeline, FirstOccurrences],
) -> None:
    timeline, occurrences = asked
    chosen = np.arange(timeline.n_subjects) % 2 == 0
    counted = ordered_pairs(occurrences, chosen)
    expected = np.zeros_like(counted)
    for person in np.flatnonzero(chosen):
        times = times_of(occurrences, person)
        for a, first in times.items():
            for b, then in times.items():
                expected[a, b] += first < then
    assert np.array_equal(counted, expected)


@pytest.mark.parametrize("years", [3, 6])
def test_a_quarter_is_under_a_drug_that_is_taken_on_its_first_day(years: int) -> None:
    events = random_events(60, seed=years, years=years)
    timeline = timeline_from_events(events)
    occurrences, lives = first_occurrences(timeline), lives_of(timeline)
    taking = taking_of(timeline, occurrences, lives)
    names = [occurrences.names[fact] for fact in taking.drugs]
    assert sorted(names) == ["RxNorm//1", "RxNorm//2"]
    supply = pl.col("time") + pl.duration(days=SUPPLY_DAYS)
    taken = events.filter(pl.col("code").is_in(names)).select(
        "subject_id",
        "code",
        begin=pl.col("time").cast(pl.Int64),
        until=pl.col("end_time").fill_null(supply).cast(pl.Int64),
    )
    expected = np.zeros(len(taking.state), dtype=np.uint64)
    for person, subject in enumerate(timeline.subject_ids().tolist()):
        own = list(taken.filter(pl.col("subject_id") == subject).iter_rows())
        for q in range(lives.quarters[person], lives.quarters[person + 1]):
            at = lives.start[person] + (q - lives.quarters[person]) * QUARTER
            for _, code, begin, until in own:
                if begin <= at < until:
                    expected[q] |= np.uint64(1 << names.index(code))
    assert np.array_equal(taking.state, expected)
    assert expected.any()


def test_cells_of_two_drugs_agree_with_quarters_counted_one_by_one(
    asked: tuple[Timeline, FirstOccurrences],
) -> None:
    timeline, occurrences = asked
    lives = lives_of(timeline)
    taking = taking_of(timeline, occurrences, lives)
    chosen = np.arange(lives.n) % 3 != 1
    search = TogetherSearch(occurrences, lives, taking, chosen)
    for outcome in (0, 2):
        cells = search.cells((0, 1), outcome)
        expected = np.zeros_like(cells)
        for person in np.flatnonzero(chosen):
            start, last = int(lives.start[person]), int(lives.last[person])
            came = times_of(occurrences, person).get(outcome)
            for q in range(lives.quarters[person], lives.quarters[person + 1]):
                begin = start + (q - lives.quarters[person]) * QUARTER
                is_last = q == lives.quarters[person + 1] - 1
                before = came is not None and came <= last and came < begin
                if before:
                    continue
                state = int(taking.state[q]) & 3
                expected[lives.stratum[q], state, 1] += 1
                inside = came is not None and start <= came <= last
                if inside and (came < begin + QUARTER or is_last):
                    expected[lives.stratum[q], state, 0] += 1
        assert np.array_equal(cells, expected)


def test_two_drugs_that_only_multiply_are_no_signal_and_two_that_exceed_it_are() -> None:
    def stratum(events: tuple[int, int, int, int]) -> np.ndarray:
        at_risk = (100_000, 10_000, 10_000, 5_000)
        return np.array([list(zip(events, at_risk, strict=True))], dtype=np.float64)

    multiplied = together_of(stratum((100, 40, 40, 80)))
    exceeding = together_of(stratum((100, 12, 11, 60)))
    assert multiplied is not None
    assert exceeding is not None
    assert multiplied.beyond_both.value == pytest.approx(1.0)
    assert not multiplied.stands
    assert exceeding.stands
    assert exceeding.reri == pytest.approx(12.0 - 1.2 - 1.1 + 1.0)
    assert together_of(stratum((100, 0, 11, 60))) is None


def test_the_first_year_is_left_out_where_people_are_followed_for_long() -> None:
    long, short = (
        lives_of(timeline_from_events(random_events(60, seed=8, years=years))) for years in (30, 2)
    )
    visits = random_events(60, seed=8, years=30).filter(pl.col("code") != "MEDS_BIRTH")
    first = (
        visits.group_by("subject_id").agg(pl.col("time").min().cast(pl.Int64)).sort("subject_id")
    )
    followed = np.diff(long.quarters) > 0
    late = long.start[followed] - first["time"].to_numpy()[followed]
    assert set(late.tolist()) == {RUN_IN_QUARTERS * QUARTER}
    assert short.quarters[-1] > 0
    assert len(set(short.stratum.tolist())) == short.n_strata


def test_dealing_out_anew_keeps_moments_and_dealing_dates_keeps_facts(
    asked: tuple[Timeline, FirstOccurrences],
) -> None:
    _, occurrences = asked
    redated, shuffled = occurrences.redated(1), occurrences.shuffled(1)
    for person in np.unique(occurrences.person):
        before = times_of(occurrences, person)
        assert set(times_of(redated, person)) == set(before)
        assert set(times_of(shuffled, person).values()) <= set(before.values())
    assert not np.array_equal(redated.fact, occurrences.fact)
    assert np.all(np.diff(shuffled.person) >= 0)
    assert occurrences.redated(1).time.tolist() == redated.time.tolist()


def test_a_person_is_in_the_same_half_whoever_else_is_there() -> None:
    ids = np.arange(10_000, dtype=np.int64)
    half = _half_of(ids, 3)
    assert np.array_equal(_half_of(ids[::7], 3), half[::7])
    assert 0.47 < half.mean() < 0.53
    assert not np.array_equal(_half_of(ids, 4), half)
