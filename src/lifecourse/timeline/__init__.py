"""The event store and the one question asked of it."""
