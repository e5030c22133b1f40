"""One trained model, and its card to change, for all that is told of models."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cohorts import RECIPE, TASK, cohort

from lifecourse.models import RiskModel, train
from lifecourse.timeline.unstored import timeline_from_events


@pytest.fixture(scope="package")
def model() -> RiskModel:
    found = train(timeline_from_events(cohort(900)), TASK, recipe=RECIPE).model
    assert found is not None
    return found


@pytest.fixture
def card(model: RiskModel) -> dict[str, Any]:
    return json.loads(json.dumps(model.card))
