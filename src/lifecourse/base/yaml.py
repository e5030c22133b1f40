"""The one data language: YAML 1.2, validated by pydantic, unknown keys refused, the line in the error."""

from __future__ import annotations

import contextlib
import hashlib
import os
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from lifecourse.base.errors import ConfigError, UserError
from lifecourse.base.files import write_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

M = TypeVar("M", bound=BaseModel)

WORTH_REMEMBERING = 1_000
"""Characters; shorter texts are parsed each time."""


class Document(BaseModel):
    """A YAML document: frozen, with unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def load_yaml(text: str, *, where: str, error: type[UserError] = ConfigError) -> Any:
    """The plain Python value of a YAML 1.2 text (`no` is a word, not False).

    Raises
    ------
    error
        The text is not YAML; the message names `where` and the line.
    """
    return _plain_tree(text, where=where, error=error)


def load_document(path: Path, model: type[M], *, error: type[UserError] = ConfigError) -> M:
    """The YAML file `path` as a `model`.

    Raises
    ------
    error
        The file is absent, is not YAML, or does not fit `model`; the message names file, line and key.
    """
    if not path.is_file():
        raise error(f"there is no file {path.name}. Give the path of a YAML file.")
    return parse_document(path.read_text(encoding="utf-8"), model, where=path.name, error=error)


def parse_document(
    text: str, model: type[M], *, where: str, error: type[UserError] = ConfigError
) -> M:
    """The YAML `text` as a `model`; errors name `where`, the line and the key."""
    try:
        return model.model_validate(_plain_tree(text, where=where, error=error))
    except ValidationError as invalid:
        tree = _round_trip(text, where=where, error=error)
        raise error(_explain(invalid, tree, where)) from None


def line_in(text: str, location: Sequence[int | str]) -> int:
    """The line (from 1) of the key that `location` leads to in the YAML `text`, or of the last one on the way."""
    return _line_of(_round_trip(text, where="", error=ConfigError), location)


def _plain_tree(text: str, *, where: str, error: type[UserError]) -> Any:
    """The plain value of `text`, remembered on disk by its hash.

    Parsing YAML is a thousand times slower than JSON, and every process of an ingest needs the vocabulary.
    """
    if len(text) < WORTH_REMEMBERING:
        return _plain(_round_trip(text, where=where, error=error))
    digest = hashlib.sha256(text.encode()).hexdigest()
    remembered = _cache_folder() / f"{digest}.json"
    try:
        return orjson.loads(remembered.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        tree = _plain(_round_trip(text, where=where, error=error))
    with contextlib.suppress(OSError, TypeError):
        write_bytes(remembered, orjson.dumps(tree, option=orjson.OPT_NON_STR_KEYS))
        return orjson.loads(remembered.read_bytes())
    return tree


def _cache_folder() -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "lifecourse" / "yaml"


def _round_trip(text: str, *, where: str, error: type[UserError]) -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        return YAML(typ="rt", pure=True).load(text)
    except MarkedYAMLError as broken:
        line = broken.problem_mark.line + 1 if broken.problem_mark else 1
        raise error(f"{where}, line {line}: not valid YAML ({broken.problem}).") from None
    except YAMLError:
        raise error(f"{where}: not valid YAML.") from None


def _plain(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {_plain(key): _plain(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_plain(item) for item in tree]
    if isinstance(tree, bool) or tree is None:
        return tree
    if isinstance(tree, date):
        return tree.isoformat()
    for kind in (int, float, str):
        if isinstance(tree, kind):
            return kind(tree)
    return tree


def _explain(invalid: ValidationError, tree: Any, where: str) -> str:
    problems = []
    for detail in invalid.errors():
        path = ".".join(str(part) for part in detail["loc"])
        line = _line_of(tree, detail["loc"])
        message = detail["msg"].removeprefix("Value error, ")
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
