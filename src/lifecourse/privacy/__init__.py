"""The door: who looks, why, what may leave, and the log that proves it."""
