"""FHIR R4 bulk NDJSON, one file per resource type."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

import polars as pl

from lifecourse.simulation.parameters import address_item

if TYPE_CHECKING:
    from pathlib import Path

    from lifecourse.simulation.parameters import Parameters

URIS = {
    "LOINC": "http://loinc.org",
    "SNOMED": "http://snomed.info/sct",
    "ICD10CM": "http://hl7.org/fhir/sid/icd-10-cm",
    "RxNorm": "http://www.nlm.nih.gov/research/umls/rxnorm",
}
CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
CLASSES = {"outpatient": "AMB", "inpatient": "IMP"}
ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
UCUM = "http://unitsofmeasure.org"


ROWS_AT_ONCE = 20_000
"""Texts of so many facts are held at a time: about 10 MB."""


class FhirWriter:
    """Writes ``Patient.ndjson`` and the rest as it is told; they are whole once `close` was called."""

    def __init__(self, folder: Path, model: Parameters) -> None:
        self._folder = folder
        self._model = model
        self._tables = {name: coded.table for name, coded in model.codes.items()}
        self._files: dict[str, IO[bytes]] = {}

    def write(self, persons: pl.DataFrame, facts: pl.DataFrame) -> None:
        """Add people and their facts."""
        codings = self._codings()
        coding = pl.col("item").replace_strict(codings, return_dtype=pl.String)
        units = {name: coded.unit or "" for name, coded in self._model.codes.items()}
        unit = pl.col("item").replace_strict(units, return_dtype=pl.String)
        answers = {name: codings[name] for name, each in self._tables.items() if each == "answer"}
        lived = _addresses(self._of(facts, "address"), self._model)
        known = persons.join(lived, on="person", how="left", maintain_order="left")
        self._add("Patient", known, _patient())
        self._add("Encounter", self._of(facts, "visit"), _encounter())
        self._add("Condition", self._of(facts, "condition"), _condition(coding))
        self._add("MedicationRequest", self._of(facts, "drug"), _request(coding))
        self._add("Observation", self._of(facts, "measurement"), _quantity(coding, unit))
        self._add("Observation", self._of(facts, "observation"), _answer(coding, answers))
        self._add("DocumentReference", self._of(facts, "note"), _note(coding))

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            file.close()

    def _of(self, facts: pl.DataFrame, table: str) -> pl.DataFrame:
        items = [name for name, each in self._tables.items() if each == table]
        return facts.filter(pl.col("item").is_in(items))

    def _add(self, name: str, rows: pl.DataFrame, line: pl.Expr) -> None:
        file = self._file(name)
        for some in rows.iter_slices(ROWS_AT_ONCE):
            some.select(line).write_csv(file, include_header=False, quote_style="never")

    def _file(self, name: str) -> IO[bytes]:
        if name not in self._files:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._files[name] = (self._folder / f"{name}.ndjson").open("wb")
        return self._files[name]

    def _codings(self) -> dict[str, str]:
        codings = {}
        for name, coded in self._model.codes.items():
            system, code = coded.code.removeprefix("NOTE//").split("//", 1)
            uri = URIS.get(system, "")
            codings[name] = (
                f'{{"coding":[{{"system":"{uri}","code":"{code}","display":"{coded.display}"}}],'
                f'"text":"{coded.display}"}}'
            )
        return codings


def moment(column: str) -> pl.Expr:
    """Microseconds since 1970 as ISO 8601 text in UTC."""
    return pl.col(column).cast(pl.Datetime("us")).dt.strftime("%Y-%m-%dT%H:%M:%S+00:00")


def number(column: str) -> pl.Expr:
    """A value as JSON writes it: no ``.0`` behind whole numbers."""
    return pl.col(column).cast(pl.String).str.replace(r"\.0$", "")


def _start(kind: str) -> str:
    return '{"resourceType":"' + kind + '","id":"{}"'


_SUBJECT = ',"subject":{"reference":"Patient/{}"}'


def _text(template: str, *parts: pl.Expr | str) -> pl.Expr:
    """`template` with each ``{}`` filled; braces of JSON stay, which `pl.format` would not allow."""
    pieces = template.split("{}")
    joined: list[pl.Expr] = []
    for place, piece in enumerate(pieces):
        joined.append(pl.lit(piece))
        if place < len(parts):
            part = parts[place]
            joined.append((pl.col(part) if isinstance(part, str) else part).cast(pl.String))
    return pl.concat_str(joined).alias("line")


def _patient() -> pl.Expr:
    gender = pl.when("female").then(pl.lit("female")).otherwise(pl.lit("male"))
    death = pl.when(pl.col("death").is_not_null()).then(
        _text(',"deceasedDateTime":"{}"', moment("death"))
    )
    return _text(
        _start("Patient") + ',"gender":"{}","birthDate":"{}"{}{}}',
        "person",
        gender,
        pl.col("birth"),
        death.otherwise(pl.lit("")),
        pl.col("addresses").fill_null(""),
    )


def _addresses(rows: pl.DataFrame, model: Parameters) -> pl.DataFrame:
    """``addresses``: what a Patient says of them all, by ``person``."""
    districts = {
        address_item(county.fips): f'"district":"{county.name}","state":"{county.state}"'
        for county in model.places.counties
    }
    until = (
        pl.when(pl.col("end").is_null())
        .then(pl.lit(""))
        .otherwise(_text(',"end":"{}"', moment("end").str.slice(0, 10)))
    )
    use = pl.when(pl.col("end").is_null()).then(pl.lit("home")).otherwise(pl.lit("old"))
    each = _text(
        '{"use":"{}",{},"country":"US","period":{"start":"{}"{}}}',
        use,
        pl.col("item").replace_strict(districts, default="", return_dtype=pl.String),
        moment("time").str.slice(0, 10),
        until,
    )
    joined = rows.select("person", each).group_by("person", maintain_order=True)
    return joined.agg(
        addresses=pl.concat_str(pl.lit(',"address":['), pl.col("line").str.join(","), pl.lit("]"))
    )


def _encounter() -> pl.Expr:
    return _text(
        _start("Encounter")
        + ',"status":"finished","class":{"system":"'
        + ACT
        + '","code":"{}"}'
        + _SUBJECT
        + ',"period":{"start":"{}","end":"{}"}}',
        "id",
        pl.col("item").replace_strict(CLASSES),
        "person",
        moment("time"),
        moment("end"),
    )


def _condition(coding: pl.Expr) -> pl.Expr:
    return _text(
        _start("Condition")
        + ',"clinicalStatus":{"coding":[{"system":"'
        + CLINICAL
        + '","code":"active"}]},"verificationStatus":{"coding":[{"system":"'
        + VERIFICATION
        + '","code":"confirmed"}]},"code":{}'
        + _SUBJECT
        + ',"recordedDate":"{}"}',
        "id",
        coding,
        "person",
        moment("time"),
    )


def _request(coding: pl.Expr) -> pl.Expr:
    return _text(
        _start("MedicationRequest")
        + ',"status":"active","intent":"order","medicationCodeableConcept":{}'
        + _SUBJECT
        + ',"authoredOn":"{}","dispenseRequest":{"validityPeriod":{"start":"{}","end":"{}"}}}',
        "id",
        coding,
        "person",
        moment("time"),
        moment("time"),
        moment("end"),
    )


def _note(coding: pl.Expr) -> pl.Expr:
    """The text as an attachment."""
    words = pl.col("text").cast(pl.Binary).bin.encode("base64")
    return _text(
        _start("DocumentReference")
        + ',"status":"current","type":{}'
        + _SUBJECT
        + ',"date":"{}","content":[{"attachment":{"contentType":"text/plain; charset=utf-8","data":"{}"}}]}',
        "id",
        coding,
        "person",
        moment("time"),
        words,
    )


def _observation(value: str) -> str:
    return (
        _start("Observation")
        + ',"status":"final","code":{}'
        + _SUBJECT
        + ',"effectiveDateTime":"{}","issued":"{}",'
        + value
        + "}"
    )


def _quantity(coding: pl.Expr, unit: pl.Expr) -> pl.Expr:
    value = '"valueQuantity":{"value":{},"unit":"@","system":"' + UCUM + '","code":"@"}'
    template = _observation(value.replace("@", "{}"))
    return _text(
        template,
        "id",
        coding,
        "person",
        moment("time"),
        moment("time"),
        number("value"),
        unit,
        unit,
    )


def _answer(coding: pl.Expr, answers: dict[str, str]) -> pl.Expr:
    template = _observation('"valueCodeableConcept":{}')
    answer = pl.col("answer").replace_strict(answers)
    return _text(template, "id", coding, "person", moment("time"), moment("time"), answer)
