"""Dates and times of tables, as text, to UTC."""

from __future__ import annotations

import polars as pl

DAY = pl.duration(days=1)
TICK = pl.duration(microseconds=1)
UTC_ENDINGS = {"Z", "+00:00", "+00"}
MOMENT = r"^(\d{4}-\d{2}-\d{2})(?:[ T](\d{2}:\d{2}(?::\d{2})?)(\.\d+)?)?\s*(Z|UTC|[+-]\d{2}(?::?\d{2})?)?$"


def to_utc(local: pl.Expr, timezone: str) -> pl.Expr:
    """Naive local times as naive UTC: the first of two in autumn, in spring's gap as if clocks had not moved yet."""
    if timezone == "UTC":
        return local

    def placed(times: pl.Expr) -> pl.Expr:
        zoned = times.dt.replace_time_zone(timezone, ambiguous="earliest", non_existent="null")
        return zoned.dt.convert_time_zone("UTC").dt.replace_time_zone(None)

    # A time in the gap has the offset of three hours before (PEP 495, fold=0).
    earlier = pl.duration(hours=3)
    return pl.coalesce(placed(local), placed(local - earlier) + earlier)


def parse_day(text: pl.Expr) -> pl.Expr:
    """The local midnight that starts the day written first in `text`; null where none is."""
    return text.str.strip_chars().str.slice(0, 10).str.to_datetime("%Y-%m-%d", strict=False)


def parse_moment(text: pl.Expr, timezone: str) -> pl.Expr:
    """The moment that `text` names, in UTC; a date alone is its midnight; null where it is not a moment."""
    groups = text.str.strip_chars().str.extract_groups(MOMENT)
    clock = groups.struct.field("2").fill_null("00:00")
    clock = pl.when(clock.str.len_chars() == 5).then(clock + ":00").otherwise(clock)
    fraction = groups.struct.field("3").fill_null("").str.strip_chars_start(".")
    whole = (groups.struct.field("1") + " " + clock).str.to_datetime(
        "%Y-%m-%d %H:%M:%S", time_unit="us", strict=False
    )
    micros = fraction.str.pad_end(6, "0").str.slice(0, 6).cast(pl.Int64)
    naive = whole + pl.duration(microseconds=micros)
    offset = groups.struct.field("4").str.replace("Z|UTC", "+00:00").str.replace(":", "")
    hours = offset.str.slice(1, 2).cast(pl.Int64)
    minutes = offset.str.slice(3, 2).cast(pl.Int64, strict=False).fill_null(0)
    sign = pl.when(offset.str.starts_with("-")).then(-1).otherwise(1)
    away = pl.duration(minutes=sign * (hours * 60 + minutes))
    return pl.when(offset.is_null()).then(to_utc(naive, timezone)).otherwise(naive - away)


def moments(text: pl.Series, timezone: str) -> pl.Series:
    """`parse_moment` of a column: where all of it is written the usual way, without the regular expression."""
    if text.null_count() == len(text):
        return pl.Series(text.name, [None], dtype=pl.Datetime("us")).new_from_index(0, len(text))
    rows = text.alias("text").to_frame()
    lengths = text.str.len_bytes()
    if lengths.min() == lengths.max() == 19:
        # Moments hardly repeat: to remember those seen takes as long as to read them.
        parsed = text.str.to_datetime(
            "%Y-%m-%d %H:%M:%S", time_unit="us", strict=False, cache=False
        )
        if parsed.null_count() == text.null_count():
            return rows.select(to_utc(pl.lit(parsed), timezone)).to_series()
    stripped = rows.select(pl.col("text").str.strip_chars())
    rest = stripped.select(pl.col("text").str.slice(19).unique()).to_series().drop_nulls().to_list()
    lengths = stripped.select(pl.col("text").str.len_bytes().min()).item()
    if lengths is not None and lengths >= 19 and (set(rest) <= {""} or set(rest) <= UTC_ENDINGS):
        plain = pl.col("text").str.slice(0, 19).str.replace("T", " ", literal=True)
        whole = plain.str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us", strict=False)
        zone = timezone if set(rest) <= {""} else "UTC"
        return stripped.select(to_utc(whole, zone)).to_series()
    return rows.select(parse_moment(pl.col("text"), timezone)).to_series()


def has_clock(text: pl.Expr) -> pl.Expr:
    """Whether `text` names a time of day other than midnight, or an offset, so that it is more than a date."""
    stripped = text.str.strip_chars()
    groups = stripped.str.extract_groups(MOMENT)
    at_midnight = groups.struct.field("2").is_null() | (
        groups.struct.field("2").str.contains(r"^00:00(:00)?$")
        & groups.struct.field("3").str.strip_chars("0.").fill_null("").eq("")
    )
    offset = groups.struct.field("4")
    return (
        ~at_midnight | (offset.is_not_null() & groups.struct.field("2").is_not_null())
    ).fill_null(False)
