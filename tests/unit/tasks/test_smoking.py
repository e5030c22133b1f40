"""Smoking at a moment: records that contradict each other, and pack-years day by day against the fast way."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from math import isnan

import numpy as np
import polars as pl
import pytest
from timelines import timeline_of

from lifecourse.base.clock import from_microseconds, to_microseconds
from lifecourse.features import featurize
from lifecourse.features.recipe import Recipe
from lifecourse.tasks.packyears import smoking_at
from lifecourse.tasks.smoking import Smoking
from lifecourse.timeline.access import Timeline
from lifecourse.vocab.dates import decimal_year

CURRENT = "LOINC//72166-2//SNOMED//449868002"
FORMER = "LOINC//72166-2//SNOMED//8517006"
NEVER = "LOINC//72166-2//SNOMED//266919005"
CIGARETTES, PACKS, TOTAL = "LOINC//64218-1", "LOINC//8663-7", "SNOMED//401201003"
QUIT, START = "LOINC//74010-0", "LOINC//63609-2"
BIRTH = datetime(1960, 1, 1)
Told = list[tuple[str, str, float | None]]


def timeline(told: Told) -> Timeline:
    rows = [(1, BIRTH, "MEDS_BIRTH", None)]
    rows += [(1, datetime.fromisoformat(day), code, value) for day, code, value in told]
    return timeline_of(rows)


def at(told: Told, day: str) -> tuple[Smoking, float, float]:
    shard = timeline(told).shard(0)
    moment = np.array([to_microseconds(datetime.fromisoformat(day))])
    found = smoking_at(shard, np.zeros(1, dtype=np.int64), moment)
    return (
        Smoking(int(found.status[0])),
        float(found.pack_years[0]),
        float(found.years_since_quitting[0]),
    )


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ([], Smoking.UNKNOWN),
        ([("2010-01-01", CURRENT, None)], Smoking.CURRENT),
        ([("2010-01-01", NEVER, None)], Smoking.NEVER),
        ([("2010-01-01", CURRENT, None), ("2012-01-01", FORMER, None)], Smoking.FORMER),
        ([("2010-01-01", FORMER, None), ("2012-01-01", CURRENT, None)], Smoking.CURRENT),
        # never after ever: the past was lost, not undone
        ([("2010-01-01", CURRENT, None), ("2012-01-01", NEVER, None)], Smoking.FORMER),
        ([("2010-01-01", FORMER, None), ("2012-01-01", NEVER, None)], Smoking.FORMER),
        ([("2010-01-01", TOTAL, 12.0), ("2012-01-01", NEVER, None)], Smoking.FORMER),
        ([("2010-01-01", TOTAL, 0.0), ("2012-01-01", NEVER, None)], Smoking.NEVER),
        # never before ever stands for its time only
        ([("2010-01-01", NEVER, None), ("2012-01-01", CURRENT, None)], Smoking.CURRENT),
        # of one instant the record that tells of more smoking
        ([("2010-01-01", NEVER, None), ("2010-01-01", FORMER, None)], Smoking.FORMER),
        ([("2010-01-01", CURRENT, None), ("2010-01-01", FORMER, None)], Smoking.CURRENT),
        ([("2010-01-01", CIGARETTES, 10.0)], Smoking.CURRENT),
        ([("2010-01-01", NEVER, None), ("2011-01-01", CIGARETTES, 0.0)], Smoking.NEVER),
        ([("2010-01-01", CURRENT, None), ("2011-01-01", QUIT, 2010.5)], Smoking.FORMER),
        ([("2010-01-01", TOTAL, 12.0)], Smoking.UNKNOWN),
        ([("2031-01-01", CURRENT, None)], Smoking.UNKNOWN),  # not known yet
    ],
)
def test_status_of_contradicting_records(told: Told, status: Smoking) -> None:
    assert at(told, "2020-01-01")[0] is status


def test_a_later_record_never_changes_an_earlier_answer() -> None:
    told: Told = [("2010-01-01", CURRENT, None), ("2010-01-01", CIGARETTES, 20.0)]
    later: Told = [("2016-01-01", FORMER, None), ("2016-01-01", QUIT, 2012.0)]
    assert at(told, "2015-01-01") == pytest.approx(at(told + later, "2015-01-01"), nan_ok=True)


def test_pack_years_by_hand() -> None:
    # a pack a day from 18 (1978) known in 2000, half a pack from 2000, stopped in the middle of 2010
    told: Told = [
        ("2000-01-01", CURRENT, None),
        ("2000-01-01", START, 18.0),
        ("2000-01-01", CIGARETTES, 20.0),
        ("2005-01-01", PACKS, 0.5),
        ("2011-01-01", FORMER, None),
        ("2011-01-01", QUIT, 2010.5),
    ]
    status, total, since = at(told, "2020-07-02")
    assert status is Smoking.FORMER
    assert total == pytest.approx(27.0 + 5.5 / 2, abs=0.02)
    assert since == pytest.approx(10.0, abs=0.01)


def test_a_recorded_total_counts_and_what_was_smoked_since_is_added() -> None:
    told: Told = [
        ("2010-01-01", CURRENT, None),
        ("2010-01-01", TOTAL, 30.0),
        ("2010-01-01", CIGARETTES, 10.0),
    ]
    assert at(told, "2016-01-01")[1] == pytest.approx(33.0, abs=0.01)
    assert at(told[:2], "2016-01-01")[1] == 30.0


def test_what_was_never_told_is_not_zero() -> None:
    assert isnan(at([("2010-01-01", CURRENT, None)], "2020-01-01")[1])
    assert at([("2010-01-01", NEVER, None)], "2020-01-01")[1] == 0.0
    assert isnan(at([], "2020-01-01")[1])


# -- the slow twin: a person, day after day ------------------------------------------------------------------


@dataclass
class Diary:
    """The rules as sentences about single days, without arrays, windows or the kernel."""

    told: list[tuple[datetime, str, float | None]]
    today: datetime
    known: list[tuple[datetime, str, float | None]] = field(init=False)

    def __post_init__(self) -> None:
        self.known = sorted((r for r in self.told if r[0] <= self.today), key=lambda r: r[0])

    def of(self, *codes: str) -> list[tuple[datetime, float]]:
        return [
            (d, np.nan if v is None else float(np.float32(v)))
            for d, c, v in self.known
            if c in codes
        ]

    @cached_property
    def smoking_days(self) -> list[datetime]:
        some = [d for d, v in self.of(CIGARETTES, PACKS) if v > 0]
        return sorted({d for d, _ in self.of(CURRENT)} | set(some))

    @cached_property
    def stopping_days(self) -> list[datetime]:
        told = {d for d, _ in self.of(FORMER, NEVER, QUIT)}
        return sorted(told - set(self.smoking_days))

    def status(self) -> Smoking:
        best = Smoking.UNKNOWN
        when = datetime(1, 1, 1)
        some = [d for d, v in self.of(CIGARETTES, PACKS) if v > 0]
        said = [(d, Smoking.CURRENT) for d in [*some, *(d for d, _ in self.of(CURRENT))]]
        said += [(d, Smoking.FORMER) for d, _ in self.of(FORMER, QUIT)]
        said += [(d, Smoking.NEVER) for d, _ in self.of(NEVER)]
        for day, what in said:
            if day > when or (day == when and what > best):
                best, when = what, day
        ever = any(what > Smoking.NEVER for _, what in said)
        ever = ever or any(v > 0 for _, v in self.of(TOTAL))
        return Smoking.FORMER if best is Smoking.NEVER and ever else best

    @cached_property
    def quit_day(self) -> datetime | None:
        told = self.of(QUIT)
        if not told:
            return None
        year, rest = divmod(told[-1][1], 1)
        first, after = datetime(int(year), 1, 1), datetime(int(year) + 1, 1, 1)
        return first + (after - first) * rest

    @cached_property
    def start_day(self) -> datetime | None:
        ages = self.of(START)
        return BIRTH + timedelta(days=365.25 * ages[-1][1]) if ages else None

    def smoked_on(self, moment: datetime) -> bool:
        """Whether they smoked at `moment`, as seen from today."""
        begins = self.smoking_days
        start = self.start_day
        before = [d for d in begins if d <= moment]
        after = [d for d in self.stopping_days if d > moment]
        last = before[-1] if before else None
        stopped_since = [d for d in self.stopping_days if last and last < d <= moment]
        if last is None or stopped_since:
            # before the first record (or after a stop): only the age at start can tell
            following = [d for d in begins if d > moment]
            if last is not None or start is None or moment < start:
                return False
            if self.stopping_days and (not following or self.stopping_days[0] < following[0]):
                quit_day = self.quit_day
                stop = self.stopping_days[0]
                return quit_day is not None and moment < quit_day <= stop and start < quit_day
            return bool(following)
        if any(d > moment and (not after or d < after[0]) for d in begins):
            return True  # they smoke again before any record of having stopped
        if not after:
            return True
        quit_day = self.quit_day
        stop = last + (after[0] - last) / 2
        if quit_day is not None and last < quit_day <= after[0]:
            stop = quit_day
        return moment < stop

    def packs_on(self, moment: datetime) -> float:
        told = [
            (d, v / 20 if c == CIGARETTES else v)
            for d, c, v in ((d, c, v) for d, c, v in self.known if c in (CIGARETTES, PACKS))
            if v is not None and v > 0
        ]
        before = [v for d, v in told if d <= moment]
        return before[-1] if before else told[0][1]

    def pack_years(self) -> float:
        if self.status() is Smoking.NEVER:
            return 0.0
        totals = self.of(TOTAL)
        amounts = [v for _, v in self.of(CIGARETTES, PACKS) if v > 0]
        if not amounts:
            return totals[-1][1] if totals else np.nan
        total = totals[-1][1] if totals else 0.0
        smoked = self.days_smoked()
        total += sum(
            self.packs_on(day) / 365.25 for day in smoked if not totals or day > totals[-1][0]
        )
        return total if smoked or totals else np.nan

    def days_smoked(self) -> list[datetime]:
        """The middles of all days smoked on; nobody here began before 1974."""
        first = datetime(1974, 1, 1, 12)
        days = [first + timedelta(days=n) for n in range((self.today - first).days + 1)]
        return [day for day in days if day < self.today and self.smoked_on(day)]


def drawn(random: np.random.Generator) -> Told:
    told: Told = []
    for _ in range(int(random.integers(1, 7))):
        day = (datetime(1990, 1, 1) + timedelta(days=int(random.integers(0, 9000)))).date()
        code = str(random.choice([CURRENT, FORMER, NEVER, CIGARETTES, PACKS, TOTAL, QUIT]))
        value = {
            CIGARETTES: float(random.integers(1, 40)),
            PACKS: float(random.integers(1, 8)) / 4,
            TOTAL: float(random.integers(1, 50)),
            QUIT: round(float(random.uniform(1991, 2014)), 2),
        }.get(code)
        told.append((day.isoformat(), code, value))
    if random.random() < 0.4:
        told.append((told[0][0], START, float(random.integers(14, 25))))
    return told


def test_pack_years_are_those_of_a_diary_kept_day_by_day() -> None:
    random = np.random.default_rng(5)
    known = stopped = 0
    for _ in range(60):
        told = drawn(random)
        today = datetime(1998, 1, 1) + timedelta(days=int(random.integers(0, 6000)))
        diary = Diary([(datetime.fromisoformat(d), c, v) for d, c, v in told], today)
        status, total, since = at(told, today.isoformat())
        assert status is diary.status(), told
        slow = diary.pack_years()
        assert total == pytest.approx(slow, abs=0.03, nan_ok=True), (told, today)
        known += not isnan(slow)
        if status is Smoking.FORMER and (days := diary.days_smoked()):
            assert since == pytest.approx((today - days[-1]).days / 365.25, abs=0.01), told
            stopped += 1
    assert known > 20
    assert stopped > 5


def test_a_recipe_names_what_is_derived() -> None:
    told: Told = [("2010-01-01", CURRENT, None), ("2010-01-01", CIGARETTES, 10.0)]
    rows = pl.DataFrame({"subject_id": [1], "prediction_time": [datetime(2016, 1, 1)]})
    recipe = Recipe(name="r", derived=["smoking.pack_years", "smoking.status"])
    matrix = featurize(timeline(told), rows.cast({"prediction_time": pl.Datetime("us")}), recipe)
    assert matrix.dense_names[2:] == ["smoking.pack_years", "smoking.status"]
    assert matrix.dense[0, 2:].tolist() == pytest.approx([3.0, 2.0], abs=0.01)


def test_a_recipe_refuses_what_nobody_derives() -> None:
    with pytest.raises(ValueError, match=r"smoking\.status"):
        Recipe(name="r", derived=["smoking.colour"])


@pytest.mark.parametrize(
    ("text", "year"),
    [("2015", 2015.5), ("2015-01", 2015 + 15.5 / 365), ("2016-12-31", 2016 + 365.5 / 366), ("soon", None), ("2015-13", None), ("2015-03-15T10:00:00Z", 2015 + 73.5 / 365)],
)  # fmt: skip
def test_dates_as_numbers(text: str, year: float | None) -> None:
    assert decimal_year(text) == (None if year is None else pytest.approx(year, abs=1e-9))


def test_a_quit_date_in_words_is_a_number_in_the_store() -> None:
    from lifecourse.timeline.resources import events_of_resources

    about = {"subject": {"reference": "Patient/1"}, "status": "final"}
    observation = {
        "resourceType": "Observation",
        "id": "q",
        **about,
        "code": {"coding": [{"system": "http://loinc.org", "code": "74010-0"}]},
        "effectiveDateTime": "2020-05-01T08:00:00Z",
        "valueDateTime": "2015-07-02",
    }
    events = events_of_resources([{"resourceType": "Patient", "id": "1"}, observation])
    row = events.filter(pl.col("code") == QUIT).row(0, named=True)
    assert row["numeric_value"] == pytest.approx(2015.5, abs=0.003)
    assert row["text_value"] == "2015-07-02"
    assert row["unit"] == "a"
    assert from_microseconds(0).year == 1970
