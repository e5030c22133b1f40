"""C-CDA documents: clinical documents of HL7 v3 to events."""

from lifecourse.records.ccda.source import CcdaSource

__all__ = ["CcdaSource"]
