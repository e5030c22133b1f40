"""The library of scores: one file each, which loads only when it passes its own worked cases."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lifecourse.base.errors import KnowledgeError, UserError
from lifecourse.base.yaml import load_document
from lifecourse.care.risk.competing import ATTAINED_AGE
from lifecourse.care.risk.evaluate import Evaluation, columns_of, evaluate_columns
from lifecourse.care.risk.expressions import parse
from lifecourse.care.risk.model import ScoreModel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lifecourse.care.risk.model import Equation

FOLDER = Path(__file__).parent / "models"

# What floating point does to a score of whole points.
EXACT = 1e-9


def names() -> list[str]:
    """The scores of the library, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


@cache
def score_model(name: str) -> ScoreModel:
    """The score called `name`, after it has passed its cases.

    Raises
    ------
    UserError
        There is no such score.
    KnowledgeError
        Its file is wrong or fails one of its cases.
    """
    path = FOLDER / f"{name}.yaml"
    if name not in names():
        raise UserError(f"there is no score '{name}'. The library has: {', '.join(names())}.")
    return load_score_model(path)


def load_score_model(path: Path) -> ScoreModel:
    """The score file at `path`, after it has passed its cases (KnowledgeError where it does not)."""
    model = load_document(path, ScoreModel, error=KnowledgeError)
    if model.id != path.stem:
        raise KnowledgeError(f"{path.name} says its id is '{model.id}'. Name both alike.")
    _check_names(model, path.name)
    _check_cases(model, path.name)
    return model


def score(name: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """One score on one set of inputs.

    Parameters
    ----------
    name : a score of the library, `names()`
    inputs : the model's inputs by name, in the units its file states

    Returns
    -------
    dict
        Every output of the equation, None where there is no number; with ``status`` (computed,
        not_applicable, missing), ``reason``, ``equation``, ``warnings``.
    """
    return score_all(name, [inputs])[0]


def score_all(name: str, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """As `score`, for many sets of inputs in one sweep."""
    model = score_model(name)
    evaluation = evaluate_columns(model, columns_of(model, rows), len(rows))
    return [outcome(model, evaluation, row) for row in range(len(rows))]


def outcome(model: ScoreModel, evaluation: Evaluation, row: int) -> dict[str, Any]:
    """One row of an evaluation, in words and numbers."""
    missing = [name for name, flags in evaluation.missing.items() if flags[row]]
    outside = [name for name, flags in evaluation.out_of_range.items() if flags[row]]
    values = {name: _number(column[row]) for name, column in evaluation.outputs.items()}
    status, reason = _status(model, missing, outside)
    return {
        **values,
        "status": status,
        "reason": reason,
        "equation": model.equation_name,
        "missing": missing,
        "out_of_range": outside,
        "warnings": [text for text, flags in evaluation.warnings.items() if flags[row]],
    }


def _status(
    model: ScoreModel, missing: Sequence[str], outside: Sequence[str]
) -> tuple[str, str | None]:
    if outside:
        return "not_applicable", "; ".join(_describe_range(model, name) for name in outside)
    if missing:
        return "missing", f"needs {', '.join(missing)}"
    return "computed", None


def _describe_range(model: ScoreModel, name: str) -> str:
    each = model.inputs[name]
    if each.range is None:
        allowed = ("female", "male") if each.kind == "sex" else each.values
        return f"{name} is none of {', '.join(map(str, allowed))}"
    low, high = each.range
    if low is None or high is None:
        bound = f"at least {low:g}" if high is None else f"at most {high:g}"
        return f"{name} is not {bound}, as the equation needs"
    return f"{name} is outside {low:g} to {high:g}, for which the equation was made"


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _check_names(model: ScoreModel, file: str) -> None:
    """Every name that an expression reads is defined before it, in equations that no case reaches too."""
    known = {*model.inputs, *model.tables}
    for name, each in model.inputs.items():
        if isinstance(each.default, str):
            _check_reads(each.default, known, f"{file}: default of {name}")
    for name, written in model.derive.items():
        _check_reads(str(written), known, f"{file}: {name}")
        known.add(name)
    for equation in model.equations:
        where = f"{file}: {equation.output}"
        for text in _texts(equation):
            _check_reads(text, known | {*equation.constants, ATTAINED_AGE}, where)
        for name in equation.when:
            _check_reads(name, known, where)
    for text in [warning.when for warning in model.warnings]:
        _check_reads(text, known, f"{file}: warnings")


def _texts(equation: Equation) -> list[str]:
    texts = [*equation.terms, *([equation.formula] if equation.formula else [])]
    if equation.absolute_risk is not None:
        risk = equation.absolute_risk
        texts += [risk.start, risk.end, risk.by, risk.hazard, risk.competing, risk.multiplier]
    return texts


def _check_reads(text: str, known: set[str], where: str) -> None:
    unknown = parse(text).names - known
    if unknown:
        raise KnowledgeError(f"{where} reads {', '.join(sorted(unknown))}, which is not defined.")


def _check_cases(model: ScoreModel, file: str) -> None:
    rows = [case.given for case in model.cases]
    try:
        evaluation = evaluate_columns(model, columns_of(model, rows), len(rows))
    except UserError as wrong:
        raise KnowledgeError(f"{file}: its cases do not run: {wrong}") from None
    for number, case in enumerate(model.cases, start=1):
        for name, expected in case.out.items():
            column = evaluation.outputs.get(name)
            found = math.nan if column is None else float(column[number - 1])
            if not abs(found - expected) <= max(case.tol, EXACT):
                raise KnowledgeError(
                    f"{file}: case {number} expects {name} = {expected:g} within {case.tol:g} and "
                    f"gets {found:g}. The score does not load; correct the file."
                )
