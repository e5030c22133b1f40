"""Hostile C-CDA: each ends in one clear error, or in a reject of its file, within bounded time and memory."""

from __future__ import annotations

import gzip
import re
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
from bounds import outcome
from ccdas import document, observation, problem, read, reasons, section

from lifecourse.base.errors import SourceError
from lifecourse.records.ccda import CcdaSource, markup, narrative
from lifecourse.records.ccda.intake import read_document
from lifecourse.records.ccda.markup import DEEPEST, RefusedError, tree_of
from lifecourse.records.registry import detect
from lifecourse.records.rows import Place, Rows
from lifecourse.timeline.ingestion import ingest

if TYPE_CHECKING:
    from pathlib import Path

ROOT = '<ClinicalDocument xmlns="urn:hl7-org:v3">'
END = "</ClinicalDocument>"
BOMB = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
HOSTILE = {
    "entity bomb": f'<!DOCTYPE x [<!ENTITY e0 "ha">{BOMB}]>{ROOT}<title>&e11;</title>{END}',
    "quadratic entity": f'<!DOCTYPE x [<!ENTITY e "{"a" * 10_000}">]>{ROOT}{"&e;" * 10_000}{END}',
    "external entity": f'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>{ROOT}<title>&e;</title>{END}',
    "external parameter entity": f'<!DOCTYPE x [<!ENTITY % e SYSTEM "http://127.0.0.1:9/x"> %e;]>{ROOT}{END}',
    "external type": f'<!DOCTYPE ClinicalDocument SYSTEM "http://127.0.0.1:9/x.dtd">{ROOT}{END}',
    "bare type": f"<!DOCTYPE ClinicalDocument>{ROOT}{END}",
    "type behind a comment": f"<!-- x --><?pi x?><!DOCTYPE ClinicalDocument>{ROOT}{END}",
    "undeclared entity": f"{ROOT}<title>&e;</title>{END}",
    "type behind the root": f"{ROOT}<!DOCTYPE x>{END}",
    "second root with a type": f"{ROOT}{END}<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><a>&e;</a>",
    "nested more than 100 deep": f"{ROOT}{'<section>' * DEEPEST}{'</section>' * DEEPEST}{END}",
    "nested a million deep": f"{ROOT}{'<a>' * 700_000}{'</a>' * 700_000}{END}",
    "cut short": f"{ROOT}<title>x</ti",
    "nothing": "",
    "not XML": "MSH|^~\\&|",
    "binary": "\x00\x01\x02",
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_document_is_one_clear_error(what: str, tmp_path: Path) -> None:
    path = tmp_path / "x.xml"
    path.write_text(HOSTILE[what], encoding="utf-8")
    source = CcdaSource(path)
    with pytest.raises(SourceError, match=r"x\.xml cannot be read: .*Export it again"):
        list(source.read(source.units()[0]))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_document_type_is_refused_in_any_encoding(encoding: str) -> None:
    with pytest.raises(RefusedError):
        tree_of(HOSTILE["entity bomb"].encode(encoding))


def test_among_other_files_the_hostile_one_is_a_reject_and_the_others_are_read(
    tmp_path: Path,
) -> None:
    for number, text in enumerate(HOSTILE.values()):
        (tmp_path / f"bad{number:02d}.xml").write_text(text, encoding="utf-8")
    (tmp_path / "good.xml").write_text(document(), encoding="utf-8")
    source = CcdaSource(tmp_path)
    batches = [batch for unit in source.units() for batch in source.read(unit)]
    refused = {
        f: r for b in batches if b.rejects is not None for f, _, r, _ in b.rejects.iter_rows()
    }
    assert len(refused) == len(HOSTILE)
    assert not any("passwd" in reason or "127.0" in reason for reason in refused.values())
    assert sum(b.events.height for b in batches if b.events is not None) > 0


def test_hostile_file_alone_leaves_no_store(tmp_path: Path) -> None:
    path = tmp_path / "x.xml"
    path.write_text(HOSTILE["external entity"], encoding="utf-8")
    assert detect(path) == "ccda"
    with pytest.raises(SourceError, match="document type declaration"):
        ingest(path, tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_packed_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    member = gzip.compress(b" " * (16 << 20))
    (tmp_path / "x.xml.gz").write_bytes(member * 40)  # 640 MB
    source = CcdaSource(tmp_path / "x.xml.gz")
    started = time.process_time()
    with pytest.raises(SourceError, match="unpacks to far more"):
        list(source.read(source.units()[0]))
    assert time.process_time() - started < 10


def test_damaged_packing_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    whole = gzip.compress(document().encode())
    for number, raw in enumerate(
        (whole[:-20], whole[:30] + b"\xff" * 20 + whole[50:], b"not gzip")
    ):
        path = tmp_path / f"{number}.xml.gz"
        path.write_bytes(raw)
        source = CcdaSource(path)
        with pytest.raises(SourceError, match="cannot be read"):
            list(source.read(source.units()[0]))


def test_long_document_is_refused_by_its_size_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.xml"
    with path.open("wb") as handle:
        handle.write(ROOT.encode())
        handle.truncate(2 << 30)  # two gigabytes without a line's end, of which none is written
    source = CcdaSource(path)
    started = time.process_time()
    with pytest.raises(SourceError, match="more than 64 MB"):
        list(source.read(source.units()[0]))
    assert time.process_time() - started < 1


def test_more_tags_or_attributes_than_a_record_has_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(markup, "MOST_TAGS", 100)
    monkeypatch.setattr(markup, "MOST_ATTRIBUTES", 100)
    with pytest.raises(RefusedError, match="more elements"):
        tree_of(f"{ROOT}{'<a/>' * 200}{END}".encode())
    names = " ".join(f'a{n}=""' for n in range(200))
    with pytest.raises(RefusedError, match="more elements"):
        tree_of(f"{ROOT}<a {names}/>{END}".encode())


def test_nesting_up_to_the_bound_is_read() -> None:
    depth = DEEPEST - 1
    assert tree_of(f"{ROOT}{'<a>' * depth}{'</a>' * depth}{END}".encode()) is not None


def test_long_text_that_every_entry_points_to_is_not_repeated_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(narrative, "MOST_REFERRED", 5_000)
    entry = observation("2", '<text><reference value="#t"/></text><effectiveTime value="2019"/>')
    text = f'<paragraph ID="t">{"x" * 1_000}</paragraph>'
    batch = read(document(section("30954-2", *[entry] * 40, text=text)))
    assert batch.events is not None
    repeated = batch.events.filter(batch.events["code"] == "TEXT//Observation")
    assert repeated["text_value"].str.len_chars().sum() <= 6_000
    assert any("not repeated" in told for told in batch.counts)


def test_endless_ids_are_none_and_long_ways_are_cut() -> None:
    endless = "9" * 1_000_000
    deep = "<entryRelationship><act>" * 40, "</act></entryRelationship>" * 40
    inner = observation("2", '<code code="1"/><effectiveTime value="2019"/>', name=endless)
    person = f'<recordTarget><patientRole><id root="1.2" extension="{endless}"/><id root="1.2" extension="7"/>'
    batch = read(
        document(
            section(
                "30954-2",
                f"<act>{deep[0]}<entryRelationship>{inner}</entryRelationship>{deep[1]}</act>",
            ),
            person=f"{person}</patientRole></recordTarget>",
        )
    )
    assert batch.events is not None
    for name in ("subject_key", "source_id", "source_part"):
        longest = batch.events[name].str.len_chars().max()
        assert isinstance(longest, int)
        assert longest <= 600


@pytest.mark.parametrize("held", ["component", "entryRelationship"])
def test_time_grows_with_the_number_of_statements_and_no_faster(held: str) -> None:
    def seconds(many: int) -> float:
        result = observation("2", '<code code="1"/>')
        inner = f"<{held}>{result}</{held}>" * many
        tree = tree_of(document(section("30954-2", f"<organizer>{inner}</organizer>")).encode())
        started = time.process_time()
        read_document(tree, Rows(), Place(file=0, name="x.xml", zone="UTC"))
        return time.process_time() - started

    seconds(100)
    assert seconds(8_000) < 40 * seconds(1_000)


def test_endless_code_is_no_code() -> None:
    code = f'<code code="{"9" * 1_000_000}" codeSystem="2.16.840.1.113883.6.1"/>'
    batch = read(
        document(section("30954-2", observation("2", f'{code}<effectiveTime value="2019"/>')))
    )
    assert reasons(batch) == ["no code"]


JUNK = (
    "",
    " ",
    "x",
    "-1",
    "9" * 40,
    "1e400",
    "NaN",
    "//",
    "\u00e9",
    "20201399",
    "00000000",
    "&#x9;",
    "urn:oid:",
    "#",
    "#o1",
)


def test_anything_in_place_of_anything_is_read_or_counted_and_never_an_exception() -> None:
    value = '<value xsi:type="PQ" value="7.1" unit="%"/><effectiveTime value="20190101"/>'
    code = '<code code="4548-4" codeSystem="2.16.840.1.113883.6.1"/>'
    diabetes = '<value xsi:type="CD" code="44054006" codeSystem="2.16.840.1.113883.6.96"/>'
    whole = document(
        section("11450-4", problem(diabetes)),
        section("30954-2", observation("2", code + value)),
        text_of_everything(),
    )
    check_damaged([whole], many=250)


@pytest.mark.prove
def test_real_documents_damaged_anywhere_are_read_or_counted(shared_data: Path) -> None:
    folder = shared_data / "hl7v2-ccda" / "ccda"
    check_damaged(
        [path.read_text(encoding="utf-8-sig") for path in sorted(folder.glob("*.ccda"))], many=300
    )


def check_damaged(documents: list[str], *, many: int) -> None:
    """Every row of each damaged document is accounted for, unless the document is refused."""
    rng = np.random.default_rng(5)
    for _ in range(many):
        text = documents[int(rng.integers(len(documents)))]
        for _ in range(int(rng.integers(1, 10))):
            text = damaged(text, rng)
        try:
            batch = read(text)
        except RefusedError:
            continue
        assert batch.events is not None
        assert batch.rejects is not None
        gave = set(batch.events["source_row"].to_list())
        refused = set(batch.rejects["row"].to_list())
        assert not gave & refused
        assert len(gave) + len(refused) + sum(batch.reference_rows.values()) == batch.rows_read


ELEMENT = re.compile(r"<(\w+)[^<>]*/>|<(\w+)[^<>]*>[^<]*</\2>")
NAMES = (
    "value",
    "code",
    "effectiveTime",
    "observation",
    "act",
    "entryRelationship",
    "id",
    "text",
    "section",
)


def damaged(text: str, rng: np.random.Generator) -> str:
    """`text` with an attribute's value replaced, elements renamed or exchanged, or a piece taken out."""
    kind = int(rng.integers(4))
    if kind == 0 and '"' in text:
        parts = text.split('"')
        parts[2 * int(rng.integers(len(parts) // 2)) + 1] = JUNK[int(rng.integers(len(JUNK)))]
        return '"'.join(parts)
    if kind == 1:
        old, new = rng.choice(NAMES, 2)
        return text.replace(f"<{old} ", f"<{new} ").replace(f"</{old}>", f"</{new}>")
    elements = list(ELEMENT.finditer(text))
    if not elements:
        return text
    one, other = (elements[int(rng.integers(len(elements)))] for _ in range(2))
    return text[: one.start()] + (other[0] if kind == 2 else "") + text[one.end() :]


def text_of_everything() -> str:
    """A section with one statement of each class, most of them saying nothing."""
    kinds = (
        "act", "encounter", "observation", "observationMedia", "organizer", "procedure", "regionOfInterest",
        "substanceAdministration", "supply",
    )  # fmt: skip
    inside = "".join(f'<entry><{kind} classCode="X" moodCode="INT"/></entry>' for kind in kinds)
    return f'<section><code code="18776-5"/><text ID="o1">Said</text>{inside}<entry/></section>'


@pytest.mark.prove
@pytest.mark.parametrize(
    ("name", "piece", "many"),
    [
        ("line.xml", b"x" * (1 << 20), 2_048),
        ("tags.xml", b"<a/>", 16_000_000),
        ("attributes.xml", b'<a b=""/>', 1_599_000),
        ("deep.xml", b"<a>", 1_500_000),
        ("names.xml", b"<a%d/>", 1_500_000),
        ("bomb.xml.gz", b" " * (64 << 20), 160),
    ],
)
def test_largest_of_each_kind_stays_within_a_gigabyte_and_a_minute(
    tmp_path: Path, name: str, piece: bytes, many: int
) -> None:
    path = tmp_path / name
    with path.open("wb") as handle:
        if name.endswith(".gz"):
            member = gzip.compress(piece)
            for _ in range(many):
                handle.write(member)
        else:
            handle.write(ROOT.encode())
            for number in range(many):
                handle.write(piece % number if b"%d" in piece else piece)
            handle.write(END.encode())
    said = outcome(path, "ccda", most_mb=1_024, most_seconds=60)
    assert said.startswith("SourceError 110") or "SourceError" not in said
