"""Series of devices: sensor glucose, steps, heart rate, sleep and activity, summarised into a day's events."""

from lifecourse.records.wearables.source import SeriesSource

__all__ = ["SeriesSource"]
