"""Messages are taken apart as python-hl7 takes them apart, and escapes are undone as the standard says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecourse.records.hl7v2.message import BadMessageError, Message, delimiters_of

if TYPE_CHECKING:
    from pathlib import Path

    from lifecourse.records.hl7v2.message import Segment

hl7 = pytest.importorskip("hl7", reason="python-hl7, the oracle of these tests, is not installed")


def apart(segment: Segment) -> list[list[list[str]]]:
    """Every component of every repetition of every field, as it stands."""
    sign = segment.delimiters.repetition
    return [[segment.parts(one) for one in raw.split(sign)] for raw in segment.fields[1:]]


def by_oracle(segment: Any) -> list[list[list[str]]]:
    """The same of a segment of python-hl7, which has texts for what has only one part."""
    return [
        [[one] if isinstance(one, str) else [str(part) for part in one] for one in field]
        if list(field)
        else [[""]]
        for field in list(segment)[1:]
    ]


def test_every_shared_message_comes_apart_as_the_oracle_has_it(shared_data: Path) -> None:
    for path in sorted(shared_data.joinpath("hl7v2-ccda", "hl7v2").glob("*.hl7")):
        text = path.read_text(encoding="utf-8-sig").replace("\r\n", "\r").replace("\n", "\r")
        ours = Message(text).segments
        theirs = list(hl7.parse(text.strip("\r")))
        assert len(ours) == len(theirs), path.name
        for mine, other in zip(ours[1:], theirs[1:], strict=True):
            assert apart(mine) == by_oracle(other), path.name


PLAIN = st.text(
    st.characters(codec="ascii", exclude_characters="|^~\\&\r\n\x00\x0b\x1a\x1c"), max_size=6
)
FIELDS = st.lists(
    st.lists(st.lists(PLAIN, min_size=1, max_size=3), min_size=1, max_size=3),
    min_size=1,
    max_size=5,
)


@given(FIELDS)
def test_any_fields_come_apart_as_the_oracle_has_them(fields: list[list[list[str]]]) -> None:
    written = "|".join("~".join("^".join(parts) for parts in field) for field in fields)
    text = f"MSH|^~\\&|A|B|C|D|20200101||ORU^R01|1|P|2.5\rOBX|{written}|end"
    segment = Message(text).segments[1]
    assert apart(segment) == by_oracle(hl7.parse(text).segment("OBX"))
    for number, field in enumerate(fields, start=1):
        for component, said in enumerate(field[0], start=1):
            assert (segment.text(number, component) or "") == said.strip().replace('""', "")


@pytest.mark.parametrize(
    ("raw", "meant"),
    [
        (r"a\F\b", "a|b"),
        (r"a\S\b", "a^b"),
        (r"a\T\b", "a&b"),
        (r"a\R\b", "a~b"),
        (r"a\E\b", "a\\b"),
        (r"a\X41\b", "aAb"),
        (r"a\XC3A9\b", "aéb"),
        (r"a\.br\b", "a\nb"),
        (r"a\.sp2\b", "a\n\nb"),
        (r"\H\bold\N\ plain", "bold plain"),
        (r"50\E\50", "50\\50"),
        (r"c:\dir", r"c:\dir"),
        (r"x\unknown thing\y", r"x\unknown thing\y"),
        ("\\", "\\"),
    ],
)
def test_escapes_are_undone(raw: str, meant: str) -> None:
    segment = Message(f"MSH|^~\\&|A\rNTE|1||{raw}").segments[1]
    assert segment.text(3) == meant


def test_null_is_no_value_and_not_two_quotes() -> None:
    segment = Message('MSH|^~\\&|A\rPID|1||""|""^""').segments[1]
    assert segment.is_null(3)
    assert segment.text(3) is None
    assert segment.text(4, 2) is None


def test_delimiters_are_those_that_the_message_names() -> None:
    segment = Message("MSH#*!$%#A\rOBX#1#CE#code*words*LN##a%b*c!d").segments[1]
    assert segment.text(3, 2) == "words"
    assert segment.text(5, 1, 2) == "b"
    assert segment.repetitions(5) == ["a%b*c", "d"]


@pytest.mark.parametrize(
    "head",
    ["MSH|^~\\&#|A", "MSH|^~\\&|A", "MSH|^~\\|A", "MSH|^~|A", "MSH|^|A||||", "MSH|^~\\\\&|A"],
)
def test_fewer_or_more_encoding_characters_are_understood(head: str) -> None:
    assert Message(f"{head}\rOBX|1|ST|c^w").segments[1].text(3, 2) == "w"


@pytest.mark.parametrize(
    "text",
    [
        "MSH||||",
        "MSH|ABCD|",
        "MSH|^^^^|A",
        "MSH|^~\\|",
        "MSH|^~|&|",
        "MSH",
        "PID|1|||",
        "MSHX^~\\&X",
        "MSH|^~\\&&&&&|",
    ],
)
def test_wrong_encoding_characters_are_refused(text: str) -> None:
    if text in ("MSH|^~\\|", "MSH|^~|&|"):
        assert delimiters_of(text).component == "^"
        return
    with pytest.raises(BadMessageError):
        Message(text)


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_segments_end_with_whatever_the_sender_ends_them_with(end: str) -> None:
    message = Message(end.join(["MSH|^~\\&|A", "PID|1", "OBX|1"]) + end)
    assert [segment.name for segment in message.segments] == ["MSH", "PID", "OBX"]


def test_line_within_a_text_is_part_of_it() -> None:
    message = Message("MSH|^~\\&|A\rOBX|1|TX|c||first\nsecond line|||||F\rNTE|1||x")
    assert message.stray == 1
    assert message.segments[1].text(5) == "first\nsecond line"
    assert message.segments[1].text(10) == "F"


def test_which_of_its_name_a_segment_is_counts_from_one() -> None:
    message = Message("MSH|^~\\&|A\rOBX|1\rNTE|1\rOBX|2")
    assert [segment.part for segment in message.segments] == [
        "MSH[1]",
        "OBX[1]",
        "NTE[1]",
        "OBX[2]",
    ]
