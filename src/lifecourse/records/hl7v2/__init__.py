"""HL7 v2 messages as a source."""

from lifecourse.records.hl7v2.source import Hl7v2Source

__all__ = ["Hl7v2Source"]
