"""Knowledge that was shipped is what is loaded: of an installed package an altered or added file is refused by name."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ASK = """
import sys
from lifecourse.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def wheel(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("hatchling", reason="builds the wheel")
    out = tmp_path_factory.mktemp("wheel")
    words = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    subprocess.run(words, cwd=repository, check=True, capture_output=True)
    return next(out.glob("*.whl"))


@pytest.fixture
def installed(wheel: Path, tmp_path: Path) -> Path:
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(tmp_path)
    return tmp_path


def asked(installed: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", ASK, *words]
    environment = {"PYTHONPATH": str(installed), "PATH": "/usr/bin:/bin", "HOME": str(installed)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


SCORE = ("score", "cha2ds2_vasc", "--json")


def score_file(installed: Path) -> Path:
    return next((installed / "lifecourse/care/risk/models").glob("*.yaml"))


def test_an_untouched_package_loads_its_knowledge(installed: Path) -> None:
    name = score_file(installed).stem
    answer = asked(installed, "score", name, "--help")
    assert answer.returncode == 0, answer.stderr
    loading = asked(installed, "score", name)
    assert "not the file that was installed" not in loading.stderr


def test_an_altered_score_is_refused_by_name(installed: Path) -> None:
    path = score_file(installed)
    path.write_text(path.read_text() + "\n# a word more\n")
    answer = asked(installed, "score", path.stem)
    assert answer.returncode == 2
    assert f"{path.name} is not the file that was installed" in answer.stderr


def test_an_added_file_is_refused_and_a_sites_own_is_not(installed: Path, tmp_path: Path) -> None:
    check = (
        "import sys; from pathlib import Path; from lifecourse.base.errors import KnowledgeError\n"
        "from lifecourse.base.shipped import read_shipped\n"
        "print(read_shipped(Path(sys.argv[1]), KnowledgeError))"
    )
    for path, is_ours in (
        (installed / "lifecourse/care/rules/library/extra.yaml", True),
        (tmp_path / "own.yaml", False),
    ):
        path.write_text("name: extra\n")
        answer = subprocess.run(
            [sys.executable, "-c", check, str(path)],
            env={"PYTHONPATH": str(installed), "HOME": str(installed)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (answer.returncode != 0) is is_ours
        assert ("KnowledgeError 240" in answer.stderr) is is_ours


def test_checking_costs_a_start_nothing_to_speak_of(installed: Path) -> None:
    """One reading of RECORD and one hash of each file that is read: well under fifty milliseconds for a library."""
    measure = (
        "import time; from pathlib import Path; import lifecourse.base.shipped as s\n"
        "from lifecourse.base.errors import KnowledgeError\n"
        "files = sorted((s.PACKAGE / 'care/rules/library').glob('*.yaml'))\n"
        "plain = time.process_time(); [p.read_text() for p in files]; plain = time.process_time() - plain\n"
        "own = time.process_time(); [s.read_shipped(p, KnowledgeError) for p in files]\n"
        "print((time.process_time() - own - plain) * 1000)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", measure],
        env={"PYTHONPATH": str(installed), "HOME": str(installed)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert float(answer.stdout) < 50
