"""C-CDA documents into a store: ``python -m benchmarks.ccda FOLDER [SIZE]``.

The documents are made by a seeded generator of its own: a person each, several documents a person, with the sections of
a continuity of care document (problems, allergies, medicines, results, vital signs, immunisations, encounters, social
history, plan), each with its narrative table and coded entries as R2.1 writes them, indented, about 150 KB each. The
rate is of a whole ingest on both cores, process start and encryption included. Every row must be an event row, a
duplicate, a reject or counted by type.
"""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np
from benchmarks.workload import Result, accounted, ingested_thrice, report

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DOCUMENTS = {"S": 60, "M": 800, "L": 4_000}
DOCUMENTS_A_PERSON = 3
RATE, PEAK_MB = 10.0, 1_500.0
MEGA = 1e6
SNOMED, LOINC, RXNORM, CVX = (
    "2.16.840.1.113883.6.96",
    "2.16.840.1.113883.6.1",
    "2.16.840.1.113883.6.88",
    "2.16.840.1.113883.12.292",
)
PROBLEMS = (
    ("44054006", "Diabetes mellitus type 2"), ("38341003", "Hypertensive disorder"), ("195967001", "Asthma"),
    ("55822004", "Hyperlipidemia"), ("709044004", "Chronic kidney disease"), ("35489007", "Depressive disorder"),
)  # fmt: skip
DRUGS = (
    ("860975", "metformin 500 MG Oral Tablet"), ("314076", "lisinopril 10 MG Oral Tablet"),
    ("617314", "atorvastatin 40 MG Oral Tablet"), ("197806", "ibuprofen 600 MG Oral Tablet"),
)  # fmt: skip
LABS = (
    ("4548-4", "Hemoglobin A1c", "%", 6.5, 1.2), ("2160-0", "Creatinine", "mg/dL", 1.0, 0.3),
    ("2345-7", "Glucose", "mg/dL", 110.0, 30.0), ("2093-3", "Cholesterol", "mg/dL", 190.0, 35.0),
    ("718-7", "Hemoglobin", "g/dL", 13.5, 1.4), ("777-3", "Platelets", "10*3/uL", 240.0, 60.0),
)  # fmt: skip
VITALS = (
    ("8480-6", "Systolic", "mm[Hg]", 130.0, 15.0), ("8462-4", "Diastolic", "mm[Hg]", 80.0, 9.0),
    ("8302-2", "Height", "cm", 170.0, 9.0), ("29463-7", "Weight", "kg", 80.0, 14.0),
    ("39156-5", "BMI", "kg/m2", 27.0, 4.0),
)  # fmt: skip
AUTHOR = """
            <author>
              <templateId root="2.16.840.1.113883.10.20.22.4.119"/>
              <time value="{at}"/>
              <assignedAuthor>
                <id root="2.16.840.1.113883.4.6" extension="5555555555"/>
                <code code="207QA0505X" codeSystem="2.16.840.1.113883.6.101" displayName="Adult Medicine"/>
                <representedOrganization><id root="1.2.840.99999"/><name>Made Up Health</name></representedOrganization>
              </assignedAuthor>
            </author>"""


class Writer:
    """Makes documents; the same seed makes the same ones."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def document(self, person: int, number: int) -> str:
        """One document of a person."""
        self._year = 2012 + 3 * number
        parts = (
            self._section(
                "2.16.840.1.113883.10.20.22.2.5.1", "11450-4", "Problems", 8, self._problem
            ),
            self._section(
                "2.16.840.1.113883.10.20.22.2.1.1", "10160-0", "Medications", 10, self._drug
            ),
            self._section(
                "2.16.840.1.113883.10.20.22.2.3.1", "30954-2", "Results", 12, self._panel
            ),
            self._section(
                "2.16.840.1.113883.10.20.22.2.4.1", "8716-3", "Vital signs", 8, self._vitals
            ),
            self._section(
                "2.16.840.1.113883.10.20.22.2.2.1", "11369-6", "Immunizations", 6, self._vaccine
            ),
            self._section(
                "2.16.840.1.113883.10.20.22.2.22.1", "46240-8", "Encounters", 8, self._visit
            ),
            self._section(
                "2.16.840.1.113883.10.20.22.2.17", "29762-2", "Social history", 2, self._smoking
            ),
        )
        return f"""<?xml version="1.0" encoding="UTF-8"?>
<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
    xmlns:sdtc="urn:hl7-org:sdtc">
  <typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/>
  <templateId root="2.16.840.1.113883.10.20.22.1.2" extension="2015-08-01"/>
  <id root="{self._id()}"/>
  <code code="34133-9" codeSystem="{LOINC}" displayName="Summarization of Episode Note"/>
  <title>Continuity of care</title>
  <effectiveTime value="{self._year + 2}0815103000-0500"/>
  <recordTarget>
    <patientRole>
      <id root="1.2.840.99999.1" extension="{person}"/>
      <addr use="HP"><streetAddressLine>1 Main Street</streetAddressLine><city>Springfield</city><state>IL</state>
        <postalCode>62701</postalCode><country>US</country></addr>
      <patient>
        <name use="L"><given>Made</given><family>Up{person}</family></name>
        <administrativeGenderCode code="{"FM"[person % 2]}" codeSystem="2.16.840.1.113883.5.1"/>
        <birthTime value="{1940 + person % 50}0{1 + person % 9}1{person % 10}"/>
        <raceCode code="2106-3" codeSystem="2.16.840.1.113883.6.238" displayName="White"/>
        <ethnicGroupCode code="2186-5" codeSystem="2.16.840.1.113883.6.238" displayName="Not Hispanic or Latino"/>
      </patient>
    </patientRole>
  </recordTarget>
  <component>
    <structuredBody>{"".join(parts)}
    </structuredBody>
  </component>
</ClinicalDocument>
"""

    def _section(
        self,
        template: str,
        code: str,
        title: str,
        many: int,
        entry: Callable[[str], tuple[str, str]],
    ) -> str:
        rows, entries, between = [], [], "\n                "
        for number in range(many):
            name = f"{title.split()[0]}{number}"
            words, coded = entry(name)
            rows.append(f'<tr ID="{name}"><td>{words}</td><td>as told</td></tr>')
            entries.append(coded)
        return f"""
      <component>
        <section>
          <templateId root="{template}" extension="2015-08-01"/>
          <code code="{code}" codeSystem="{LOINC}" codeSystemName="LOINC" displayName="{title}"/>
          <title>{title}</title>
          <text>
            <table border="1" width="100%">
              <thead><tr><th>What</th><th>Told</th></tr></thead>
              <tbody>
                {between.join(rows)}
              </tbody>
            </table>
          </text>{"".join(entries)}
        </section>
      </component>"""

    def _problem(self, name: str) -> tuple[str, str]:
        code, words = PROBLEMS[self._rng.integers(len(PROBLEMS))]
        begun = self._day()
        return (
            words,
            f"""
          <entry typeCode="DRIV">
            <act classCode="ACT" moodCode="EVN">
              <templateId root="2.16.840.1.113883.10.20.22.4.3" extension="2015-08-01"/>
              <id root="{self._id()}"/>
              <code code="CONC" codeSystem="2.16.840.1.113883.5.6"/>
              <statusCode code="active"/>
              <effectiveTime><low value="{begun}"/></effectiveTime>{AUTHOR.format(at=begun)}
              <entryRelationship typeCode="SUBJ">
                <observation classCode="OBS" moodCode="EVN">
                  <templateId root="2.16.840.1.113883.10.20.22.4.4" extension="2015-08-01"/>
                  <id root="{self._id()}"/>
                  <code code="55607006" codeSystem="{SNOMED}" displayName="Problem"/>
                  <text><reference value="#{name}"/></text>
                  <statusCode code="completed"/>
                  <effectiveTime><low value="{begun}"/></effectiveTime>
                  <value xsi:type="CD" code="{code}" codeSystem="{SNOMED}" displayName="{words}"/>
                </observation>
              </entryRelationship>
            </act>
          </entry>""",
        )

    def _drug(self, name: str) -> tuple[str, str]:
        code, words = DRUGS[self._rng.integers(len(DRUGS))]
        begun = self._day()
        return (
            words,
            f"""
          <entry typeCode="DRIV">
            <substanceAdministration classCode="SBADM" moodCode="EVN">
              <templateId root="2.16.840.1.113883.10.20.22.4.16" extension="2014-06-09"/>
              <id root="{self._id()}"/>
              <text><reference value="#{name}"/></text>
              <statusCode code="active"/>
              <effectiveTime xsi:type="IVL_TS"><low value="{begun}"/></effectiveTime>
              <effectiveTime xsi:type="PIVL_TS" operator="A"><period value="12" unit="h"/></effectiveTime>
              <routeCode code="C38288" codeSystem="2.16.840.1.113883.3.26.1.1" displayName="Oral"/>
              <doseQuantity value="1"/>
              <consumable>
                <manufacturedProduct classCode="MANU">
                  <templateId root="2.16.840.1.113883.10.20.22.4.23" extension="2014-06-09"/>
                  <manufacturedMaterial>
                    <code code="{code}" codeSystem="{RXNORM}" displayName="{words}"/>
                  </manufacturedMaterial>
                </manufacturedProduct>
              </consumable>{AUTHOR.format(at=begun)}
            </substanceAdministration>
          </entry>""",
        )

    def _panel(self, name: str) -> tuple[str, str]:
        at = self._day() + "0830-0500"
        inner = "".join(
            self._measure(lab, at, name, "2.16.840.1.113883.10.20.22.4.2") for lab in LABS
        )
        return "Panel", self._organizer("2.16.840.1.113883.10.20.22.4.1", "24323-8", at, inner)

    def _vitals(self, name: str) -> tuple[str, str]:
        at = self._day() + "0915-0500"
        inner = "".join(
            self._measure(one, at, name, "2.16.840.1.113883.10.20.22.4.27") for one in VITALS
        )
        return "Vital signs", self._organizer(
            "2.16.840.1.113883.10.20.22.4.26", "46680005", at, inner
        )

    def _organizer(self, template: str, code: str, at: str, inner: str) -> str:
        return f"""
          <entry typeCode="DRIV">
            <organizer classCode="CLUSTER" moodCode="EVN">
              <templateId root="{template}" extension="2015-08-01"/>
              <id root="{self._id()}"/>
              <code code="{code}" codeSystem="{LOINC}"/>
              <statusCode code="completed"/>
              <effectiveTime><low value="{at}"/><high value="{at}"/></effectiveTime>{AUTHOR.format(at=at)}{inner}
            </organizer>
          </entry>"""

    def _measure(
        self, what: tuple[str, str, str, float, float], at: str, name: str, template: str
    ) -> str:
        code, words, unit, mean, spread = what
        value = self._rng.normal(mean, spread)
        return f"""
              <component>
                <observation classCode="OBS" moodCode="EVN">
                  <templateId root="{template}" extension="2015-08-01"/>
                  <id root="{self._id()}"/>
                  <code code="{code}" codeSystem="{LOINC}" displayName="{words}"/>
                  <text><reference value="#{name}"/></text>
                  <statusCode code="completed"/>
                  <effectiveTime value="{at}"/>
                  <value xsi:type="PQ" value="{value:.1f}" unit="{unit}"/>
                  <interpretationCode code="N" codeSystem="2.16.840.1.113883.5.83"/>
                </observation>
              </component>"""

    def _vaccine(self, name: str) -> tuple[str, str]:
        return (
            "Influenza vaccine",
            f"""
          <entry typeCode="DRIV">
            <substanceAdministration classCode="SBADM" moodCode="EVN" negationInd="false">
              <templateId root="2.16.840.1.113883.10.20.22.4.52" extension="2015-08-01"/>
              <id root="{self._id()}"/>
              <text><reference value="#{name}"/></text>
              <statusCode code="completed"/>
              <effectiveTime value="{self._day()}"/>
              <consumable>
                <manufacturedProduct classCode="MANU">
                  <manufacturedMaterial>
                    <code code="141" codeSystem="{CVX}" displayName="Influenza, seasonal, injectable"/>
                    <lotNumberText>1</lotNumberText>
                  </manufacturedMaterial>
                </manufacturedProduct>
              </consumable>
            </substanceAdministration>
          </entry>""",
        )

    def _visit(self, name: str) -> tuple[str, str]:
        day = self._day()
        return (
            "Office visit",
            f"""
          <entry typeCode="DRIV">
            <encounter classCode="ENC" moodCode="EVN">
              <templateId root="2.16.840.1.113883.10.20.22.4.49" extension="2015-08-01"/>
              <id root="{self._id()}"/>
              <code code="99213" codeSystem="2.16.840.1.113883.6.12" displayName="Office outpatient visit 15 minutes">
                <originalText><reference value="#{name}"/></originalText>
              </code>
              <effectiveTime><low value="{day}0900-0500"/><high value="{day}0940-0500"/></effectiveTime>
            </encounter>
          </entry>""",
        )

    def _smoking(self, name: str) -> tuple[str, str]:
        return (
            "Never smoked",
            f"""
          <entry typeCode="DRIV">
            <observation classCode="OBS" moodCode="EVN">
              <templateId root="2.16.840.1.113883.10.20.22.4.78" extension="2014-06-09"/>
              <id root="{self._id()}"/>
              <code code="72166-2" codeSystem="{LOINC}" displayName="Tobacco smoking status"/>
              <text><reference value="#{name}"/></text>
              <statusCode code="completed"/>
              <effectiveTime value="{self._day()}"/>
              <value xsi:type="CD" code="266919005" codeSystem="{SNOMED}" displayName="Never smoked tobacco"/>
            </observation>
          </entry>""",
        )

    def _day(self) -> str:
        year = self._year - int(self._rng.integers(3))
        return f"{year}{self._rng.integers(1, 13):02d}{self._rng.integers(1, 29):02d}"

    def _id(self) -> UUID:
        return UUID(bytes=self._rng.bytes(16))


def main(folder: Path, size: str = "M") -> None:
    """Measure a whole ingest of the documents; the promise is of M and above, where start-up is a small part."""
    source = documents(folder, size)
    n_bytes = sum(path.stat().st_size for path in source.iterdir())
    took, told = ingested(source, folder)
    for work, ours, unit, target in (
        ("C-CDA documents, about 150 KB each", n_bytes / took["wall"] / MEGA, "MB/s", RATE),
        ("C-CDA documents: peak memory", took["peak_mb"], "MB", PEAK_MB),
    ):
        report(
            Result(
                work=work, size=size, peer="", ours=ours, theirs=None, unit=unit,
                higher_is_better=unit == "MB/s", target=target if size != "S" else None,
                peak_mb=took["peak_mb"], processor=took["processor"],
                checked=f"all {told:,} sections and entries accounted for",
                command=f"python -m benchmarks.ccda FOLDER {size}",
            )
        )  # fmt: skip


def documents(folder: Path, size: str) -> Path:
    """The folder of documents, made on first use."""
    out = folder / f"{size}.ccda"
    if not out.is_dir():
        passing = folder / f"{size}.ccda.passing"
        shutil.rmtree(passing, ignore_errors=True)
        passing.mkdir(parents=True)
        writer = Writer(1)
        for number in range(DOCUMENTS[size]):
            person, turn = divmod(number, DOCUMENTS_A_PERSON)
            (passing / f"{number:06d}.xml").write_text(writer.document(person, turn), "utf-8")
        passing.rename(out)
    return out


def ingested(source: Path, folder: Path) -> tuple[dict[str, float], int]:
    """Three ingests into an empty folder: the middle run, and the rows of the last, all accounted for.

    Raises
    ------
    SystemExit
        A row is not accounted for.
    """
    words = [str(source), "--as", "ccda"]
    middle, told = ingested_thrice(words, folder / "ccda.passing")
    if accounted(told) != told["rows_read"]:
        raise SystemExit("C-CDA: a row is not accounted for")
    return middle, int(told["rows_read"])


if __name__ == "__main__":
    from pathlib import Path

    main(Path(sys.argv[1]), *(sys.argv[2:] or ["M"]))
