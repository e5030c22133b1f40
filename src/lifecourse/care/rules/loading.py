"""Rules from their files; a file that does not fit the format, or fails its own cases, does not load."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from lifecourse.base.errors import KnowledgeError
from lifecourse.base.yaml import parse_document
from lifecourse.care.pgx.genes import OUTSIDE_ONLY, genes
from lifecourse.care.rules.definition import Rule
from lifecourse.care.rules.evaluate import decide
from lifecourse.care.rules.questions import Kind, facts_of_case
from lifecourse.tasks.derived import TITLES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from lifecourse.care.rules.questions import Question

FOLDER = Path(__file__).parent / "library"


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """Rules that passed their cases, by file name order.

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
    return load_library(FOLDER)


def load_library(folder: Path) -> Library:
    """The rules of ``*.yaml`` in `folder`.

    Raises
    ------
    KnowledgeError
        A file does not fit, fails a case, names an unknown codelist, or two rules share a name.
    """
    digest = hashlib.sha256()
    rules: dict[str, Rule] = {}
    for path in sorted(folder.glob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        digest.update(text.encode())
        rule = load_rule(text, where=path.name)
        if rule.name in rules:
            raise KnowledgeError(f"{path.name}: there is another rule '{rule.name}'. Rename one.")
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
    rule = parse_document(text, Rule, where=where, error=KnowledgeError)
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
    from lifecourse.vocab.codelists import names

    codelists, phenotypes = frozenset(names()), frozenset(phenotype_names())
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
        known = phenotypes if question.kind == Kind.PHENOTYPE else codelists
        if question.name not in known:
            what = "phenotype" if question.kind == Kind.PHENOTYPE else "codelist"
            raise KnowledgeError(f"{where}: there is no {what} '{question.name}'.")
