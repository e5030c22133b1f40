"""Of several codings of one fact, which is taken: the systems in order, by what is coded; others come after them.

And what stands for a system of codes that is none of ours.
"""

from __future__ import annotations

import re

CONDITIONS = ("SNOMED", "ICD10CM", "ICD10", "ICD9CM")
DRUGS = ("RxNorm", "NDC", "ATC", "SNOMED")
MEASUREMENTS = ("LOINC", "SNOMED")
PROCEDURES = ("SNOMED", "CPT4", "HCPCS", "ICD10PCS")
VACCINES = ("CVX", "NDC", "SNOMED")
ANY: tuple[str, ...] = ()

TABLE = re.compile(r"(?:HL7|v2)-?(\d{4})", re.IGNORECASE)
LOCAL = "LOCAL"
LOCAL_NAMES = ("L", "LOCAL", "99")


def unknown_prefix(name: str | None) -> str:
    """What stands for a coding system that we do not know, by its name or the last word of its URI.

    ``HL70064`` and ``v2-0064`` are one table of HL7; ``L`` (HL7 table 0396) is a sender's own, as no name is.
    """
    words = re.findall(r"[A-Za-z0-9_.-]+", name or "")
    if not words or words[-1].upper() in LOCAL_NAMES:
        return LOCAL
    table = TABLE.fullmatch(words[-1])
    return f"v2-{table[1]}" if table else words[-1]
