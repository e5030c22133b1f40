"""Alerts about drugs: one ranked list with a hard cap, so that the ones that matter are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lifecourse.care.rules.definition import Rule
    from lifecourse.care.rules.evaluate import Decision
    from lifecourse.care.safety.medications import Medication
    from lifecourse.care.safety.overrides import Override

MOST_ALERTS = 5
"""Shown at once. Acceptance falls by 30 % with each further reminder (Ancker 2017, doi 10.1186/s12911-017-0430-8)."""
SEVERITIES = ("high", "moderate", "low")
TOPICS = (
    "allergy", "medication safety", "pharmacogenomics", "kidney dosing", "duplicate therapy",
)  # fmt: skip


def severity_of(kind: str, strength: str) -> str:
    """How grave the harm is that a rule is about, by its action and grade: ``high``, ``moderate`` or ``low``."""
    if kind == "stop_medication" and strength == "strong":
        return "high"
    return "low" if strength == "weak" else "moderate"


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyAlert:
    """A rule about a drug's harm that holds for this person.

    drugs : ingredients it is about, of those taken and planned
    concerns : ``all`` where it holds for whatever of the planned class is chosen, ``some`` where others remain;
        ``all`` too where nothing is planned
    events : what decided, each with code, time, value, unit and source id
    """

    rule: Rule
    decision: Decision
    drugs: tuple[str, ...]
    events: tuple[dict[str, Any], ...] = ()
    planned: str | None = None
    concerns: str = "all"

    @property
    def severity(self) -> str:
        """``high``, ``moderate`` or ``low``, as FHIR's DetectedIssue has it."""
        return severity_of(self.rule.do.kind, self.rule.grade.strength)

    @property
    def rank(self) -> tuple[int, int, str]:
        """Gravest first; of the same gravity allergies, interactions, genes, doses, duplicates."""
        topic = self.rule.topic
        place = TOPICS.index(topic) if topic in TOPICS else len(TOPICS)
        return SEVERITIES.index(self.severity), place, self.rule.name

    def is_answered_by(self, override: Override) -> bool:
        """Whether `override` said of the same rule and the same drugs, or more, why it may stand."""
        return (
            override.lasts and override.rule == self.rule.name and set(self.drugs) <= override.drugs
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "rule": self.rule.name,
            "title": self.rule.title,
            "severity": self.severity,
            "topic": self.rule.topic,
            "drugs": list(self.drugs),
            "planned": self.planned,
            "concerns": self.concerns,
            "what": self.rule.do.what,
            "why": self.rule.text.why,
            "because": [reason.text for reason in self.decision.reasons],
            "grade": self.rule.grade.words,
            "evidence": [e.model_dump(mode="json", exclude_none=True) for e in self.rule.evidence],
            "interaction": None if self.rule.interaction is None else information(self.rule),
            "override_reasons": list(self.rule.override),
            "events": list(self.events),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyReport:
    """What was found of somebody's drugs.

    alerts : at most `MOST_ALERTS`, gravest first; `more` were found beyond them
    suppressed : how many were overridden before with a reason that lasts
    missing : what would have to be known for rules about drugs that are taken: name -> what to order
    """

    medications: tuple[Medication, ...]
    alerts: tuple[SafetyAlert, ...]
    more: int = 0
    suppressed: int = 0
    missing: dict[str, str]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "medications": [
                {name: getattr(each, name) for name in each.__dataclass_fields__}
                for each in self.medications
            ],
            "alerts": [alert.to_dict() for alert in self.alerts],
            "more": self.more,
            "suppressed": self.suppressed,
            "missing": self.missing,
        }


def ranked(
    alerts: Iterable[SafetyAlert], overrides: Iterable[Override], limit: int
) -> tuple[tuple[SafetyAlert, ...], int, int]:
    """The first `limit` alerts that nobody answered for good, how many more there are, how many were answered."""
    found, answers = list(alerts), tuple(overrides)
    left = [a for a in found if not any(a.is_answered_by(each) for each in answers)]
    left.sort(key=lambda alert: alert.rank)
    return tuple(left[:limit]), max(0, len(left) - limit), len(found) - len(left)


def information(rule: Rule) -> dict[str, Any]:
    """The ten items of W3C's minimal information model of an interaction (doi 10.3389/fphar.2020.608068)."""
    known = rule.interaction
    assert known is not None  # noqa: S101 -- asked of interactions alone
    return {
        "drugs_involved": {"object": known.object, "precipitant": known.precipitant},
        "clinical_consequences": known.clinical_consequences,
        "seriousness": known.seriousness,
        "operational_classification": known.classification,
        "recommended_action": rule.do.what,
        "mechanism": known.mechanism,
        "modifying_factors": known.modifying_factors,
        "evidence": [each.citation for each in rule.evidence],
        "frequency_of_exposure": known.frequency_of_exposure,
        "frequency_of_harm": known.frequency_of_harm,
    }
