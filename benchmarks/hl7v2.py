"""HL7 v2 messages into a store: ``python -m benchmarks.hl7v2 FOLDER [SIZE] [INPUT ...]``, feed or examples.

Each input is a whole ingest on both cores into an encrypted store. *feed* is a hospital's, made by a seeded generator:
people who are admitted and discharged, each visit with its diagnosis and every day a panel of 6 to 14 results, with
vaccines and comments; about a kilobyte a message. *examples* are the public messages of many kinds, each as many
times as it takes, with ids of their own; about four kilobytes each. Every message must be an event row, a duplicate, a
reject or counted by type.
"""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
from benchmarks.workload import SHARED, Result, accounted, ingested_thrice, report

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MESSAGES = {"S": 6_000, "M": 40_000, "L": 200_000}
RATE, PEAK_MB = 1_500.0, 1_500.0
INPUTS = ("feed", "examples")
SEED = 20
FILES = 10
# LOINC code, words, unit, mean and standard deviation of what is found.
RESULTS = (
    ("718-7", "Hemoglobin", "g/dL", 13.8, 1.6), ("4544-3", "Hematocrit", "%", 41.0, 4.5),
    ("6690-2", "Leukocytes", "10*3/uL", 7.4, 2.1), ("777-3", "Platelets", "10*3/uL", 250.0, 60.0),
    ("2160-0", "Creatinine", "mg/dL", 0.95, 0.3), ("2951-2", "Sodium", "mmol/L", 139.0, 3.0),
    ("2823-3", "Potassium", "mmol/L", 4.2, 0.5), ("2345-7", "Glucose", "mg/dL", 105.0, 30.0),
    ("3094-0", "Urea nitrogen", "mg/dL", 15.0, 6.0), ("17861-6", "Calcium", "mg/dL", 9.4, 0.5),
    ("1742-6", "ALT", "U/L", 28.0, 14.0), ("1920-8", "AST", "U/L", 25.0, 11.0),
    ("2089-1", "LDL cholesterol", "mg/dL", 118.0, 35.0), ("4548-4", "Hemoglobin A1c", "%", 5.8, 0.9),
)  # fmt: skip
DIAGNOSES = (
    ("I10", "Essential hypertension"), ("E11.9", "Type 2 diabetes mellitus"), ("J18.9", "Pneumonia"),
    ("N18.3", "Chronic kidney disease, stage 3"), ("I48.91", "Atrial fibrillation"),
)  # fmt: skip
STATES = (("CA", "90012"), ("TX", "77002"), ("NY", "10001"), ("OH", "43004"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """A source and how many messages it has; some may be about several people."""

    work: str
    path: Path
    messages: int
    is_of_several: bool = False


def main(folder: Path, size: str, *names: str) -> None:
    """Measure the inputs named, or all; the promises are of M and above, where start-up is a small part."""
    for source in inputs(folder, size, names or INPUTS):
        took = ingested(source, folder)
        command = f"python -m benchmarks.hl7v2 FOLDER {size}"
        report(
            Result(
                work=f"{source.work}: peak memory",
                size=size,
                peer="",
                ours=took["peak_mb"],
                theirs=None,
                unit="MB",
                target=PEAK_MB,
                command=command,
            )
        )
        report(
            Result(
                work=source.work,
                size=size,
                peer="",
                ours=source.messages / took["wall"],
                theirs=None,
                unit="messages/s",
                higher_is_better=True,
                target=RATE if size != "S" else None,
                peak_mb=took["peak_mb"],
                processor=took["processor"],
                checked=f"all {source.messages:,} messages accounted for",
                command=command,
            )
        )


def inputs(folder: Path, size: str, names: tuple[str, ...]) -> Iterator[Input]:
    """The sources, made on first use; the examples only where they are here."""
    if "feed" in names:
        out = folder / f"{size}.hl7v2"
        if not (out / "counts.json").is_file():
            _write(out, _feed(MESSAGES[size]))
        yield Input(work="HL7 v2 of a hospital's feed", path=out / "lines", messages=_count(out))
    public = sorted((SHARED / "data" / "hl7v2-ccda" / "hl7v2").glob("*.hl7"))
    if "examples" not in names:
        return
    if not public:
        sys.stdout.write("the public messages are not here: they were not measured\n")
        return
    out = folder / f"{size}.hl7v2-examples"
    if not (out / "counts.json").is_file():
        _write(out, _copies(public, MESSAGES[size]))
    yield Input(
        work="HL7 v2 of public examples",
        path=out / "lines",
        messages=_count(out),
        is_of_several=True,
    )


def _count(out: Path) -> int:
    return int(json.loads((out / "counts.json").read_text())["messages"])


def _write(out: Path, messages: Iterator[str]) -> None:
    """A few files of messages, each segment with its CR."""
    lines = out / "lines"
    shutil.rmtree(out, ignore_errors=True)
    lines.mkdir(parents=True)
    files = [(lines / f"{number}.hl7").open("w", newline="") for number in range(FILES)]
    count = 0
    for message in messages:
        files[count % FILES].write(message)
        count += 1
    for file in files:
        file.close()
    (out / "counts.json").write_text(json.dumps({"messages": count}))


def _copies(paths: list[Path], count: int) -> Iterator[str]:
    """The messages in turn; each copy of all of them is of other people."""
    texts = [
        path.read_text(encoding="utf-8-sig").replace("\r\n", "\r").replace("\n", "\r")
        for path in paths
    ]
    for number in range(count):
        text = texts[number % len(texts)].strip("\r")
        copy = number // len(texts)
        lines = [_renamed(line, copy) for line in text.split("\r")]
        yield "\r".join(lines) + "\r"


def _renamed(line: str, copy: int) -> str:
    """A PID, PV1, ORC, OBR or MRG with ids of the copy's own."""
    place = {"PID": 3, "PV1": 19, "ORC": 3, "OBR": 3, "MRG": 1}.get(line[:3])
    fields = line.split("|")
    if place is not None and place < len(fields) and fields[place]:
        fields[place] = f"{copy}-{fields[place]}"
    return "|".join(fields)


def _feed(count: int) -> Iterator[str]:
    """Visits one after the other, until there are `count` messages."""
    random = np.random.default_rng(SEED)
    told = 0
    while told < count:
        for message in _visit(random, int(random.integers(max(count // 12, 1))), told):
            yield message
            told += 1
            if told == count:
                return


def _visit(random: np.random.Generator, person: int, told: int) -> Iterator[str]:
    began = datetime(2019, 1, 1, tzinfo=UTC) + timedelta(
        minutes=int(random.integers(5 * 365 * 24 * 60))
    )
    days = int(random.integers(1, 9))
    visit = f"V{told}"
    diagnosis = DIAGNOSES[int(random.integers(len(DIAGNOSES)))]
    dg1 = f"DG1|1||{diagnosis[0]}^{diagnosis[1]}^I10C||{_stamp(began)}|A"
    yield _message("ADT^A01", began, f"{told}a", person, _pv1(visit, began, None), dg1)
    for day in range(days):
        at = began + timedelta(days=day, hours=6)
        yield _message(
            "ORU^R01",
            at,
            f"{told}r{day}",
            person,
            _pv1(visit, began, None),
            *_panel(random, told, day, at),
        )
    if random.random() < 0.4:
        given = f"RXA|0|1|{_stamp(began)[:8]}||140^Influenza^CVX|0.5|mL||||||||||||CP|A"
        yield _message("VXU^V04", began, f"{told}v", person, f"ORC|RE||{told}v^HOSP", given)
    ended = began + timedelta(days=days)
    yield _message("ADT^A03", ended, f"{told}d", person, _pv1(visit, began, ended), dg1)


def _panel(random: np.random.Generator, told: int, day: int, at: datetime) -> Iterator[str]:
    number = f"{told}.{day}^LAB"
    reported = _stamp(at + timedelta(hours=3))
    yield f"ORC|RE||{number}|||||||{_stamp(at)}"
    yield f"OBR|1||{number}|24323-8^Comprehensive panel^LN|||{_stamp(at)}|||||||||||||||{reported}|||F"
    chosen = random.permutation(len(RESULTS))[: int(random.integers(6, len(RESULTS) + 1))]
    for place, which in enumerate(chosen, start=1):
        code, words, unit, mean, deviation = RESULTS[int(which)]
        value = max(random.normal(mean, deviation), 0.1)
        yield (
            f"OBX|{place}|NM|{code}^{words}^LN||{value:.1f}|{unit}^{unit}^UCUM|{mean - deviation:.1f}-"
            f"{mean + deviation:.1f}|N|||F|||{_stamp(at)}"
        )
    if random.random() < 0.2:
        yield "NTE|1|L|Specimen slightly hemolyzed; potassium may be falsely raised."


def _message(kind: str, at: datetime, control: str, person: int, *segments: str) -> str:
    state, postal = STATES[person % len(STATES)]
    born = f"{1930 + person % 70}0{1 + person % 9}15"
    sex, phone = "FM"[person % 2], f"(555)555-{person % 10_000:04d}"
    home = f"{person} MAIN ST^^TOWN^{state}^{postal}^USA^H"
    first = [
        f"MSH|^~\\&|ADT|HOSP|STORE|HOSP|{_stamp(at)}-0500||{kind}|{control}|P|2.5.1",
        f"PID|1||{person:07d}^^^HOSP^MR||DOE{person}^JAN^Q||{born}|{sex}||2106-3^White^CDCREC|{home}||"
        f"{phone}|||M||||||N^Not Hispanic^HL70189",
    ]
    return "\r".join([*first, *segments]) + "\r"


def _pv1(visit: str, began: datetime, ended: datetime | None) -> str:
    left = _stamp(ended) if ended else ""
    who = "1234^HIPPOCRATES^HAROLD"
    return f"PV1|1|I|4E^136^B^HOSP||||{who}||||||||||||{visit}^^^HOSP^VN{'|' * 25}{_stamp(began)}|{left}"


def _stamp(at: datetime) -> str:
    return at.strftime("%Y%m%d%H%M%S")


def ingested(source: Input, folder: Path) -> dict[str, float]:
    """Three ingests into an empty folder, the report of the last checked against the source.

    Raises
    ------
    SystemExit
        A message is not accounted for.
    """
    middle, told = ingested_thrice([str(source.path)], folder / "hl7v2.passing")
    n = accounted(told)
    # A message about two people, as a merge is, counts for each of them.
    is_whole = n == source.messages or (source.is_of_several and n > source.messages)
    if told["rows_read"] != source.messages or not is_whole:
        raise SystemExit(
            f"{source.messages:,} messages, {told['rows_read']:,} read, {n:,} accounted for"
        )
    return middle


if __name__ == "__main__":
    from pathlib import Path

    main(Path(sys.argv[1]), *(sys.argv[2:] or ["M"]))
