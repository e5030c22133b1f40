"""The peers, each in a virtual environment of its own: ``python -m benchmarks.peers [FOLDER [SIZE ...]]``.

No one environment holds them all, and none of them shares one with lifecourse. They lie under the folder that
LIFECOURSE_PEERS names (``build/peers`` by default) and are made on first use, over the network; a peer that
cannot be installed leaves its lines of the table without a measurement. With FOLDER and sizes, the generated data
and the stores of them are made as well.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.workload import ROOT, SUBJECTS, generated, sealed, stored

PEERS_VARIABLE = "LIFECOURSE_PEERS"
REQUIREMENTS = {
    "es-aces": ("es-aces==0.7.3",),
    "meds-reader": ("meds-reader==0.2.0",),
    # Its own requirement takes the newest Polars, with which it does not start.
    "meds-etl": ("meds_etl[cpp]==0.3.11", "polars<2"),
    "meds-tab": ("meds-tab==0.2.0",),
    "dinetxify": ("DiNetxify==0.3.4",),
    "pyphewas": ("pyPheWAS==4.2.0",),
    "survset": ("SurvSet==0.2.11",),
    "hazards": ("lightgbm==4.6.0", "scikit-survival==0.28.0"),
}
USUAL = ("es-aces", "meds-reader", "meds-etl")
INSTALLING_SECONDS = 600


class PeerAbsent(Exception):
    """A peer that is not installed and cannot be."""


def peers_folder() -> Path:
    """Where the peers' environments lie."""
    return Path(os.environ.get(PEERS_VARIABLE, ROOT / "build" / "peers"))


def peer(name: str, program: str = "python") -> Path:
    """A program of the peer's environment, which is made on first use.

    Raises
    ------
    PeerAbsent
        It could not be installed.
    """
    home = peers_folder() / name
    ready = home / "ready"
    if not ready.exists():
        home.mkdir(parents=True, exist_ok=True)
        install = [str(home / "bin" / "python"), "-m", "pip", "install", "-q", *REQUIREMENTS[name]]
        for command in ([sys.executable, "-m", "venv", str(home)], install):
            try:
                subprocess.run(command, check=True, capture_output=True, timeout=INSTALLING_SECONDS)
            except (subprocess.SubprocessError, OSError) as error:
                raise PeerAbsent(f"{name} cannot be installed: {error}") from error
        ready.write_text("\n".join(REQUIREMENTS[name]) + "\n")
    return home / "bin" / program


def version(name: str) -> str:
    """The version that is installed in the peer's environment."""
    package = REQUIREMENTS[name][0].split("==")[0].split("[")[0]
    code = "import sys, importlib.metadata as m; print(m.version(sys.argv[1]))"
    answer = subprocess.run(
        [str(peer(name)), "-c", code, package], check=True, capture_output=True, text=True
    )
    return answer.stdout.strip()


def main(words: list[str]) -> None:
    """Make the environments, then data and stores where a folder is named."""
    for name in USUAL:
        try:
            sys.stdout.write(f"{name} {version(name)}\n")
        except PeerAbsent as absent:
            sys.stdout.write(f"{absent}\n")
    for size in words[1:]:
        if size not in SUBJECTS:
            raise SystemExit(f"no size {size}; there are {', '.join(SUBJECTS)}")
        for make in (generated, stored, sealed):
            sys.stdout.write(f"{make(Path(words[0]), size)}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
