"""Patient: birth, sex, death, race, ethnicity, addresses; identifiers for the identity map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lifecourse.records.fhir.coding import coded, word
from lifecourse.records.fhir.rows import RejectedError, identity_of
from lifecourse.records.fhir.times import Moment
from lifecourse.schema.address import address_codes
from lifecourse.schema.event import BIRTH, DEATH

if TYPE_CHECKING:
    from lifecourse.records.fhir.rows import Resource, Rows

US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"
BIRTH_TIME = "http://hl7.org/fhir/StructureDefinition/patient-birthTime"
GENDERS = {"female", "male", "other", "unknown"}


def read_patient(resource: Resource, rows: Rows) -> None:
    """The patient's static facts, birth, death and addresses."""
    body, full_url = resource.body, resource.full_url
    urn = full_url if full_url and full_url.startswith("urn:") else None
    subject = word(body.get("id")) or (urn or "").rsplit(":", 1)[-1]
    if not subject:
        raise RejectedError("a patient without an id")
    gender = str(body.get("gender") or "unknown")
    rows.add(resource, subject, None, f"SEX//{gender if gender in GENDERS else 'unknown'}")
    _demographics(resource, subject, rows)
    _birth(resource, subject, rows)
    _death(resource, subject, rows)
    _addresses(resource, subject, rows)
    # Last, because a patient who cannot be read has no other names either.
    _identify(body, subject, rows)
    if urn:
        rows.aliases.append((urn, subject))


def _birth(resource: Resource, subject: str, rows: Rows) -> None:
    exact = ((resource.body.get("_birthDate") or {}).get("extension")) or ()
    stated = next((e.get("valueDateTime") for e in exact if e.get("url") == BIRTH_TIME), None)
    born = resource.first_moment(stated, resource.body.get("birthDate"))
    if born:
        # A birth is known from its first moment: age counts from there.
        rows.add(resource, subject, Moment(born.start, born.start, born.precision), BIRTH)


def _death(resource: Resource, subject: str, rows: Rows) -> None:
    died = resource.first_moment(resource.body.get("deceasedDateTime"))
    if died:
        rows.add(resource, subject, died, DEATH)
    elif resource.body.get("deceasedBoolean") is True:
        rows.add(resource, subject, None, "DECEASED//date unknown")


def _addresses(resource: Resource, subject: str, rows: Rows) -> None:
    """Where the person lives and has lived, each from its first day; one without a period holds always."""
    told = [a for a in resource.body.get("address") or () if isinstance(a, dict)]
    for place, address in enumerate(told):
        period = address.get("period") or {}
        start = resource.first_moment(period.get("start"))
        end = resource.first_moment(period.get("end"))
        if start is None and (end is not None or address.get("use") in ("old", "temp")):
            rows.count("former addresses without a first day, left out")
            continue
        codes = address_codes(
            country=word(address.get("country")),
            state=word(address.get("state")),
            county=word(address.get("district")),
            postal=word(address.get("postalCode")),
        )
        part = f"address[{place}]"
        for code in codes:
            rows.add(resource, subject, start, code, end=end.known if end else None, part=part)


def _demographics(resource: Resource, subject: str, rows: Rows) -> None:
    for extension in resource.body.get("extension") or ():
        name = str(extension.get("url") or "").removeprefix(US_CORE)
        if name in ("race", "ethnicity"):
            for part in extension.get("extension") or ():
                coding = part.get("valueCoding")
                if part.get("url") == "ombCategory" and coding and coding.get("code"):
                    code = f"{name.upper()}//{coding['code']}"
                    rows.add(resource, subject, None, code, text=word(coding.get("display")))
    married = coded(resource.body.get("maritalStatus"), ())
    if married:
        code = f"MARITAL_STATUS//{married[0].rsplit('//', 1)[-1]}"
        rows.add(resource, subject, None, code, text=married[1])


def _identify(body: dict[str, Any], subject: str, rows: Rows) -> None:
    """The person's identifiers for the identity map, and as names by which other records may refer to them."""
    name = _name(body)
    identifiers = [i for i in body.get("identifier") or () if identity_of(i)]
    for identifier in identifiers:
        system, value = word(identifier.get("system")), word(identifier.get("value"))
        rows.identities.append((subject, system, value, name))
        rows.aliases.append((str(identity_of(identifier)), subject))
    if not identifiers:
        rows.identities.append((subject, None, None, name))


def _name(body: dict[str, Any]) -> str | None:
    names = [name for name in body.get("name") or () if isinstance(name, dict)]
    official = [name for name in names if name.get("use") == "official"] or names
    if not official:
        return None
    chosen = official[0]
    if chosen.get("text"):
        return str(chosen["text"])
    return (
        " ".join([*map(str, chosen.get("given") or ()), str(chosen.get("family") or "")]).strip()
        or None
    )
