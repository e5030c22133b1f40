"""What every test may ask for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent

# The laws run on shared, slow machines: a budget of examples, never of seconds.
settings.register_profile(
    "default",
    deadline=None,
    max_examples=int(os.environ.get("LIFECOURSE_EXAMPLES", "50")),
    suppress_health_check=[HealthCheck.too_slow],
    derandomize="CI" in os.environ,
)
settings.load_profile("default")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the long forms of laws unless they are asked for (`-m prove`)."""
    if "prove" in (config.getoption("markexpr") or ""):
        return
    long_form = [item for item in items if item.get_closest_marker("prove")]
    if long_form:
        config.hook.pytest_deselected(items=long_form)
        items[:] = [item for item in items if not item.get_closest_marker("prove")]


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of this repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real and public records (`LIFECOURSE_DATA`, else ../shared/data)."""
    folder = Path(os.environ.get("LIFECOURSE_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("no real records here: set LIFECOURSE_DATA to a copy of shared/data")
    return folder
