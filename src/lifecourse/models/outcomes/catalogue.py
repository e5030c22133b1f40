"""Which outcomes a store has, and when each person first had each: diagnoses of three characters, phenotypes, death."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from lifecourse.schema.code import SEPARATOR
from lifecourse.schema.event import DEATH
from lifecourse.tasks.phenotypes import phenotype, phenotype_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from lifecourse.timeline.access import Timeline
    from lifecourse.timeline.shard import CodeTable

    Integers = npt.NDArray[np.int64]

DIAGNOSES = ("ICD10CM", "ICD10", "ICD9CM")
DEATH_NAME = "death"
PHENOTYPE = "phenotype"
PHENOTYPES = tuple(name for name in phenotype_names() if name != DEATH_NAME)
AT_ONCE = 2_000_000
"""Events looked through at a time."""
NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True, kw_only=True)
class Onsets:
    """The first time of each outcome in each person who had it.

    names, titles : k outcomes, sorted by name: ``ICD10//E11``, ``phenotype//ckd``, ``death``
    table : ``subject_id``, ``outcome`` (place in `names`), ``time`` (microseconds UTC); sorted by outcome, then subject
    """

    names: list[str]
    titles: list[str]
    table: pl.DataFrame

    def counts(self, people: Integers) -> Integers:
        """int64[k]: how many of `people` had each at any time."""
        among = self.table.filter(pl.col("subject_id").is_in(people.tolist()))
        return np.bincount(among["outcome"].to_numpy(), minlength=len(self.names)).astype(np.int64)

    def counts_while_followed(self, persons: pl.DataFrame) -> Integers:
        """int64[k]: how many of `followed_persons` first had each in (start, end]; who had it before is not counted."""
        times = persons.select("subject_id", "start", "end")
        came = self.table.join(times, on="subject_id").filter(
            (pl.col("time") > pl.col("start")) & (pl.col("time") <= pl.col("end"))
        )
        return np.bincount(came["outcome"].to_numpy(), minlength=len(self.names)).astype(np.int64)

    def of(self, place: int, subjects: Integers) -> Integers:
        """int64[n] microseconds at which each of `subjects` first had an outcome; NEVER where none did."""
        low, high = np.searchsorted(self.table["outcome"].to_numpy(), [place, place + 1])
        had = self.table["subject_id"].to_numpy()[low:high]
        found = np.full(len(subjects), NEVER, dtype=np.int64)
        if high > low:
            at = np.searchsorted(had, subjects).clip(max=high - low - 1)
            same = had[at] == subjects
            found[same] = self.table["time"].to_numpy()[low:high][at[same]]
        return found

    def only(self, places: Sequence[int]) -> Onsets:
        """Those of some outcomes."""
        new = {old: place for place, old in enumerate(places)}
        kept = self.table.filter(pl.col("outcome").is_in(list(places)))
        return Onsets(
            names=[self.names[place] for place in places],
            titles=[self.titles[place] for place in places],
            table=kept.with_columns(
                pl.col("outcome").replace_strict(new, return_dtype=pl.Int32)
            ).sort("outcome", "subject_id"),
        )

    def named(self, names: Sequence[str], titles: Sequence[str]) -> Onsets:
        """Those of a model, in its order; who is in `names` and not here came to nobody."""
        new = {self.names.index(name): at for at, name in enumerate(names) if name in self.names}
        kept = self.only(list(new))
        table = (
            kept.table.with_columns(
                pl.col("outcome").replace_strict(
                    dict(enumerate(new.values())), return_dtype=pl.Int32
                )
            ).sort("outcome", "subject_id")
            if new
            else kept.table
        )
        return Onsets(names=list(names), titles=list(titles), table=table)


def onsets_of(timeline: Timeline) -> Onsets:
    """The first time of everything that can be an outcome, of everyone."""
    codes = timeline.codes
    of_code = [
        outcome_of(code, parents) for code, parents in zip(codes.codes, codes.parents, strict=True)
    ]
    parts = [*_of_codes(timeline, of_code), *_of_phenotypes(timeline)]
    schema = {"subject_id": pl.Int64, "name": pl.String, "time": pl.Int64}
    rows = pl.concat([pl.DataFrame(schema=schema), *parts])
    names = sorted(rows["name"].unique().to_list())
    place = pl.Enum(names)
    table = rows.select(
        "subject_id", outcome=pl.col("name").cast(place).to_physical().cast(pl.Int32), time="time"
    )
    return Onsets(
        names=names,
        titles=_titles(codes, names, of_code),
        table=table.sort("outcome", "subject_id"),
    )


def outcome_of(code: str, parents: Sequence[str]) -> str | None:
    """The outcome that a code tells of, by itself or by what it was mapped to; None for labs, drugs and the rest."""
    if code == DEATH:
        return DEATH_NAME
    for name in (code, *parents):
        system, _, value = name.partition(SEPARATOR)
        if system in DIAGNOSES and value and SEPARATOR not in value:
            stem = value.split(".", 1)[0]
            return f"{system}{SEPARATOR}{stem if system == 'ICD9CM' else stem[:3]}"
    return None


def _of_codes(timeline: Timeline, of_code: list[str | None]) -> list[pl.DataFrame]:
    pairs = [(code, name) for code, name in zip(timeline.codes.codes, of_code, strict=True) if name]
    names = pl.DataFrame(pairs, schema={"code": pl.String, "name": pl.String}, orient="row")
    columns = ("subject_id", "time", "code")
    return [
        timeline.table(shards, columns)
        .lazy()
        .filter(pl.col("time").is_not_null())
        .with_columns(pl.col("code").cast(pl.String))
        .join(names.lazy(), on="code")
        .group_by("subject_id", "name")
        .agg(pl.col("time").min().cast(pl.Int64))
        .collect()
        for shards in timeline.groups(AT_ONCE)
    ]


def _of_phenotypes(timeline: Timeline) -> list[pl.DataFrame]:
    found = []
    for shard in timeline.shards():
        for name in PHENOTYPES:
            places = phenotype(name).onset_places(shard)
            owner = shard.owners(places)
            told = {"subject_id": shard.subject_ids[owner], "time": shard.time[places]}
            frame = pl.DataFrame(told, schema={"subject_id": pl.Int64, "time": pl.Int64})
            label = pl.lit(f"{PHENOTYPE}{SEPARATOR}{name}").alias("name")
            found.append(frame.select("subject_id", label, "time"))
    return found


def _titles(codes: CodeTable, names: list[str], of_code: list[str | None]) -> list[str]:
    """What the store calls each: the text of its own code where there is one, else of the first below it."""
    told: dict[str, str] = {DEATH_NAME: "death"}
    for code, text, name in zip(codes.codes, codes.descriptions, of_code, strict=True):
        if name and text and (code == name or name not in told):
            told[name] = text
    for name in PHENOTYPES:
        told[f"{PHENOTYPE}{SEPARATOR}{name}"] = phenotype(name).title
    return [told.get(name, name) for name in names]
