"""A model on disk: JSON and, for trees, UBJ; a manifest with the hash of each file, signed; never pickle."""

from __future__ import annotations

import hashlib
import os
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson

from lifecourse.base.errors import ModelError, StoreDamaged
from lifecourse.base.files import read_json, to_json, write_json
from lifecourse.base.folders import recovered, replaced_folder
from lifecourse.features import Recipe
from lifecourse.models.calibration import Calibrator
from lifecourse.models.hazards import CurveCalibrator, HazardLearner
from lifecourse.models.linear import Logistic
from lifecourse.models.members import Member
from lifecourse.models.model import RiskModel
from lifecourse.models.reporting import chai_card, report
from lifecourse.models.shapes import BentCalibrator
from lifecourse.models.trees import Trees
from lifecourse.models.venn_abers import VennAbers
from lifecourse.privacy.signing import is_signed
from lifecourse.tasks import AcesTask, Task
from lifecourse.timeline.derived import PLAIN, Derived

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lifecourse.tasks import AnyTask

FORMAT, EARLIEST = 3, 2
"""The format that is written, and the earliest that is read: of 2, hazards are not level."""
MODEL, CARD, TREES, MANIFEST = "model.json", "card.json", "trees.ubj", "manifest.json"
REPORT, CHAI_CARD = "report.json", "chai_card.json"
"""What the card tells by the checklists, and as CHAI's applied model card: for people, and never read back."""
TREES_OF = "trees{}.ubj"
"""Of hazards every member has the trees of each cause; of a yes or no, its own, the first beside the model's."""
SIGNATURE = "signature.json"
NOTES = frozenset({"outcome.json", "outcomes.json", "evaluation.json", "monitoring.json"})
"""What lies beside a model unsigned: what training came to, and how the model did since."""
LEARNED = (".ubj", ".npy", ".safetensors")
"""How the names end of what a model learned."""
TASK, OUTCOMES, SEQUENCE = "task", "outcomes", "sequence"
KINDS = {
    TASK: "model of one task",
    OUTCOMES: "model of many outcomes",
    SEQUENCE: "sequence model of many outcomes",
}
"""What a model is; one of a task does not say so in its document."""


def task_document(task: AnyTask) -> dict[str, Any]:
    """A task of either kind as JSON-ready values."""
    found: dict[str, Any] = _adapter(type(task)).dump_python(task, mode="json")
    return found


def _adapter(kind: type[AnyTask]) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def save_model(
    model: RiskModel,
    folder: Path,
    derived: Derived = PLAIN,
    *,
    notes: Mapping[str, object] | None = None,
) -> None:
    """Leave `model` in `folder`; the same model gives the same bytes.

    With a timeline's `derived` the files are as closed as its store, and signed with the store's key. `notes` as
    `write_signed`.
    """
    files: dict[str, bytes] = {}
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
            files[TREES_OF.format(place)] = raw
    elif isinstance(model.learner, Trees):
        files[TREES] = model.learner.to_bytes()
    else:
        document["logistic"] = model.learner.to_dict()
    if model.members:
        document["members"] = [_member(member, files) for member in model.members]
    if model.venn_abers is not None:
        document["venn_abers"] = asdict(model.venn_abers)
    files[MODEL] = to_json(document)
    files[CARD] = to_json(model.card)
    files[REPORT], files[CHAI_CARD] = to_json(report(model.card)), to_json(chai_card(model.card))
    write_signed(files, folder, derived, notes=notes)


def _member(member: Member, files: dict[str, bytes]) -> dict[str, Any]:
    """A member's document; its trees go into `files`."""
    if isinstance(member.learner, Logistic):
        return {"vocabulary": member.vocabulary, "logistic": member.learner.to_dict()}
    name = TREES_OF.format(sum(other.startswith("trees") for other in files))
    files[name] = member.learner.to_bytes()
    return {"vocabulary": member.vocabulary, "trees": name}


def write_signed(
    files: dict[str, bytes],
    folder: Path,
    derived: Derived,
    *,
    notes: Mapping[str, object] | None = None,
) -> None:
    """Write the files of a model, and a manifest of them that is signed where the store has a key.

    The folder is replaced whole: who is killed meanwhile leaves the model that lay there before. `notes` are the
    documents of `NOTES` that lie beside the model from now on; where None, those that lie there stay.

    Raises
    ------
    ModelError
        As `check_place`.
    """
    check_place(folder)
    with replaced_folder(folder, keeping=partial(_stays, notes=notes is None)) as passing:
        for name, content in files.items():
            derived.write_bytes(passing / name, content)
        manifest = to_json({name: _digest(content) for name, content in sorted(files.items())})
        derived.write_bytes(passing / MANIFEST, manifest)
        signer = derived.signer(create=True)
        if signer is not None:
            write_json(passing / SIGNATURE, signer.sign(manifest))
        _write_notes(notes or {}, passing, derived)


def write_no_model(notes: Mapping[str, object], folder: Path, derived: Derived) -> None:
    """Leave `notes` in `folder`, such as an abstention; of a model that lay there nothing stays to answer in its place.

    Raises
    ------
    ModelError
        As `check_place`.
    """
    check_place(folder)
    with replaced_folder(folder, keeping=partial(_stays, notes=False)) as passing:
        _write_notes(notes, passing, derived)


def check_place(folder: Path) -> None:
    """Refuse to leave a model where one cannot lie.

    Raises
    ------
    ModelError
        `folder` is a file or has other things than a model in it, or nobody may write beside it.
    """
    standing = recovered(folder).resolve()
    if standing.is_dir():
        names = {path.name for path in standing.iterdir()}
        if names and not names & {MODEL, *NOTES}:
            raise ModelError(
                f"'{folder}' has other things in it and is no model. Give an empty or new folder."
            )
    elif standing.exists():
        raise ModelError(f"'{folder}' is a file. Give a folder for the model.")
    around = next(parent for parent in standing.parents if parent.exists())
    if not around.is_dir() or not os.access(around, os.W_OK | os.X_OK) or standing.is_mount():
        raise ModelError(
            f"no folder can be written at '{folder}': '{around.name or around}' is a file, or not yours to write to. "
            "Give another folder for the model."
        )


def _stays(name: str, *, notes: bool) -> bool:
    """Whether a file of a model's folder stays when the model is replaced: a stranger does, and where said, a note."""
    if name in NOTES:
        return notes
    own = {MODEL, CARD, MANIFEST, SIGNATURE, REPORT, CHAI_CARD}
    return name not in own and not name.endswith(LEARNED) and not name.startswith(".")


def _write_notes(notes: Mapping[str, object], folder: Path, derived: Derived) -> None:
    for name, document in notes.items():
        derived.write_json(folder / name, document)


def load_model(folder: Path, derived: Derived | None = None) -> RiskModel:
    """The model in `folder`.

    Parameters
    ----------
    derived : of the store whose key signed the model; where None, of the workspace around `folder`. A model that lies
        in none and is given none must be the one its manifest tells of, and nobody says whose that is.

    Raises
    ------
    ModelError
        There is none, it was changed, another store's key signed it or none did, or it is of a later format.
    """
    document, files = read_document(folder, derived, kind=TASK, version=FORMAT, earliest=EARLIEST)
    kind: type[AnyTask] = AcesTask if document["task_kind"] == "aces" else Task
    return RiskModel(
        task=_adapter(kind).validate_python(document["task"]),
        recipe=Recipe.model_validate(document["recipe"]),
        vocabulary=document["vocabulary"],
        **_learned(document, files),
        card=dict(orjson.loads(files[CARD])),
    )


def read_document(
    folder: Path, derived: Derived | None, *, kind: str, version: int, earliest: int | None = None
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The document of the model in `folder`, which is of `kind` and of the format `version`, and its files.

    Where `earliest` is given, it may be of any format from that one on.

    Raises
    ------
    ModelError
        As `read_signed`; or it is of another kind or format.
    """
    files = read_signed(folder, derived)
    document: dict[str, Any] = orjson.loads(files[MODEL])
    found = document.get("kind", TASK)
    if found != kind:
        said = KINDS.get(found, "model of a later lifecourse")
        raise ModelError(
            f"'{folder.name}' is a {said}, and no {KINDS[kind]}. `lifecourse predict` reads it."
        )
    if document["format"] > version:
        raise ModelError(f"model '{folder.name}' is of a later format. Update lifecourse.")
    if document["format"] < (version if earliest is None else earliest):
        raise ModelError(f"model '{folder.name}' is of an earlier format. Train it again.")
    return document, files


def kind_of_model(folder: Path, derived: Derived | None = None) -> str:
    """Which of `KINDS` the model in `folder` is.

    Raises
    ------
    ModelError
        As `read_signed`.
    """
    document: dict[str, Any] = orjson.loads(read_signed(folder, derived)[MODEL])
    return str(document.get("kind", TASK))


def read_signed(folder: Path, derived: Derived | None = None) -> dict[str, bytes]:
    """The files of the model in `folder`, each as its manifest says, and that as the store's key signed it.

    Raises
    ------
    ModelError
        There is none, it was changed, or another store's key signed it or none did.
    """
    if not (recovered(folder) / MANIFEST).is_file():
        raise ModelError(
            f"there is no model in '{folder.name}'. Train one with `lifecourse train`."
        )
    return _verified(folder, Derived.around(folder / MANIFEST) if derived is None else derived)


def reader_to_judge(folder: Path, derived: Derived) -> Derived:
    """With whose keys the model in `folder` is read that is only to be judged on the store of `derived`.

    A model that another store's key signed, whole as it was signed, may be judged before anybody uses it here: with
    that store's keys where it lies in its workspace, else as an open file.
    """
    around = Derived.around(folder / MANIFEST)
    if around.store is not None:
        return around
    signer = derived.signer(create=False)
    if signer is None or not (folder / SIGNATURE).is_file():
        return derived
    return derived if _signature(folder).get("key") == signer.public else PLAIN


def _learned(document: dict[str, Any], files: dict[str, bytes]) -> dict[str, Any]:
    """The learner and the calibrator of a model's document."""
    calibrator = document["calibrator"]
    if "hazards" in document:
        members = document["hazards"]["boosted"]
        n_trees = sum(len(member["rate"]) for member in members)
        trees = [files[TREES_OF.format(place)] for place in range(n_trees)]
        learner = HazardLearner.from_dict(document["hazards"], trees)
        return {"learner": learner, "calibrator": CurveCalibrator.from_dict(calibrator)}
    between = document.get("venn_abers")
    return {
        "learner": _learner({"trees": TREES, **document}, files),
        "calibrator": BentCalibrator.from_dict(calibrator)
        if "shape" in calibrator
        else Calibrator(**calibrator),
        "members": tuple(
            Member(learner=_learner(one, files), vocabulary=one["vocabulary"])
            for one in document.get("members", [])
        ),
        "venn_abers": VennAbers(**between) if between else None,
    }


def _learner(document: dict[str, Any], files: dict[str, bytes]) -> Logistic | Trees:
    logistic = document.get("logistic")
    return Logistic(**logistic) if logistic else Trees.from_bytes(files[document["trees"]])


def _verified(folder: Path, derived: Derived) -> dict[str, bytes]:
    """The files of a model, each as its manifest says, and the manifest as the store's key signed it."""
    manifest = _read(folder / MANIFEST, derived)
    _check_signature(folder, manifest, derived)
    try:
        told: dict[str, str] = dict(orjson.loads(manifest))
    except (orjson.JSONDecodeError, ValueError):
        raise _changed(MANIFEST, folder) from None
    files = {name: _read(folder / name, derived) for name in told if "/" not in name}
    for name, content in files.items():
        if _digest(content) != told[name]:
            raise _changed(name, folder)
    if not {MODEL, CARD} <= files.keys():
        raise _changed(MANIFEST, folder)
    return files


def _check_signature(folder: Path, manifest: bytes, derived: Derived) -> None:
    signer = derived.signer(create=False)
    if signer is None and not (folder / SIGNATURE).is_file():
        return
    signature = _signature(folder)
    if not is_signed(manifest, signature):
        raise _changed(MANIFEST, folder)
    if signer is not None and signature["key"] != signer.public:
        raise ModelError(
            f"model '{folder.name}' was signed with another store's key. Train it here, or recalibrate it from where "
            "it came: `lifecourse recalibrate` signs what it leaves with this store's key."
        )


def _signature(folder: Path) -> dict[str, Any]:
    try:
        signature: Any = read_json(folder / SIGNATURE)
    except (OSError, ValueError):
        signature = None
    if not isinstance(signature, dict):
        raise ModelError(f"model '{folder.name}' is not signed. Train it again.")
    return signature


def _read(path: Path, derived: Derived) -> bytes:
    try:
        return derived.read_bytes(path)
    except (FileNotFoundError, StoreDamaged):
        raise _changed(path.name, path.parent) from None


def _changed(name: str, folder: Path) -> ModelError:
    return ModelError(f"{name} of model '{folder.name}' is missing or was changed. Train it again.")


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
