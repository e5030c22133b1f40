"""Lives as tokens with ages: what is known of each person, in one order however records are ordered.

A token is a static fact, known from birth on, or the first time of something that can be an outcome: a diagnosis of
three characters or a phenotype. Ages are in whole days. Death ends a life and is no token.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from lifecourse.base.clock import MICROSECONDS_PER_DAY
from lifecourse.models.outcomes.catalogue import AT_ONCE, DEATH_NAME, DIAGNOSES
from lifecourse.schema.code import SEPARATOR

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.models.outcomes.catalogue import Onsets
    from lifecourse.timeline.access import Timeline

    Integers = npt.NDArray[np.int64]

PADDING, NOW, BORN = 0, 1, 2
"""What fills a row; a moment at which nothing happened, to look from; what every life begins with."""
FIRST_FACT = 3
FEWEST_WITH = 5
"""People who have a token, below which nothing is learned of it."""
ALWAYS = np.iinfo(np.int64).min
"""The time of what is known from birth on."""
SEX = f"SEX{SEPARATOR}"


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """The tokens that are known: numbers 0 to 2 are PADDING, NOW and BORN, then facts, then events.

    facts : codes without a time, ``SEX//female``; events : names of `Onsets`, ``ICD10//E11``; both sorted
    """

    facts: list[str]
    events: list[str]

    def __len__(self) -> int:
        return FIRST_FACT + len(self.facts) + len(self.events)

    @cached_property
    def number_of_fact(self) -> dict[str, int]:
        """The token of each fact."""
        return {name: FIRST_FACT + place for place, name in enumerate(self.facts)}

    @cached_property
    def number_of_event(self) -> dict[str, int]:
        """The token of each event."""
        first = FIRST_FACT + len(self.facts)
        return {name: first + place for place, name in enumerate(self.events)}

    @cached_property
    def groups(self) -> list[str]:
        """What diagnoses lie in, by their first and their first two characters: ``ICD10//E``, ``ICD10//E1``."""
        return sorted({group for name in self.events for group in _groups(name)})

    def in_groups(self) -> Integers:
        """int64[tokens, 2]: 1 + the place in `groups` of what each token lies in, 0 for none."""
        place = {name: 1 + number for number, name in enumerate(self.groups)}
        found = np.zeros((len(self), 2), dtype=np.int64)
        for name, number in self.number_of_event.items():
            for level, group in enumerate(_groups(name)):
                found[number, level] = place[group]
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Lives:
    """The tokens of n people.

    subjects : int64[n] ids, sorted; birth : int64[n] microseconds UTC; female : float64[n], 1, 0 or UNKNOWN_SEX
    offsets : int64[n + 1], where each one's tokens begin; n_facts : int64[n], how many of them are known from birth on
    token, day, time : int64[m], age in whole days and microseconds UTC (ALWAYS of facts), sorted by person; facts
        first, then by day, then by number, so that events of one day stand in one order
    """

    subjects: Integers
    birth: Integers
    female: npt.NDArray[np.float64]
    offsets: Integers
    n_facts: Integers
    token: Integers
    day: Integers
    time: Integers

    def __len__(self) -> int:
        return len(self.subjects)

    def days_at(self, who: Integers, time: Integers) -> Integers:
        """int64[q] ages in whole days of some people (by place) at some times."""
        return (time - self.birth[who]) // MICROSECONDS_PER_DAY


def facts_of(timeline: Timeline, persons: pl.DataFrame) -> pl.DataFrame:
    """``subject_id name``: the codes without a time that some people have, and their sex; sorted."""
    wanted = persons["subject_id"].implode()
    parts = [
        timeline.table(shards, ("subject_id", "time", "code"))
        .filter(pl.col("time").is_null() & pl.col("subject_id").is_in(wanted))
        .select("subject_id", name=pl.col("code").cast(pl.String))
        for shards in timeline.groups(AT_ONCE)
    ]
    is_female, is_male = (pl.col("female") == one for one in (1, 0))
    told = pl.when(is_female).then(pl.lit("female")).when(is_male).then(pl.lit("male"))
    sex = persons.select("subject_id", name=SEX + told).drop_nulls()
    schema = {"subject_id": pl.Int64, "name": pl.String}
    rest = pl.concat([pl.DataFrame(schema=schema), *parts])
    # A store may have the sex as a dated fact, or by another code: it is one token either way.
    rest = rest.filter(~pl.col("name").str.starts_with(SEX))
    return pl.concat([rest, sex]).unique().sort("subject_id", "name")


def vocabulary_of(facts: pl.DataFrame, onsets: Onsets, subjects: Integers) -> Vocabulary:
    """What `FEWEST_WITH` of these people have: facts that some lack, and what can be an outcome but death."""
    counts = facts.filter(pl.col("subject_id").is_in(subjects.tolist())).group_by("name").len()
    known = counts.filter(pl.col("len").is_between(FEWEST_WITH, len(subjects) - 1))
    enough = onsets.counts(subjects) >= FEWEST_WITH
    events = [name for name, kept in zip(onsets.names, enough, strict=True) if kept]
    return Vocabulary(
        facts=sorted(known["name"].to_list()),
        events=[name for name in events if name != DEATH_NAME],
    )


def lives_of(
    persons: pl.DataFrame, facts: pl.DataFrame, onsets: Onsets, vocabulary: Vocabulary
) -> Lives:
    """The tokens of `persons` (``subject_id birth female``, sorted by subject); what the vocabulary lacks is left out.

    An event before birth counts as of the day of birth.
    """
    persons = persons.select("subject_id", "female", birth=pl.col("birth").cast(pl.Int64))
    number = vocabulary.number_of_event
    of_event = {place: number[name] for place, name in enumerate(onsets.names) if name in number}
    born = persons.select("subject_id", token=pl.lit(BORN, pl.Int64), time=pl.lit(ALWAYS, pl.Int64))
    parts = [
        born,
        facts.join(persons, on="subject_id", how="semi").select(
            "subject_id",
            token=pl.col("name").replace_strict(
                vocabulary.number_of_fact, default=None, return_dtype=pl.Int64
            ),
            time=pl.lit(ALWAYS, pl.Int64),
        ),
        onsets.table.join(persons, on="subject_id", how="semi").select(
            "subject_id",
            token=pl.col("outcome").replace_strict(of_event, default=None, return_dtype=pl.Int64),
            time="time",
        ),
    ]
    rows = pl.concat(parts).drop_nulls("token").join(persons, on="subject_id")
    day = (pl.col("time") - pl.col("birth")) // MICROSECONDS_PER_DAY
    rows = rows.with_columns(
        always=pl.col("time") == ALWAYS,
        day=pl.when(pl.col("time") == ALWAYS).then(0).otherwise(day).clip(lower_bound=0),
    ).sort("subject_id", pl.col("always").not_(), "day", "token")
    subjects = persons["subject_id"].to_numpy()
    offsets = np.searchsorted(rows["subject_id"].to_numpy(), subjects)
    always = rows["always"].to_numpy()
    return Lives(
        subjects=subjects,
        birth=persons["birth"].to_numpy(),
        female=persons["female"].to_numpy(),
        offsets=np.append(offsets, rows.height).astype(np.int64),
        n_facts=np.add.reduceat(always.astype(np.int64), offsets) if len(subjects) else offsets,
        token=rows["token"].to_numpy(),
        day=rows["day"].to_numpy(),
        time=rows["time"].to_numpy(),
    )


def _groups(name: str) -> tuple[str, ...]:
    system, _, value = name.partition(SEPARATOR)
    if system not in DIAGNOSES:
        return ()
    return tuple(f"{system}{SEPARATOR}{value[:n]}" for n in (1, 2))
