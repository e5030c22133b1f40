"""Of whom a model can be asked: not of those who have the disease, nor of those who are not in the store."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecourse.base.errors import UserError
from lifecourse.models import predict, train
from lifecourse.schema.actor import Actor, Identifiability, Purpose
from lifecourse.simulation import simulate
from lifecourse.tasks import load_task
from lifecourse.timeline.access import open_timeline
from lifecourse.timeline.ingestion import ingest


def test_who_has_diabetes_gets_no_risk_of_new_diabetes(tmp_path: Path) -> None:
    simulate(1200, 5, "meds", tmp_path / "source")
    ingest(tmp_path / "source", tmp_path / "store", identifiability=Identifiability.SYNTHETIC)
    timeline = open_timeline(
        tmp_path / "store", actor=Actor(name="test"), purpose=Purpose.OPERATIONS
    )
    model = train(timeline, load_task("type_2_diabetes_5y")).model
    assert model is not None
    estimates = predict(model, timeline)
    refused = [e for e in estimates if e.reason == "the person already had it"]
    given = [e for e in estimates if e.value is not None]
    assert refused
    assert given
    assert all(e.value is None and e.interval is None for e in refused)
    with pytest.raises(UserError, match="the store has no subject 999999"):
        predict(model, timeline, [estimates[0].subject_id, 999999])
    assert predict(model, timeline, []) == []
