"""The bill of materials has the shape of CycloneDX 1.6 and names every package that is locked."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SHA256 = re.compile(r"[0-9a-f]{64}")


@pytest.fixture(scope="module", params=["requirements.lock", "requirements-dev.lock"])
def lock(request: pytest.FixtureRequest, repository: Path) -> Path:
    return repository / request.param


@pytest.fixture(scope="module")
def bill(lock: Path, repository: Path) -> dict[str, Any]:
    path = repository / "tools" / "bill_of_materials.py"
    spec = importlib.util.spec_from_file_location("bill_of_materials", path)
    assert spec
    assert spec.loader
    tool = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = tool
    spec.loader.exec_module(tool)
    found: dict[str, Any] = tool.bill(lock)
    return found


def test_every_locked_package_is_named_once_with_its_hashes(
    bill: dict[str, Any], lock: Path
) -> None:
    text = lock.read_text()
    pinned = re.findall(r"^([\w.-]+)==([^\s;\\]+)", text, re.MULTILINE)
    named = [(each["name"], each["version"]) for each in bill["components"]]
    assert sorted(named) == sorted((re.sub("[-_.]+", "-", n).lower(), v) for n, v in pinned)
    assert len(set(named)) == len(named) > 40
    hashes = [
        told["content"]
        for each in bill["components"]
        for reference in each["externalReferences"]
        for told in reference["hashes"]
    ]
    assert sorted(hashes) == sorted(re.findall(r"--hash=sha256:([0-9a-f]{64})", text))


def test_the_document_has_the_shape_of_cyclonedx(bill: dict[str, Any]) -> None:
    assert bill["bomFormat"] == "CycloneDX"
    assert bill["specVersion"] == "1.6"
    assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", bill["serialNumber"])
    references = [bill["metadata"]["component"]["bom-ref"]]
    for component in bill["components"]:
        assert component["type"] == "library"
        assert component["purl"] == f"pkg:pypi/{component['name']}@{component['version']}"
        assert component["externalReferences"]
        for licence in component.get("licenses", ()):
            assert set(licence) in ({"expression"}, {"license"})
        references.append(component["bom-ref"])
    assert {each["ref"] for each in bill["dependencies"]} == set(references)
    assert all(set(each["dependsOn"]) <= set(references) for each in bill["dependencies"])


def test_what_depends_on_what_is_told(bill: dict[str, Any]) -> None:
    needs = {each["ref"].split("@")[0]: each["dependsOn"] for each in bill["dependencies"]}
    assert any(on.startswith("pkg:pypi/starlette@") for on in needs["pkg:pypi/fastapi"])
    assert any(on.startswith("pkg:pypi/polars@") for on in needs["pkg:pypi/lifecourse"])


def test_the_tool_writes_the_same_twice(repository: Path, tmp_path: Path) -> None:
    texts = []
    for name in ("a.json", "b.json"):
        words = [
            sys.executable,
            repository / "tools/bill_of_materials.py",
            "--out",
            tmp_path / name,
        ]
        subprocess.run(words, check=True)
        texts.append((tmp_path / name).read_bytes())
    assert texts[0] == texts[1]
    assert json.loads(texts[0])["components"]
