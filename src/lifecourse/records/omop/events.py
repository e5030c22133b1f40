"""Events of chunks of OMOP rows, each row judged: an event, or a reject with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from lifecourse.records.omop.addresses import HISTORY, PERSON_DOMAINS, with_address_codes
from lifecourse.records.omop.concepts import (
    FROM_CONCEPT,
    FROM_ID,
    FROM_SOURCE,
    Concepts,
    choose_code,
    standard,
)
from lifecourse.records.omop.tables import CLINICAL, ClinicalTable
from lifecourse.records.times import (
    DAY,
    TICK,
    has_clock,
    moments,
    parse_day,
    parse_moment,
    to_utc,
)
from lifecourse.schema.event import BIRTH, DEATH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

STRAIGHT = ("source_file", "source_row", "source_id", "subject_key")
NO_CODE = "no concept and no source value"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What reading a chunk needs to know.

    is_dated : the table's datetimes are dates spelled longer
    places : address codes by location
    has_moves : addresses are told with their times, so that a person's one location says nothing more
    """

    table: str
    file_index: int
    row_base: int
    timezone: str
    is_dated: bool
    people: pl.Series | None
    concepts: Concepts
    places: dict[str, list[str]]
    has_moves: bool


@dataclass(slots=True, kw_only=True)
class Read:
    """Events of a chunk, and the rows that gave none with the reason."""

    events: pl.DataFrame
    rejected: pl.DataFrame
    counts: dict[str, int]
    identities: pl.DataFrame | None = None


def identifier(name: str) -> pl.Expr:
    """An id as text, without the ``.0`` of those that went through a floating-point column."""
    return pl.col(name).str.strip_chars().str.replace(r"\.0+$", "").replace("", None)


def concept_id(name: str) -> pl.Expr:
    """A concept id, tidy already, as Int64; 0 where there is none."""
    return pl.col(name).cast(pl.Int64, strict=False).fill_null(0)


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
        return _persons(prepared, reading)
    if reading.people is not None:
        prepared = prepared.with_columns(
            is_stranger=_strangers(prepared["subject_key"], reading.people)
        )
    if reading.table == "death":
        return _deaths(prepared, reading)
    if reading.table == HISTORY:
        return _moves(prepared, reading)
    return _facts(prepared, CLINICAL[reading.table], reading)


def _split(judged: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    good = judged.filter(pl.col("reason").is_null()).drop("reason")
    rejected = judged.filter(pl.col("reason").is_not_null()).select("source_row", "reason")
    return good, rejected


def _subject_reason(reading: Reading) -> pl.Expr:
    no_subject = pl.when(pl.col("subject_key").is_null()).then(pl.lit("no subject"))
    if reading.people is None:
        return no_subject
    return no_subject.when("is_stranger").then(pl.lit("person not in the person table"))


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


# -- what --------------------------------------------------------------------------------------------------


def _with_codes(rows: pl.DataFrame, spec: ClinicalTable, reading: Reading) -> pl.DataFrame:
    """Adds ``code`` and ``code_from``: most concepts are named, and a number is looked up sooner than a text."""
    rows = rows.with_columns(
        concept=concept_id(spec.concept), source_concept=concept_id(spec.source_concept)
    )
    known = reading.concepts.lookup(rows["concept"].unique().to_list())
    code = rows["concept"].replace_strict(
        {i: concept.code for i, concept in known.items()}, default=None, return_dtype=pl.String
    )
    origin = pl.repeat(FROM_CONCEPT, rows.height, dtype=_ORIGINS, eager=True)
    if code.null_count():
        places = code.is_null().arg_true()
        rest = _chosen(rows.filter(code.is_null()), spec, reading)
        code = code.scatter(places, rest["code"])
        origin = origin.scatter(places, rest["code_from"])
    return rows.with_columns(code.alias("code"), origin.alias("code_from"))


def _chosen(rows: pl.DataFrame, spec: ClinicalTable, reading: Reading) -> pl.DataFrame:
    """``code`` and ``code_from`` of rows whose concept nobody names, in their order."""
    keys = ["concept", "source_concept", spec.source_value]
    seen = rows.select(keys).unique(maintain_order=True)
    known = reading.concepts.lookup(seen["source_concept"].to_list())
    chosen = [
        choose_code(reading.table, concept, source, value, spec.systems, known)
        for concept, source, value in seen.iter_rows()
    ]
    plan = seen.with_columns(
        pl.Series("code", [code for code, _ in chosen], dtype=pl.String),
        pl.Series("code_from", [origin for _, origin in chosen], dtype=_ORIGINS),
    )
    return (
        rows.select(keys)
        .join(plan, on=keys, how="left", nulls_equal=True, maintain_order="left")
        .select("code", "code_from")
    )


_ORIGINS = pl.Enum([FROM_CONCEPT, FROM_SOURCE, FROM_ID])


def _origins(events: pl.DataFrame) -> dict[str, int]:
    names = {
        FROM_CONCEPT: "codes from concept",
        FROM_SOURCE: "codes from source value",
        FROM_ID: "codes as OMOP id",
    }
    counted = events.group_by("code_from").len().rows()
    return {names[origin]: count for origin, count in sorted(counted)}


def _mapped(rows: pl.DataFrame, column: str, find: Callable[[set[int]], dict[int, str]]) -> pl.Expr:
    found = find(set(rows.select(concept_id(column)).to_series().unique().to_list()))
    return concept_id(column).replace_strict(found, default=None, return_dtype=pl.String)


def _units(rows: pl.DataFrame, concepts: Concepts) -> pl.Expr:
    def find(ids: set[int]) -> dict[int, str]:
        named = {
            i: c.code.removeprefix("UCUM//")
            for i, c in concepts.lookup(ids).items()
            if c.code.startswith("UCUM//")
        }
        return {**{i: u for i, u in standard().units.items() if i in ids}, **named}

    source = pl.col("unit_source_value").str.strip_chars().replace("", None)
    return pl.coalesce(_mapped(rows, "unit_concept_id", find), source)


def _with_values(rows: pl.DataFrame, reading: Reading) -> pl.DataFrame:
    """Adds ``numeric_value``, ``text_value``, ``unit``; a coded answer joins the code."""
    concepts = reading.concepts

    def codes(ids: set[int]) -> dict[int, str]:
        known = {i: c.code for i, c in concepts.lookup(ids).items()}
        return {i: known.get(i, f"OMOP//{i}") for i in ids if i}

    def names(ids: set[int]) -> dict[int, str]:
        return {i: c.name for i, c in concepts.lookup(ids).items() if c.name and i}

    number = pl.col("value_as_number").str.strip_chars().replace("", None)
    value = number.cast(pl.Float64, strict=False)
    rows = rows.with_columns(
        numeric_value=value.cast(pl.Float32),
        is_bad=number.is_not_null() & (value.is_null() | ~value.is_finite()),
        answer=_mapped(rows, "value_as_concept_id", codes),
        said=pl.coalesce(
            _mapped(rows, "value_as_concept_id", names), "value_as_string", "value_source_value"
        ),
        unit=_units(rows, concepts),
    )
    is_answer = pl.col("answer").is_not_null() & pl.col("numeric_value").is_null()
    is_family = is_answer & pl.col("concept").is_in(list(standard().family_history))
    return rows.with_columns(
        code=pl.when(is_family)
        .then("FAMILY_HISTORY//" + pl.col("answer"))
        .when(is_answer)
        .then(pl.col("code") + "//" + pl.col("answer"))
        .otherwise("code"),
        text_value=pl.when(pl.col("numeric_value").is_null()).then(pl.col("said")),
        unit=pl.when(pl.col("numeric_value").is_not_null()).then(pl.col("unit")),
    )


# -- facts, persons, deaths ----------------------------------------------------------------------------------


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
        pl.when(_subject_reason(reading).is_not_null())
        .then(_subject_reason(reading))
        .when(pl.col("time").is_null())
        .then(pl.lit("no usable date"))
        .when("is_bad")
        .then(pl.lit("value is not a number"))
        .when(pl.col("code").is_null())
        .then(pl.lit(NO_CODE))
    )
    good, rejected = _split(coded.with_columns(reason=reason))
    counts = _origins(good) if "code_from" in good.columns else {}
    early = int(good["is_early"].sum())
    if early:
        counts["ends before their start, left out"] = early
    if spec.name == "visit_occurrence":
        good = pl.concat([good, _visit_ends(good)], how="diagonal")
    return Read(events=_selected(good), rejected=rejected, counts=counts)


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
    coded = _with_codes(rows, spec, reading)
    return _with_values(coded, reading) if spec.has_values else coded


def _visit_ends(visits: pl.DataFrame) -> pl.DataFrame:
    """The end of each visit as an event of its own, so that a task can start at a discharge."""
    ended = visits.filter(pl.col("end_time").is_not_null())
    return ended.with_columns(
        code=pl.col("code").str.replace("VISIT//", "VISIT_END//", literal=True),
        time="end_time",
        onset_time=pl.lit(None, pl.Datetime("us")),
        end_time=pl.lit(None, pl.Datetime("us")),
    )


def _persons(rows: pl.DataFrame, reading: Reading) -> Read:
    known = standard()
    year = pl.col("year_of_birth").cast(pl.Int32, strict=False)
    month = pl.col("month_of_birth").cast(pl.Int8, strict=False)
    day = pl.col("day_of_birth").cast(pl.Int8, strict=False)
    parts = pl.datetime(year, month.fill_null(1), day.fill_null(1), time_unit="us")
    in_parts = (
        pl.when(month.is_null()).then(pl.lit("year")).when(day.is_null()).then(pl.lit("month"))
    )
    told = pl.col("birth_datetime")
    is_told = parse_moment(told, reading.timezone).is_not_null()
    rows = rows.with_columns(
        source_id=pl.lit("person/") + pl.col("subject_key"),
        birth=pl.when(is_told)
        .then(parse_moment(told, reading.timezone))
        .otherwise(to_utc(parts, reading.timezone)),
        birth_precision=pl.when(is_told)
        .then(pl.when(~has_clock(told)).then(pl.lit("day")))
        .otherwise(in_parts.otherwise(pl.lit("day"))),
        sex=_sex(known.sexes),
        race=concept_id("race_concept_id").replace_strict(known.races, default=None),
        ethnicity=concept_id("ethnicity_concept_id").replace_strict(
            known.ethnicities, default=None
        ),
    )
    reason = pl.when(pl.col("subject_key").is_null()).then(pl.lit("no subject"))
    good, rejected = _split(rows.with_columns(reason=reason))
    birth = good.filter(pl.col("birth").is_not_null()).select(
        *STRAIGHT, time="birth", code=pl.lit(BIRTH), precision="birth_precision"
    )
    statics = [
        good.filter(pl.col(name).is_not_null()).select(
            *STRAIGHT, code=pl.lit(f"{name.upper()}//") + pl.col(name)
        )
        for name in ("sex", "race", "ethnicity")
    ]
    if not reading.has_moves:
        lived = with_address_codes(good, reading.places).filter(pl.col("code").is_not_null())
        statics.append(lived.select(*STRAIGHT, "code"))
    identities = good.select(
        "subject_key",
        system=pl.lit("person_source_value"),
        value=pl.col("person_source_value").str.strip_chars(),
        name=pl.lit(None, pl.String),
    ).filter(pl.col("value").is_not_null())
    return Read(
        events=pl.concat([birth, *statics], how="diagonal"),
        rejected=rejected,
        counts={},
        identities=identities,
    )


def _sex(sexes: dict[int, str]) -> pl.Expr:
    letter = pl.col("gender_source_value").str.strip_chars().str.to_lowercase()
    words = {"m": "male", "male": "male", "f": "female", "female": "female"}
    return pl.coalesce(
        concept_id("gender_concept_id").replace_strict(sexes, default=None, return_dtype=pl.String),
        letter.replace_strict(words, default="unknown", return_dtype=pl.String),
    )


def _deaths(rows: pl.DataFrame, reading: Reading) -> Read:
    # A death at midnight to the second is a date that somebody spelled as a time, whatever other rows say.
    rows = rows.with_columns(source_id=pl.lit("death/") + pl.col("subject_key"), code=pl.lit(DEATH))
    rows = _with_times(rows, "death", reading, by_row=True)
    reason = (
        pl.when(_subject_reason(reading).is_not_null())
        .then(_subject_reason(reading))
        .when(pl.col("time").is_null())
        .then(pl.lit("no usable date"))
    )
    good, rejected = _split(rows.with_columns(reason=reason))
    return Read(events=_selected(good), rejected=rejected, counts={})


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
        pl.when(_subject_reason(reading).is_not_null())
        .then(_subject_reason(reading))
        .when(pl.col("time").is_null())
        .then(pl.lit("no usable date"))
        .when(pl.col("code").is_null())
        .then(pl.lit("location not known"))
    )
    good, rejected = _split(placed.with_columns(reason=reason))
    others = rows.height - of_people.height
    counts = {"locations of others than people, left out": others} if others else {}
    return Read(events=_selected(good), rejected=rejected, counts=counts)


_KEPT = (
    *STRAIGHT,
    "time",
    "code",
    "numeric_value",
    "text_value",
    "unit",
    "end_time",
    "onset_time",
    "precision",
)


def _selected(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(name for name in _KEPT if name in rows.columns)


def people_of(chunks: Iterable[pl.DataFrame]) -> pl.Series:
    """The person ids, as text, of chunks of the person table."""
    ids = [chunk.select(identifier("person_id").alias("person")).to_series() for chunk in chunks]
    return pl.concat(ids).drop_nulls().unique() if ids else pl.Series("person", [], dtype=pl.String)
