"""ACES task files as they are, read into `AcesTask`."""

from __future__ import annotations

import re
from typing import Any

from lifecourse.base.errors import TaskError
from lifecourse.tasks.aces import (
    RECORD_END,
    RECORD_START,
    AcesTask,
    AcesWindow,
    Edge,
    in_order,
)
from lifecourse.tasks.acespredicates import mapping, read_predicates
from lifecourse.tasks.durations import microseconds

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
        for window_name, window in mapping(tree.get("windows") or {}, f"{where}: windows").items()
    )
    trigger = tree.get("trigger")
    if not isinstance(trigger, str):
        raise TaskError(f"{where}: trigger must be the name of a predicate.")
    given, demographics = (
        mapping(tree.get(name) or {}, f"{where}: {name}")
        for name in ("predicates", "patient_demographics")
    )
    found = read_predicates(
        {**given, **(predicates or {})}, demographics, {trigger, *_names(windows)}, where
    )
    _check_windows(windows, where)
    return AcesTask(
        name=name,
        description=_description(tree),
        predicates=found.events,
        demographics=found.facts,
        trigger=trigger,
        windows=windows,
        missing=found.missing,
    )


def _names(windows: tuple[AcesWindow, ...]) -> set[str]:
    return {name for window in windows for name in window.names}


def _description(tree: dict[str, Any]) -> str:
    metadata = tree.get("metadata")
    told = metadata.get("description") if isinstance(metadata, dict) else tree.get("description")
    return str(told or "")


def _window(name: str, value: Any, where: str) -> AcesWindow:
    at = f"{where}: window '{name}'"
    fields = mapping(value, at)
    unknown = sorted(set(fields) - WINDOW_KEYS)
    if unknown:
        raise TaskError(f"{at}: unknown key '{unknown[0]}'. Allowed: {', '.join(WINDOW_KEYS)}.")
    for flag in ("start_inclusive", "end_inclusive"):
        if not isinstance(_truth(fields.get(flag, "")), bool):
            raise TaskError(f"{at}: {flag} must be stated, true or false.")
    start, end = _start(fields.get("start"), at), _end(fields.get("end"), at)
    if (start.reference == "end") == (end.reference == "start"):
        raise TaskError(f"{at}: exactly one of its ends must refer to the other.")
    _check_direction(start, end, at)
    label, index = fields.get("label"), fields.get("index_timestamp")
    if not isinstance(label, str | None):
        raise TaskError(f"{at}: label must be the name of one predicate.")
    if index not in (None, "start", "end"):
        raise TaskError(f"{at}: index_timestamp must be start or end.")
    return AcesWindow(
        name=name,
        start=start,
        end=end,
        start_inclusive=bool(_truth(fields["start_inclusive"])),
        end_inclusive=bool(_truth(fields["end_inclusive"])),
        has={n: _limits(n, limits, at) for n, limits in (fields.get("has") or {}).items()},
        label=label,
        index_timestamp=index,
    )


def _truth(value: Any) -> Any:
    """True or false as YAML, 1, 0, nothing (false) or a word says; anything else as it is."""
    words = {"true": True, "false": False}
    if isinstance(value, str):
        return words.get(value.lower(), value)
    return bool(value) if value in (None, 0, 1) else value


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
    for edge in (start, end):
        inner = edge.reference in ("start", "end")
        if not inner and edge.event == (RECORD_END if edge.backwards else RECORD_START):
            way = "before" if edge.backwards else "after"
            raise TaskError(f"{at}: no {edge.event} comes {way} {edge.reference}.")


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
    told = str(text).strip().strip("()")
    found = re.fullmatch(r"\s*([+-]?\d+|None)?\s*,\s*([+-]?\d+|None)?\s*", told)
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
