"""Nothing that runs code when it is read, and no weak secret: a lint over every file of ours.

What is kept compiled for the kernels (`engine/compiled.py`) is object code of our own functions, opened by its digest and
linked; Numba's own cache, which is pickle, is not used. Processes of one run hand each other work through pipes of
their own (`multiprocessing` pickles there); nothing of it is a file.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

MODULES = frozenset(
    [
        "pickle",
        "cPickle",
        "_pickle",
        "dill",
        "cloudpickle",
        "joblib",
        "shelve",
        "marshal",
        "jsonpickle",
        "skops",
        "random",
        "telnetlib",
    ]
)
CALLS = frozenset(
    [
        "eval",
        "exec",
        "compile",
        "os.system",
        "os.popen",
        "hashlib.md5",
        "hashlib.sha1",
        "yaml.load",
        "pd.read_pickle",
        "pl.read_pickle",
        "numpy.load_pickle",
        "DataFrame.deserialize",
        "LazyFrame.deserialize",
    ]
)
OF_TORCH = ("load", "save", "jit", "hub", "package", "serialization", "export")
"""What of PyTorch reads or writes pickle, or fetches code; its weights are kept as safetensors."""
MAY_USE_TORCH = "src/lifecourse/models/sequence"
FOLDERS = ("src", "tools", "benchmarks")
MAY_START_PROGRAMS = {"src/lifecourse/records/genome/guarding.py"}
"""The reader of VCF runs this very Python apart, so that a crash of htslib is an error and no more."""


def sources(repository: Path) -> list[Path]:
    return sorted(path for folder in FOLDERS for path in (repository / folder).rglob("*.py"))


def named(node: ast.expr) -> str:
    return ast.unparse(node) if isinstance(node, ast.Name | ast.Attribute) else ""


def runs_code(module: str, names: list[str]) -> bool:
    """Whether an import brings in what runs code when it is read."""
    first, *rest = module.split(".")
    return first in MODULES or (first == "torch" and bool({*rest, *names} & {*OF_TORCH}))


def findings(text: str) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found += [each.name for each in node.names if runs_code(each.name, [])]
        elif isinstance(node, ast.ImportFrom):
            if runs_code(node.module or "", [each.name for each in node.names]):
                found.append(node.module or "")
        elif isinstance(node, ast.Call):
            name = named(node.func)
            if name.startswith(tuple(f"torch.{one}" for one in OF_TORCH)):
                found.append(name)
            if name in CALLS or name.endswith((".deserialize", ".read_pickle", ".to_pickle")):
                found.append(name)
            for keyword in node.keywords:
                value = keyword.value
                is_off = isinstance(value, ast.Constant) and value.value is False
                if keyword.arg == "allow_pickle" and not is_off:
                    found.append("allow_pickle")
                if keyword.arg == "cache" and "jit" in name and not is_off:
                    found.append("numba's cache")
                if keyword.arg == "shell" and not is_off:
                    found.append("a shell")
    return found


def test_nothing_that_runs_code_when_it_is_read(repository: Path) -> None:
    wrong = {
        str(path.relative_to(repository)): found
        for path in sources(repository)
        if (found := findings(path.read_text(encoding="utf-8")))
    }
    assert wrong == {}


def test_pytorch_is_used_by_the_sequence_model_alone(repository: Path) -> None:
    users = [
        path.relative_to(repository).as_posix()
        for path in sources(repository)
        if "import torch" in (text := path.read_text(encoding="utf-8")) or "from torch" in text
    ]
    assert users
    assert all(name.startswith(MAY_USE_TORCH) for name in users)


def test_the_package_starts_no_program_but_itself(repository: Path) -> None:
    starts = {
        str(path.relative_to(repository))
        for path in (repository / "src").rglob("*.py")
        if "subprocess" in path.read_text(encoding="utf-8")
    }
    assert starts == MAY_START_PROGRAMS


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from joblib import load",
        "import shelve",
        "x = np.load(path, allow_pickle=True)",
        "x = np.load(path, allow_pickle=anything)",
        "x = torch.load(path) if (torch := __import__('torch')) else eval('1')",
        "from torch import load as weights_of",
        "import torch.package",
        "torch.save(network, path)",
        "x = torch.jit.load(path)",
        "x = pl.LazyFrame.deserialize(path)",
        "f = numba.njit(cache=True)(g)",
        "x = hashlib.md5(b'')",
    ],
)  # fmt: skip
def test_the_lint_finds_each_kind(line: str) -> None:
    assert findings(line)


def test_the_lint_leaves_ordinary_code_alone() -> None:
    assert (
        findings(
            "import json\nimport torch\nfrom torch import nn\nx = np.savez(path, allow_pickle=False)\ny = hashlib.sha256(b'')"
        )
        == []
    )
