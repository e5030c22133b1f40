"""Clinical codes are in vocab alone: scores, rules and tasks name codelists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

CODE = re.compile(
    r"\b(LOINC|SNOMED|ICD10CM|ICD9CM|ICD10PCS|ICD9Proc|RxNorm|ATC|CPT4|CVX|NDC)//[0-9A-Z]*[0-9]"
)

# Readers and the simulator write codes; vocab says what they mean.
MAY_HAVE_CODES = ("vocab", "records", "simulation")


def strings_of(tree: ast.AST) -> list[str]:
    documented = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in documented
    ]


def elsewhere(root: Path, pattern: str) -> list[Path]:
    return [
        path
        for path in (root / "src" / "lifecourse").rglob(pattern)
        if path.relative_to(root / "src" / "lifecourse").parts[0] not in MAY_HAVE_CODES
    ]


def test_no_python_outside_vocab_holds_a_clinical_code(repository: Path) -> None:
    for path in elsewhere(repository, "*.py"):
        found = [text for text in strings_of(ast.parse(path.read_text())) if CODE.search(text)]
        assert not found, f"{path.name}: {found}"


def test_no_data_file_outside_vocab_holds_a_clinical_code(repository: Path) -> None:
    for path in elsewhere(repository, "*.yaml"):
        lines = [
            line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")
        ]
        found = [line for line in lines if CODE.search(line)]
        assert not found, f"{path.name}: {found[:3]}"
