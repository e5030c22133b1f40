"""A clinical question, precisely: who is asked about, when, and what counts as the answer."""

from __future__ import annotations

from lifecourse.tasks.aces import AcesTask
from lifecourse.tasks.definition import Task
from lifecourse.tasks.labels import Labels, label, label_all
from lifecourse.tasks.loading import AnyTask, library_names, load_task
from lifecourse.tasks.phenotypes import Phenotype, phenotype, phenotype_names

__all__ = [
    "AcesTask",
    "AnyTask",
    "Labels",
    "Phenotype",
    "Task",
    "label",
    "label_all",
    "library_names",
    "load_task",
    "phenotype",
    "phenotype_names",
]
