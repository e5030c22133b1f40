"""Charts drawn for clinicians to judge a phenotype by: a stratified sample whose fractions are known."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from lifecourse.base.clock import now
from lifecourse.base.errors import TaskError
from lifecourse.base.files import to_json
from lifecourse.schema.code import SEPARATOR
from lifecourse.tasks.meaning import named_codelist
from lifecourse.tasks.occurrences import occurrences
from lifecourse.tasks.phenotypes import phenotype
from lifecourse.timeline.shard import STATIC, CodeTable

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from lifecourse.tasks.phenotypes import Phenotype
    from lifecourse.timeline.access import Timeline
    from lifecourse.timeline.derived import Derived
    from lifecourse.timeline.shard import Shard

SAID, NEAR, NOT = "said", "near", "not"
STRATA = {
    SAID: "the phenotype says yes",
    NEAR: "near miss: something points to it, not enough for the phenotype",
    NOT: "nothing in the record that the phenotype looks at",
}
MOST_CHARTS = 500
QUALIFIED = ("REFUTED", "UNCONFIRMED")
"""First parts of codes of diagnoses that were taken back or never sure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """One chart of a sample: whose, up to which moment (microseconds UTC) it is judged, and from which stratum."""

    subject_id: int
    as_of: int
    stratum: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The charts of one phenotype that are to be judged, in the order they are shown.

    people : how many people of the store each stratum has; its charts are a simple random sample of them
    seed, store_version, content_hash, definition : what draws the same again
    is_blind : whether a reviewer learns what the phenotype said only after judging
    """

    phenotype: str
    people: dict[str, int]
    charts: tuple[Drawn, ...]
    seed: int
    store_version: int
    content_hash: str
    definition: str
    purpose: str
    drawn_by: str
    drawn_at: str
    is_blind: bool

    @property
    def identity(self) -> str:
        """16 hexadecimal digits that name this draw."""
        return hashlib.sha256(to_json(asdict(self))).hexdigest()[:16]

    @property
    def is_current(self) -> bool:
        """Whether the phenotype is still defined as it was when the charts were drawn."""
        return self.definition == definition_of(phenotype(self.phenotype))

    def of(self, stratum: str) -> list[Drawn]:
        """The charts of one stratum."""
        return [chart for chart in self.charts if chart.stratum == stratum]

    def write(self, path: Path, derived: Derived) -> None:
        """Keep it at `path`, whole or not at all."""
        derived.write_json(path, asdict(self))

    @classmethod
    def read(cls, path: Path, derived: Derived) -> Sample:
        """The sample kept at `path`."""
        said: Any = derived.read_json(path)
        charts = tuple(Drawn(**chart) for chart in said.pop("charts"))
        return cls(**said, charts=charts)


def definition_of(asked: Phenotype) -> str:
    """16 hexadecimal digits that change when the criteria of a phenotype do."""
    criteria = [criterion.model_dump() for criterion in asked.any_of]
    return hashlib.sha256(to_json(criteria)).hexdigest()[:16]


def draw_charts(
    timeline: Timeline, name: str, *, each: int, seed: int, is_blind: bool = False
) -> Sample:
    """A sample of the phenotype `name`: up to `each` charts of every stratum, in random order, the same by `seed`.

    Everyone with a dated event is in one stratum, by the whole of their record. One pass over the shards, audited.

    Raises
    ------
    TaskError
        There is no such phenotype, `each` is not 1 to 500, or nobody has a dated event.
    """
    if not 1 <= each <= MOST_CHARTS:
        raise TaskError(f"ask for 1 to {MOST_CHARTS} charts of each kind.")
    asked = phenotype(name)
    timeline.record("draw charts to review", f"phenotype/{name}")
    people = _strata(timeline, asked)
    if people.is_empty():
        raise TaskError("the store has nobody with a dated event: there is no chart to review.")
    rng = np.random.default_rng(seed)
    charts: list[Drawn] = []
    counts = {}
    for stratum in STRATA:
        of_stratum = people.filter(pl.col("stratum") == stratum)
        counts[stratum] = of_stratum.height
        n = min(each, of_stratum.height)
        chosen = of_stratum[rng.choice(of_stratum.height, n, replace=False).tolist()] if n else None
        charts += [] if chosen is None else [Drawn(**row) for row in chosen.to_dicts()]
    order = rng.permutation(len(charts))
    return Sample(
        phenotype=name,
        people=counts,
        charts=tuple(charts[place] for place in order),
        seed=seed,
        store_version=timeline.version,
        content_hash=timeline.content_hash,
        definition=definition_of(asked),
        purpose=str(timeline.purpose),
        drawn_by=timeline.actor.name,
        drawn_at=now().isoformat(timespec="seconds"),
        is_blind=is_blind,
    )


def _strata(timeline: Timeline, asked: Phenotype) -> pl.DataFrame:
    """``subject_id as_of stratum`` of everyone with a dated event, sorted by subject."""
    found: dict[str, list[npt.NDArray[np.int64]]] = {SAID: [], NEAR: []}
    unsure = unsure_codes(asked, timeline.codes)
    for shard in timeline.shards():
        found[SAID].append(_subjects(shard, asked.onset_places(shard)))
        found[NEAR].append(_subjects(shard, pointing(asked, shard, unsure)))
    subject = pl.col("subject_id")
    no_one = np.zeros(0, dtype=np.int64)
    said, near = (
        pl.Series(np.unique(np.concatenate([no_one, *found[name]]))).implode()
        for name in (SAID, NEAR)
    )
    return (
        timeline.persons()
        .filter(pl.col("as_of").is_not_null())
        .select(subject, pl.col("as_of").dt.epoch("us"))
        .with_columns(
            stratum=pl.when(subject.is_in(said))
            .then(pl.lit(SAID))
            .when(subject.is_in(near))
            .then(pl.lit(NEAR))
            .otherwise(pl.lit(NOT))
        )
        .sort("subject_id")
    )


def _subjects(shard: Shard, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    found: npt.NDArray[np.int64] = shard.subject_ids[np.unique(shard.owners(places))]
    return found


def pointing(
    asked: Phenotype, shard: Shard, unsure: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int64]:
    """int64 places, in order, of what points to the condition though it may not be enough.

    Events that count towards a criterion, of the codelists it is `suggested_by`, and dated ones of `unsure_codes`.
    """
    parts = [criterion.places(shard) for criterion in asked.any_of]
    parts += [occurrences(shard, named_codelist(name)) for name in asked.suggested_by]
    parts.append(np.flatnonzero(unsure[shard.code] & (shard.time != STATIC)))
    return np.unique(np.concatenate(parts))


def unsure_codes(asked: Phenotype, codes: CodeTable) -> npt.NDArray[np.bool_]:
    """bool[n codes], which say of something that a criterion looks at that it was refuted or never sure."""
    meant = np.zeros(len(codes), dtype=np.bool_)
    plain: dict[str, list[int]] = {}
    for place, code in enumerate(codes.codes):
        first, _, rest = code.partition(SEPARATOR)
        if first in QUALIFIED:
            plain.setdefault(rest, []).append(place)
    if not plain:
        return meant
    table = CodeTable.of(list(plain))
    for criterion in asked.any_of:
        for place in table.ids(named_codelist(criterion.codelist)):
            meant[plain[table.codes[int(place)]]] = True
    return meant
