"""C-CDA documents for tests: a document around sections, and what reading it gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from lifecourse.records.ccda.intake import read_document
from lifecourse.records.ccda.markup import tree_of
from lifecourse.records.rows import Place, Rows

if TYPE_CHECKING:
    from lifecourse.records.source import Batch

SNOMED, LOINC, RXNORM = (
    "2.16.840.1.113883.6.96",
    "2.16.840.1.113883.6.1",
    "2.16.840.1.113883.6.88",
)
TEMPLATES = "2.16.840.1.113883.10.20.22.4"
PERSON = """
<recordTarget><patientRole><id root="1.2.3" extension="77"/>
  <addr use="HP"><city>Springfield</city><state>IL</state><postalCode>62701</postalCode></addr>
  <patient><name><given>Ada</given><family>Example</family></name>
    <administrativeGenderCode code="F" codeSystem="2.16.840.1.113883.5.1"/><birthTime value="19500102"/>
  </patient></patientRole></recordTarget>"""


def document(
    *sections: str,
    person: str = PERSON,
    header: str = "",
    name: str = "d1",
    made: str = "20200101120000+0000",
) -> str:
    """A document of one person around `sections`."""
    body = "".join(f"<component>{section}</component>" for section in sections)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:sdtc="urn:hl7-org:sdtc"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
  <id root="9.8.7" extension="{name}"/>
  <code code="34133-9" codeSystem="{LOINC}" displayName="Summary"/>
  <title>Summary</title>
  <effectiveTime value="{made}"/>{person}{header}
  <component><structuredBody>{body}</structuredBody></component>
</ClinicalDocument>"""


def section(code: str, *entries: str, text: str = "") -> str:
    """A section of that LOINC code around statements."""
    inside = "".join(f"<entry>{entry}</entry>" for entry in entries)
    narrative = f"<text>{text}</text>" if text else ""
    return f'<section><code code="{code}" codeSystem="{LOINC}"/>{narrative}{inside}</section>'


def observation(template: str, inside: str, attributes: str = "", name: str = "o1") -> str:
    """An observation of a template of C-CDA, by the end of its root."""
    return (
        f'<observation classCode="OBS" moodCode="EVN" {attributes}><templateId root="{TEMPLATES}.{template}"/>'
        f'<id root="5.5" extension="{name}"/>{inside}</observation>'
    )


def problem(inside: str, attributes: str = "", name: str = "o1") -> str:
    """A problem observation within its concern."""
    return (
        f'<act classCode="ACT" moodCode="EVN"><templateId root="{TEMPLATES}.3"/><id root="5.5" extension="c-{name}"/>'
        f'<code code="CONC" codeSystem="2.16.840.1.113883.5.6"/><statusCode code="active"/>'
        f"<entryRelationship>{observation('4', inside, attributes, name)}</entryRelationship></act>"
    )


def read(*texts: str, zone: str = "UTC") -> Batch:
    """What documents become, each a file of one source."""
    rows = Rows()
    for number, text in enumerate(texts):
        read_document(
            tree_of(text.encode()), rows, Place(file=number, name=f"{number}.xml", zone=zone)
        )
    return rows.batch()


def facts(batch: Batch) -> list[dict[str, Any]]:
    """Events that are neither the person's own facts nor texts, in order."""
    assert batch.events is not None
    aside = pl.col("code").str.contains(
        "^(SEX|RACE|ETHNICITY|MARITAL_STATUS|ADDRESS|MEDS_BIRTH|NOTE)"
    )
    return batch.events.filter(~aside).to_dicts()


def codes(batch: Batch) -> list[str]:
    """Codes of `facts`."""
    return [fact["code"] for fact in facts(batch)]


def reasons(batch: Batch) -> list[str]:
    """Why rows were refused, in order."""
    assert batch.rejects is not None
    return list(batch.rejects["reason"])
