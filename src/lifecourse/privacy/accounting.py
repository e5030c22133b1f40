"""Whom the audit log says something of: disclosures of one person's records, and its entries as FHIR AuditEvents.

The accounting of disclosures covers six years (45 CFR 164.528). AuditEvents have the shape of IHE's Basic Audit Log
Patterns (BALP 1.1): type rest or query, the agent who asked with purpose of use, the patient as an entity.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from lifecourse.base.clock import DAYS_PER_YEAR, now

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lifecourse.privacy.audit import AuditLog

YEARS = 6
SHOWN = ("time", "actor", "role", "purpose", "action", "outcome")
PURPOSES = {"direct_care": "TREAT", "operations": "HOPERAT", "research": "HRESCH"}
OUTCOMES = {"success": "0", "not found": "4", "refused": "8"}
DICOM = "http://dicom.nema.org/resources/ontology/DCM"
ROLE = "http://terminology.hl7.org/CodeSystem/object-role"
ENTITY = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"


def accounting(audit: AuditLog, subject_id: int) -> list[dict[str, Any]]:
    """Every entry of the last six years that names the subject, oldest first: who, when, why and with what outcome."""
    since = now() - timedelta(days=YEARS * DAYS_PER_YEAR)
    wanted = f"subject/{subject_id}"
    return [
        {key: entry[key] for key in SHOWN}
        for entry in audit.entries()
        if entry["target"].split("/event", 1)[0] == wanted
        and datetime.fromisoformat(entry["time"]) >= since
    ]


def audit_events(audit: AuditLog) -> Iterator[dict[str, Any]]:
    """The entries as FHIR R4 AuditEvents; people by the log's alias, who was erased as anybody's."""
    for entry in audit.entries():
        yield _event(entry, audit)


def _event(entry: dict[str, Any], audit: AuditLog) -> dict[str, Any]:
    reads = entry["action"].startswith("look")
    event: dict[str, Any] = {
        "resourceType": "AuditEvent",
        "id": f"audit-{entry['seq']}",
        "type": {"system": DICOM, "code": "110112" if "all" in entry["action"] else "110106"}
        if reads
        else {"system": DICOM, "code": "110100"},
        "subtype": [{"display": entry["action"]}],
        "action": "R" if reads else "E",
        "recorded": entry["time"],
        "outcome": OUTCOMES.get(entry["outcome"], "4"),
        "outcomeDesc": entry["outcome"],
        "purposeOfEvent": [
            {"coding": [{"system": REASON, "code": PURPOSES.get(entry["purpose"], "HOPERAT")}]}
        ],
        "agent": [
            {
                "type": {"text": entry["role"] or "user"},
                "who": {"display": entry["actor"]},
                "requestor": True,
            }
        ],
        "source": {"observer": {"display": "lifecourse"}},
    }
    head, _, rest = entry["target"].partition("/")
    if head == "subject":
        who = rest.split("/", 1)[0]
        alias = audit.alias_of(int(who)) if who.lstrip("-").isdigit() else None
        event["entity"] = [
            {
                "what": {
                    "identifier": {"system": "urn:lifecourse:audit-alias", "value": alias or who}
                },
                "type": {"system": ENTITY, "code": "1"},
                "role": {"system": ROLE, "code": "1"},
            }
        ]
    else:
        event["entity"] = [
            {"what": {"display": entry["target"]}, "type": {"system": ENTITY, "code": "2"}}
        ]
    return event
