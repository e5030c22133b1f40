"""One fact from two sources is one event with two provenances.

Events are the same fact when person, time, code, value and unit are the same; the words beside the code of a
terminology (a diagnosis, a drug) are no part of it, and neither is what one source says and the other does not. Facts
that end at different times are two. A birth or death that is only less exact than another's is the same (1970, and 9
March 1970). The event that says most stands; the others are kept whole beside it
(``also_from``), so that a fact stands as long as one of its sources tells it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from lifecourse.schema.event import ALSO_FROM as ALSO
from lifecourse.schema.event import BIRTH, DEATH, EVENT_COLUMNS, event_schema
from lifecourse.timeline.shard import conform

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lifecourse.timeline.manifest import SourceEntry

OF_THEIR_OWN = ("genome", "exposures", "series")
"""Kinds of source whose facts no other kind tells."""
SEPARATOR = "\x1f"
FACT = ("subject_id", "code", "numeric_value", "unit")
SAYS = ("text_value", "end_time", "onset_time", "precision")
ONE_OF_A_LIFE = (BIRTH, DEATH)
EXACTNESS = {"day": 1, "month": 2, "year": 3}
APART = tuple(name for name in EVENT_COLUMNS if name not in FACT)
"""What the tellings of one fact may differ in."""
NAMED = r"^(SNOMED|ICD\w+|RxNorm|NDC|ATC|CVX|CPT4|HCPCS|ALLERGY)//"
"""Codes that say by themselves what the fact is: the words beside them are names of it."""
TELLING = pl.List(
    pl.Struct(
        {n: pl.Int64() if isinstance(k, pl.Datetime) else k for n, k in event_schema().items() if n in APART}
    )
)  # fmt: skip


def places_of(sources: Sequence[SourceEntry]) -> dict[int, int]:
    """The place of each file's source among all, by kind and issuer; nothing where there is one source only."""
    named = [(entry.kind, entry.issuer) for entry in sources]
    clinical = sorted({name for name in named if name[0] not in OF_THEIR_OWN})
    places = {name: place for place, name in enumerate(clinical)}
    if len(places) < 2:
        return {}
    return {i: places.get(name, len(places)) for i, name in enumerate(named)}


def apart(events: pl.DataFrame, sources: Mapping[int, int]) -> pl.DataFrame:
    """`events` with ids of records that tell their source: another hospital's Condition/1 is another record."""
    if not sources:
        return events
    place = pl.col("source_file").replace_strict(dict(sources), default=0, return_dtype=pl.UInt32)
    return events.with_columns(
        source_id=pl.concat_str(place, pl.lit(SEPARATOR), pl.col("source_id"))
    )


def together(events: pl.DataFrame, sources: Mapping[int, int]) -> pl.DataFrame:
    """`events` with the ids of records as they were before `apart`."""
    if not sources:
        return events
    return events.with_columns(source_id=pl.col("source_id").str.replace(rf"^\d+{SEPARATOR}", ""))


def is_told_twice(events: pl.DataFrame, source: pl.Series) -> pl.Series:
    """Whether the person of each event has events of more than one source."""
    people = pl.DataFrame({"subject_id": events["subject_id"], "source": source})
    crowded = people.unique().group_by("subject_id").len().filter(pl.col("len") > 1)
    return people["subject_id"].is_in(crowded["subject_id"].implode())


def told_once(events: pl.DataFrame, sources: Mapping[int, int]) -> tuple[pl.DataFrame, int]:
    """`events` with each fact once and ``also_from``; and how many tellings went into other events.

    Parameters
    ----------
    sources : the place of each file's source in an order that does not depend on when it was read
    """
    nothing = pl.lit(None, pl.String).alias(ALSO)
    source = events["source_file"].replace_strict(dict(sources), default=0, return_dtype=pl.UInt32)
    crowded = is_told_twice(events, source)
    if not crowded.any():
        return events.with_columns(nothing), 0
    mine = events.with_columns(source=source).filter(crowded)
    joined = _joined(mine)
    rest = events.filter(~crowded).with_columns(nothing)
    return pl.concat([rest, joined.select(rest.columns)]), mine.height - joined.height


def tellings(events: pl.DataFrame) -> pl.DataFrame:
    """Every telling of every fact as an event of EVENT_COLUMNS: what `told_once` was given."""
    if ALSO not in events.columns or events[ALSO].null_count() == events.height:
        return conform(events)
    events, also = conform(events), events[ALSO]
    kinds = event_schema()
    others = (
        events.with_columns(also)
        .filter(pl.col(ALSO).is_not_null())
        .select(*FACT, pl.col(ALSO).str.json_decode(TELLING))
        .explode(ALSO)
        .unnest(ALSO)
        .select(pl.col(name).cast(kinds[name]) for name in EVENT_COLUMNS)
    )
    return pl.concat([events, others])


def further_origins(also: str | None) -> list[dict[str, Any]]:
    """The other tellings of an event, from its ``also_from``."""
    if also is None:
        return []
    decoded = pl.Series([also]).str.json_decode(TELLING)
    return list(decoded[0])


def _joined(mine: pl.DataFrame) -> pl.DataFrame:
    """The facts of people with several sources, the k-th telling of one source with the k-th of another."""
    said = pl.when(~pl.col("code").str.contains(NAMED)).then(pl.col("text_value"))
    fact = [*FACT, "when", "said", "ends"]
    many = pl.col("end_time").drop_nulls().n_unique().over([*FACT, "when", "said"]) > 1
    placed = (
        _at_one_time(mine)
        .with_columns(said=said)
        .with_columns(many=many)
        .with_columns(
            ends=pl.when("many").then(pl.col("end_time")),
            says=pl.sum_horizontal(pl.col(name).is_not_null() for name in SAYS),
        )
        .sort("source", *APART, nulls_last=True)
        .with_columns(turn=pl.int_range(pl.len()).over([*fact, "source"]))
        .sort("less_exact", "says", descending=[False, True], maintain_order=True)
    )
    telling = pl.struct(
        pl.col(name).cast(pl.Int64) if isinstance(kind, pl.Datetime) else pl.col(name)
        for name, kind in event_schema().items()
        if name in APART
    )
    return (
        placed.group_by([*fact, "turn"], maintain_order=True)
        .agg(
            *(pl.col(name).first() for name in (*APART, "generation") if name in placed.columns),
            telling.slice(1).alias("others"),
        )
        .with_columns(
            pl.when(pl.col("others").list.len() > 0)
            .then(
                pl.lit("[")
                + pl.col("others").list.eval(pl.element().struct.json_encode()).list.join(",")
                + "]"
            )
            .alias(ALSO)
        )
    )


def _at_one_time(mine: pl.DataFrame) -> pl.DataFrame:
    """With ``less_exact`` and ``when``, the time of the fact: of births and deaths that agree, the most exact one's."""
    once = pl.col("code").is_in(ONE_OF_A_LIFE)
    rank = pl.col("precision").replace_strict(EXACTNESS, default=0, return_dtype=pl.Int8)
    ranked = mine.with_columns(
        less_exact=pl.when(once).then(rank).otherwise(0), begun=pl.coalesce("onset_time", "time")
    )
    dates = ranked.filter(once)
    finest = (
        dates.filter(pl.col("less_exact") == pl.col("less_exact").min().over("subject_id", "code"))
        .group_by("subject_id", "code")
        .agg(pl.col("begun", "time").min(), n=pl.col("time").n_unique())
    )
    known = dates.join(finest, on=["subject_id", "code"], suffix="_finest")
    agrees = pl.lit(value=False)
    for rank_, step in enumerate(("1us", "1d", "1mo", "1y")):
        same = pl.col("begun").dt.truncate(step) == pl.col("begun_finest").dt.truncate(step)
        agrees = pl.when(pl.col("less_exact") == rank_).then(same).otherwise(agrees)
    whole = known.group_by("subject_id", "code").agg(
        when=pl.col("time_finest").first(), agree=(agrees & (pl.col("n") == 1)).all()
    )
    told = ranked.join(whole, on=["subject_id", "code"], how="left", maintain_order="left")
    when = pl.when(pl.col("agree").fill_null(value=False)).then("when").otherwise("time")
    return told.with_columns(when=when).drop("begun", "agree")
