"""Rules from their files; a file that does not fit the format, or fails its own cases, does not load."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from lifecourse.base.errors import KnowledgeError
from lifecourse.base.shipped import read_shipped
from lifecourse.base.yaml import parse_document
from lifecourse.care.pgx.genes import OUTSIDE_ONLY, genes
from lifecourse.care.rules.definition import Rule
from lifecourse.care.rules.evaluate import decide
from lifecourse.care.rules.families import expanded
from lifecourse.care.rules.questions import Kind, facts_of_case
from lifecourse.tasks.derived import TITLES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from lifecourse.care.rules.questions import Question

FOLDER = Path(__file__).parent / "library"
FAMILIES = Path(__file__).parent / "families"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Library:
    """Rules that passed their cases, in the order of their files; those of families come last.

    version : SHA-256 of the files' bytes
    questions : all the rules ask, each once
    """

    rules: tuple[Rule, ...]
    version: str
    questions: tuple[Question, ...]

    def in_force(self, today: date) -> tuple[Rule, ...]:
        """The rules whose date of review has not passed."""
        return tuple(rule for rule in self.rules if not rule.is_expired(today))

    def switched_off(self, today: date) -> tuple[Rule, ...]:
        """The rules whose date of review has passed; plans list them."""
        return tuple(rule for rule in self.rules if rule.is_expired(today))


@cache
def library() -> Library:
    """The rules that come with the package."""
    return load_library(FOLDER, FAMILIES)


def load_library(folder: Path, families: Path | None = None) -> Library:
    """The rules of ``*.yaml`` in `folder`, and of the families (`lifecourse.care.rules.families`) in another.

    Raises
    ------
    KnowledgeError
        A file does not fit, fails a case, names an unknown codelist, or two rules share a name.
    """
    digest = hashlib.sha256()
    found: list[tuple[str, Rule]] = []
    for path in sorted(folder.glob("*.yaml")):
        text = read_shipped(path, KnowledgeError)
        digest.update(text.encode())
        found.append((path.name, load_rule(text, where=path.name)))
    for template in sorted(families.glob("*.yaml")) if families is not None else ():
        for part in (template, template.with_suffix(".csv")):
            digest.update(part.read_bytes() if part.is_file() else b"")
        found += [(where, rule_of_tree(tree, where)) for where, tree in expanded(template)]
    rules: dict[str, Rule] = {}
    for where, rule in found:
        if rule.name in rules:
            raise KnowledgeError(f"{where}: there is another rule '{rule.name}'. Rename one.")
        rules[rule.name] = rule
    return Library(
        rules=tuple(rules.values()),
        version=digest.hexdigest(),
        questions=tuple(dict.fromkeys(q for rule in rules.values() for q in rule.questions)),
    )


def load_rule(text: str, *, where: str) -> Rule:
    """The rule of a YAML `text`, after its cases have been run.

    Raises
    ------
    KnowledgeError
        It does not fit the format (with the line), names something unknown, or a case fails.
    """
    return _checked(parse_document(text, Rule, where=where, error=KnowledgeError), where)


def rule_of_tree(tree: object, where: str) -> Rule:
    """The rule of a plain tree, after its cases have been run (KnowledgeError as `load_rule`)."""
    try:
        return _checked(Rule.model_validate(tree), where)
    except ValidationError as wrong:
        first = wrong.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise KnowledgeError(f"{where}: {key}: {first['msg']}.") from None


def _checked(rule: Rule, where: str) -> Rule:
    """The rule, once all it names is there and each of its cases gives its answer."""
    _check_names(rule.questions, where)
    for number, case in enumerate(rule.cases, start=1):
        answer = str(decide(rule, facts_of_case(rule.questions_by_key, case.given)))
        if answer != case.expect:
            raise KnowledgeError(
                f"{where}: case {number} expects '{case.expect}' but the rule answers '{answer}'. "
                "Mend the rule or the case."
            )
    return rule


def _check_names(questions: Iterable[Question], where: str) -> None:
    from lifecourse.tasks.phenotypes import phenotype_names
    from lifecourse.vocab.codelists import is_known

    phenotypes = frozenset(phenotype_names())
    for question in questions:
        if question.kind in (Kind.AGE, Kind.SEX, Kind.SMOKING, Kind.SCORE):
            continue
        if question.kind == Kind.DERIVED:
            if question.name not in TITLES:
                raise KnowledgeError(f"{where}: nothing called '{question.name}' is derived.")
            continue
        if question.kind == Kind.GENE:
            if question.name not in (*genes(), *OUTSIDE_ONLY):
                raise KnowledgeError(f"{where}: there is no pharmacogene '{question.name}'.")
            continue
        is_phenotype = question.kind == Kind.PHENOTYPE
        if not (question.name in phenotypes if is_phenotype else is_known(question.name)):
            what = "phenotype" if is_phenotype else "codelist"
            raise KnowledgeError(f"{where}: there is no {what} '{question.name}'.")
