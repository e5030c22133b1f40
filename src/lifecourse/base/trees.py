"""The one data language: YAML 1.2, as plain values or with the line of each."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Any

from lifecourse.base.errors import ConfigError, UserError
from lifecourse.base.remembering import remembered
from lifecourse.base.shipped import read_shipped

if TYPE_CHECKING:
    from pathlib import Path

DATE = re.compile(r"\b(\d{4})-(\d{1,2})-(\d{1,2})\b")
WORTH_REMEMBERING = 250
"""Characters; shorter texts are parsed each time."""


def load_yaml(text: str, *, where: str, error: type[UserError] = ConfigError) -> Any:
    """The plain Python value of a YAML 1.2 text (`no` is a word, not False), remembered by this machine.

    Parsing YAML is a thousand times slower than JSON, and every process of an ingest needs the vocabulary.

    Raises
    ------
    error
        The text is not YAML; the message names `where` and the line.
    """

    def parsed() -> Any:
        return _plain(marked_tree(text, where=where, error=error))

    return parsed() if len(text) < WORTH_REMEMBERING else remembered("yaml", text, parsed)


def load_shipped(path: Path) -> dict[str, Any]:
    """What a YAML file of ours holds, as it was shipped; its lists as tuples.

    For what every command reads: `base.yaml` checks what people write, and loads the models of documents to do so.
    """
    tree = load_yaml(read_shipped(path, ConfigError), where=path.name)
    return {name: _frozen(value) for name, value in tree.items()}


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _frozen(inner) for key, inner in value.items()}
    return tuple(_frozen(inner) for inner in value) if isinstance(value, list) else value


def marked_tree(text: str, *, where: str, error: type[UserError] = ConfigError) -> Any:
    """The value of a YAML text in which mappings and lists know their lines (``lc``), as ruamel.yaml has it.

    Raises
    ------
    error
        The text is not YAML; the message names `where` and the line.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        return YAML(typ="rt", pure=True).load(text)
    except MarkedYAMLError as broken:
        line = broken.problem_mark.line + 1 if broken.problem_mark else 1
        raise error(f"{where}, line {line}: not valid YAML ({broken.problem}).") from None
    except YAMLError:
        raise error(f"{where}: not valid YAML.") from None
    except ValueError:
        # What looks like a date is made one while it is read.
        raise error(
            f"{where}, line {_line_of_no_date(text)}: a date that no calendar has."
        ) from None


def _line_of_no_date(text: str) -> int:
    """The line (from 1) of the first ``YYYY-MM-DD`` that is no day."""
    for number, line in enumerate(text.splitlines(), start=1):
        for found in DATE.finditer(line):
            try:
                date(*map(int, found.groups()))
            except ValueError:
                return number
    return 1


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
