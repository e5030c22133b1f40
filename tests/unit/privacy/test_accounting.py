"""What was disclosed of one person: to whom, when, why; what is exempt is counted, and listed on request."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from lifecourse.privacy.accounting import accounting
from lifecourse.privacy.audit import MOST_LISTED, AuditLog
from lifecourse.schema.actor import Actor, Purpose

if TYPE_CHECKING:
    from pathlib import Path

CLINICIAN, SCHOLAR = Actor(name="ada", role="clinician"), Actor(name="eva", role="researcher")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    at = [datetime(2019, 1, 1, tzinfo=UTC)]

    def told() -> datetime:
        at[0] += timedelta(days=100)
        return at[0]

    monkeypatch.setattr("lifecourse.privacy.audit.now", told)
    monkeypatch.setattr("lifecourse.privacy.accounting.now", lambda: at[0] + timedelta(seconds=1))
    return at


@pytest.fixture
def log(tmp_path: Path, clock: list[datetime]) -> AuditLog:
    log = AuditLog(tmp_path)

    def did(actor: Actor, purpose: Purpose, action: str, target: str, **told: Any) -> None:
        log.record(actor=actor, purpose=purpose, action=action, target=target, **told)

    did(CLINICIAN, Purpose.DIRECT_CARE, "look", "subject/7")
    did(SCHOLAR, Purpose.RESEARCH, "look", "subject/7", client="lifecourse plan")
    did(SCHOLAR, Purpose.RESEARCH, "look", "subject/8")
    did(SCHOLAR, Purpose.RESEARCH, "look", "subject/7", outcome="refused")
    did(CLINICIAN, Purpose.DIRECT_CARE, "search people", "people", people=[6, 7])
    did(SCHOLAR, Purpose.RESEARCH, "predict", "store", people=[7, 9])
    did(SCHOLAR, Purpose.RESEARCH, "predict", "store", people=[8, 9])
    did(SCHOLAR, Purpose.RESEARCH, "predict", "store", people=range(MOST_LISTED + 1))
    did(SCHOLAR, Purpose.RESEARCH, "look at all", "store")
    did(CLINICIAN, Purpose.OPERATIONS, "look at all", "store")
    did(CLINICIAN, Purpose.DIRECT_CARE, "look", "subject/7/event/3")
    return log


def said(log: AuditLog, **told: Any) -> list[tuple[str, str, str]]:
    rows = accounting(log, 7, **told)["disclosures"]
    return [(row["recipient"], row["description"], row["whom"]) for row in rows]


DISCLOSED = [
    ("eva", "look", "the person"),
    ("eva", "predict", "in a list"),
    ("eva", "predict", "perhaps among many"),
    ("eva", "look at all", "perhaps among many"),
]


def test_disclosures_for_other_purposes_are_listed_and_exempt_ones_counted(log: AuditLog) -> None:
    assert said(log) == DISCLOSED
    told = accounting(log, 7)
    assert told["exempt"] == 4
    assert told["disclosures"][0]["program"] == "lifecourse plan"
    assert told["disclosures"][0]["purpose"] == "research"


def test_treatment_and_refusals_are_listed_on_request(log: AuditLog) -> None:
    rows = said(log, exempt_too=True)
    assert len(rows) == len(DISCLOSED) + 4
    assert ("ada", "look", "the person") in rows
    assert ("ada", "search people", "in a list") in rows


def test_six_years_are_told_unless_dates_are_given(log: AuditLog, clock: list[datetime]) -> None:
    assert len(said(log)) == 4
    clock[0] += timedelta(days=6 * 366 - 800)
    assert len(said(log)) == 3
    first = datetime(2019, 7, 20, tzinfo=UTC)  # the day of the second entry
    assert len(said(log, since=first, until=first)) == 0
    assert len(said(log, since=first, until=first + timedelta(days=1))) == 1


def test_nobody_else_s_and_nothing_of_the_erased(log: AuditLog) -> None:
    assert [row["whom"] for row in accounting(log, 99)["disclosures"]] == ["perhaps among many"] * 2
    log.forget(7)
    assert {row[2] for row in said(log, exempt_too=True)} == {"perhaps among many"}
