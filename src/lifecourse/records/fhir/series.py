"""SampledData of what devices measure: the events of whole days, by the same rules as any other series.

A sample is ``origin + factor * number``, a ``period`` of milliseconds after the one before; L and U are beyond what the
sensor can show, E is no reading (FHIR R4, SampledData). What covers no day sufficiently gives no event here: its mean
alone is told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from lifecourse.records.fhir.values import MOST_SAMPLES, number, unit_of
from lifecourse.records.series.days import SUFFICIENT_PERCENT, day_events
from lifecourse.records.series.measures import measure_coded, measures
from lifecourse.records.series.readings import TOLD, judged, with_instants, without_repeats

if TYPE_CHECKING:
    from lifecourse.records.fhir.rows import Resource, Rows

MILLISECOND = 1_000
LONGEST_MILLISECONDS = 100 * 366 * 86_400_000.0
LIMITS = {"low": ("lowerLimit", 40.0), "high": ("upperLimit", 400.0)}
"""What tells the limit of the sensor, and that of most glucose sensors in mg/dL."""


def add_days(
    resource: Resource, rows: Rows, subject: str, code: str, samples: Any, part: str
) -> None:
    """Add the events of the days that `samples` of `code` cover; nothing where it is no series of a known measure."""
    measure = measure_coded(code)
    if measure is None or not isinstance(samples, dict):
        return
    told = _told(resource, subject, measure, samples)
    if told is None or told.height < 2:
        return
    words = _limits(measure, samples)
    readings, _ = judged(told, words, resource.place.file, resource.place.name)
    zone = resource.place.zone
    once, _ = without_repeats(with_instants(readings, zone))
    events, _ = day_events(once, zone)
    covered = events.filter(
        (pl.col("code") == "CGM//coverage") & (pl.col("numeric_value") >= SUFFICIENT_PERCENT)
    )
    if measure == "glucose":
        events = events.filter(pl.col("onset_time").is_in(covered["onset_time"].implode()))
    moments = [pl.col(name).cast(pl.Int64) for name in ("time", "onset_time")]
    for row in events.with_columns(moments).iter_rows(named=True):
        rows.events.append(
            (
                subject, row["time"], row["code"], row["numeric_value"], None, row["unit"], None, row["onset_time"],
                row["precision"], resource.source_id, resource.version, resource.place.file, resource.row, part,
            )
        )  # fmt: skip


def _limits(measure: str, samples: dict[str, Any]) -> dict[str, tuple[float, str]]:
    """What "low" and "high" stand for, in the measure's unit."""
    known = measures()[measure]
    factor = known.factor(unit_of(samples.get("origin") or {}) or known.unit)
    found = {}
    for word, (name, usual) in LIMITS.items():
        limit = number(samples.get(name))
        found[word] = (usual if limit is None or factor is None else limit * factor, known.unit)
    return found


def _told(
    resource: Resource, subject: str, measure: str, samples: dict[str, Any]
) -> pl.DataFrame | None:
    """The samples with their times, as `readings.judged` takes them; None where no times can be told."""
    body = resource.body
    period = number(samples.get("period"))
    begins = (body.get("effectivePeriod") or {}).get("start") or body.get("effectiveDateTime")
    start = resource.first_moment(begins) if begins else None
    written, step = samples.get("data"), int(number(samples.get("dimensions")) or 1)
    if period is None or period <= 0 or start is None or start.precision is not None:
        return None
    if not isinstance(written, str) or step < 1:
        return None
    points = written.split(maxsplit=MOST_SAMPLES * step)[::step][:MOST_SAMPLES]
    if period * len(points) > LONGEST_MILLISECONDS:
        return None
    origin = samples.get("origin") or {}
    base, factor = number(origin.get("value")) or 0.0, number(samples.get("factor"))
    text = pl.col("text").str.to_lowercase()
    value = base + (1.0 if factor is None else factor) * text.cast(pl.Float64, strict=False)
    shown = pl.when(text == "l").then(pl.lit("low")).when(text == "u").then(pl.lit("high"))
    offset = (pl.int_range(pl.len(), dtype=pl.Int64) * period * MILLISECOND).cast(pl.Int64)
    return (
        pl.DataFrame({"text": points}, schema={"text": pl.String})
        .with_columns(instant=(offset + start.start).cast(pl.Datetime("us")))
        .filter(text != "e")
        .select(
            subject_key=pl.lit(subject),
            measure=pl.lit(measure),
            value=shown.otherwise(value.cast(pl.String)),
            unit=pl.lit(unit_of(origin)),
            local=pl.lit(None, pl.Datetime("us")),
            instant="instant",
            device=pl.lit(None, pl.String),
            row=pl.lit(resource.row, pl.UInt32),
        )
        .cast(TOLD)  # type: ignore[arg-type]  # a Mapping is invariant in its keys
    )
