"""Write the generated pages of `docs/reference` from the code; `--check` only says whether they are current."""

from __future__ import annotations

import argparse
import importlib
import inspect
import os
import pkgutil
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REFERENCE = Path(__file__).resolve().parent.parent / "docs" / "reference"
NOTE = "*Audience: everyone. Kind: reference. Written by `make docs` from the code; do not edit.*"


def commands() -> str:
    """One section per command: its help, word for word."""
    from lifecourse.cli import build_parser
    from lifecourse.cli.command import COMMANDS

    os.environ["COLUMNS"] = "100"
    parser = build_parser()
    branches = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    parts = [f"# Commands\n\n{NOTE}\n", EXIT_CODES]
    for name in COMMANDS:
        parts.append(
            f"## {name}\n\n```text\n{branches.choices[name].format_help().rstrip()}\n```\n"
        )
    return "\n".join(parts)


EXIT_CODES = """\
Every command answers on stdout and reports progress on stderr. `--json` makes the answer one JSON object or
array; an error is then `{"error": {"number", "kind", "message"}}`.

| exit code | meaning |
| --- | --- |
| 0 | done |
| 1 | our mistake: a traceback says where |
| 2 | yours to mend: the message says what was wrong, where and what to do |
| 3 | refused by policy: who asked, or why, does not allow it |
| 130 | stopped by Ctrl-C; nothing is half-written, the same command goes on |
"""


def errors() -> str:
    """Every error by number, with what it means."""
    found = error_kinds()
    lines = [
        f"# Errors\n\n{NOTE}\n",
        "| number | name | exit code | meaning |",
        "| --- | --- | --- | --- |",
    ]
    for kind in sorted(found, key=lambda k: k.number):
        meaning = inspect.getdoc(kind).splitlines()[0]
        lines.append(f"| {kind.number} | `{kind.__name__}` | {kind.exit_code} | {meaning} |")
    return "\n".join(lines) + "\n"


def error_kinds() -> list[type]:
    """Every kind of error of the package, wherever it is defined."""
    import lifecourse
    from lifecourse.base.errors import LifecourseError

    for module in pkgutil.walk_packages(lifecourse.__path__, "lifecourse."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    found, waiting = [], [LifecourseError]
    while waiting:
        kinds = waiting.pop().__subclasses__()
        found += kinds
        waiting += kinds
    return found


def settings() -> str:
    """Every setting of `lifecourse.yaml`."""
    from lifecourse.cli.settings import Settings

    lines = [
        f"# Settings\n\n{NOTE}\n",
        "`lifecourse.yaml` in a workspace. Unknown keys are refused; `lifecourse config show WORKSPACE` prints "
        "what is in force.\n",
        "| key | default | meaning |",
        "| --- | --- | --- |",
        *_setting_rows(Settings, ""),
    ]
    return "\n".join(lines) + "\n"


def _setting_rows(model: type, prefix: str) -> Iterator[str]:
    meanings = dict(re.findall(r"^(\w+) : (.+)$", inspect.getdoc(model), re.MULTILINE))
    for name, field in model.model_fields.items():
        if hasattr(field.default, "model_fields_set"):
            yield from _setting_rows(type(field.default), f"{prefix}{name}.")
        else:
            default = "" if field.default is None else f"`{field.default}`"
            yield f"| `{prefix}{name}` | {default} | {meanings[name]} |"


PAGES: dict[str, Callable[[], str]] = {
    "commands.md": commands,
    "errors.md": errors,
    "settings.md": settings,
}


def main() -> int:
    """Write the pages, or with `--check` name those that are out of date."""
    check = "--check" in sys.argv[1:]
    stale = []
    for name, make in PAGES.items():
        path, content = REFERENCE / name, make()
        if path.is_file() and path.read_text(encoding="utf-8") == content:
            continue
        stale.append(name)
        if not check:
            path.write_text(content, encoding="utf-8")
    if stale:
        print(("out of date: " if check else "written: ") + ", ".join(stale))
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
