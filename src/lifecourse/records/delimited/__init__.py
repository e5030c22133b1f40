"""Tables of any layout, by a mapping file that says what their rows mean."""

from lifecourse.records.delimited.source import DelimitedSource

__all__ = ["DelimitedSource"]
