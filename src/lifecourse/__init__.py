"""Personalised medicine over medical records: timelines, honest risk, plans to check line by line.

The public names are below, verbs first, and load what they need when first used, so that
``import lifecourse`` costs nothing. *Every number about a person is a function of the events known
at or before one moment.*
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lifecourse.care import assess as assess
    from lifecourse.care import check_safety as check_safety
    from lifecourse.care import plan as plan
    from lifecourse.cli.workflow import run as run
    from lifecourse.features import featurize as featurize
    from lifecourse.insights import discover as discover
    from lifecourse.models import evaluate as evaluate
    from lifecourse.models import predict as predict
    from lifecourse.models import train as train
    from lifecourse.simulation import simulate as simulate
    from lifecourse.tasks import label as label
    from lifecourse.tasks import load_task as load_task
    from lifecourse.timeline.access import open_timeline as open_timeline
    from lifecourse.timeline.ingestion import ingest as ingest

__version__ = "0.1.0"

_VERBS = {
    "assess": "lifecourse.care",
    "check_safety": "lifecourse.care",
    "discover": "lifecourse.insights",
    "evaluate": "lifecourse.models",
    "featurize": "lifecourse.features",
    "ingest": "lifecourse.timeline.ingestion",
    "label": "lifecourse.tasks",
    "load_task": "lifecourse.tasks",
    "open_timeline": "lifecourse.timeline.access",
    "plan": "lifecourse.care",
    "predict": "lifecourse.models",
    "run": "lifecourse.cli.workflow",
    "simulate": "lifecourse.simulation",
    "train": "lifecourse.models",
}

_NOUNS = {
    "Actor": "lifecourse.schema.actor",
    "Codelist": "lifecourse.schema.code",
    "Covariate": "lifecourse.schema.covariate",
    "Purpose": "lifecourse.schema.actor",
    "Summary": "lifecourse.schema.covariate",
    "Window": "lifecourse.schema.window",
    "LifecourseError": "lifecourse.base.errors",
    "PolicyRefused": "lifecourse.base.errors",
    "UserError": "lifecourse.base.errors",
}

__all__ = [*sorted(_VERBS), *sorted(_NOUNS)]


def __getattr__(name: str) -> Any:
    module = _VERBS.get(name) or _NOUNS.get(name)
    if module is None:
        raise AttributeError(f"module 'lifecourse' has no attribute '{name}'")
    return getattr(import_module(module), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
