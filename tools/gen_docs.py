"""Write the generated pages of `docs/reference` from the code; `--check` only says whether they are current."""

from __future__ import annotations

import argparse
import importlib
import inspect
import os
import pkgutil
import re
import sys
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, get_args, get_origin

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
    meanings = dict(re.findall(r"^(\w+) : (.+(?:\n {4}.+)*)$", inspect.getdoc(model), re.MULTILINE))
    for name, field in model.model_fields.items():
        if hasattr(field.default, "model_fields_set"):
            yield from _setting_rows(type(field.default), f"{prefix}{name}.")
            continue
        if is_dataclass(field.default):
            yield from _dataclass_rows(type(field.default), f"{prefix}{name}.")
            continue
        default = "" if field.default is None or field.is_required() else f"`{field.default}`"
        if field.default == () or field.default_factory:
            default = ""
        yield f"| `{prefix}{name}` | {default} | {' '.join(meanings[name].split())} |"
        for inner, many in _documents_in(field.annotation):
            yield from _setting_rows(inner, f"{prefix}{name}{'[]' if many else ''}.")


def _dataclass_rows(model: type, prefix: str) -> Iterator[str]:
    meanings = dict(re.findall(r"^(\w+) : (.+(?:\n {4}.+)*)$", inspect.getdoc(model), re.MULTILINE))
    for field in fields(model):
        default = "" if field.default in (None, ()) else f"`{field.default}`"
        yield f"| `{prefix}{field.name}` | {default} | {' '.join(meanings[field.name].split())} |"


def _documents_in(annotation: object) -> Iterator[tuple[type, bool]]:
    """The kinds of documents that a setting may hold, and whether it holds several."""
    from lifecourse.base.yaml import Document

    many = get_origin(annotation) is tuple
    for kind in get_args(annotation):
        if isinstance(kind, type) and issubclass(kind, Document):
            yield kind, many


def tasks() -> str:
    """Every task of the library."""
    from lifecourse.tasks import library_names, load_task

    lines = [
        f"# Tasks of the library\n\n{NOTE}\n",
        "| name | question | asked at | outcome window | record ends early |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name in library_names():
        task = load_task(name)
        outcomes = " or ".join(outcome.label for outcome in task.outcomes)
        asked = f"{task.trigger.which} of {task.trigger.label}"
        window = f"{outcomes}, {task.outcome_window_days:,} days"
        lines.append(f"| `{name}` | {task.title} | {asked} | {window} | {task.censoring} |")
    return "\n".join(lines) + "\n"


def routes() -> str:
    """Every route of the server."""
    from lifecourse.serve import health
    from lifecourse.serve.api import officer as api_officer
    from lifecourse.serve.api import programs
    from lifecourse.serve.api import routes as api
    from lifecourse.serve.cds_hooks import routes as hooks
    from lifecourse.serve.web import officer, reviews, sign_in
    from lifecourse.serve.web import routes as web

    pages = (health, sign_in, web, reviews, officer)
    modules = (*pages, programs, api, api_officer, hooks)
    found = [route for module in modules for route in module.router.routes]
    lines = [
        f"# Routes\n\n{NOTE}\n",
        "Every page needs somebody signed in; hooks need a bearer token. A page's JSON twin has one envelope.\n",
        "| path | methods | what |",
        "| --- | --- | --- |",
    ]
    for route in sorted(found, key=lambda route: route.path):
        what = (inspect.getdoc(route.endpoint) or "").split("\n")[0]
        lines.append(f"| `{route.path}` | {', '.join(sorted(route.methods))} | {what} |")
    return "\n".join(lines) + "\n"


def codelists() -> str:
    """Every codelist of the library."""
    from lifecourse.vocab.codelists import codelist, names

    lines = [
        f"# Codelists\n\n{NOTE}\n",
        "Names that tasks, recipes, scores and recommendations use.\n",
        "| name | systems |",
        "| --- | --- |",
        *(f"| `{name}` | {', '.join(codelist(name).systems)} |" for name in names()),
    ]
    return "\n".join(lines) + "\n"


def rules() -> str:
    """Every recommendation with its grade, source, cases and date of review."""
    from lifecourse.care.rules.loading import library

    parts = [f"# Rules\n\n{NOTE}\n", RULES_HEAD]
    topics: dict[str, list[str]] = {}
    for rule in library().rules:
        doi, url = rule.evidence[0].doi, rule.evidence[0].url
        source = f"[{rule.evidence[0].citation}]({f'https://doi.org/{doi}' if doi else url})"
        topics.setdefault(rule.topic, []).append(
            f"| `{rule.name}` | {rule.title} | {rule.grade.words} | {source} | {len(rule.cases)} "
            f"| {rule.review_by} |"
        )
    for topic, lines in sorted(topics.items()):
        columns = ("name", "proposes", "grade", "source", "cases", "review by")
        head = f"| {' | '.join(columns)} |\n{'| --- ' * len(columns)}|"
        parts.append(f"## {topic[0].upper()}{topic[1:]}\n\n{head}\n" + "\n".join(lines) + "\n")
    return "\n".join(parts)


RULES_HEAD = """\
Each rule is data that passed its own cases when it was loaded ([how to write one](../how-to/write-a-rule.md)). After
its date of review it is switched off, and plans say so.
"""


def fhir() -> str:
    """What becomes of each FHIR resource type."""
    from lifecourse.records.fhir.statements import counted, described, statements

    told = dict(described())
    for kind, form in statements().items():
        start = f"{form.before}//" if form.before else ""
        code = f"`{start}{form.named}//<code>`" if form.named else f"`{start}<code>`"
        each = f" for each {form.each}" if form.each else ""
        paths = (
            ", ".join(f"`{path}`" for path in form.codes) or f"`{form.refers or form.otherwise}`"
        )
        told[kind] = f"{code}{each}, by {paths}" + (f", with its {form.also}" if form.also else "")
    told |= {kind: f"counted: {why}" for kind, why in counted().items()}
    rows = [f"| {kind} | {told[kind].replace('|', '/')} |" for kind in sorted(told)]
    table = ["## What becomes of each type", "", "| type | events |", "| --- | --- |", *rows]
    head = Path(__file__).with_name("fhir_head.md").read_text(encoding="utf-8")
    return f"# FHIR\n\n{NOTE}\n\n{head}\n" + "\n".join(table) + "\n"


def ccda() -> str:
    """What becomes of each template and section of C-CDA."""
    from lifecourse.records.ccda.kinds import kinds

    tables = kinds()
    rows = sorted(
        (template.name, root, tables.readers[template.reader])
        for root, template in tables.templates.items()
    )
    table = [
        "## What becomes of each template",
        "",
        "| template | root | events |",
        "| --- | --- | --- |",
        *(f"| {name} | {root} | {told} |" for name, root, told in rows),
    ]
    sections = [
        "",
        "## Sections named in the counts",
        "",
        ", ".join(f"{name} ({code})" for code, name in sorted(tables.sections.items())) + ".",
    ]
    head = Path(__file__).with_name("ccda_head.md").read_text(encoding="utf-8")
    return f"# C-CDA\n\n{NOTE}\n\n{head}\n" + "\n".join([*table, *sections]) + "\n"


def hl7v2() -> str:
    """What becomes of each segment of HL7 v2."""
    from lifecourse.records.hl7v2.segments import counted, described

    told = {**described(), **{name: f"counted: {why}" for name, why in counted().items()}}
    rows = [f"| {name} | {told[name]} |" for name in sorted(told)]
    rows.append("| Z.. | counted: the sender's own |")
    table = ["## What becomes of each segment", "", "| segment | events |", "| --- | --- |", *rows]
    head = Path(__file__).with_name("hl7v2_head.md").read_text(encoding="utf-8")
    return f"# HL7 v2\n\n{NOTE}\n\n{head}\n" + "\n".join(table) + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "ccda.md": ccda,
    "codelists.md": codelists,
    "rules.md": rules,
    "commands.md": commands,
    "errors.md": errors,
    "fhir.md": fhir,
    "hl7v2.md": hl7v2,
    "routes.md": routes,
    "settings.md": settings,
    "tasks.md": tasks,
}


# Lists that grow with every codelist and rule; they are renewed by `make docs`, and lagging behind breaks no promise.
MAY_LAG = {"codelists.md", "rules.md"}


def main() -> int:
    """Write the pages, or with `--check` name those that are out of date."""
    check = "--check" in sys.argv[1:]
    stale = []
    for name, make in PAGES.items():
        path, content = REFERENCE / name, make()
        if path.is_file() and path.read_text(encoding="utf-8") == content:
            continue
        if check and name in MAY_LAG:
            continue
        stale.append(name)
        if not check:
            path.write_text(content, encoding="utf-8")
    if stale:
        print(("out of date: " if check else "written: ") + ", ".join(stale))
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
