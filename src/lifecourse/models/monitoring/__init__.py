"""A model in use: whether what goes in, what comes out and what came true are still what it learned from."""

from lifecourse.models.monitoring.monitor import monitor
from lifecourse.models.monitoring.snapshot import snapshot

__all__ = ["monitor", "snapshot"]
