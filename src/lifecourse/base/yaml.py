"""Documents: YAML validated by pydantic, unknown keys refused, the line in the error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from lifecourse.base.errors import ConfigError, UserError
from lifecourse.base.shipped import read_shipped
from lifecourse.base.trees import load_yaml, marked_tree

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

M = TypeVar("M", bound=BaseModel)


class Document(BaseModel):
    """A YAML document: frozen, with unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def load_document(path: Path, model: type[M], *, error: type[UserError] = ConfigError) -> M:
    """The YAML file `path` as a `model`.

    Raises
    ------
    error
        The file is absent, is not YAML, or does not fit `model`; the message names file, line and key.
    """
    if not path.is_file():
        raise error(f"there is no file {path.name}. Give the path of a YAML file.")
    return parse_document(read_shipped(path, error), model, where=path.name, error=error)


def parse_document(
    text: str, model: type[M], *, where: str, error: type[UserError] = ConfigError
) -> M:
    """The YAML `text` as a `model`; errors name `where`, the line and the key."""
    try:
        return model.model_validate(load_yaml(text, where=where, error=error))
    except ValidationError as invalid:
        tree = marked_tree(text, where=where, error=error)
        raise error(_explain(invalid, tree, where)) from None


def line_in(text: str, location: Sequence[int | str]) -> int:
    """The line (from 1) of the key that `location` leads to in the YAML `text`, or of the last one on the way."""
    return _line_of(marked_tree(text, where="", error=ConfigError), location)


def _explain(invalid: ValidationError, tree: Any, where: str) -> str:
    problems = []
    for detail in invalid.errors():
        path = ".".join(str(part) for part in detail["loc"])
        line = _line_of(tree, detail["loc"])
        message = detail["msg"].removeprefix("Value error, ")
        if detail["type"] == "model_type":
            message = "write `name: value` lines here"
        problems.append(f"{where}, line {line}: {path or 'document'}: {message}")
    return "; ".join(problems) + "."


def _line_of(tree: Any, location: Sequence[int | str]) -> int:
    line = 1
    for part in location:
        mark = getattr(tree, "lc", None)
        if mark is not None and (position := _position(mark, part)) is not None:
            line = position + 1
        try:
            tree = tree[part]
        except (KeyError, IndexError, TypeError):
            break
    return line


def _position(mark: Any, part: int | str) -> int | None:
    try:
        return int(mark.key(part)[0]) if isinstance(part, str) else int(mark.item(part)[0])
    except (KeyError, IndexError, TypeError, AttributeError):
        return None
