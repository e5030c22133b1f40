"""A bedside score as one of our score files, and as a page to print; the file loads only if it passes its own cases."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from lifecourse.base.clock import now
from lifecourse.base.files import write_text
from lifecourse.care.risk.library import load_score_model

if TYPE_CHECKING:
    from pathlib import Path

    from lifecourse.care.risk.model import ScoreModel
    from lifecourse.models.bedside import BedsideScore, Item

REVIEWED_AFTER_YEARS = 2
DAYS_A_YEAR = 365.25


def write_bedside_score(score: BedsideScore, folder: Path) -> tuple[Path, Path]:
    """Leave ``NAME.yaml``, a score file, and ``NAME.md``, a page to print, in `folder`; gives their paths.

    Raises
    ------
    KnowledgeError
        The file does not give what the points by hand give: nothing is to be used of it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file, page = folder / f"{score.name}.yaml", folder / f"{score.name}.md"
    lines = [f"{key}: {json.dumps(value)}" for key, value in document_of(score).items()]
    write_text(file, "\n".join(lines) + "\n")
    read: ScoreModel = load_score_model(file)
    write_text(page, page_of(score, read.review_by))
    return file, page


def document_of(score: BedsideScore) -> dict[str, Any]:
    """The score in the words of score files (`lifecourse.care.risk.model`)."""
    points = [f"{item.name}_points" for item in score.items]
    years = score.horizon_days and round(score.horizon_days / DAYS_A_YEAR, 2)
    outcome = score.title.removesuffix(": bedside score")
    risk = f"1 / (1 + exp(-({score.intercept!r} + {score.slope!r} * points)))"
    return {
        "id": score.name,
        "version": score.model_version,
        "title": score.title,
        "form": "formula",
        "population": {"text": f"People like the {score.people:,} that it was made of"},
        "inputs": {item.name: _input(item) for item in score.items},
        "derive": {
            **{f"{item.name}_points": expression_of(item) for item in score.items},
            "points": " + ".join(points),
        },
        "equations": [
            {"output": "score", "formula": "points"},
            {"output": "risk", "formula": risk},
        ],
        "outputs": {
            "score": {"title": f"{outcome}, points", "unit": "points"},
            "risk": {"title": outcome, "outcome": outcome, "horizon_years": years},
        },
        "interval": "none of a person; the page says how often it happened by points, with intervals",
        "evidence": [
            {
                "citation": f"made by lifecourse of model version {score.model_version}, by the steps of AutoScore",
                "doi": "10.2196/21798",
                "note": _performance(score),
            }
        ],
        "licence": "of whoever made it",
        "review_by": f"{now().year + REVIEWED_AFTER_YEARS}-{now().month:02d}",
        "cases": _cases(score),
    }


def expression_of(item: Item) -> str:
    """The points of an item in the language of score files."""
    if item.kind == "sex":
        male, female = item.points
        known = f"{female} if {item.name} == 'female' else {male}"
        return f"{item.not_known} if missing({item.name}) else {known}"
    steps = [f"{item.points[i]} if {item.name} < {cut:g} else" for i, cut in enumerate(item.cuts)]
    known = " ".join([*steps, str(item.points[-1])])
    return f"{item.not_known} if missing({item.name}) else {known}" if item.kind == "value" else known  # fmt: skip


def _input(item: Item) -> dict[str, Any]:
    found: dict[str, Any] = {"kind": item.kind, "title": item.title}
    if item.codelist is not None:
        found["codelist"] = item.codelist
    if item.unit is not None:
        found["unit"] = item.unit
    if item.kind == "value" and item.lookback_days is not None:
        found["lookback_days"] = item.lookback_days
    return found | ({"missing": "allowed"} if item.kind in ("value", "sex") else {})


def _cases(score: BedsideScore) -> list[dict[str, Any]]:
    """Worked by hand from the table of points: each category of each item once, the others at their first."""
    first = {item.name: _examples(item)[0] for item in score.items}
    cases = []
    for item in score.items:
        for given, points in _examples(item):
            values = {name: value for name, (value, _) in first.items()} | {item.name: given}
            total = points + sum(p for name, (_, p) in first.items() if name != item.name)
            told = {name: value for name, value in values.items() if value is not None}
            risk = float(score.risk(np.array([total]))[0])
            out = {"score": total, "risk": risk}
            cases.append(
                {"in": told, "out": out, "tol": 1e-9, "from": "its table of points, by hand"}
            )
    return cases


def _examples(item: Item) -> list[tuple[Any, int]]:
    """A value in each category, with its points."""
    if item.kind == "sex":
        known: list[tuple[Any, int]] = list(zip(("male", "female"), item.points, strict=True))
    elif item.kind in ("condition", "drug"):
        known = list(zip((0, 1), item.points, strict=True))
    else:
        inside = [(a + b) / 2 for a, b in pairwise(item.cuts)]
        values = [item.cuts[0] - abs(item.cuts[0]) / 10 - 0.1, *inside, item.cuts[-1]]
        known = list(zip(values, item.points, strict=True))
    return [*known, (None, item.not_known)] if item.kind in ("value", "sex") else known


def _performance(score: BedsideScore) -> str:
    own, of_model = score.measures["auroc"], score.of_model["auroc"]
    return (
        f"AUROC {_interval(own)} out of fold, the model {_interval(of_model)} ({score.of_model['judged']}); "
        f"calibration slope {_interval(score.measures['calibration_slope'])}, observed over expected "
        f"{_interval(score.measures['observed_over_expected'])}"
    )


def _interval(value: dict[str, float | None]) -> str:
    if value["value"] is None:
        return "not known"
    said = f"{value['value']:.3f}"
    if value["low"] is None or value["high"] is None:
        return said
    return f"{said} ({value['low']:.3f} to {value['high']:.3f})"


def _span(days: int) -> str:
    """Days, or from a year on years."""
    years = round(days / DAYS_A_YEAR, 1)
    return f"{days} days" if years < 1 else f"{years:g} year{'' if years == 1 else 's'}"


def page_of(score: BedsideScore, review_by: str) -> str:
    """One page of Markdown to print: points, what a sum means, how good it is, what it is not."""
    rows = ["| item | | points |", "| --- | --- | ---: |"]
    for item in score.items:
        unit = f" ({item.unit})" if item.unit and item.kind == "value" else ""
        unit = " (years)" if item.kind == "age" else unit
        for place, (words, points) in enumerate(item.categories()):
            rows.append(f"| {item.title + unit if place == 0 else ''} | {words} | {points} |")
    meaning = [
        "| points | risk | it happened to (95 % interval) | moments |",
        "| --- | ---: | ---: | ---: |",
    ]
    for row in score.meaning:
        sums = f"{row['from']} to {row['to']}" if row["from"] < row["to"] else f"{row['to']}"
        seen = (
            "nobody had this sum"
            if row["observed"] is None
            else f"{row['observed']:.1%} ({row['low']:.1%} to {row['high']:.1%})"
        )
        meaning.append(f"| {sums} | {row['expected']:.1%} | {seen} | {row['moments']:,} |")
    steps = ["| items | with | AUROC |", "| ---: | --- | ---: |"]
    steps += [f"| {row['items']} | {row['added']} | {row['auroc']:.3f} |" for row in score.parsimony]  # fmt: skip
    within = f" within {_span(score.horizon_days)}" if score.horizon_days else ""
    return "\n".join(
        [
            f"# {score.title}",
            "",
            f"Add the points; the sum, at most {score.most}, says how likely it is{within}. Made of "
            f"{score.people:,} people at {score.moments:,} moments, {score.events:,} of them followed by the outcome.",
            "",
            *rows,
            "",
            "## What the sum means",
            "",
            *meaning,
            "",
            "## How good it is",
            "",
            f"{_performance(score)}.",
            "",
            "Out of fold, by the number of items:",
            "",
            *steps,
            "",
            f"Which facts were looked at, the model said that everyone taught (version {score.model_version}); "
            "points and risks were judged on people they were not made of. Another site needs its own evaluation. A "
            "risk is an association in these records, not the effect of anything that could be changed. Not a cleared "
            f"medical device. Review by {review_by}.",
            "",
        ]
    )
