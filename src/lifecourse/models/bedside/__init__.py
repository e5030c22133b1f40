"""A bedside score: a few facts, whole points, and what a sum of points means, made of what a model goes by."""

from lifecourse.models.bedside.fitting import BedsideScore, bedside_score
from lifecourse.models.bedside.items import Item

__all__ = ["BedsideScore", "Item", "bedside_score"]
