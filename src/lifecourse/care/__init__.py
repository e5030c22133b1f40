"""What the record means for this person: published scores, recommendations, plans."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lifecourse.care.assessment import assess as assess
    from lifecourse.care.careplan import CarePlan as CarePlan
    from lifecourse.care.careplan import plan as plan
    from lifecourse.care.safety import check_planned as check_planned
    from lifecourse.care.safety import check_safety as check_safety
    from lifecourse.care.scored import Assessment as Assessment
    from lifecourse.care.scored import ScoreResult as ScoreResult

_WHERE = {
    "Assessment": "lifecourse.care.scored",
    "CarePlan": "lifecourse.care.careplan",
    "ScoreResult": "lifecourse.care.scored",
    "assess": "lifecourse.care.assessment",
    "check_planned": "lifecourse.care.safety",
    "check_safety": "lifecourse.care.safety",
    "plan": "lifecourse.care.careplan",
}

__all__ = sorted(_WHERE)


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'lifecourse.care' has no attribute '{name}'")
    return getattr(import_module(_WHERE[name]), name)
