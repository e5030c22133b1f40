"""Records of 240 people without a fault, and the faults that can be planted in them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from lifecourse.base.clock import MICROSECONDS_PER_DAY, to_microseconds
from lifecourse.timeline.access import Timeline
from lifecourse.timeline.holdings import InMemory, Loads
from lifecourse.timeline.shard import sorted_events
from lifecourse.timeline.spill import conform

if TYPE_CHECKING:
    from collections.abc import Callable

PEOPLE = 240
MONTHS = 96
START = to_microseconds(datetime(2014, 1, 1))
MADE_AT = to_microseconds(datetime(2023, 1, 1))
DAY = MICROSECONDS_PER_DAY
SOURCES = (("fhir", "clinic"), ("omop", "registry"))
GLUCOSE, DEHYDROGENASE, HBA1C = "LOINC//2345-7", "LOINC//2532-0", "LOINC//4548-4"
FIRST, SECOND = 0, 1


def clean() -> pl.DataFrame:
    """Every month each person has a visit with two results and a diagnosis, some a stay; two sources, half each."""
    rng = np.random.default_rng(20261125)
    parts = [_born(), _sexed(), _died()]
    who = np.repeat(np.arange(1, PEOPLE + 1), MONTHS)
    month = np.tile(np.arange(MONTHS), PEOPLE)
    day = month * 30.4 + rng.uniform(0, 28, who.size)
    when = START + (day * DAY).astype(np.int64)
    living = when < np.where(who % 8 == 0, _death_of(who), np.iinfo(np.int64).max)
    who, when, month = who[living], when[living], month[living]
    n = who.size
    hour = DAY // 24
    parts.append(_rows(who, when, "VISIT//outpatient", end=when + 2 * hour))
    parts.append(_rows(who, when + hour, GLUCOSE, rng.normal(105, 20, n).clip(50, 300), "mg/dL"))
    parts.append(_rows(who, when + hour, HBA1C, rng.normal(5.8, 0.6, n).clip(4, 12), "%"))
    parts.append(_rows(who, when + hour, DEHYDROGENASE, rng.gamma(16, 12.0, n), "U/L"))
    ill = np.array([f"ICD10CM//{code}" for code in ("E11.9", "I10", "J45.909", "N18.30")])
    parts.append(_rows(who, when + hour, ill[rng.integers(0, 4, n)]))
    old = np.array([f"ICD9CM//{code}" for code in ("008.45", "038.9", "250.00", "401.9")])
    parts.append(_rows(who, when + hour, old[rng.integers(0, 4, n)]))
    stays = (who + month) % 12 == 0
    at = when[stays] + 3 * DAY
    parts.append(_rows(who[stays], at, "VISIT//inpatient", end=at + 5 * DAY))
    prostate = (who % 2 == 0) & (month % 12 == 3)
    parts.append(_rows(who[prostate], when[prostate], "ICD10CM//N40.1"))
    return pl.concat(parts).sort("subject_id", "time", "code")


def _born() -> pl.DataFrame:
    who = np.arange(1, PEOPLE + 1)
    return _rows(who, _birth_of(who), "MEDS_BIRTH")


def _birth_of(who: np.ndarray) -> np.ndarray:
    return to_microseconds(datetime(1950, 1, 1)) + (who * 37 % 7_000).astype(np.int64) * DAY


def _death_of(who: np.ndarray) -> np.ndarray:
    return START + (who % 2_000 + 700).astype(np.int64) * DAY


def _sexed() -> pl.DataFrame:
    who = np.arange(1, PEOPLE + 1)
    sex = np.where(who % 2 == 0, "SEX//male", "SEX//female")
    return _rows(who, np.zeros(who.size, np.int64), sex).with_columns(
        time=pl.lit(None, pl.Datetime("us"))
    )


def _died() -> pl.DataFrame:
    who = np.arange(8, PEOPLE + 1, 8)
    return _rows(who, _death_of(who), "MEDS_DEATH")


def _rows(
    who: np.ndarray,
    when: np.ndarray,
    code: str | np.ndarray,
    value: np.ndarray | None = None,
    unit: str | None = None,
    end: np.ndarray | None = None,
) -> pl.DataFrame:
    codes = (
        pl.Series(code) if isinstance(code, np.ndarray) else pl.repeat(code, who.size, eager=True)
    )
    return pl.DataFrame(
        {
            "subject_id": who.astype(np.int64),
            "time": pl.Series(when).cast(pl.Datetime("us")),
            "code": codes,
            "numeric_value": pl.Series(
                [None] * who.size if value is None else value, dtype=pl.Float32
            ),
            "unit": pl.repeat(unit, who.size, dtype=pl.String, eager=True),
            "end_time": pl.Series([None] * who.size if end is None else end, dtype=pl.Int64).cast(
                pl.Datetime("us")
            ),
            "source_file": pl.Series((who > PEOPLE // 2).astype(np.uint32)),
        }
    )


class _Loaded(InMemory):
    def __init__(self, events: pl.DataFrame, n_shards: int, loads: Loads) -> None:
        super().__init__(events, identifiability="synthetic", n_shards=n_shards)  # type: ignore[arg-type]  # its word
        self._loads = loads

    def loads(self) -> Loads:
        return self._loads


def timeline_of(events: pl.DataFrame, *, n_shards: int = 3, rejected: int = 0) -> Timeline:
    from lifecourse.schema.actor import Actor, Purpose

    loads = Loads(sources=SOURCES, made_at=MADE_AT, rows_read=events.height, rejected=rejected)
    holding = _Loaded(sorted_events(conform(events)), n_shards, loads)
    return Timeline(holding=holding, actor=Actor(name="test"), purpose=Purpose.OPERATIONS)


def _where(events: pl.DataFrame, condition: pl.Expr, **changes: pl.Expr) -> pl.DataFrame:
    """`events` with `changes` where `condition` holds."""
    return events.with_columns(
        **{
            name: pl.when(condition).then(change).otherwise(pl.col(name)).cast(events.schema[name])
            for name, change in changes.items()
        }
    )


def _more(events: pl.DataFrame, condition: pl.Expr, **changes: pl.Expr) -> pl.DataFrame:
    """`events`, and once more those where `condition` holds, with `changes`."""
    again = events.filter(condition).with_columns(**changes)
    return pl.concat([events, again.select(events.columns).cast(dict(events.schema))])


_code, _who, _time = pl.col("code"), pl.col("subject_id"), pl.col("time")
_is_result = _code == GLUCOSE
_moment = _time.cast(pl.Int64)


def _at(moment: pl.Expr | int) -> pl.Expr:
    return (
        (pl.lit(moment) if isinstance(moment, int) else moment)
        .cast(pl.Int64)
        .cast(pl.Datetime("us"))
    )


def _without_zeros(events: pl.DataFrame) -> pl.DataFrame:
    return events.with_columns(
        code=_code.str.replace("ICD9CM//008.45", "ICD9CM//8.45", literal=True).str.replace(
            "ICD9CM//038.9", "ICD9CM//38.9", literal=True
        )
    )


def _undotted_without_zeros(events: pl.DataFrame) -> pl.DataFrame:
    """Many codes of a system, none of them with a zero in front."""
    number = (_who * 7 + _moment // DAY) % 400 + 190
    return events.with_columns(
        code=pl.when(_code.str.starts_with("ICD9CM"))
        .then(pl.format("ICD9CM//{}", number))
        .otherwise(_code)
    )


_visit = _code == "VISIT//outpatient"
_last_day = START + 300 * DAY
FAULTS: dict[str, Callable[[pl.DataFrame], pl.DataFrame]] = {
    "lost-zeros": _without_zeros,
    "no-leading-zeros": _undotted_without_zeros,
    "check-digits": lambda e: _where(e, _code == DEHYDROGENASE, code=pl.lit("LOINC//2532-1")),
    "malformed-codes": lambda e: _where(
        e, _code == "ICD10CM//I10", code=pl.lit("ICD10CM//hypertension")
    ),
    "unknown-codes": lambda e: _where(
        e, _code == DEHYDROGENASE, code=pl.lit("OWN_LAB//77"), unit=pl.col("unit")
    ),
    "inconvertible-units": lambda e: _where(
        e, _is_result & (_who % 4 == 0), code=pl.lit(f"{GLUCOSE}//UNIT:mV"), unit=pl.lit("mV")
    ),
    "units-missing": lambda e: _where(
        e, _is_result & (_who % 4 == 0), unit=pl.lit(None, pl.String)
    ),
    "values-missing": lambda e: _where(
        e,
        (_code == HBA1C) & (_time.dt.year() == 2017) & (_who % 3 == 0),
        numeric_value=pl.lit(None, pl.Float32),
        unit=pl.lit(None, pl.String),
    ),
    "times-missing": lambda e: _where(
        e, (_code == "ICD10CM//E11.9") & (_who % 3 == 0), time=pl.lit(None, pl.Datetime("us"))
    ),
    "births-missing": lambda e: e.filter((_code != "MEDS_BIRTH") | (_who % 20 != 0)),
    "sexes-missing": lambda e: e.filter(~_code.str.starts_with("SEX//") | (_who % 10 != 0)),
    "feed-gaps": lambda e: e.filter(
        ~(
            _code.str.starts_with("LOINC")
            & (_time.dt.strftime("%Y-%m") == "2018-05")
            & (_who <= PEOPLE // 2)
        )
    ),
    "feed-ends": lambda e: e.filter(
        ~_code.str.starts_with("ICD9CM") | (_time < datetime(2019, 1, 1))
    ),
    "impossible-values": lambda e: _where(
        e, _is_result & (_who % 10 == 0), numeric_value=pl.col("numeric_value") * 1000
    ),
    "before-birth": lambda e: _where(
        e, (_code == "MEDS_BIRTH") & (_who % 5 == 0), time=_at(START + 700 * DAY)
    ),
    "after-death": lambda e: _where(
        e,
        (_code == "MEDS_DEATH") & (_who % 16 == 0),
        time=_at(_moment - 400 * DAY),
    ),
    "end-before-start": lambda e: _where(
        e, _visit & (_who % 10 == 0), end_time=_at(_moment - 30 * DAY)
    ),
    "future-events": lambda e: _more(
        e,
        (_code == "ICD10CM//E11.9") & (_who % 3 == 0) & (_who % 8 != 0),
        time=_at(MADE_AT + 400 * DAY + (_who * DAY) % (300 * DAY)),
    ),
    "default-dates": lambda e: _where(
        e, _visit & (_who % 10 == 0) & (_moment < _last_day), time=_at(0), end_time=_at(0)
    ),
    "too-old": lambda e: _where(
        e, (_code == "MEDS_BIRTH") & (_who % 20 == 0), time=_at(_moment - 30_000 * DAY)
    ),
    "two-births": lambda e: _more(
        e, (_code == "MEDS_BIRTH") & (_who % 20 == 0), time=_at(_moment + 900 * DAY)
    ),
    "two-sexes": lambda e: _more(
        e, (_code == "SEX//female") & (_who % 20 == 1), code=pl.lit("SEX//other")
    ),
    "wrong-sex": lambda e: _where(
        e, (_code == "ICD10CM//N40.1") & (_who % 4 == 0), subject_id=_who - 1
    ),
    "duplicated-visits": lambda e: _more(e, _visit & (_who % 10 == 0)),
    "overlapping-stays": lambda e: _more(
        e,
        (_code == "VISIT//inpatient") & (_who % 5 == 0),
        time=_at(_moment + 2 * DAY),
    ),
    "duplicated-results": lambda e: _more(e, _is_result & (_who % 20 == 0)),
    "codes-vanish": lambda e: _where(
        e,
        (_code == "ICD10CM//I10") & (_time >= datetime(2019, 1, 1)),
        code=pl.lit("ICD10CM//I15.9"),
    ),
    "units-change": lambda e: _where(
        e,
        (_code == DEHYDROGENASE) & (_time >= datetime(2019, 1, 1)),
        unit=pl.lit("U/mL"),
        numeric_value=pl.col("numeric_value") / 1000,
    ),
    "medians-jump": lambda e: _where(
        e,
        (_code == DEHYDROGENASE) & (_time >= datetime(2019, 1, 1)),
        numeric_value=pl.col("numeric_value") * 1.9,
    ),
    "sources-disagree": lambda e: _where(
        e,
        (_code == DEHYDROGENASE) & (_who > PEOPLE // 2),
        numeric_value=pl.col("numeric_value") * 1.9,
    ),
}
"""By the check that finds each."""
