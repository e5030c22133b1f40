"""Events as sources have them, to events in one form: tidy codes, canonical units."""

from __future__ import annotations

from functools import lru_cache

import polars as pl

from lifecourse.vocab.dates import with_dates_as_numbers
from lifecourse.vocab.systems import tidy_code
from lifecourse.vocab.units import canonical_unit, quantity_of, tidy_unit, to_canonical

INCONVERTIBLE = "//UNIT:"

COUNTS = {
    "tidied": "codes put into their system's form",
    "converted": "values converted to the canonical unit",
    "assumed": "values without a unit, taken to be in the canonical one",
    "inconvertible": "values in a unit that cannot be converted, kept under a code of their own",
}

_VALUES = {"numeric_value": pl.Float32(), "unit": pl.String()}


def normalise(events: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, int]]:
    """The events with tidy codes and values in the canonical unit of their code, and counts of what was done.

    Parameters
    ----------
    events : table with ``code`` and, where it has values, ``numeric_value`` and ``unit``
        Other columns and the order stay as they are.

    Returns
    -------
    events : the same rows
        A value whose unit cannot be converted stays as it is, under ``<code>//UNIT:<unit>``, so that no
        codelist takes it for one in the canonical unit.
    counts : rows by what was done to them; what was done to none is left out
    """
    columns = events.columns
    absent = [pl.lit(None, kind).alias(n) for n, kind in _VALUES.items() if n not in columns]
    events = with_dates_as_numbers(events.with_columns(absent))
    plan = _plan(events.select("code", "unit", has_value=pl.col("numeric_value").is_not_null()))
    if not plan.select(_CHANGES.any()).item():
        return events.select(columns), {}
    joined = events.with_columns(has_value=pl.col("numeric_value").is_not_null()).join(
        plan,
        on=["code", "unit", "has_value"],
        how="left",
        nulls_equal=True,
        maintain_order="left",
    )
    counts = {
        text: int(joined[name].sum() or 0) for name, text in COUNTS.items() if name in plan.columns
    }
    value = pl.col("numeric_value")
    # Values that need nothing are left alone: float32 would not come back the same through float64 arithmetic
    converted = (value.cast(pl.Float64) * pl.col("factor") + pl.col("offset")).cast(pl.Float32)
    done = joined.with_columns(
        code=pl.col("new_code"),
        unit=pl.col("new_unit"),
        numeric_value=pl.when(pl.col("converted")).then(converted).otherwise(value),
    )
    return done.select(columns), {text: count for text, count in counts.items() if count}


def _plan(seen: pl.DataFrame) -> pl.DataFrame:
    varying = [series.name for series in seen if series.name == "code" or not _is_constant(series)]
    pairs = seen.unique(varying, keep="first", maintain_order=True)
    rows = [_step(code, unit, has_value) for code, unit, has_value in pairs.iter_rows()]
    return pl.DataFrame(rows, schema=_PLAN, orient="row")


def _is_constant(series: pl.Series) -> bool:
    """Whether all of it is missing, or all of it false, as in rows without values: a cheap look."""
    return series.null_count() == len(series) or (series.dtype == pl.Boolean and not series.any())


# Whether a row of the plan does anything to the events that it is for.
_CHANGES = pl.any_horizontal(
    "tidied", "converted", "assumed", "inconvertible", pl.col("unit").ne_missing(pl.col("new_unit"))
)
_PLAN = {
    "code": pl.String,
    "unit": pl.String,
    "has_value": pl.Boolean,
    "new_code": pl.String,
    "new_unit": pl.String,
    "factor": pl.Float64,
    "offset": pl.Float64,
    "tidied": pl.Boolean,
    "converted": pl.Boolean,
    "assumed": pl.Boolean,
    "inconvertible": pl.Boolean,
}


# The same few hundred codes come again in every batch.
@lru_cache(maxsize=65_536)
def _step(code: str, unit: str | None, has_value: bool) -> tuple[object, ...]:
    tidy = tidy_code(code)
    spelled = tidy_unit(unit)
    tidied = tidy != code
    untouched = (code, unit, has_value, tidy, spelled, 1.0, 0.0, tidied, False, False, False)
    if not has_value or quantity_of(tidy) is None:
        return untouched
    conversion = to_canonical(tidy, unit)
    if conversion is None:
        kept = f"{tidy}{INCONVERTIBLE}{spelled}"
        return (code, unit, has_value, kept, spelled, 1.0, 0.0, tidied, False, False, True)
    changes = conversion.factor != 1.0 or conversion.offset != 0.0
    return (
        code,
        unit,
        has_value,
        tidy,
        canonical_unit(tidy),
        conversion.factor,
        conversion.offset,
        tidied,
        changes,
        spelled is None,
        False,
    )
