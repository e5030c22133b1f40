"""The synthetic hospital as a store, with genomes and places: what benchmarks of models and plans share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecourse.schema.actor import Actor, Identifiability, Purpose
from lifecourse.simulation import simulate
from lifecourse.timeline.access import open_timeline
from lifecourse.timeline.ingestion import ingest

if TYPE_CHECKING:
    from pathlib import Path

    from lifecourse.timeline.access import Timeline


def hospital(
    folder: Path,
    people: int,
    seed: int,
    *,
    futures: int = 0,
    oracle_people: int = 0,
    ablations: bool = False,
) -> Timeline:
    """`people` simulated into `folder` and ingested beside it, unless an earlier run did.

    futures : lives that each true risk is the average of; without any the truth has no risks
    oracle_people : lives that say what records can tell of risk; with them the truth has risks, of 4 futures
    ablations : whether the oracle is also asked without genes, lifestyle and environment
    """
    store = folder.with_suffix(".store")
    if not store.exists():
        simulate(
            people, seed, "meds", folder,
            futures=futures or (4 if oracle_people else 0), oracle_people=oracle_people, ablations=ablations,
        )  # fmt: skip
        ingest(folder, store, identifiability=Identifiability.SYNTHETIC)
        ingest(folder / "genome", store, issuer="meds")
        ingest(folder / "environment", store)
    return open_timeline(store, actor=Actor(name="benchmark"), purpose=Purpose.RESEARCH)
