"""ACES task files as they are, read into `AcesTask`."""

from __future__ import annotations

import re
from typing import Any

from lifecourse.base.errors import TaskError
from lifecourse.schema.code import Codelist
from lifecourse.schema.covariate import ValueRange
from lifecourse.tasks.aces import (
    ANY_EVENT,
    RECORD_END,
    RECORD_START,
    AcesTask,
    AcesWindow,
    DerivedPredicate,
    Edge,
    PlainPredicate,
    in_order,
)
from lifecourse.tasks.durations import microseconds

SPECIAL = (ANY_EVENT, RECORD_START, RECORD_END)
UNFILLED = "???"

TOP_KEYS = {"predicates", "patient_demographics", "trigger", "windows", "metadata", "description"}
WINDOW_KEYS = {
    "start",
    "end",
    "start_inclusive",
    "end_inclusive",
    "has",
    "label",
    "index_timestamp",
}
VALUE_KEYS = {"value_min", "value_max", "value_min_inclusive", "value_max_inclusive"}
PREDICATE_KEYS = VALUE_KEYS | {"code", "static", "expr", "description"}


def parse_aces(
    tree: dict[str, Any], *, name: str, where: str, predicates: dict[str, Any] | None = None
) -> AcesTask:
    """The ACES task in the YAML value `tree`; `predicates` fill or replace its own.

    Raises
    ------
    TaskError
        Something cannot be read; the message names the predicate or window.
    """
    unknown = sorted(set(tree) - TOP_KEYS)
    if unknown:
        allowed = ", ".join(sorted(TOP_KEYS))
        raise TaskError(f"{where}: unknown key '{unknown[0]}'. Allowed are: {allowed}.")
    windows = tuple(
        _window(window_name, window, where)
        for window_name, window in _mapping(tree.get("windows"), f"{where}: windows").items()
    )
    trigger = tree.get("trigger")
    if not isinstance(trigger, str):
        raise TaskError(f"{where}: trigger must be the name of a predicate.")
    given = {**_mapping(tree.get("predicates"), f"{where}: predicates"), **(predicates or {})}
    needed, missing = _needed({trigger, *_names(windows)}, given, where)
    _check_windows(windows, where)
    return AcesTask(
        name=name,
        description=_description(tree),
        predicates={n: _predicate(n, given[n], where) for n in needed},
        demographics=_demographics(tree, where),
        trigger=trigger,
        windows=windows,
        missing=missing,
    )


def _names(windows: tuple[AcesWindow, ...]) -> set[str]:
    return {name for window in windows for name in window.names}


def _description(tree: dict[str, Any]) -> str:
    metadata = tree.get("metadata")
    told = metadata.get("description") if isinstance(metadata, dict) else tree.get("description")
    return str(told or "")


def _demographics(tree: dict[str, Any], where: str) -> dict[str, PlainPredicate]:
    given = _mapping(tree.get("patient_demographics") or {}, f"{where}: patient_demographics")
    found = {}
    for name, value in given.items():
        predicate = _predicate(name, value, where)
        if isinstance(predicate, DerivedPredicate):
            raise TaskError(f"{where}: patient_demographics.{name} must have a code.")
        found[name] = predicate
    return found


def _needed(
    asked: set[str], given: dict[str, Any], where: str
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
            open_names += _expression(name, value["expr"], where).inputs
    return list(needed), tuple(sorted(missing))


def _blank_code(value: Any) -> bool:
    return isinstance(value, dict) and value.get("code") == UNFILLED


def _predicate(name: str, value: Any, where: str) -> PlainPredicate | DerivedPredicate:
    at = f"{where}: predicate '{name}'"
    fields = _mapping(value, at)
    others = sorted(set(fields) - PREDICATE_KEYS)
    if others:
        raise TaskError(
            f"{at}: '{others[0]}' asks for a column other than code and numeric_value, which a "
            f"store does not have. Fold it into the code, or leave it out."
        )
    if "expr" in fields:
        return _expression(name, fields["expr"], where)
    if "code" not in fields:
        raise TaskError(f"{at} needs a code or an expr.")
    return PlainPredicate(
        codelist=_codelist(name, fields["code"], at),
        values=_values(fields),
        static=bool(fields.get("static", False)),
    )


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
    try:
        re.compile(pattern)
    except re.error as broken:
        raise TaskError(f"{at}: the regex does not compile ({broken}).") from None
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


def _window(name: str, value: Any, where: str) -> AcesWindow:
    at = f"{where}: window '{name}'"
    fields = _mapping(value, at)
    unknown = sorted(set(fields) - WINDOW_KEYS)
    if unknown:
        raise TaskError(f"{at}: unknown key '{unknown[0]}'. Allowed: {', '.join(WINDOW_KEYS)}.")
    for flag in ("start_inclusive", "end_inclusive"):
        if not isinstance(_truth(fields.get(flag)), bool):
            raise TaskError(f"{at}: {flag} must be stated, true or false.")
    start, end = _start(fields.get("start"), at), _end(fields.get("end"), at)
    if (start.reference == "end") == (end.reference == "start"):
        raise TaskError(f"{at}: exactly one of its ends must refer to the other.")
    _check_direction(start, end, at)
    index = fields.get("index_timestamp")
    if index not in (None, "start", "end"):
        raise TaskError(f"{at}: index_timestamp must be start or end.")
    return AcesWindow(
        name=name,
        start=start,
        end=end,
        start_inclusive=bool(_truth(fields["start_inclusive"])),
        end_inclusive=bool(_truth(fields["end_inclusive"])),
        has={n: _limits(n, limits, at) for n, limits in (fields.get("has") or {}).items()},
        label=fields.get("label"),
        index_timestamp=index,
    )


def _truth(value: Any) -> Any:
    words = {"true": True, "false": False}
    return words.get(value.lower(), value) if isinstance(value, str) else value


def _start(text: Any, at: str) -> Edge:
    if text in (None, "NULL"):
        return Edge(reference="end", event=RECORD_START, backwards=True)
    return _edge(str(text), at)


def _end(text: Any, at: str) -> Edge:
    if text in (None, "NULL"):
        return Edge(reference="start", event=RECORD_END)
    return _edge(str(text), at)


def _check_direction(start: Edge, end: Edge, at: str) -> None:
    if start.reference == "end":
        wrong = start.offset > 0 or (start.event is not None and not start.backwards)
    else:
        wrong = end.offset < 0 or (end.event is not None and end.backwards)
    if wrong:
        raise TaskError(f"{at}: its start would not come before its end.")


REFERENCE = r"(?P<reference>\w+(?:\.(?:start|end))?)"
EDGE = re.compile(
    rf"\s*{REFERENCE}\s*(?:(?P<arrow>->|<-)\s*(?P<event>\w+)|(?P<sign>[+-])\s*(?P<span>[^+-]+))?\s*"
)


def _edge(text: str, at: str) -> Edge:
    found = EDGE.fullmatch(text)
    if found is None:
        raise TaskError(
            f"{at}: '{text}' is not an end of a window. Write trigger, another window's end as "
            f"name.end, one of these + or - a duration, or -> or <- a predicate."
        )
    offset = 0
    if found["span"]:
        offset = microseconds(found["span"], at) * (1 if found["sign"] == "+" else -1)
    return Edge(
        reference=found["reference"],
        offset=offset,
        event=found["event"],
        backwards=found["arrow"] == "<-",
    )


def _limits(name: str, text: Any, at: str) -> tuple[int | None, int | None]:
    found = re.fullmatch(r"\(\s*(\d+|None)?\s*,\s*(\d+|None)?\s*\)", str(text).strip())
    if found is None:
        raise TaskError(f"{at}: has.{name} must be (least, most), with None for no limit.")
    least, most = (None if part in (None, "None") else int(part) for part in found.groups())
    if least is None and most is None:
        raise TaskError(f"{at}: has.{name} limits nothing.")
    if least is not None and most is not None and most < least:
        raise TaskError(f"{at}: has.{name} cannot be met.")
    return least, most


def _check_windows(windows: tuple[AcesWindow, ...], where: str) -> None:
    names = {window.name for window in windows}
    for window in windows:
        reference = window.root.reference
        other, _, end = reference.partition(".")
        if reference != "trigger" and (other not in names or end not in ("start", "end")):
            raise TaskError(
                f"{where}: window '{window.name}' refers to '{reference}'. Allowed: trigger, or "
                f".start or .end of: {', '.join(sorted(names))}."
            )
    for what, found in (
        ("label", [w.name for w in windows if w.label]),
        ("index_timestamp", [w.name for w in windows if w.index_timestamp]),
    ):
        if len(found) > 1:
            raise TaskError(f"{where}: {what} is given by {len(found)} windows; keep one.")
    in_order(windows, where)


def _mapping(value: Any, at: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TaskError(f"{at} must be a mapping.")
    return {str(key): inner for key, inner in value.items()}
