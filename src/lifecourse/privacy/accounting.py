"""What was disclosed of one person in six years: to whom, when, what and why (45 CFR 164.528).

Treatment, payment and the site's own operations are exempt from the accounting; they are counted, and listed for who
asks. What was read of everybody, or of a cohort kept by its size and hash alone, may have had the person in it, and is
listed as such: 164.528(b)(4) lets research on fifty people and more be told like this.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from lifecourse.base.clock import DAYS_PER_YEAR, now
from lifecourse.privacy.acts import SUBJECT, SUCCESS, subject_of

if TYPE_CHECKING:
    from lifecourse.privacy.audit import AuditLog

YEARS = 6
EXEMPT = ("direct_care", "operations")
OF_EVERYBODY = ("store", "people")


def accounting(
    audit: AuditLog,
    subject_id: int,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    exempt_too: bool = False,
) -> dict[str, Any]:
    """The disclosures of a subject's records, oldest first.

    Parameters
    ----------
    since, until : from the first moment to before the second; six years until now by default
    exempt_too : also what need not be accounted for, and what was asked for in vain

    Returns
    -------
    ``subject_id from to disclosures exempt``: each disclosure with ``time recipient program role description purpose
    outcome emergency reason whom exempt``, where ``whom`` is ``the person``, ``in a list`` or ``perhaps among many``;
    ``exempt`` counts those that need not be accounted for
    """
    until = until or now()
    since = since or until - timedelta(days=YEARS * DAYS_PER_YEAR)
    rows: list[dict[str, Any]] = []
    for entry in audit.entries():
        whom = _whom(entry, subject_id)
        if whom and since <= datetime.fromisoformat(entry["time"]) < until:
            rows.append(_row(entry, whom))
    told = [row for row in rows if exempt_too or not row["exempt"]]
    return {
        "subject_id": subject_id,
        "from": since.isoformat(),
        "to": until.isoformat(),
        "disclosures": told,
        "exempt": sum(row["exempt"] for row in rows),
    }


def _whom(entry: dict[str, Any], subject_id: int) -> str | None:
    """How the entry is of the subject: by name, in a list, perhaps; None where it is not."""
    if subject_of(entry["target"]) == subject_id:
        return "the person"
    if subject_id in entry.get("people", ()):
        return "in a list"
    is_of_many = "cohort" in entry or entry["target"].startswith(OF_EVERYBODY)
    is_named = "people" in entry or entry["target"].startswith(SUBJECT)
    is_given = entry["purpose"] not in EXEMPT and entry["outcome"] == SUCCESS
    return "perhaps among many" if is_of_many and is_given and not is_named else None


def _row(entry: dict[str, Any], whom: str) -> dict[str, Any]:
    return {
        "time": entry["time"],
        "recipient": entry["actor"],
        "program": entry.get("client"),
        "role": entry["role"],
        "description": entry["action"],
        "purpose": entry["purpose"],
        "outcome": entry["outcome"],
        "emergency": bool(entry.get("emergency")),
        "reason": entry.get("reason"),
        "whom": whom,
        "exempt": entry["purpose"] in EXEMPT or entry["outcome"] != SUCCESS,
    }
