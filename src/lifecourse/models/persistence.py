"""A model on disk: JSON and, for trees, UBJ; a manifest with the hash of each file; never pickle."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from lifecourse.base.errors import ModelError
from lifecourse.base.files import read_json, sha256_of_file, write_bytes, write_json
from lifecourse.features import Recipe
from lifecourse.models.calibration import Calibrator
from lifecourse.models.hazards import CurveCalibrator, HazardLearner
from lifecourse.models.linear import Logistic
from lifecourse.models.model import RiskModel
from lifecourse.models.trees import Trees
from lifecourse.tasks import AcesTask, Task

if TYPE_CHECKING:
    from pathlib import Path

    from lifecourse.tasks import AnyTask

FORMAT = 2
MODEL, CARD, TREES, MANIFEST = "model.json", "card.json", "trees.ubj", "manifest.json"
TREES_OF = "trees{}.ubj"
"""Of hazards: every member has the trees of each cause."""


def task_document(task: AnyTask) -> dict[str, Any]:
    """A task of either kind as JSON-ready values."""
    found: dict[str, Any] = _adapter(type(task)).dump_python(task, mode="json")
    return found


def _adapter(kind: type[AnyTask]) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def save_model(model: RiskModel, folder: Path) -> None:
    """Leave `model` in `folder`; the same model gives the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    written = [MODEL, CARD]
    document: dict[str, Any] = {
        "format": FORMAT,
        "task_kind": "aces" if isinstance(model.task, AcesTask) else "task",
        "task": task_document(model.task),
        "recipe": model.recipe.model_dump(mode="json"),
        "vocabulary": model.vocabulary,
        "calibrator": asdict(model.calibrator),
    }
    if isinstance(model.learner, HazardLearner):
        document["hazards"] = model.learner.to_dict()
        for place, raw in enumerate(model.learner.to_bytes()):
            write_bytes(folder / TREES_OF.format(place), raw)
            written.append(TREES_OF.format(place))
    elif isinstance(model.learner, Trees):
        write_bytes(folder / TREES, model.learner.to_bytes())
        written.append(TREES)
    else:
        document["logistic"] = model.learner.to_dict()
    write_json(folder / MODEL, document)
    write_json(folder / CARD, model.card)
    write_json(folder / MANIFEST, {name: sha256_of_file(folder / name) for name in sorted(written)})


def load_model(folder: Path) -> RiskModel:
    """The model in `folder`.

    Raises
    ------
    ModelError
        There is none, it was changed, or it is of a later format.
    """
    if not (folder / MANIFEST).is_file():
        raise ModelError(
            f"there is no model in '{folder.name}'. Train one with `lifecourse train`."
        )
    manifest: Any = read_json(folder / MANIFEST)
    for name, digest in manifest.items():
        path = folder / name
        if not path.is_file() or sha256_of_file(path) != digest:
            raise ModelError(
                f"{name} of model '{folder.name}' is missing or was changed. Train it again."
            )
    document: Any = read_json(folder / MODEL)
    if document["format"] > FORMAT:
        raise ModelError(f"model '{folder.name}' is of a later format. Update lifecourse.")
    if document["format"] < FORMAT:
        raise ModelError(f"model '{folder.name}' is of an earlier format. Train it again.")
    kind: type[AnyTask] = AcesTask if document["task_kind"] == "aces" else Task
    return RiskModel(
        task=_adapter(kind).validate_python(document["task"]),
        recipe=Recipe.model_validate(document["recipe"]),
        vocabulary=document["vocabulary"],
        **_learned(document, folder),
        card=dict(read_json(folder / CARD)),
    )


def _learned(document: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The learner and the calibrator of a model's document."""
    calibrator = document["calibrator"]
    if "hazards" in document:
        members = document["hazards"]["boosted"]
        n_trees = sum(len(member["rate"]) for member in members)
        trees = [(folder / TREES_OF.format(place)).read_bytes() for place in range(n_trees)]
        learner = HazardLearner.from_dict(document["hazards"], trees)
        return {"learner": learner, "calibrator": CurveCalibrator(**calibrator)}
    logistic = document.get("logistic")
    return {
        "learner": Logistic(**logistic)
        if logistic
        else Trees.from_bytes((folder / TREES).read_bytes()),
        "calibrator": Calibrator(**calibrator),
    }
