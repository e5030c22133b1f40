"""A clinical question, precisely: who is asked about, when, and what counts as the answer.

Names load what they need when first used: a task of ACES needs nothing of our own tasks.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lifecourse.tasks.aces import AcesTask as AcesTask
    from lifecourse.tasks.definition import Task as Task
    from lifecourse.tasks.labels import Labels as Labels
    from lifecourse.tasks.labels import label as label
    from lifecourse.tasks.labels import label_all as label_all
    from lifecourse.tasks.loading import AnyTask as AnyTask
    from lifecourse.tasks.loading import library_names as library_names
    from lifecourse.tasks.loading import load_task as load_task
    from lifecourse.tasks.phenotypes import Phenotype as Phenotype
    from lifecourse.tasks.phenotypes import phenotype as phenotype
    from lifecourse.tasks.phenotypes import phenotype_names as phenotype_names

_MODULES = {
    "AcesTask": "aces",
    "Labels": "labels",
    "Phenotype": "phenotypes",
    "Task": "definition",
    "label": "labels",
    "label_all": "labels",
    "library_names": "loading",
    "load_task": "loading",
    "phenotype": "phenotypes",
    "phenotype_names": "phenotypes",
}

__all__ = [*sorted(_MODULES)]


def __getattr__(name: str) -> Any:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module 'lifecourse.tasks' has no attribute '{name}'")
    return getattr(import_module(f"lifecourse.tasks.{module}"), name)
