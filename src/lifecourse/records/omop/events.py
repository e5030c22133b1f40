"""Events of chunks of OMOP rows, each row judged: an event, or a reject with its reason."""

from __future__ import annotations

import numpy as np
import polars as pl

from lifecourse.records.omop.addresses import HISTORY, PERSON_DOMAINS, with_address_codes
from lifecourse.records.omop.coding import origins, with_codes, with_values
from lifecourse.records.omop.concepts import standard
from lifecourse.records.omop.persons import read_persons
from lifecourse.records.omop.reading import (
    Read,
    Reading,
    concept_id,
    identifier,
    selected,
    split,
    subject_reason,
)
from lifecourse.records.omop.tables import CLINICAL, ClinicalTable
from lifecourse.records.times import (
    DAY,
    TICK,
    has_clock,
    moments,
    parse_day,
    to_utc,
)
from lifecourse.schema.event import DEATH

NO_CODE = "no concept and no source value"


def _with_tidy_ids(rows: pl.DataFrame) -> pl.DataFrame:
    """`rows` with each id as `identifier` has it; a column of plain whole numbers is that already."""
    ids = [name for name in rows.columns if name.endswith(("_id", "_of_birth"))]
    numbers = rows.select(pl.col(ids).cast(pl.Int64, strict=False))
    return rows.with_columns(
        identifier(name) for name in ids if numbers[name].null_count() > rows[name].null_count()
    )


def read_events(rows: pl.DataFrame, reading: Reading) -> Read:
    """The events of `rows` (`tables.columns_of` as text, and ``row``)."""
    person = "entity_id" if reading.table == HISTORY else "person_id"
    prepared = _with_tidy_ids(rows).with_columns(
        subject_key=person,
        source_file=pl.lit(reading.file_index, pl.UInt32),
        source_row=(pl.col("row") + reading.row_base).cast(pl.UInt32),
    )
    if reading.table == "person":
        return read_persons(prepared, reading)
    if reading.people is not None:
        prepared = prepared.with_columns(
            is_stranger=_strangers(prepared["subject_key"], reading.people)
        )
    if reading.table == "death":
        return _deaths(prepared, reading)
    if reading.table == HISTORY:
        return _moves(prepared, reading)
    return _facts(prepared, CLINICAL[reading.table], reading)


def _strangers(keys: pl.Series, people: pl.Series) -> pl.Series:
    """Whether each of `keys` is not one of `people`; keys that come in runs are looked for once a run."""
    runs = keys.rle().struct.unnest()
    is_known = runs["value"].is_in(people.implode()).fill_null(False)
    return pl.Series(np.repeat(~is_known.to_numpy(), runs["len"].to_numpy()))


# -- when --------------------------------------------------------------------------------------------------


def _with_times(rows: pl.DataFrame, stem: str, reading: Reading, *, by_row: bool) -> pl.DataFrame:
    """Adds ``time``, ``onset_time``, ``precision``: exact where a time of day is told, else the day's end."""
    exact = moments(rows[f"{stem}_datetime"], reading.timezone)
    if not by_row and not reading.is_dated and not exact.null_count():
        never = pl.lit(None, pl.Datetime("us")), pl.lit(None, pl.String)
        return rows.with_columns(exact.alias("time"), onset_time=never[0], precision=never[1])
    day = parse_day(pl.coalesce(f"{stem}_date", f"{stem}_datetime"))
    told = has_clock(pl.col(f"{stem}_datetime")) if by_row else pl.lit(not reading.is_dated)
    marked = rows.with_columns(day=day, exact=exact).with_columns(
        is_exact=told & pl.col("exact").is_not_null()
    )
    first = to_utc(pl.col("day"), reading.timezone)
    last = to_utc(pl.col("day") + DAY, reading.timezone) - TICK
    return marked.with_columns(
        time=pl.when("is_exact").then(pl.col("exact")).otherwise(last),
        onset_time=pl.when("is_exact").then(None).otherwise(first),
        precision=pl.when(~pl.col("is_exact")).then(pl.lit("day")),
    ).drop("day", "exact", "is_exact")


def _end_time(rows: pl.DataFrame, stem: str, reading: Reading) -> pl.Expr:
    exact = moments(rows[f"{stem}_datetime"], reading.timezone)
    if not reading.is_dated and not exact.null_count():
        return pl.lit(exact)
    day = parse_day(pl.coalesce(f"{stem}_date", f"{stem}_datetime"))
    last = to_utc(day + DAY, reading.timezone) - TICK
    return last if reading.is_dated else pl.coalesce(pl.lit(exact), last)


# -- facts, deaths, addresses ----------------------------------------------------------------------------------


def _facts(rows: pl.DataFrame, spec: ClinicalTable, reading: Reading) -> Read:
    rows = rows.with_columns(
        source_id=pl.lit(f"{spec.name}/") + pl.col(spec.key),
        is_bad=pl.lit(False),
    )
    rows = _with_times(rows, spec.start, reading, by_row=False)
    coded = _coded(rows, spec, reading)
    end = _end_time(rows, spec.end, reading) if spec.end else pl.lit(None, pl.Datetime("us"))
    coded = coded.with_columns(end_time=end)
    is_early = (pl.col("end_time") < pl.coalesce("onset_time", "time")).fill_null(False)
    coded = coded.with_columns(
        is_early=is_early, end_time=pl.when(~is_early).then(pl.col("end_time"))
    )
    reason = (
        pl.when(subject_reason(reading).is_not_null())
        .then(subject_reason(reading))
        .when(pl.col("time").is_null())
        .then(pl.lit("no usable date"))
        .when("is_bad")
        .then(pl.lit("value is not a number"))
        .when(pl.col("code").is_null())
        .then(pl.lit(NO_CODE))
    )
    good, rejected = split(coded.with_columns(reason=reason))
    counts = origins(good) if "code_from" in good.columns else {}
    early = int(good["is_early"].sum())
    if early:
        counts["ends before their start, left out"] = early
    if spec.name == "visit_occurrence":
        good = pl.concat([good, _visit_ends(good)], how="diagonal")
    return Read(events=selected(good), rejected=rejected, counts=counts)


def _coded(rows: pl.DataFrame, spec: ClinicalTable, reading: Reading) -> pl.DataFrame:
    if spec.name in ("visit_occurrence", "visit_detail"):
        prefix = "VISIT" if spec.name == "visit_occurrence" else "VISIT_DETAIL"
        kinds = standard().visit_kinds()
        kind = concept_id(spec.concept).replace_strict(
            kinds, default="other", return_dtype=pl.String
        )
        return rows.with_columns(code=f"{prefix}//" + kind)
    if spec.name == "note":
        rows = rows.with_columns(
            kind=pl.coalesce("note_class_concept_id", "note_type_concept_id").fill_null("0")
        )
        known = reading.concepts.lookup(set(rows.select(concept_id("kind")).to_series()))
        codes = {number: f"NOTE//{concept.code}" for number, concept in known.items()}
        named = concept_id("kind").replace_strict(codes, default=None, return_dtype=pl.String)
        return rows.with_columns(
            code=pl.coalesce(named, "NOTE//OMOP//" + pl.col("kind")), text_value="note_text"
        )
    coded = with_codes(rows, spec, reading)
    return with_values(coded, reading) if spec.has_values else coded


def _visit_ends(visits: pl.DataFrame) -> pl.DataFrame:
    """The end of each visit as an event of its own, so that a task can start at a discharge."""
    ended = visits.filter(pl.col("end_time").is_not_null())
    return ended.with_columns(
        code=pl.col("code").str.replace("VISIT//", "VISIT_END//", literal=True),
        time="end_time",
        onset_time=pl.lit(None, pl.Datetime("us")),
        end_time=pl.lit(None, pl.Datetime("us")),
    )


def _deaths(rows: pl.DataFrame, reading: Reading) -> Read:
    # A death at midnight to the second is a date that somebody spelled as a time, whatever other rows say.
    rows = rows.with_columns(source_id=pl.lit("death/") + pl.col("subject_key"), code=pl.lit(DEATH))
    rows = _with_times(rows, "death", reading, by_row=True)
    reason = (
        pl.when(subject_reason(reading).is_not_null())
        .then(subject_reason(reading))
        .when(pl.col("time").is_null())
        .then(pl.lit("no usable date"))
    )
    good, rejected = split(rows.with_columns(reason=reason))
    return Read(events=selected(good), rejected=rejected, counts={})


def _moves(rows: pl.DataFrame, reading: Reading) -> Read:
    """Addresses from their first day to their last; those of care sites and providers are counted aside."""
    rows = rows.with_columns(
        source_id=pl.lit("location_history/") + pl.col("location_history_id"),
        domain=pl.col("domain_id").str.to_lowercase().fill_null(""),
    )
    of_people = rows.filter(pl.col("domain").is_in(PERSON_DOMAINS))
    timed = _with_times(of_people, "start", reading, by_row=False)
    timed = timed.with_columns(end_time=_end_time(timed, "end", reading))
    placed = with_address_codes(timed, reading.places)
    reason = (
        pl.when(subject_reason(reading).is_not_null())
        .then(subject_reason(reading))
        .when(pl.col("time").is_null())
        .then(pl.lit("no usable date"))
        .when(pl.col("code").is_null())
        .then(pl.lit("location not known"))
    )
    good, rejected = split(placed.with_columns(reason=reason))
    others = rows.height - of_people.height
    counts = {"locations of others than people, left out": others} if others else {}
    return Read(events=selected(good), rejected=rejected, counts=counts)
