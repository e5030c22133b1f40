"""A chart's events as a reader meets them: visits, problems, medicines, measurements, each with a name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from lifecourse.base.clock import from_microseconds, to_microseconds
from lifecourse.schema.code import SEPARATOR
from lifecourse.serve.measurements import measurements
from lifecourse.timeline.shard import NO_END, STATIC, CodeTable
from lifecourse.vocab.codelists import SENSITIVE, codelist, describe, names

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from lifecourse.timeline.chart import Chart

# What the row of a source says of its kind, by the table or resource its id names.
KIND_OF_SOURCE = {
    "Condition": "problem",
    "condition_occurrence": "problem",
    "Encounter": "visit",
    "visit_occurrence": "visit",
    "MedicationRequest": "medicine",
    "MedicationStatement": "medicine",
    "MedicationAdministration": "medicine",
    "MedicationDispense": "medicine",
    "drug_exposure": "medicine",
    "Procedure": "procedure",
    "procedure_occurrence": "procedure",
    "DiagnosticReport": "report",
    "Immunization": "immunisation",
    "Observation": "measurement",
    "measurement": "measurement",
    "observation": "measurement",
    "AllergyIntolerance": "allergy",
}
# The first part of a code says it where the source does not.
KIND_OF_SYSTEM = {
    "VISIT": "visit",
    "VISIT_END": "end of visit",
    "HOSPITAL_ADMISSION": "visit",
    "HOSPITAL_DISCHARGE": "end of visit",
    "ALLERGY": "allergy",
    "FAMILY_HISTORY": "family history",
    "NOT_DONE": "not done",
    "PLANNED": "planned",
    "REFUTED": "refuted",
    "UNCONFIRMED": "unconfirmed",
    "MEDS_BIRTH": "person",
    "MEDS_DEATH": "person",
    "SEX": "person",
    "GENDER": "person",
    "RACE": "person",
    "ETHNICITY": "person",
    "MARITAL_STATUS": "person",
    "ICD10CM": "problem",
    "ICD9CM": "problem",
    "DIAGNOSIS": "problem",
    "RxNorm": "medicine",
    "ATC": "medicine",
    "NDC": "medicine",
    "MEDICATION": "medicine",
    "CVX": "immunisation",
    "CPT4": "procedure",
    "HCPCS": "procedure",
    "ICD10PCS": "procedure",
    "ICD9Proc": "procedure",
    "PROCEDURE": "procedure",
    "LOINC": "measurement",
    "LAB": "measurement",
    "ADDRESS": "address",
    "EXPOSURE": "exposure",
    "GENOTYPE": "genotype",
    "PGS": "polygenic score",
    "CGM": "device",
    "SERIES": "device",
    "NOTED": "said in a note",
}
# These say what a code is whatever row it came from: a planned medicine is not a medicine.
DECISIVE = frozenset(
    {"VISIT_END", "ALLERGY", "FAMILY_HISTORY", "NOT_DONE", "PLANNED", "REFUTED", "UNCONFIRMED"}
    | {"MEDS_BIRTH", "MEDS_DEATH", "SEX", "GENDER", "RACE", "ETHNICITY", "MARITAL_STATUS"}
    | {"ADDRESS", "EXPOSURE", "GENOTYPE", "PGS", "CGM", "SERIES", "NOTED"}
)
# Their text is an answer, not a name.
TEXT_BESIDE = ("genotype", "said in a note")
NOT_GIVEN = re.compile(r"\b(not|hold|stopped|removed|refused|missed|delayed)\b", re.IGNORECASE)
PERSON = {"MEDS_BIRTH": "Birth", "MEDS_DEATH": "Death"}
TAGS = (" (disorder)", " (finding)", " (situation)", " (procedure)", " (regime/therapy)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """An event with a name and a kind.

    place : its row in the chart
    time, end : microseconds UTC; None = static, not stated
    value : in `unit`, as recorded
    """

    place: int
    kind: str
    code: str
    name: str
    time: int | None
    end: int | None
    onset: int | None
    precision: str | None
    value: float | None
    unit: str | None
    text: str | None
    source: str | None

    @property
    def anchor(self) -> str:
        """Where the page shows it."""
        return f"event-{self.place}"

    @property
    def is_dose(self) -> bool:
        """Whether this is one dose given, not a course that goes on."""
        if (self.source or "").startswith("MedicationAdministration/"):
            return True
        return _medication(self.code)[1] not in ("", "START", "STOP")

    @property
    def began(self) -> int | None:
        """When it happened: the onset where that was before it was known."""
        return self.time if self.onset is None else self.onset

    def to_dict(self) -> dict[str, Any]:
        """As JSON says it."""
        return {
            "event": self.place,
            "kind": self.kind,
            "code": self.code,
            "name": self.name,
            "time": iso(self.time),
            "end": iso(self.end),
            "onset": iso(self.onset),
            "precision": self.precision,
            "value": self.value,
            "unit": self.unit,
            "text": self.text,
            "source": self.source,
        }


def iso(microseconds: int | None) -> str | None:
    """A moment as JSON says it."""
    return None if microseconds is None else from_microseconds(microseconds).isoformat()


class Record:
    """The facts of one chart."""

    def __init__(self, chart: Chart) -> None:
        self.chart = chart

    @cached_property
    def facts(self) -> list[Fact]:
        """All events, in the chart's order."""
        table = self.chart.events
        return [self._fact(place, row) for place, row in enumerate(table.iter_rows(named=True))]

    def of(self, *kinds: str) -> list[Fact]:
        """The facts of some kinds, in order."""
        return [fact for fact in self.facts if fact.kind in kinds]

    @cached_property
    def _measured(self) -> dict[int, str]:
        """Codes of what the page draws, by the short name it draws them under."""
        codes = self.chart.shard.codes
        return {int(i): m.title for m in measurements() for i in codes.ids(m.codes)}

    @cached_property
    def _listed(self) -> dict[int, str]:
        """Names of codes that the source did not name: of the narrowest codelist they are in, with the code."""
        table = self.chart.shard.codes
        ids = [int(i) for i in np.unique(self.chart.shard.code) if not table.descriptions[i]]
        names = {i: (table.codes[i], *table.parents[i]) for i in ids}
        _learn({*names.values()})
        return {i: title for i, name in names.items() if (title := _TITLES.get(name)) is not None}

    @cached_property
    def _places(self) -> dict[tuple[Any, ...], int]:
        found: dict[tuple[Any, ...], int] = {}
        for fact in self.facts:
            for key in (
                (fact.code, fact.time, fact.source),
                (fact.code, fact.time),
                (fact.source,),
            ):
                if key[-1] is not None:
                    found.setdefault(key, fact.place)
        return found

    def name_of(self, code: str) -> str:
        """What a code is called in this record; the code itself where it is not in it."""
        return next((fact.name for fact in self.facts if fact.code == code), code)

    def place_of(self, event: dict[str, Any]) -> int | None:
        """The row of an event that a score or rule names by code, time and source id; None if unknown."""
        code, when, source = event.get("code"), _moment(event.get("time")), event.get("source_id")
        for key in ((code, when, source), (code, when), (source,)):
            if key[-1] is not None and key in self._places:
                return self._places[key]
        return None

    def _fact(self, place: int, row: dict[str, Any]) -> Fact:
        shard = self.chart.shard
        time, end = int(shard.time[place]), int(shard.end[place])
        identity = int(shard.code[place])
        names = (row["code"], *shard.codes.parents[identity])
        kind = _kind(names, row["source_id"], row["numeric_value"])
        # The source's own words come before a codelist's; the text of a measurement is its answer.
        said = row["text_value"] and kind != "measurement"
        described = self._measured.get(identity) or shard.codes.descriptions[identity]
        return Fact(
            place=place,
            kind=kind,
            code=row["code"],
            name=_name(
                row,
                names[min(len(names) - 1, kind == "problem")],
                described or (None if said else self._listed.get(identity)),
                kind,
            ),
            time=None if time == STATIC else time,
            end=None if end == NO_END else end,
            onset=_moment(row["onset_time"]),
            precision=row["precision"],
            value=row["numeric_value"],
            unit=row["unit"],
            text=row["text_value"],
            source=row["source_id"],
        )


_TITLES: dict[tuple[str, ...], str | None] = {}
"""What a code and what it stands for are called by codelists: a hundred and more lists are asked once, not a page."""
MOST_TITLES = 100_000


def _learn(names: set[tuple[str, ...]]) -> None:
    """Add the titles of codes that are not known yet."""
    if len(_TITLES) > MOST_TITLES:
        _TITLES.clear()
    new = sorted(names - _TITLES.keys())
    if not new:
        return
    table = CodeTable(
        codes=[code for code, *_ in new],
        parents=[tuple(parents) for _, *parents in new],
        descriptions=[None] * len(new),
        unit_factor=np.ones(len(new)),
    )
    found = titles_of(table)
    _TITLES.update({name: found.get(place) for place, name in enumerate(new)})


def titles_of(table: CodeTable) -> dict[int, str]:
    """By id, the title of the narrowest codelist a code is in, with the code; absent where it is in none."""
    found: dict[int, str] = {}
    for name in _narrowest_first():
        title = describe(name)["title"]
        for place in table.ids(codelist(name)):
            code = (table.parents[place] or (table.codes[place],))[0]
            coded = "" if code.startswith("VISIT") else f" ({code.replace(SEPARATOR, ' ')})"
            found.setdefault(int(place), title + coded)
    return found


@cache
def _narrowest_first() -> list[str]:
    def width(name: str) -> int:
        listed = codelist(name)
        return len(listed.exact) + 20 * len(listed.prefixes) + 100 * len(listed.regexes)

    # What is protected together is no name for any of it.
    named = (name for name in names() if not name.startswith(SENSITIVE))
    return sorted(named, key=width)


def _moment(when: datetime | str | int | None) -> int | None:
    from datetime import datetime as moment

    if isinstance(when, str):
        when = moment.fromisoformat(when)
    return to_microseconds(when) if isinstance(when, moment) else when


def _kind(names: Sequence[str], source: str | None, value: float | None) -> str:
    medicine, given = _medication(names[0])
    if medicine and given == "STOP":
        return "end of medicine"
    if medicine and given and NOT_GIVEN.search(given):
        return "not done"
    systems = [name.split(SEPARATOR, 1)[0] for name in names]
    for system in systems:
        if system in DECISIVE:
            return KIND_OF_SYSTEM[system]
    from_source = KIND_OF_SOURCE.get((source or "").partition("/")[0])
    if from_source:
        return from_source
    for system in systems:
        if system in KIND_OF_SYSTEM:
            return KIND_OF_SYSTEM[system]
    if systems[0] == "SNOMED":
        return "problem" if value is None else "measurement"
    return "other"


def _medication(code: str) -> tuple[str, str]:
    """MIMIC's medicines: name and START or STOP of an order, or what became of one dose; empty if another code."""
    parts = code.split(SEPARATOR)
    if parts[0] != "MEDICATION" or len(parts) < 2:
        return "", ""
    if parts[1] in ("START", "STOP"):
        return SEPARATOR.join(parts[2:]), parts[1]
    return parts[1], SEPARATOR.join(parts[2:])


def _name(row: dict[str, Any], code: str, description: str | None, kind: str) -> str:
    if row["code"] in PERSON:
        return PERSON[row["code"]]
    if kind in TEXT_BESIDE:
        about = row["code"].split(SEPARATOR, 1)[1].replace(SEPARATOR, " ")
        return f"{about}: {row['text_value']}" if row["text_value"] else about
    said: str = description or ("" if kind == "measurement" else row["text_value"] or "")
    if not said:
        medicine, _ = _medication(code)
        said = medicine or code.removeprefix("VISIT//").replace(SEPARATOR, " ")
    for tag in TAGS:
        said = said.removesuffix(tag)
    return said
