"""First occurrences: when each person first had each clinical fact."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from lifecourse.schema.code import SEPARATOR
from lifecourse.timeline.shard import STATIC
from lifecourse.vocab.ingredients import ingredients

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.timeline.access import Timeline
    from lifecourse.timeline.shard import CodeTable, Shard

CONDITIONS = ("SNOMED", "ICD10CM", "ICD10", "ICD9CM")
DRUGS = ("RxNorm", "ATC", "NDC")
PROCEDURES = ("CPT4", "HCPCS", "ICD10PCS", "ICD9Proc")
THREE_CHARACTERS = ("ICD10CM", "ICD10", "ICD9CM")


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstOccurrences:
    """One row for each person and fact, sorted by person, then time.

    person : int64[m], index of the person, 0..n-1
    fact : int32[m], index into `names`
    time : int64[m], microseconds UTC of the first occurrence
    names, descriptions : the facts
    fact_of_code : int32[codes], the fact of each code of the timeline, -1 for none
    """

    person: npt.NDArray[np.int64]
    fact: npt.NDArray[np.int32]
    time: npt.NDArray[np.int64]
    names: list[str]
    descriptions: list[str]
    fact_of_code: npt.NDArray[np.int32]

    @property
    def kinds(self) -> list[str]:
        """Of each fact, ``condition``, ``drug`` or ``procedure``."""
        return [kind_of(name) for name in self.names]

    def shuffled(self, seed: int) -> FirstOccurrences:
        """The same people at the same moments, with the facts dealt out anew: whatever is found in it is chance."""
        random = np.random.default_rng(seed)
        fact = random.permutation(self.fact)
        return self._first_of(self.person, fact, self.time)

    def redated(self, seed: int) -> FirstOccurrences:
        """Each person with the same facts and the same moments, dealt to each other anew: order is chance."""
        random = np.random.default_rng(seed)
        order = np.lexsort((random.random(len(self.fact)), self.person))
        return self._first_of(self.person, self.fact[order], self.time)

    def _first_of(
        self,
        person: npt.NDArray[np.int64],
        fact: npt.NDArray[np.int32],
        time: npt.NDArray[np.int64],
    ) -> FirstOccurrences:
        key = person * len(self.names) + fact
        order = np.lexsort((time, key))
        first = order[np.append(True, key[order][1:] != key[order][:-1])] if len(key) else order
        kept = first[np.lexsort((fact[first], time[first], person[first]))]
        return replace(self, person=person[kept], fact=fact[kept], time=time[kept])


def kind_of(fact: str) -> str:
    """Whether a fact is a ``condition``, a ``drug`` or a ``procedure``."""
    system = fact.split(SEPARATOR, 1)[0]
    if system in DRUGS:
        return "drug"
    return "procedure" if system in PROCEDURES else "condition"


def fact_of(code: str, parents: tuple[str, ...]) -> str | None:
    """The clinical fact a code stands for; None for labs, visits and the rest.

    ICD is rolled up to three characters, a product of one known ingredient to its ingredient.
    """
    held = [name for name in parents if name in ingredient_names()]
    if len(held) == 1:
        return held[0]
    for name in (code, *parents):
        parts = name.split(SEPARATOR)
        if len(parts) != 2:
            continue
        system, value = parts
        if system in THREE_CHARACTERS:
            return f"{system}//{value.split('.', 1)[0]}"
        if system in CONDITIONS or system in DRUGS or system in PROCEDURES:
            return name
    return None


@cache
def ingredient_names() -> dict[str, str]:
    """Our name of each ingredient by its RxNorm code."""
    return {
        f"RxNorm{SEPARATOR}{each.rxnorm}": name.replace("_", " ")
        for name, each in ingredients().items()
    }


def first_occurrences(timeline: Timeline) -> FirstOccurrences:
    """The first occurrences of everyone, in the order of `timeline.persons()`."""
    codes = timeline.codes
    names, fact_of_code = _facts(codes)
    subjects = timeline.subject_ids()
    rows = [_of_shard(shard, fact_of_code, subjects) for shard in timeline.shards()]
    together = [np.concatenate(column) for column in zip(*rows, strict=True)] if rows else []
    person, fact, time = together or [
        np.zeros(0, np.int64),
        np.zeros(0, np.int32),
        np.zeros(0, np.int64),
    ]
    order = np.lexsort((fact, time, person))
    return FirstOccurrences(
        person=person[order],
        fact=fact[order],
        time=time[order],
        names=names,
        descriptions=_descriptions(codes, names, fact_of_code),
        fact_of_code=fact_of_code,
    )


def _facts(codes: CodeTable) -> tuple[list[str], npt.NDArray[np.int32]]:
    found = [
        fact_of(code, parents) for code, parents in zip(codes.codes, codes.parents, strict=True)
    ]
    names = sorted({name for name in found if name})
    place = {name: number for number, name in enumerate(names)}
    return names, np.array([place[name] if name else -1 for name in found], dtype=np.int32)


def _of_shard(
    shard: Shard, fact_of_code: npt.NDArray[np.int32], subjects: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    fact = fact_of_code[shard.code] if shard.n_events else np.zeros(0, np.int32)
    kept = np.flatnonzero((fact >= 0) & (shard.time != STATIC))
    owner = shard.owners(kept)
    people = np.searchsorted(subjects, shard.subject_ids)
    # Events are sorted by subject, then time, so the first of each (person, fact) is the earliest.
    key = owner.astype(np.int64) * (int(fact_of_code.max(initial=0)) + 1) + fact[kept]
    _, first = np.unique(key, return_index=True)
    chosen = kept[first]
    return people[owner[first]].astype(np.int64), fact[chosen], shard.time[chosen]


def _descriptions(
    codes: CodeTable, names: list[str], fact_of_code: npt.NDArray[np.int32]
) -> list[str]:
    told = dict.fromkeys(range(len(names)), "")
    for code, fact in enumerate(fact_of_code.tolist()):
        if fact >= 0 and not told[fact]:
            told[fact] = codes.descriptions[code] or ""
    held = ingredient_names()
    return [held.get(name) or told[fact] or name for fact, name in enumerate(names)]
