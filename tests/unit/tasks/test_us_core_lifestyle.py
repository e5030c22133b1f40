"""The social history of US Core's example patient, asked for by codelist and as derived."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lifecourse.base.clock import now, to_microseconds
from lifecourse.schema.actor import Actor, Identifiability, Purpose
from lifecourse.schema.covariate import Covariate, Summary
from lifecourse.schema.window import before
from lifecourse.tasks.derived import TITLES, derived_columns
from lifecourse.timeline.access import Timeline, open_timeline
from lifecourse.timeline.chart import Chart
from lifecourse.timeline.ingestion import ingest
from lifecourse.vocab.codelists import codelist

ASKED = {
    "pack_years": (Summary.LAST, 26.0),
    "audit_c": (Summary.LAST, 0.0),
    "phq_9": (Summary.LAST, 12.0),
    "exercise_days": (Summary.LAST, 3.0),
    "exercise_minutes": (Summary.LAST, 60.0),
    "household_size": (Summary.LAST, 6.0),
    "alcohol_drinks": (Summary.LAST, 0.0),
    "food_insecurity": (Summary.EXISTS, 1.0),
    "housing_instability": (Summary.EXISTS, 1.0),
    "transport_need": (Summary.EXISTS, 1.0),
    "unemployed": (Summary.EXISTS, 1.0),
    "employment_status": (Summary.EXISTS, 1.0),
    "occupation": (Summary.EXISTS, 1.0),
    "living_situation": (Summary.EXISTS, 1.0),
    "social_needs_screening": (Summary.EXISTS, 1.0),
    "current_smoker": (Summary.EXISTS, 1.0),
    "electronic_cigarette_status": (Summary.EXISTS, 1.0),
    "never_smoker": (Summary.EXISTS, 0.0),
}


@pytest.fixture(scope="module")
def chart(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Chart:
    store = tmp_path_factory.mktemp("us-core") / "store"
    source = shared_data / "us-core"
    ingest(source, store, identifiability=Identifiability.SYNTHETIC, workers=1)
    timeline: Timeline = open_timeline(store, actor=Actor(name="t"), purpose=Purpose.RESEARCH)
    charts = [timeline.chart(int(subject)) for subject in timeline.subject_ids()]
    return max(charts, key=lambda each: each.events.height)


def test_every_kind_of_social_history_is_found_by_its_codelist(chart: Chart) -> None:
    at = to_microseconds(now())
    asked = [
        Covariate(name=name, codelist=codelist(name), window=before(), summary=summary)
        for name, (summary, _) in ASKED.items()
    ]
    assert chart.ask(asked, at) == {name: expected for name, (_, expected) in ASKED.items()}


def test_what_is_derived_of_it(chart: Chart) -> None:
    at = np.array([to_microseconds(now())])
    found = dict(
        zip(
            TITLES,
            derived_columns([*TITLES], chart.shard, np.zeros(1, np.int64), at)[0],
            strict=True,
        )
    )
    assert found["smoking.status"] == 2
    assert found["smoking.pack_years"] == 26  # recorded; no amount is told for the time since
    assert np.isnan(found["smoking.years_since_quitting"])
    assert found["screening.phq_9"] == 12
    assert found["screening.audit_c"] == 0
