"""How time and memory grow with events: ``python -m benchmarks.growth FOLDER [LARGEST]``.

One label task, then every code at every label in three windows: counts, and all five summaries. Whole commands on S
(start-up), M, L and 100 M events, made on disk by the generator and ingested by the command; nothing holds it all.
LARGEST (default 100M) may be L for a look without the large one. Writes ``benchmarks/growth.svg``.
"""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.workload import ROOT, Result, measured, report, stored, tasks

from lifecourse.figures.svg import BLUE, GREY, INK, ORANGE, element, picture, text, tip

SIZES = ("S", "M", "L", "100M")
SUMMARIES = {"counts": ["count"], "five": ["count", "count_values", "sum", "min", "max"]}
WORDS = {
    "label": "one label task",
    "counts": "counts of every code at every label",
    "five": "five summaries of every code at every label",
}
COLOURS = {"label": GREY, "counts": BLUE, "five": ORANGE}
DASHES = {"label": "2 3", "counts": None, "five": "8 3"}
PROMISED_SECONDS = {"counts": 60.0, "five": 110.0}
PROMISED_MB = 4000.0
PROMISED_GROWTH = 1.5
PICTURE = ROOT / "benchmarks" / "growth.svg"
WIDE, HIGH, LEFT, TOP = 300.0, 260.0, 64.0, 40.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A work at a size: how many events, and what it took."""

    work: str
    size: str
    events: int
    wall: float
    processor: float
    peak_mb: float


def main(folder: Path, largest: str) -> None:
    """Measure each size, report the promises, draw the curves."""
    points: list[Point] = []
    for size in SIZES[: SIZES.index(largest) + 1]:
        points += measure(folder, size)
        for result in results(points, size):
            report(result)
        if size != "S":
            PICTURE.write_text(drawn([point for point in points if point.size != "S"]))


def measure(folder: Path, size: str) -> list[Point]:
    """Three commands, each three times, their output removed."""
    store = str(stored(folder, size))
    events = count_events(Path(store))
    task = next(task for task in tasks() if task.stem == "t2d_1y")
    labels, out = folder / f"growth.{size}.parquet", folder / f"growth.{size}.features"
    program = [sys.executable, "-m", "lifecourse.cli"]
    commands = {"label": [*program, "label", store, str(task), "--out", str(labels)]}
    for work, summaries in SUMMARIES.items():
        recipe = folder / f"growth.{work}.yaml"
        recipe.write_text(
            f"name: {work}\nevery_code:\n  days: [30, 365, null]\n"
            f"  summaries: [{', '.join(summaries)}]\n  min_count: 1\n  top_k: 1000000\n"
        )
        chosen = ["--labels", str(labels), "--recipe", str(recipe), "--out", str(out)]
        commands[work] = [*program, "featurize", store, *chosen]
    points = []
    for work, command in commands.items():
        took = [_once(command, out) for _ in range(3)]
        middle = sorted(took, key=lambda one: one["wall"])[1]
        peak = max(one["peak_mb"] for one in took)
        point = Point(
            work=work,
            size=size,
            events=events,
            wall=middle["wall"],
            processor=middle["processor"],
            peak_mb=peak,
        )
        sys.stdout.write(f"{point}\n")
        sys.stdout.flush()
        points.append(point)
    labels.unlink()
    return points


def _once(command: list[str], out: Path) -> dict[str, float]:
    if out.exists():
        shutil.rmtree(out)
    took = measured(command, times=1)
    if out.exists():
        shutil.rmtree(out)
    return took


def count_events(store: Path) -> int:
    """What the newest manifest of the store says."""
    newest = max((store / "log").glob("*.json"))
    return sum(part["rows"] for part in json.loads(newest.read_bytes())["parts"])


def results(points: list[Point], size: str) -> list[Result]:
    """The lines of one size; promises stand at 100 M events."""
    here = {point.work: point for point in points if point.size == size}
    if size == "S":
        return []
    lines = []
    for work, promise in PROMISED_SECONDS.items():
        both = (here["label"], here[work])
        is_large = size == "100M"
        words = f"{WORDS['label']}, then {WORDS[work]}"
        peak = max(point.peak_mb for point in both)
        whole = Result(
            work=words,
            size=size,
            peer="",
            ours=sum(point.wall for point in both),
            theirs=None,
            target=promise if is_large else None,
            command=f"python -m benchmarks.growth FOLDER {size}",
        )
        used = sum(point.processor for point in both)
        lines.append(replace(whole, processor=used, peak_mb=peak))
        if is_large:
            growth = per_event(points, "100M", work) / per_event(points, "L", work)
            lines += [
                replace(
                    whole, work=f"{words}: peak memory", ours=peak, unit="MB", target=PROMISED_MB
                ),
                replace(
                    whole,
                    work=f"{words}: time per event beside L's, start-up aside",
                    ours=growth,
                    unit="x",
                    target=PROMISED_GROWTH,
                ),
            ]
    return lines


def per_event(points: list[Point], size: str, work: str) -> float:
    """Seconds per event of labelling and `work`, what they take on S (start-up) taken off."""

    def took(at: str) -> tuple[float, int]:
        both = [p for p in points if p.size == at and p.work in ("label", work)]
        return sum(p.wall for p in both), both[0].events

    seconds, events = took(size)
    start_up, few = took("S")
    return (seconds - start_up) / (events - few)


def drawn(points: list[Point]) -> str:
    """Seconds and memory against events, both axes logarithmic; a grey line for what grows as events do."""
    panels = [
        panel(points, 0.0, "seconds", [(p, p.wall) for p in points]),
        panel(points, WIDE + 110, "peak memory, MB", [(p, p.peak_mb) for p in points]),
    ]
    key = []
    for place, (work, words) in enumerate(WORDS.items()):
        y = TOP + HIGH + 62 + place * 20
        dash, ink = DASHES[work], COLOURS[work]
        line = {"x1": LEFT, "x2": LEFT + 34, "y1": y - 4, "y2": y - 4, "stroke_width": 2.5}
        key.append(element("line", **line, stroke=ink, stroke_dasharray=dash))
        key.append(text(LEFT + 44, y, words))
    return picture(
        *panels,
        *key,
        width=2 * WIDE + 230,
        height=TOP + HIGH + 124,
        title="Time and memory against events",
        description="; ".join(
            f"{WORDS[p.work]}, {p.events / 1e6:.0f} M events: {p.wall:.1f} s, {p.peak_mb:.0f} MB"
            for p in points
        ),
    )


def panel(points: list[Point], shift: float, title: str, values: list[tuple[Point, float]]) -> str:
    """One set of axes with a line for each work."""
    low_x, high_x = 1e6, 2e8
    low_y = 10 ** math.floor(math.log10(min(value for _, value in values)))
    high_y = 10 ** math.ceil(math.log10(max(value for _, value in values) * 1.01))

    def x(events: float) -> float:
        return shift + LEFT + WIDE * math.log(events / low_x) / math.log(high_x / low_x)

    def y(value: float) -> float:
        return TOP + HIGH - HIGH * math.log(value / low_y) / math.log(high_y / low_y)

    frame = {"x": shift + LEFT, "y": TOP, "width": WIDE, "height": HIGH}
    parts = [element("rect", **frame, fill="none", stroke=GREY)]
    parts.append(text(shift + LEFT, TOP - 14, title, font_size=14))
    for events in sorted({point.events for point in points}):
        words = f"{events / 1e6:.0f} M"
        parts.append(text(x(events), TOP + HIGH + 20, words, text_anchor="middle"))
        line = {"x1": x(events), "x2": x(events), "y1": TOP + HIGH, "y2": TOP + HIGH + 5}
        parts.append(element("line", **line, stroke=INK))
    parts.append(text(shift + LEFT + WIDE / 2, TOP + HIGH + 40, "events", text_anchor="middle"))
    for power in range(round(math.log10(low_y)), round(math.log10(high_y)) + 1):
        value = 10.0**power
        line = {"x1": shift + LEFT, "x2": shift + LEFT + WIDE, "y1": y(value), "y2": y(value)}
        parts.append(element("line", **line, stroke=GREY, stroke_width=0.4))
        words = f"{value:,.0f}" if value >= 1 else f"{value:g}"
        parts.append(text(shift + LEFT - 8, y(value) + 4, words, text_anchor="end"))
    for work in WORDS:
        mine = [(p, value) for p, value in values if p.work == work]
        path = " ".join(f"{x(p.events):.1f},{y(value):.1f}" for p, value in mine)
        look = {"fill": "none", "stroke": COLOURS[work], "stroke_width": 2.5}
        parts.append(element("polyline", points=path, stroke_dasharray=DASHES[work], **look))
        for p, value in mine:
            words = tip(f"{WORDS[work]}, {p.events / 1e6:.1f} M events: {value:,.1f}")
            centre = {"cx": x(p.events), "cy": y(value), "r": 4.0}
            parts.append(element("circle", words, **centre, fill=COLOURS[work], stroke=INK))
    ends = [next(v for p, v in reversed(values) if p.work == work) for work in WORDS]
    above = TOP + HIGH
    for value in sorted(ends):
        # Numbers that would lie on each other go up.
        above = min(y(value) - 7, above - 13)
        right = x(max(point.events for point in points)) + 8
        parts.append(text(right, above, f"{value:,.0f}", font_size=11))
    return "".join(parts)


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "100M")
    except subprocess.CalledProcessError as failed:
        raise SystemExit(f"{failed}\n{(failed.stderr or b'').decode()[-1500:]}") from None
