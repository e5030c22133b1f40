"""Phenotypes against the truth of a simulated hospital: whom they find, and whom they are right about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl
from scipy.stats import beta

from lifecourse.base.clock import MICROSECONDS_PER_DAY
from lifecourse.base.errors import TaskError
from lifecourse.tasks.meaning import named_codelist
from lifecourse.tasks.occurrences import occurrences
from lifecourse.tasks.phenotypes import Phenotype, phenotype, phenotype_names

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from lifecourse.timeline.access import Timeline
    from lifecourse.timeline.shard import Shard

ONSET = "onset_"
FOLLOWED_DAYS = 365
FOLLOWED_VISITS = 2
VISIT = "any_visit"
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How a phenotype does: counts of people at the end of the records.

    found : truly ill, and the phenotype says so
    missed : truly ill, and it does not
    mistaken : not ill, and it says so
    people : all who were judged
    followed, followed_found : truly ill since a moment within their records, which go on for a year or more and show
        visits on two days or more; of these, found. Other charts could hardly tell a reader of the illness.
    delay_days : median days from the true onset to the phenotype's, of those found; None if none is
    """

    name: str
    people: int
    found: int
    missed: int
    mistaken: int
    followed: int
    followed_found: int
    delay_days: float | None

    def row(self) -> dict[str, str | int | float | None]:
        """Counts, then sensitivity and positive predictive value with 95 % intervals."""
        sensitivity = share(self.found, self.found + self.missed)
        followed = share(self.followed_found, self.followed)
        right = share(self.found, self.found + self.mistaken)
        return {
            "phenotype": self.name,
            "people": self.people,
            "ill": self.found + self.missed,
            "found": self.found,
            "mistaken": self.mistaken,
            "sensitivity": sensitivity[0],
            "sensitivity_low": sensitivity[1],
            "sensitivity_high": sensitivity[2],
            "followed": self.followed,
            "sensitivity_followed": followed[0],
            "sensitivity_followed_low": followed[1],
            "sensitivity_followed_high": followed[2],
            "ppv": right[0],
            "ppv_low": right[1],
            "ppv_high": right[2],
            "delay_days": self.delay_days,
        }


def share(hits: int, of: int) -> tuple[float | None, float | None, float | None]:
    """`hits` / `of` and its exact 95 % interval (Clopper and Pearson 1934, doi:10.1093/biomet/26.4.404).

    All None where `of` is 0.
    """
    if of == 0:
        return None, None, None
    tail = (1 - CONFIDENCE) / 2
    low = float(beta.ppf(tail, hits, of - hits + 1)) if hits else 0.0
    high = float(beta.ppf(1 - tail, hits + 1, of - hits)) if hits < of else 1.0
    return hits / of, low, high


def judge_phenotypes(timeline: Timeline, truth: Path) -> list[Verdict]:
    """Every phenotype that has a true counterpart, judged on the people of `timeline`.

    `truth` is the folder that `simulate` left. Somebody is ill whose true onset came before the records end, written
    down or not; a phenotype says so when it holds by then. What counts as ill is `truth:` of the phenotype.

    Raises
    ------
    TaskError
        There is no truth in the folder, or it is about other people than this store.
    """
    table = _people(timeline, truth)
    judged = [phenotype(name) for name in phenotype_names()]
    known = {each.name: each for each in judged if _columns(each) and _has(table, each)}
    onsets, visits = _shown(timeline, list(known.values()))
    return [_verdict(each, table, onsets[each.name], visits) for each in known.values()]


def _columns(asked: Phenotype) -> list[str]:
    return [f"{ONSET}{illness}" for illness in asked.truth]


def _has(table: pl.DataFrame, asked: Phenotype) -> bool:
    return set(_columns(asked)) <= set(table.columns)


def _people(timeline: Timeline, truth: Path) -> pl.DataFrame:
    if not any((truth / "people").glob("*.parquet")):
        raise TaskError(
            f"there are no people in '{truth.name}'. Give the folder `truth` that `lifecourse simulate` left."
        )
    subjects = timeline.persons().select("first_time", "last_time", person="subject_id")
    table = pl.read_parquet(truth / "people" / "*.parquet")
    table = subjects.join(table, on="person", how="inner", maintain_order="left")
    if table.is_empty():
        raise TaskError(
            "the truth is about other people than this store. Give the truth that came with it."
        )
    return table


def _shown(
    timeline: Timeline, asked: list[Phenotype]
) -> tuple[dict[str, pl.DataFrame], pl.DataFrame]:
    """``person since`` of each phenotype, one row for each who has it, and ``person time`` of visits, one a day.

    One pass over the shards.
    """
    rows: dict[str, list[pl.DataFrame]] = {each.name: [] for each in asked}
    visits: list[pl.DataFrame] = []
    for shard in timeline.shards():
        for each in asked:
            rows[each.name].append(_rows(shard, each.onset_places(shard), "since"))
        days = _rows(shard, occurrences(shard, named_codelist(VISIT)), "time")
        visits.append(days.unique(["person", pl.col("time").dt.date()], keep="last"))
    return {name: _joined(parts, "since") for name, parts in rows.items()}, _joined(visits, "time")


def _rows(shard: Shard, places: npt.NDArray[np.int64], name: str) -> pl.DataFrame:
    moments = pl.Series(name, shard.time[places]).cast(pl.Datetime("us"))
    return pl.DataFrame({"person": shard.subject_ids[shard.owners(places)], name: moments})


def _joined(parts: list[pl.DataFrame], name: str) -> pl.DataFrame:
    empty = pl.DataFrame(schema={"person": pl.Int64, name: pl.Datetime("us")})
    return pl.concat([empty, *parts])


def _verdict(
    asked: Phenotype, table: pl.DataFrame, onsets: pl.DataFrame, visits: pl.DataFrame
) -> Verdict:
    true = pl.min_horizontal(*_columns(asked))
    spans = ("person", "first_time", "last_time")
    both = table.select(*spans, true=true).join(onsets, on="person", how="left")
    ill = both["true"].is_not_null()
    said = both["since"].is_not_null()
    followed = _followed(both, visits)
    delay = (both["since"] - both["true"]).dt.total_microseconds().median()
    return Verdict(
        name=asked.name,
        people=both.height,
        found=int((ill & said).sum()),
        missed=int((ill & ~said).sum()),
        mistaken=int((~ill & said).sum()),
        followed=followed.height,
        followed_found=followed["since"].count(),
        delay_days=round(delay / MICROSECONDS_PER_DAY, 1) + 0.0
        if isinstance(delay, float)
        else None,
    )


def _followed(both: pl.DataFrame, visits: pl.DataFrame) -> pl.DataFrame:
    """The rows of those truly ill whose charts could tell it."""
    year = pl.duration(days=FOLLOWED_DAYS)
    within = (pl.col("true") >= pl.col("first_time")) & (
        pl.col("true") + year <= pl.col("last_time")
    )
    candidates = both.filter(within)
    seen = visits.join(candidates.select("person", "true"), on="person").filter(
        pl.col("time") >= pl.col("true")
    )
    often = seen.group_by("person").len().filter(pl.col("len") >= FOLLOWED_VISITS)
    return candidates.join(often, on="person", how="semi")
