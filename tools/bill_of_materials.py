"""A software bill of materials (CycloneDX 1.6, JSON) of what the lock file installs: names, versions, hashes.

    .venv/bin/python tools/bill_of_materials.py [--lock requirements.lock] [--out bill-of-materials.cdx.json]

Licences are those the installed packages state; where a package is not installed here, none is claimed. The same lock
file and the same installed packages give the same bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
import tomllib
import uuid
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PINNED = re.compile(
    r"^(?P<name>[A-Za-z0-9][\w.-]*)==(?P<version>[^\s;\\]+)(?:\s*;\s*(?P<marker>[^\\]+?))?\s*\\?$"
)
HASH = re.compile(r"--hash=sha256:(?P<digest>[0-9a-f]{64})")
VIA = re.compile(r"^\s+#\s+(?:via\s+)?(?P<name>[A-Za-z0-9][\w.-]*)")


@dataclass(slots=True, kw_only=True)
class Locked:
    """A package of the lock file: what is installed, where (marker), as which files (SHA-256), for whom."""

    name: str
    version: str
    marker: str | None = None
    digests: list[str] = field(default_factory=list)
    wanted_by: list[str] = field(default_factory=list)

    @property
    def reference(self) -> str:
        """The package's URL (purl)."""
        return f"pkg:pypi/{self.name}@{self.version}"


def read_lock(path: Path) -> list[Locked]:
    """The packages of a lock file as `uv pip compile --generate-hashes` writes it."""
    found: list[Locked] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        pinned = PINNED.match(line)
        if pinned:
            name = re.sub(r"[-_.]+", "-", pinned["name"]).lower()
            found.append(Locked(name=name, version=pinned["version"], marker=pinned["marker"]))
        elif found:
            found[-1].digests += [match["digest"] for match in HASH.finditer(line)]
            via = VIA.match(line)
            if via and via["name"] != "via":
                found[-1].wanted_by.append(re.sub(r"[-_.]+", "-", via["name"]).lower())
    return found


def bill(lock: Path) -> dict[str, Any]:
    """The CycloneDX document of the packages in `lock`."""
    packages = read_lock(lock)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    this = f"pkg:pypi/{project['name']}@{project['version']}"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, digest)}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": this,
                "name": project["name"],
                "version": project["version"],
                "purl": this,
                "licenses": [{"license": {"id": project["license"]}}],
            },
            "properties": [{"name": "lifecourse:lock-sha256", "value": digest}],
        },
        "components": [_component(package) for package in packages],
        "dependencies": _dependencies(packages, project["name"], this),
    }


def _component(package: Locked) -> dict[str, Any]:
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": package.reference,
        "name": package.name,
        "version": package.version,
        "purl": package.reference,
        # Each is a wheel or source archive of the same version: which one is installed, the platform decides.
        "externalReferences": [
            {
                "type": "distribution",
                "url": package.reference,
                "hashes": [{"alg": "SHA-256", "content": each}],
            }
            for each in package.digests
        ],
    }
    if package.marker:
        component["properties"] = [{"name": "lifecourse:marker", "value": package.marker}]
    licence = _licence(package)
    if licence:
        component["licenses"] = [licence]
    return component


def _licence(package: Locked) -> dict[str, Any] | None:
    """What the installed package of that very version states."""
    try:
        told = metadata.metadata(package.name)
    except metadata.PackageNotFoundError:
        return None
    if told["Version"] != package.version:
        return None
    expression = told.get("License-Expression")
    if expression:
        return {"expression": expression}
    classified = [line for line in told.get_all("Classifier", []) if line.startswith("License ::")]
    name = classified[0].rpartition(" :: ")[2] if classified else (told.get("License") or "")
    first = name.strip().splitlines()[0] if name.strip() else ""
    return {"license": {"name": first[:80]}} if first else None


def _dependencies(packages: list[Locked], project: str, this: str) -> list[dict[str, Any]]:
    """Who needs whom; a name may be locked in two versions, for different Pythons."""
    references: dict[str, list[str]] = {project: [this]}
    for package in packages:
        references.setdefault(package.name, []).append(package.reference)
    needs: dict[str, list[str]] = {each: [] for found in references.values() for each in found}
    for package in packages:
        for wanting in package.wanted_by:
            for reference in references.get(wanting, ()):
                needs[reference].append(package.reference)
    return [{"ref": ref, "dependsOn": sorted(on)} for ref, on in sorted(needs.items())]


def main() -> int:
    """Write the bill of materials."""
    parser = argparse.ArgumentParser(description="Write a CycloneDX bill of materials.")
    parser.add_argument("--lock", type=Path, default=ROOT / "requirements.lock")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    text = json.dumps(bill(arguments.lock), indent=2, sort_keys=True) + "\n"
    if arguments.out is None:
        sys.stdout.write(text)
    else:
        arguments.out.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
