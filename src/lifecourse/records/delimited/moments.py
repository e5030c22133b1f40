"""Times as tables write them: ISO 8601 as it comes, or a stated format; how exact each is, and in whose zone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import polars as pl

from lifecourse.records.delimited.expressions import ExpressionError
from lifecourse.records.times import to_utc

DAY, TICK = pl.duration(days=1), pl.duration(microseconds=1)
ISO = (
    r"^(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?"
    r"(?:[ T](\d{2}:\d{2})(:\d{2})?(\.\d+)?\s*(Z|UTC|[+-]\d{2}(?::?\d{2})?)?)?$"
)
_CLOCK = re.compile(r"%-?[HIkTRcsXr+]")
_DAY = re.compile(r"%-?[djDFxesv]")
_MONTH = re.compile(r"%-?[mbBh]")
LATER = {"day": "1d", "month": "1mo", "year": "1y"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A format of times: what is appended to text and format so that it names a day, and how exact it is."""

    form: str
    appended: str
    precision: str | None
    has_offset: bool

    def read(self, text: pl.Expr) -> pl.Expr:
        """Naive times, UTC where the format has an offset; null where the text is in another form."""
        whole = text + self.appended if self.appended else text
        read = whole.str.to_datetime(self.form, time_unit="us", strict=False)
        return read.dt.replace_time_zone(None) if self.has_offset else read


@lru_cache(maxsize=256)
def format_of(form: str) -> Format:
    """What a format of `strftime` says.

    Raises
    ------
    ExpressionError
        It has no year.
    """
    if not re.search(r"%-?[YyGCcsDFxv+]", form):
        raise ExpressionError(f"the format '{form}' has no year (%Y)")
    has_offset = "%z" in form or "%:z" in form or "%+" in form
    if _CLOCK.search(form):
        hours_only = not re.search(r"%-?[MTRcsXr+]", form)
        return Format(
            form=form + " %M" if hours_only else form,
            appended=" 00" if hours_only else "",
            precision=None,
            has_offset=has_offset,
        )
    if _DAY.search(form):
        return Format(form=form, appended="", precision="day", has_offset=False)
    if _MONTH.search(form):
        return Format(form=f"{form} %d", appended=" 01", precision="month", has_offset=False)
    return Format(form=f"{form} %m-%d", appended=" 01-01", precision="year", has_offset=False)


def read_any(text: pl.Series) -> list[pl.Series]:
    """ISO 8601 times: ``local`` and ``utc`` (the one or the other) as naive Datetime(us), and ``precision``.

    A column that is written one way throughout is read without a regular expression.
    """
    lengths = text.str.len_bytes()
    shortest = lengths.min()
    if isinstance(shortest, int) and shortest == lengths.max() and shortest in _QUICK:
        form, precision = _QUICK[shortest]
        plain = text.str.replace("T", " ", literal=True) if precision is None else text
        local = plain.str.to_datetime(form, time_unit="us", strict=False)
        if local.null_count() == text.null_count():
            return [
                local.alias("local"),
                pl.repeat(None, len(text), dtype=pl.Datetime("us"), eager=True).alias("utc"),
                pl.repeat(precision, len(text), dtype=pl.String, eager=True).alias("precision"),
            ]
    return _read_slowly(text)


_QUICK: dict[int, tuple[str, str | None]] = {
    10: ("%Y-%m-%d", "day"),
    16: ("%Y-%m-%d %H:%M", None),
    19: ("%Y-%m-%d %H:%M:%S", None),
}


def _read_slowly(text: pl.Series) -> list[pl.Series]:
    groups = pl.col("text").str.strip_chars().str.extract_groups(ISO)
    parts = text.alias("text").to_frame().select(groups.alias("group")).unnest("group")
    year, month, day, clock, second, fraction, offset = (pl.col(name) for name in parts.columns)
    plain = pl.concat_str(
        year, pl.lit("-"), month.fill_null("01"), pl.lit("-"), day.fill_null("01"), pl.lit(" "),
        clock.fill_null("00:00"), second.fill_null(":00"),
    )  # fmt: skip
    micros = fraction.str.slice(1, 6).str.pad_end(6, "0").cast(pl.Int64, strict=False).fill_null(0)
    local = plain.str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us", strict=False)
    local = local + pl.duration(microseconds=micros)
    bare = offset.str.replace("Z|UTC", "+00:00").str.replace(":", "")
    minutes = bare.str.slice(1, 2).cast(pl.Int64) * 60 + bare.str.slice(3, 2).cast(
        pl.Int64, strict=False
    ).fill_null(0)
    away = pl.duration(minutes=pl.when(bare.str.starts_with("-")).then(-minutes).otherwise(minutes))
    precision = (
        pl.when(clock.is_not_null()).then(pl.lit(None, pl.String))
        .when(day.is_not_null()).then(pl.lit("day"))
        .when(month.is_not_null()).then(pl.lit("month"))
        .otherwise(pl.lit("year"))
    )  # fmt: skip
    read = parts.select(
        local=local,
        utc=pl.when(offset.is_not_null()).then(local - away),
        precision=pl.when(local.is_not_null()).then(precision),
    )
    return read.get_columns()


def first_and_last(
    local: pl.Expr, utc: pl.Expr | None, precision: pl.Expr | str | None, timezone: str
) -> tuple[pl.Expr, pl.Expr]:
    """The first and the last microsecond, UTC, of what a time says: the same where it is exact."""
    start = to_utc(local, timezone)
    start = start if utc is None else pl.coalesce(utc, start)
    if precision is None:
        return start, start
    if isinstance(precision, str):
        return start, to_utc(local.dt.offset_by(LATER[precision]), timezone) - TICK
    last: Any = pl.when(precision.is_null()).then(start)
    for name, step in LATER.items():
        end = to_utc(local.dt.offset_by(step), timezone) - TICK
        last = last.when(precision == name).then(end)
    return start, last
