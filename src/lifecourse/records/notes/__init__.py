"""What notes say in words, as events of their own that are never mixed with coded facts."""

from lifecourse.records.notes.facts import dictionary_digest, with_facts

__all__ = ["dictionary_digest", "with_facts"]
