"""A resource of FHIR: whom it is about, its times, and where it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lifecourse.records.fhir.times import (
    DAYS,
    MINUTES,
    SECONDS,
    BadTimeError,
    Moment,
    looked_at,
)
from lifecourse.records.rows import Place, RejectedError, Rows
from lifecourse.records.source import IDENTIFIER

if TYPE_CHECKING:
    from lifecourse.records.fhir.around import Around

__all__ = ["Place", "RejectedError", "Resource", "Rows"]

_new = tuple.__new__
UNKNOWN = "unknown"
LONGEST_VERSION = 18
"""Digits of a version's number that an int64 surely holds."""


class Resource:
    """One resource and where it stands; `row` counts lines, or entries of a Bundle, from 1.

    kind : the resource type
    source_id : ``Type/id``; None where the resource has no id
    full_url : what a Bundle calls it, or None
    part : where in the row it stands, where it is contained in another; the start of `source_part`
    around : what surrounds it, and says when it was known where it says no time itself
    """

    full_url: str | None = None
    part: str | None = None
    around: Around | None = None
    _version: int | str | None = UNKNOWN

    def __init__(self, body: dict[str, Any], kind: str, row: int, place: Place) -> None:
        self.body = body
        self.kind = kind
        self.row = row
        self.place = place
        name = body.get("id")
        self.source_id = f"{kind}/{name}" if name and isinstance(name, str | int) else None

    def within(self, outer: Resource, part: str) -> None:
        """Make it a part of `outer`: it stands and goes with that one."""
        self.source_id = outer.source_id
        self._version = outer.version
        self.part = part

    @property
    def status(self) -> str:
        """The status, empty where absent; a resource entered in error is rejected here.

        Raises
        ------
        RejectedError
            The resource was entered in error.
        """
        status = str(self.body.get("status") or "")
        if status == "entered-in-error":
            raise RejectedError("entered in error")
        return status

    @property
    def version(self) -> int | None:
        """Orders versions: when last updated, else the version's number."""
        if self._version is UNKNOWN:
            self._version = self._versioned()
        return self._version  # type: ignore[return-value]  # UNKNOWN was replaced above

    def _versioned(self) -> int | None:
        meta = self.body.get("meta")
        if not meta:
            return None
        updated = meta.get("lastUpdated")
        if updated:
            return self.moment(updated).known
        number = str(meta.get("versionId") or "")
        return int(number) if number.isdecimal() and len(number) <= LONGEST_VERSION else None

    def moment(self, text: Any) -> Moment:
        """The moment that `text` names.

        Raises
        ------
        RejectedError
            It is no FHIR date or time.
        """
        try:
            exact = DAYS[text[:10]] + MINUTES[text[10:16]] + SECONDS[text[16:]]
        except (KeyError, TypeError):
            return self._moment_of(text)
        return _new(Moment, (exact, exact, None))

    def _moment_of(self, text: Any) -> Moment:
        if not isinstance(text, str):
            raise RejectedError("a time that is not text")
        try:
            return looked_at(text, self.place.zone)
        except BadTimeError:
            raise RejectedError("a time that is no FHIR date or time") from None

    def first_moment(self, *texts: Any) -> Moment | None:
        """The moment of the first of `texts` that is there."""
        for text in texts:
            if text:
                return self.moment(text)
        return None

    def updated(self) -> Moment | None:
        """When the resource was last updated; where it does not say, when what surrounds it was known."""
        return self.first_moment((self.body.get("meta") or {}).get("lastUpdated"), *self.otherwise)

    @property
    def otherwise(self) -> tuple[Any, ...]:
        """When what surrounds it was known, the nearest first."""
        return self.around.times_of(self.body, self.full_url) if self.around else ()

    def subject(self, name: str = "subject") -> str:
        """The key of the patient whom the resource is about.

        Raises
        ------
        RejectedError
            It is about nobody, or not about a patient.
        """
        subject: Any = self.body.get(name)
        try:
            reference = subject["reference"]
            if reference.startswith("Patient/"):
                key: str = reference[8:]
                if key and "/" not in key and "?" not in key:
                    return key
        except (KeyError, TypeError, AttributeError):
            pass
        return self.subject_of(subject)

    def subject_of(self, subject: Any) -> str:
        """The key of the patient whom a reference is to: by id, by what a Bundle calls them, or by an identifier.

        Raises
        ------
        RejectedError
            It is to nobody, or not to a patient.
        """
        if not subject:
            raise RejectedError("no subject")
        reference = subject.get("reference")
        if not reference:
            return identified_by(subject.get("identifier"))
        if type(reference) is not str:
            raise RejectedError("subject is not a patient")
        if reference.startswith("#"):
            return self._contained_patient(reference[1:])
        return subject_key(reference)

    def _contained_patient(self, name: str) -> str:
        """A patient who is known by an identifier alone: what is contained has no id outside."""
        for inner in self.body.get("contained") or ():
            if inner.get("id") == name and inner.get("resourceType") == "Patient":
                told = [identity_of(i) for i in inner.get("identifier") or ()]
                found = next((key for key in told if key), None)
                if found is None:
                    raise RejectedError("a contained patient without an identifier")
                return found
        raise RejectedError("subject is not a patient")


def identified_by(identifier: Any) -> str:
    """The key of a patient who is named by an identifier of theirs.

    Raises
    ------
    RejectedError
        There is none.
    """
    found = identity_of(identifier)
    if found is None:
        raise RejectedError("no subject")
    return found


def identity_of(identifier: Any) -> str | None:
    """What stands for the patient with an identifier, until ingestion knows who that is; None where it has no value."""
    value = identifier.get("value") if isinstance(identifier, dict) else None
    if not value or not isinstance(value, str | int):
        return None
    return f"{IDENTIFIER}{identifier.get('system') or ''}|{value}"


def subject_key(reference: str) -> str:
    """A patient's id, or the ``urn:uuid:`` that stands for it.

    Raises
    ------
    RejectedError
        The reference is not to a patient by id.
    """
    if reference.startswith("urn:"):
        return reference
    if "?" in reference:
        raise RejectedError("subject named by a search, not by id")
    parts = reference.split("/_history/", 1)[0].rstrip("/").split("/")
    if len(parts) > 1 and parts[-2] == "Patient" and parts[-1]:
        return parts[-1]
    raise RejectedError("subject is not a patient")
