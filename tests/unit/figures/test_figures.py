"""Figures of a life: the picture and the table say the same, in words that are escaped."""

from __future__ import annotations

from datetime import UTC, datetime
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecourse.base.clock import MICROSECONDS_PER_DAY as DAY
from lifecourse.base.clock import to_microseconds
from lifecourse.base.errors import UserError
from lifecourse.figures.axis import MOST_TICKS, TimeAxis
from lifecourse.figures.calibration import calibration
from lifecourse.figures.decision import decision_curve
from lifecourse.figures.icon_array import icon_array, in_words
from lifecourse.figures.lanes import Bar, BarRow, Lane, Point, PointRow, band_words, lanes, number
from lifecourse.figures.sparkline import sparkline
from lifecourse.figures.svg import Figure

NAME = "{http://www.w3.org/2000/svg}"


def parts(figure: Figure, tag: str) -> list[ElementTree.Element]:
    return ElementTree.fromstring(figure.svg).findall(f".//{NAME}{tag}")  # noqa: S314 -- our own SVG


def day(*when: int) -> int:
    return to_microseconds(datetime(*when, tzinfo=UTC))  # type: ignore[arg-type]  # year, month and so on


def test_a_point_outside_its_band_is_hollow_and_said_so() -> None:
    points = [Point(time=day(2020, 1, 1), value=5.0), Point(time=day(2021, 1, 1), value=8.0)]
    row = PointRow(name="HbA1c", unit="%", points=points, band=(None, 5.6))
    figure = lanes(
        [Lane(title="Measurements", rows=[row])],
        start=day(2019, 1, 1),
        end=day(2022, 1, 1),
        title="Timeline",
    )
    assert [circle.get("fill") == "none" for circle in parts(figure, "circle")] == [False, True]
    assert [cells["range"] for cells in figure.rows] == [None, "above up to 5.6"]
    assert "8 ▲" in figure.svg


def test_bars_outside_the_axis_are_in_neither_picture_nor_table() -> None:
    bars = [
        Bar(start=day(2000, 1, 1), end=day(2001, 1, 1), name="before"),
        Bar(start=day(2000, 1, 1), end=day(2020, 6, 1), name="into"),
        Bar(start=day(2020, 7, 1), end=None, name="still"),
        Bar(start=day(2030, 1, 1), end=None, name="after"),
    ]
    figure = lanes(
        [Lane(title="Problems", rows=[BarRow(name="x", bars=bars)])],
        start=day(2020, 1, 1),
        end=day(2021, 1, 1),
        title="Timeline",
    )
    assert [cells["what"] for cells in figure.rows] == ["into", "still"]
    assert figure.rows[1]["when"] == "from 2020-07-01, no end recorded"
    assert len(parts(figure, "rect")) == 2


def test_names_are_escaped_and_the_same_input_gives_the_same_bytes() -> None:
    bars = [Bar(start=0, end=None, name='<script>alert("x")</script>&')]

    def draw() -> Figure:
        row = BarRow(name="<b>", bars=bars)
        return lanes([Lane(title='"&<', rows=[row])], start=0, end=DAY, title="<title>")

    figure = draw()
    assert "<script" not in figure.svg
    ElementTree.fromstring(figure.svg)  # noqa: S314 -- our own SVG
    assert figure == draw()


@given(start=st.integers(-5 * 10**16, 10**17), days=st.integers(1, 40_000))
def test_an_axis_has_few_ticks_that_lie_on_it(start: int, days: int) -> None:
    axis = TimeAxis(start=start, end=start + days * DAY, left=0, right=100)
    ticks = list(axis.ticks())
    assert len(ticks) <= MOST_TICKS + 2
    assert all(axis.start <= moment <= axis.end for moment, _ in ticks)
    assert len({name for _, name in ticks}) == len(ticks)


@given(values=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=9))
def test_every_mark_lies_in_the_picture(values: list[float]) -> None:
    points = [Point(time=i * DAY, value=value) for i, value in enumerate(values)]
    row = PointRow(name="x", unit="u", points=points)
    figure = lanes([Lane(title="t", rows=[row])], start=0, end=9 * DAY, title="t")
    for circle in parts(figure, "circle"):
        assert 0 <= float(circle.get("cx", "-1")) <= 820
        assert 0 <= float(circle.get("cy", "-1")) <= 120
    spark = sparkline(points, name="x", unit="u")
    assert len(spark.rows) == len(values)
    ElementTree.fromstring(spark.svg)  # noqa: S314 -- our own SVG


def test_nothing_measured_is_said_not_drawn() -> None:
    figure = sparkline([], name="HbA1c", unit="%")
    assert figure.rows == []
    assert "never measured" in figure.svg


@pytest.mark.parametrize(
    ("share", "low", "high", "squares", "rings"),
    [(0.18, 0.12, 0.25, 18, 7), (0.0, None, None, 0, 0), (1.0, 0.9, 1.0, 100, 0), (0.004, 0, 0.02, 0, 2)],
)  # fmt: skip
def test_a_risk_is_counted_in_people_of_a_hundred(
    share: float, low: float | None, high: float | None, squares: int, rings: int
) -> None:
    figure = icon_array(share, low=low, high=high, title="risk")
    assert len(parts(figure, "rect")) == squares
    circles = parts(figure, "circle")
    assert sum(circle.get("fill") == "none" for circle in circles) == rings
    assert len(circles) == 100 - squares


def test_a_share_is_between_nothing_and_everyone() -> None:
    with pytest.raises(UserError):
        icon_array(18.0, low=None, high=None, title="risk")


def test_numbers_and_ranges_are_written_as_a_laboratory_would() -> None:
    assert [number(x) for x in (-0.001, -0.0, -0.26)] == ["0", "0", "-0.26"]
    assert [number(x) for x in (8.0, 8.25, 52.04, 131.4, 12345.0, 0.5)] == [
        "8", "8.25", "52", "131", "12,345", "0.5",
    ]  # fmt: skip
    assert band_words((60, None)) == "60 or more"
    assert band_words((None, 5.6)) == "up to 5.6"
    assert band_words((18.5, 24.9)) == "18.5 to 24.9"
    assert in_words(0.002) == "fewer than 1 of 100"
    assert in_words(0.18, 0.12, 0.25) == "about 18 of 100 (between 12 and 25)"


def test_calibration_draws_each_group_within_its_frame_and_says_it_in_the_table() -> None:
    groups = [
        {"people": 50, "predicted": 0.05, "observed": 0.04, "low": 0.01, "high": 0.13},
        {"people": 50, "predicted": 0.4, "observed": 0.5, "low": 0.37, "high": 0.63},
    ]
    figure = calibration(groups, title="Calibration")
    assert len(parts(figure, "circle")) == 2
    for circle in parts(figure, "circle"):
        assert 62 <= float(circle.get("cx", "0")) <= 402
        assert 14 <= float(circle.get("cy", "0")) <= 354
    assert figure.rows[1] == {
        "people": 50, "predicted": "40.0 %", "observed": "50.0 %", "interval": "37.0 % to 63.0 %",
    }  # fmt: skip
    assert calibration([], title="Calibration").rows == []


def test_a_small_calibration_shows_its_points_and_cuts_intervals_at_the_frame() -> None:
    rare = [
        {"people": 50, "predicted": 0.004, "observed": 0.006, "low": 0.0, "high": 0.2},
        {"people": 50, "predicted": 0.03, "observed": 0.02, "low": 0.01, "high": 0.3},
    ]
    whole, small = (calibration(rare, title="t", small=small) for small in (False, True))
    spread = [
        max(float(circle.get("cx", "0")) for circle in parts(figure, "circle"))
        / float(ElementTree.fromstring(figure.svg).get("viewBox", "").split()[2])  # noqa: S314 -- our own SVG
        for figure in (whole, small)
    ]
    assert spread[0] < 0.3
    assert spread[1] > 0.6
    frame = parts(small, "rect")[0]
    top = float(frame.get("y", "0"))
    for line in parts(small, "line"):
        assert all(
            top <= float(line.get(end, "0")) <= top + float(frame.get("height", "0"))
            for end in ("y1", "y2")
        )
    assert small.rows == whole.rows


@given(
    values=st.lists(st.tuples(st.floats(-0.2, 1), st.floats(-0.2, 1)), min_size=2, max_size=12),
)
def test_no_curve_of_worth_runs_through_a_word(values: list[tuple[float, float]]) -> None:
    rows = [
        {"threshold": 0.01 * (place + 1), "model": model, "everyone": everyone, "called": 0.5}
        for place, (model, everyone) in enumerate(values)
    ]
    figure = decision_curve(rows, title="t")
    frame = parts(figure, "rect")[0]
    left, top = float(frame.get("x", "0")), float(frame.get("y", "0"))
    inside = [
        word.text
        for word in parts(figure, "text")
        if top < float(word.get("y", "0")) - 4 < top + float(frame.get("height", "0"))
        and float(word.get("x", "0")) > left
    ]
    assert inside == []
    words = [word.text for word in parts(figure, "text")]
    assert {"the model", "everyone", "nobody"} <= set(words)
