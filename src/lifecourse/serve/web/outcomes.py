"""A model of many outcomes, ready to be read."""

from __future__ import annotations

from typing import Any

from lifecourse.figures.outcomes import come_true, gains
from lifecourse.schema.code import titled
from lifecourse.serve.chapters import ORDER, chapter_of

TITLE = "All outcomes at once"
SHOWN = (
    *("name", "title", "outcome", "evaluation", "judged_elsewhere", "limits", "population"),
    *("judged_on_a_fifth", "judged_on_a_tenth", "kind"),
)
"""What the page shows outside of the list of all that the card says."""
KINDS = {
    "hazards": "Hazards: rates by age and sex, times ratios by regression on all that is recorded",
    "sequence": "A transformer over events and ages: rates by age and sex, times ratios that it finds",
}


def outcomes_view(document: dict[str, Any]) -> dict[str, Any]:
    """The document of a model of many outcomes with its evaluations drawn, the latest elsewhere before the card's."""
    judged = [document.get("judged_elsewhere"), document.get("evaluation")]
    card = {name: value for name, value in document.items() if name not in SHOWN}
    return {
        **document,
        "title": TITLE,
        "kind_said": KINDS[document.get("kind", "hazards")],
        "evaluations": [_evaluation(one) for one in judged if one],
        "card": card,
    }


def means_view(document: dict[str, Any]) -> dict[str, Any]:
    """What the list of models says of one: the means at its last horizon."""
    horizons = document.get("evaluation", {}).get("horizons")
    last = horizons[-1] if horizons else None
    mean = last and {
        "area": _with_interval(last["auroc"]),
        "alone": _area(last["auroc_of_age_and_sex"]["value"]),
    }
    return {
        **{name: document[name] for name in ("name", "outcomes")},
        "title": TITLE,
        "kind": document.get("kind", "hazards"),
        "mean": mean,
    }


def _evaluation(found: dict[str, Any]) -> dict[str, Any]:
    last = found["horizons"][-1]["horizon_days"] if found["horizons"] else None
    rows = [
        {**one, "chapter": chapter_of(one["outcome"])}
        for one in found["outcomes"]
        if one["horizon_days"] == last
    ]
    paired = [one for one in rows if one["gain"] is not None]
    drawn = gains(paired, ORDER, title="Gain over age and sex, by chapter") if paired else None
    true = come_true(rows, title="Observed over expected, by outcome") if rows else None
    return {
        "made": None,
        "among": None,
        **found,
        "last": last,
        "measured": [_mean(one) for one in found["horizons"]],
        "drawing": drawn and {"svg": drawn.svg, "rows": drawn.rows},
        "true": true and {"svg": true.svg, "rows": true.rows},
        "rows": [_line(one) for one in rows],
    }


def _mean(one: dict[str, Any]) -> dict[str, Any]:
    return {
        "within": f"{one['horizon_days']:,} days",
        "outcomes judged": one["outcomes_judged"],
        "too few to judge": one["outcomes_too_few"],
        "area, mean": _with_interval(one["auroc"]),
        "of age and sex alone": _with_interval(one["auroc_of_age_and_sex"]),
        "above": _with_interval(one["gain"]),
        "better than age and sex": one["better_than_age_and_sex"],
        "observed over expected": _with_interval(one["observed_over_expected"]),
    }


def _line(one: dict[str, Any]) -> dict[str, Any]:
    ratio = one["observed_over_expected"]
    return {
        "outcome": titled(one["outcome"], one["title"]),
        "people": one["people"],
        "came to it": one["events"],
        "area": _area(one["auroc"]),
        "age and sex": _area(one["auroc_of_age_and_sex"]),
        "above": _area(one["gain"]),
        "observed over expected": f"{ratio['value']:.2f} ({ratio['low']:.2f} to {ratio['high']:.2f})",
    }


def _area(value: float | None) -> str:
    return "not known" if value is None else f"{value:.3f}".replace("-", "−")


def _with_interval(found: dict[str, Any]) -> str:
    if found["value"] is None:
        return "not known"
    return f"{found['value']:.3f} ({found['low']:.3f} to {found['high']:.3f})".replace("-", "−")
