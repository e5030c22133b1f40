"""Whether the drugs somebody takes, or is about to be given, harm them; and which drugs those are."""

from lifecourse.care.safety.alerts import SafetyAlert, SafetyReport
from lifecourse.care.safety.checks import check_planned, check_safety
from lifecourse.care.safety.medications import Medication, medication_list
from lifecourse.care.safety.overrides import Override

__all__ = [
    "Medication",
    "Override",
    "SafetyAlert",
    "SafetyReport",
    "check_planned",
    "check_safety",
    "medication_list",
]
