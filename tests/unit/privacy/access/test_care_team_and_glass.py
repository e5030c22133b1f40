"""Who treats whom, and emergencies that end."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl
import pytest

from lifecourse.base.errors import ConfigError
from lifecourse.privacy.access import glass
from lifecourse.privacy.access.care_team import forget, treated_by
from lifecourse.privacy.access.glass import BrokenGlass
from lifecourse.schema.actor import Actor
from lifecourse.schema.identity import Identity

if TYPE_CHECKING:
    from pathlib import Path

TODAY = datetime(2026, 11, 26, 12, tzinfo=UTC)


def written(folder: Path, *lines: str) -> Path:
    path = folder / "care_team.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_days_are_inclusive_and_an_empty_end_goes_on(tmp_path: Path) -> None:
    path = written(
        tmp_path, "actor,subject_id,from,until",
        "ada,1,2026-11-26,2026-11-26", "ada,2,,", "ada,3,2026-11-27,", "ada,4,,2026-11-25", "bob,5,,",
    )  # fmt: skip
    assert treated_by(path, "ada", TODAY, None) == {1, 2}
    assert treated_by(path, "eve", TODAY, None) == frozenset()
    assert treated_by(tmp_path / "none.csv", "ada", TODAY, None) == frozenset()


def test_identifiers_are_looked_up_and_one_of_two_people_is_nobodys(tmp_path: Path) -> None:
    path = written(
        tmp_path, "actor,system,identifier,from,until", "ada,urn:mrn,A1,,", "ada,epic,p2,,", "ada,urn:mrn,SHARED,,"
    )  # fmt: skip
    identities = pl.DataFrame(
        {
            "subject_id": [1, 2, 3],
            "issuer": ["epic", "epic", "epic"],
            "subject_key": ["p1", "p2", "p3"],
            "system": ["urn:mrn", "urn:mrn", "urn:mrn"],
            "value": ["A1", "SHARED", "SHARED"],
        }
    )
    assert treated_by(path, "ada", TODAY, lambda: identities) == {1, 2}


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        (("who,whom", "ada,1"), 1),
        (("actor,subject_id,from,until", "ada,1,,", "ada,2,26.11.2026,"), 3),
        (("actor,subject_id,from,until", "ada,1,,never"), 2),
        (("actor,subject_id,from,until", "ada,one,,"), 2),
    ],
)
def test_a_line_that_cannot_be_read_is_refused_with_its_number(
    tmp_path: Path, lines: tuple[str, ...], line: int
) -> None:
    with pytest.raises(ConfigError, match=f"care_team.csv, line {line}"):
        treated_by(written(tmp_path, *lines), "ada", TODAY, None)


def test_whoever_is_erased_is_in_no_line(tmp_path: Path) -> None:
    path = written(tmp_path, "actor,subject_id,from,until", "ada,11,,", "ada,12,,", "bob,11,,")
    forget(path, 11, frozenset())
    assert path.read_text() == "actor,subject_id,from,until\nada,12,,\n"


def test_an_emergency_is_of_one_asker_and_one_person_and_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = BrokenGlass(home=tmp_path)
    ada, bob = Identity(actor=Actor(name="ada")), Identity(actor=Actor(name="bob"))
    assert broken.until(ada, 1) is None
    monkeypatch.setattr(glass, "now", lambda: TODAY)
    until = broken.break_for(ada, 1, 15)
    assert broken.until(ada, 1) == until == "2026-11-26T12:15:00+00:00"
    assert broken.until(ada, 2) is None
    assert broken.until(bob, 1) is None
    assert broken.until(replace(ada, issuer="https://elsewhere"), 1) is None
    assert broken.path.stat().st_mode & 0o777 == 0o600
    broken.break_for(ada, 2, 15)
    assert broken.until(ada, 1) is None  # one at a time
    monkeypatch.setattr(glass, "now", lambda: TODAY + timedelta(minutes=15))
    assert broken.until(ada, 2) is None
    broken.break_for(bob, 2, 15)
    assert b"ada" not in broken.path.read_bytes()
    broken.forget(2)
    assert broken.path.read_bytes() == b""
