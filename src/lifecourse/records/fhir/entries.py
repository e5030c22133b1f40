"""Entries of what holds other resources: a Bundle, or the parameters that an operation answers with."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

HOLDS_OTHERS = ("Bundle", "Parameters")
DEEPEST_PARAMETERS = 20
RECORD_URL = re.compile(r"(?:[^?]*/)?([A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,64})/?")


def is_bundle(body: Any) -> bool:
    """Whether `body` is made of other resources."""
    return type(body) is dict and body.get("resourceType") in HOLDS_OTHERS


def entries_of(bundle: dict[str, Any]) -> Iterator[Any]:
    """The entries of a Bundle; one that should be a list and is not counts as one that says nothing."""
    if bundle["resourceType"] == "Parameters":
        yield from _of_parameters(bundle.get("parameter"), DEEPEST_PARAMETERS)
        return
    entries = bundle.get("entry") or []
    yield from entries if isinstance(entries, list) else [None]


def _of_parameters(parameters: Any, deepest: int) -> Iterator[Any]:
    """The resources among parameters, as an operation answers with them."""
    for parameter in parameters if isinstance(parameters, list) and deepest else ():
        if isinstance(parameter, dict):
            if "resource" in parameter:
                yield {"resource": parameter["resource"]}
            yield from _of_parameters(parameter.get("part"), deepest - 1)


def deleted_by(url: Any) -> str | None:
    """The record that a deletion of `url` takes away, ``Type/id``; none by a search, or of one past version."""
    named = RECORD_URL.fullmatch(str(url or ""))
    return named[1] if named and "/_history/" not in str(url) else None
