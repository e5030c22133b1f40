"""The one evaluator of score files: columns of inputs in, columns of outputs out, for one person or a million."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lifecourse.base.errors import UserError
from lifecourse.care.risk.competing import absolute_risk
from lifecourse.care.risk.expressions import is_missing, parse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from lifecourse.care.risk.model import Equation, Input, ScoreModel

    Column = npt.NDArray[Any]

LINKS = {
    "logistic": "1 / (1 + exp(-lp))",
    "cox": "1 - s0 ** exp(lp - mean)",
    "sum": "lp",
}

_EVERYONE = np.ones(1, dtype=bool)

YES_OR_NO = ("condition", "drug", "smoking")
"""Kinds of input that are 0 or 1."""

# Values are float32 in the store: 39.9 comes back as 39.90000153 and is still in a range that ends at 39.9.
RANGE_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What became of n rows of inputs.

    outputs : output name -> float64[n], NaN where the score gives no number
    missing : input name -> bool[n], needed and absent
    out_of_range : input name -> bool[n], outside what the equation was made for
    warnings : warning text -> bool[n]
    """

    outputs: dict[str, npt.NDArray[np.float64]]
    missing: dict[str, npt.NDArray[np.bool_]]
    out_of_range: dict[str, npt.NDArray[np.bool_]]
    warnings: dict[str, npt.NDArray[np.bool_]]

    def rows(self, first: int, last: int) -> Evaluation:
        """Of the rows [first, last) alone."""
        return Evaluation(
            outputs={name: column[first:last] for name, column in self.outputs.items()},
            missing={name: flags[first:last] for name, flags in self.missing.items()},
            out_of_range={name: flags[first:last] for name, flags in self.out_of_range.items()},
            warnings={text: flags[first:last] for text, flags in self.warnings.items()},
        )


def evaluate_columns(model: ScoreModel, given: Mapping[str, Column], n: int) -> Evaluation:
    """Every output of `model` for n rows.

    Parameters
    ----------
    given : input name -> column of n; numbers with NaN for missing, text with None. Absent inputs are missing.

    Returns
    -------
    Evaluation
        A row with anything missing or out of range has no output at all: nothing is extrapolated.
    """
    columns: dict[str, Any] = {**_input_columns(model, given, n), **model.tables}
    with np.errstate(all="ignore"):
        for name, written in model.derive.items():
            columns[name] = _broadcast(parse(str(written)).evaluate(columns), n)
        considered = {name: _considered(each, columns, n) for name, each in model.inputs.items()}
        missing = _missing(model, columns, considered)
        out_of_range = _out_of_range(model, columns, considered)
        usable = np.ones(n, dtype=bool)
        for flags in (*missing.values(), *out_of_range.values()):
            usable &= ~flags
        outputs = _outputs(model, columns, usable, n)
        warnings = {
            each.text: _broadcast(parse(each.when).evaluate(columns), n).astype(bool) & usable
            for each in model.warnings
        }
    return Evaluation(
        outputs=outputs, missing=missing, out_of_range=out_of_range, warnings=warnings
    )


def columns_of(model: ScoreModel, rows: Sequence[Mapping[str, Any]]) -> dict[str, Column]:
    """Rows of inputs by name, as columns.

    Raises
    ------
    UserError
        An input is not one of the model's, or is a word where a number is needed (or the reverse).
    """
    for row in rows:
        unknown = set(row) - set(model.inputs)
        if unknown:
            raise UserError(
                f"{model.id} has no input {', '.join(sorted(unknown))}. "
                f"It takes: {', '.join(model.inputs)}."
            )
    return {
        name: _column(model.id, name, each, [row.get(name) for row in rows])
        for name, each in model.inputs.items()
    }


def _column(model: str, name: str, each: Input, values: Sequence[Any]) -> Column:
    if each.kind == "set":
        return _sets(model, name, each, values)
    if each.is_text:
        words = [None if value is None else str(value) for value in values]
        if each.values:
            wrong = {word for word in words if word is not None} - {str(v) for v in each.values}
            if wrong:
                raise UserError(
                    f"{model}: {name} must be one of {', '.join(map(str, each.values))}."
                )
        return np.array(words, dtype=object)
    try:
        numbers = [np.nan if value is None else float(value) for value in values]
    except (TypeError, ValueError):
        raise UserError(f"{model}: {name} must be a number.") from None
    column = np.array(numbers, dtype=np.float64)
    if np.isinf(column).any():
        raise UserError(f"{model}: {name} must be a finite number.")
    if each.kind in YES_OR_NO and not np.isin(column[~np.isnan(column)], (0.0, 1.0)).all():
        raise UserError(f"{model}: {name} must be 0 or 1.")
    return column


def _sets(model: str, name: str, each: Input, values: Sequence[Any]) -> Column:
    column = np.empty(len(values), dtype=object)
    for place, value in enumerate(values):
        if not isinstance(value, list | tuple | set | frozenset | None):
            raise UserError(f"{model}: {name} must be a list.")
        column[place] = None if value is None else frozenset(map(str, value))
        if not (column[place] or frozenset()) <= set(each.values):
            raise UserError(f"{model}: {name} may have {', '.join(map(str, each.values))}.")
    return column


def _input_columns(model: ScoreModel, given: Mapping[str, Column], n: int) -> dict[str, Column]:
    columns: dict[str, Column] = {}
    for name, each in model.inputs.items():
        column = given.get(name)
        if column is None:
            column = np.full(n, None, dtype=object) if each.is_text else np.full(n, np.nan)
        columns[name] = column
    for name, each in model.inputs.items():
        if each.default is not None:
            columns[name] = _with_default(columns, name, each, n)
    return columns


def _with_default(columns: dict[str, Column], name: str, each: Input, n: int) -> Column:
    absent = is_missing(columns[name])
    if not absent.any():
        return columns[name]
    default = each.default
    value = parse(default).evaluate(columns) if isinstance(default, str) else default
    filled = columns[name].copy()
    filled[absent] = _broadcast(value, n)[absent]
    return filled


def _considered(each: Input, columns: Mapping[str, Column], n: int) -> npt.NDArray[np.bool_]:
    if each.when is None:
        return _EVERYONE
    return _broadcast(parse(each.when).evaluate(columns), n).astype(bool)


def _missing(
    model: ScoreModel, columns: Mapping[str, Column], considered: Mapping[str, Column]
) -> dict[str, npt.NDArray[np.bool_]]:
    return {
        name: is_missing(columns[name]) & considered[name]
        for name, each in model.inputs.items()
        if each.missing == "refuse"
    }


def _out_of_range(
    model: ScoreModel, columns: Mapping[str, Column], considered: Mapping[str, Column]
) -> dict[str, npt.NDArray[np.bool_]]:
    found = {}
    for name, each in model.inputs.items():
        value = columns[name]
        if each.range is not None:
            low, high = each.range
            outside = np.zeros(len(value), dtype=bool)
            if low is not None:
                outside |= value < low - abs(low) * RANGE_TOLERANCE
            if high is not None:
                outside |= value > high + abs(high) * RANGE_TOLERANCE
            found[name] = outside & considered[name]
        elif each.kind != "set" and (each.kind == "sex" or each.values):
            allowed = ("female", "male") if each.kind == "sex" else each.values
            inside = np.logical_or.reduce([value == choice for choice in allowed])
            found[name] = ~inside & ~is_missing(value) & considered[name]
    return found


def _outputs(
    model: ScoreModel, columns: dict[str, Column], usable: npt.NDArray[np.bool_], n: int
) -> dict[str, npt.NDArray[np.float64]]:
    outputs = {name: np.full(n, np.nan) for name in model.outputs}
    if not usable.any():
        return outputs
    terms: dict[str, Column] = {}
    chosen: dict[tuple[tuple[str, Any], ...], npt.NDArray[np.bool_] | None] = {}
    for equation in model.equations:
        # The equations of one table, an outcome each, stand for the same people.
        when = tuple(equation.when.items())
        if when not in chosen:
            chosen[when] = _rows(when, columns, usable)
        rows = chosen[when]
        if rows is not None:
            value = _broadcast(_value(model, equation, columns, terms), n)
            outputs[equation.output][rows] = value[rows]
    return outputs


def _rows(
    when: tuple[tuple[str, Any], ...],
    columns: Mapping[str, Column],
    usable: npt.NDArray[np.bool_],
) -> npt.NDArray[np.bool_] | None:
    """The usable rows of which all of `when` holds; None where there are none."""
    rows = usable
    for name, wanted in when:
        rows = rows & np.asarray(columns[name] == wanted, dtype=bool)
        if not rows.any():
            return None
    return rows


def _value(
    model: ScoreModel, equation: Equation, columns: dict[str, Column], terms: dict[str, Column]
) -> Any:
    known: dict[str, Any] = {**columns, **equation.constants}
    if equation.absolute_risk is not None:
        value = absolute_risk(equation.absolute_risk, known)
    elif equation.formula is not None:
        value = parse(equation.formula).evaluate(known)
    else:
        known["lp"] = _linear_predictor(equation, columns, terms)
        value = parse(LINKS[model.form]).evaluate(known)
    if model.then is not None:
        value = parse(model.then).evaluate({**known, "value": value})
    return value


def _linear_predictor(
    equation: Equation, columns: dict[str, Column], terms: dict[str, Column]
) -> Any:
    total: Any = 0.0
    for text, coefficient in equation.terms.items():
        if text not in terms:
            terms[text] = np.asarray(parse(text).evaluate(columns), dtype=np.float64)
        total = total + coefficient * terms[text]
    return total


def _broadcast(value: Any, n: int) -> Column:
    column = np.asarray(value)
    if column.dtype.kind in "US":
        column = column.astype(object)
    return np.broadcast_to(column, (n,)) if column.ndim == 0 else column
