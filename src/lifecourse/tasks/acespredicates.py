"""Predicates of ACES task files: events, facts of the person, and expressions of both.

A fact (`static: true`, or under ``patient_demographics``) has no time. A task that names one, in whatever expression,
asks only about those who have it; in the expression itself it then holds at every moment, as ACES has it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from lifecourse.base.errors import TaskError
from lifecourse.schema.code import Codelist
from lifecourse.schema.covariate import ValueRange
from lifecourse.tasks.aces import SPECIAL, DerivedPredicate, PlainPredicate

UNFILLED = "???"
VALUE_KEYS = {"value_min", "value_max", "value_min_inclusive", "value_max_inclusive"}
PREDICATE_KEYS = VALUE_KEYS | {"code", "static", "expr", "description"}

AnyPredicate = PlainPredicate | DerivedPredicate


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicates:
    """What a task's names mean.

    events : by name, those with a time; facts : what people must have without a time
    missing : names that a predicates file has to fill
    """

    events: dict[str, AnyPredicate]
    facts: dict[str, PlainPredicate]
    missing: tuple[str, ...]


def read_predicates(
    given: dict[str, Any], demographics: dict[str, Any], asked: set[str], where: str
) -> Predicates:
    """What the names `asked` mean by the YAML values `given`, which may name `demographics` in expressions.

    Raises
    ------
    TaskError
        A name is not defined, cannot be read, hangs on itself, or is a fact where an event is asked for.
    """
    facts = _facts(demographics, where)
    needed, missing = _needed(asked, given, set(facts), where)
    found = {name: _predicate(name, given[name], where) for name in needed}
    static = {name for name in needed if given[name].get("static")}
    if wrong := sorted(static & asked):
        raise TaskError(
            f"{where}: predicate '{wrong[0]}' is static, a fact without a time, and cannot be a trigger, a label, an "
            f"end of a window or counted in one. Name it in an expr, or under patient_demographics."
        )
    plain = {name: one for name, one in found.items() if isinstance(one, PlainPredicate)}
    events = {name: one for name, one in found.items() if name not in static}
    always = static | (set(facts) - set(given))
    return Predicates(
        events=_settled(events, always, where),
        facts={**facts, **{name: plain[name] for name in plain if name in static}},
        missing=missing,
    )


def _facts(given: dict[str, Any], where: str) -> dict[str, PlainPredicate]:
    found = {}
    for name, value in given.items():
        predicate = _predicate(name, value, where)
        if isinstance(predicate, DerivedPredicate):
            raise TaskError(f"{where}: patient_demographics.{name} must have a code.")
        found[name] = predicate
    return found


def _needed(
    asked: set[str], given: dict[str, Any], facts: set[str], where: str
) -> tuple[list[str], tuple[str, ...]]:
    """Names to parse, and names that a predicates file has to fill.

    Where a file leaves blanks (``???``), names it does not define are blanks too (MEDS-DEV does
    so).
    """
    has_blanks = any(value == UNFILLED or _blank_code(value) for value in given.values())
    needed: dict[str, None] = {}
    missing: set[str] = set()
    open_names = sorted(asked - set(SPECIAL))
    while open_names:
        name = open_names.pop()
        if name in needed or name in missing:
            continue
        value = given.get(name, UNFILLED)
        if name not in given and not has_blanks:
            defined = ", ".join(sorted(given)) or "none"
            raise TaskError(f"{where}: predicate '{name}' is not defined. Defined are: {defined}.")
        if value == UNFILLED or _blank_code(value):
            missing.add(name)
            continue
        needed[name] = None
        if isinstance(value, dict) and "expr" in value:
            inputs = _expression(name, value["expr"], where).inputs
            open_names += [one for one in inputs if one in given or one not in facts]
    return list(needed), tuple(sorted(missing))


def _settled(
    events: dict[str, AnyPredicate], always: set[str], where: str
) -> dict[str, AnyPredicate]:
    """The predicates without the inputs that hold at every moment."""
    derived = {name: one for name, one in events.items() if isinstance(one, DerivedPredicate)}
    try:
        order = list(
            TopologicalSorter({n: one.inputs for n, one in derived.items()}).static_order()
        )
    except CycleError as circle:
        names = ", ".join(dict.fromkeys(circle.args[1]))
        raise TaskError(f"{where}: these predicates hang on themselves: {names}.") from None
    found, always = dict(events), set(always)
    for name in order:
        if name not in derived:
            continue
        one = derived[name]
        rest = tuple(each for each in one.inputs if each not in always)
        if one.every or len(rest) < len(one.inputs):
            found[name] = one = DerivedPredicate(every=True, inputs=rest if one.every else ())
        if one.always:
            always.add(name)
    return found


def _blank_code(value: Any) -> bool:
    return isinstance(value, dict) and value.get("code") == UNFILLED


def _predicate(name: str, value: Any, where: str) -> AnyPredicate:
    at = f"{where}: predicate '{name}'"
    fields = mapping(value, at)
    others = sorted(set(fields) - PREDICATE_KEYS)
    if others:
        raise TaskError(
            f"{at}: '{others[0]}' asks for a column other than code and numeric_value, which a "
            f"store does not have. Fold it into the code, or leave it out."
        )
    if "expr" in fields:
        if fields.get("static"):
            raise TaskError(f"{at}: an expr cannot be static; its inputs may be.")
        return _expression(name, fields["expr"], where)
    if "code" not in fields:
        raise TaskError(f"{at} needs a code or an expr.")
    return PlainPredicate(codelist=_codelist(name, fields["code"], at), values=_values(fields))


def _codelist(name: str, code: Any, at: str) -> Codelist:
    if isinstance(code, str):
        return Codelist(name=name, exact=frozenset({code}))
    if isinstance(code, dict) and len(code) == 1:
        if isinstance(code.get("regex"), str) and code["regex"]:
            return Codelist(name=name, regexes=(_regex(code["regex"], at),))
        if isinstance(code.get("any"), list) and code["any"]:
            return Codelist(name=name, exact=frozenset(str(one) for one in code["any"]))
    raise TaskError(f"{at}: code must be text, {{regex: text}} or {{any: [texts]}}.")


def _regex(pattern: str, at: str) -> str:
    import polars as pl

    try:
        pl.Series([""]).str.contains(pattern)
    except pl.exceptions.ComputeError as broken:
        said = " ".join(str(broken).split())
        raise TaskError(f"{at}: the regex does not compile ({said}).") from None
    return pattern


def _values(fields: dict[str, Any]) -> ValueRange | None:
    low, high = fields.get("value_min"), fields.get("value_max")
    if low is None and high is None:
        return None
    # ACES leaves an end out unless its flag says otherwise.
    return ValueRange(
        low=low,
        high=high,
        low_inclusive=bool(fields.get("value_min_inclusive", False)),
        high_inclusive=bool(fields.get("value_max_inclusive", False)),
    )


def _expression(name: str, text: Any, where: str) -> DerivedPredicate:
    found = re.fullmatch(r"\s*(and|or)\((.*)\)\s*", str(text), flags=re.DOTALL)
    inputs = tuple(part.strip() for part in found.group(2).split(",")) if found else ()
    if found is None or len(inputs) < 2 or not all(re.fullmatch(r"\w+", one) for one in inputs):
        raise TaskError(
            f"{where}: predicate '{name}': expr must be and(a, b, ...) or or(a, b, ...) of names."
        )
    return DerivedPredicate(every=found.group(1) == "and", inputs=inputs)


def mapping(value: Any, at: str) -> dict[str, Any]:
    """`value` as a mapping of texts.

    Raises
    ------
    TaskError
        It is none.
    """
    if not isinstance(value, dict):
        raise TaskError(f"{at} must be a mapping.")
    return {str(key): inner for key, inner in value.items()}
