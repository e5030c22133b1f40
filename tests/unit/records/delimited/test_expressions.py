"""What the expressions of a mapping say, one row at a time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import polars as pl
import pytest

from lifecourse.records.delimited.compiling import Compiler
from lifecourse.records.delimited.expressions import ExpressionError, parse
from lifecourse.records.delimited.moments import first_and_last

ROW = {
    "a": "3",
    "b": "2",
    "item": "GLU",
    "unit": None,
    "t": "2020-02-03 04:05",
    "odd name": "x",
    "code": "E119",
}


def said(text: str, row: dict[str, str | None] | None = None) -> Any:
    """What the expression `text` is for one row."""
    compiler = Compiler()
    value = compiler.value(parse(text))
    cells = {f"${name}": told for name, told in (row or ROW).items()}
    rows = pl.DataFrame([cells], schema=dict.fromkeys(cells, pl.String))
    for step in compiler.steps:
        rows = step.applied(rows)
    return rows.select(out=value.expr)["out"][0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$item", "GLU"),
        ("item", "item"),
        ('"it\'s"', "it's"),
        ("$`odd name`", "x"),
        ('f"LAB//{$item}//{$a}"', "LAB//GLU//3"),
        ('f"LAB//{$item}//{$unit}"', None),
        ("f\"LAB//{$item}//{$unit ?? 'UNK'}\"", "LAB//GLU//UNK"),
        ('f"{{{$a}}}"', "{3}"),
        ("LOINC//4548-4", "LOINC//4548-4"),
        ("$a + $b * 2", 7.0),
        ("($a + $b) * 2", 10.0),
        ("-$a ** 2", 9.0),
        ("$a / $b - 1", 0.5),
        ('$a == "3"', True),
        ("$a == 3", True),
        ("$a > 10", False),
        ('$item == "GLU" and not $a == "4"', True),
        ("$a in (1, 2, 3)", True),
        ('$item not in ["GLU", "CREA"]', False),
        ("$unit is null", True),
        ("$unit is not null", False),
        ("$unit == 'x'", None),
        ("/^G/ in $item and /3/ in $a", True),
        ("extract group 1 of /^(.)/ from $item", "G"),
        ("$code[0:3]", "E11"),
        ("$code[3:]", "9"),
        ("$code[-2:]", "19"),
        ("$a[-2:]", "3"),
        ("$code[1:-1]", "11"),
        ("f\"{'DRG' if $item == 'GLU' else 'X'}/{f'000{$a}'[-3:]}\"", "DRG/003"),
        ("substring($code, 0, 1)", "E"),
        ("'high' if $a > 2 else 'low'", "high"),
        ("'high' if $a > 5", None),
        ("coalesce($unit, $item)", "GLU"),
        ("hash($item)", "GLU"),
        ("lower($item)", "glu"),
        ("split($code, '1', 0)", "E"),
        ("$item::float", None),
        ("$a::int", 3.0),
        ('$t as "%Y-%m-%d %H:%M"', datetime(2020, 2, 3, 4, 5)),
        ("$t::datetime", datetime(2020, 2, 3, 4, 5)),
        ("$t::date", datetime(2020, 2, 3)),
        ("1940-01-01 + $a::days", datetime(1940, 1, 4)),
        ("1940-01-01 + $a::years", datetime(1942, 12, 31, 18)),
        ("$t::date @ 12:30", datetime(2020, 2, 3, 12, 30)),
        ('$item as "%Y"', None),
    ],
)  # fmt: skip
def test_an_expression_says(text: str, expected: Any) -> None:
    assert said(text) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("$a +", "expected a value at the end"),
        ("col(a)", r"written \$name"),
        ('f"{$a"', "has no }"),
        ("$a $b", r"expected the end before '\$b'"),
        ("$a ~ $b", "cannot be read from '~"),
        ("$a as dates", "no type 'dates'"),
        ("shout($a)", "no function shout"),
        ("$a in ($b)", "not columns"),
        ("/(/ in $a", "no regular expression"),
        ('$a as "%H:%M"', "has no year"),
        ("$a::days * 2", "is nothing"),
    ],
)
def test_what_cannot_be_said_is_told_where_it_goes_wrong(text: str, words: str) -> None:
    with pytest.raises(ExpressionError, match=words):
        Compiler().value(parse(text))


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2020-02-03", "2020-02-02T23:00:00", "2020-02-03T22:59:59.999999"),
        ("2020-02", "2020-01-31T23:00:00", "2020-02-29T22:59:59.999999"),
        ("2020", "2019-12-31T23:00:00", "2020-12-31T22:59:59.999999"),
        ("2020-02-03T04:05:06", "2020-02-03T03:05:06", "2020-02-03T03:05:06"),
        ("2020-02-03 04:05", "2020-02-03T03:05:00", "2020-02-03T03:05:00"),
        ("2020-02-03T04:05:06.25Z", "2020-02-03T04:05:06.250000", "2020-02-03T04:05:06.250000"),
        ("2020-02-03T04:05:06-0530", "2020-02-03T09:35:06", "2020-02-03T09:35:06"),
        ("2020-07-03", "2020-07-02T22:00:00", "2020-07-03T21:59:59.999999"),
        ("2020-03-29", "2020-03-28T23:00:00", "2020-03-29T21:59:59.999999"),
        ("2020-13-01", None, None),
        ("yesterday", None, None),
    ],
)
def test_a_time_is_as_exact_as_it_is_written_and_in_its_zone(
    text: str, first: str | None, last: str | None
) -> None:
    compiler = Compiler()
    moment = compiler.moment(parse("$t"))
    # Beside others, so that nothing rests on a column that is written one way.
    rows = pl.DataFrame({"$t": [text, "1999-01-01 10:00", "1999-01-01"]})
    for step in compiler.steps:
        rows = step.applied(rows)
    ends = first_and_last(moment.expr, moment.utc, moment.precision, "Europe/Vienna")
    answer = rows.select(first=ends[0], last=ends[1]).row(0)
    wanted = tuple(None if t is None else datetime.fromisoformat(t) for t in (first, last))
    assert answer == wanted


@pytest.mark.parametrize(
    ("form", "text", "last"),
    [
        ("%m/%d/%Y", "02/03/2020", "2020-02-03T23:59:59.999999"),
        ("%m/%Y", "02/2020", "2020-02-29T23:59:59.999999"),
        ("%Y", "2020", "2020-12-31T23:59:59.999999"),
        ("%d.%m.%Y %H", "03.02.2020 17", "2020-02-03T17:00:00"),
        ("%Y-%m-%dT%H:%M:%S%z", "2020-02-03T04:05:06+01:00", "2020-02-03T03:05:06"),
        ("%d%b%Y:%H:%M:%S", "03FEB2020:04:05:06", "2020-02-03T04:05:06"),
    ],
)
def test_a_format_says_how_exact_its_times_are(form: str, text: str, last: str) -> None:
    moment = Compiler().moment(parse(f'$t as "{form}"'))
    _, end = first_and_last(moment.expr, moment.utc, moment.precision, "UTC")
    answer = pl.DataFrame({"$t": [text, "nonsense"]}).select(last=end)["last"].to_list()
    assert answer == [datetime.fromisoformat(last), None]
