"""Models, ready to be read."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from lifecourse.figures.calibration import calibration
from lifecourse.figures.decision import decision_curve
from lifecourse.figures.importance import importance
from lifecourse.figures.lanes import number
from lifecourse.figures.learning import learning_curve
from lifecourse.serve.observations import title_of
from lifecourse.serve.web.horizons import horizons_view, share_said
from lifecourse.serve.web.titles import title_of_task
from lifecourse.serve.wording import capital

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

METRICS = {
    "auroc": ("Tells who from who not (AUROC)", "0.5 is chance, 1 is perfect"),
    "auprc": (
        "Precision over recall (AUPRC)",
        "compare with the share of people who had the outcome",
    ),
    "brier": ("Squared error (Brier)", "0 is perfect"),
    "calibration_slope": ("Calibration slope", "1 is right; below 1 risks are too extreme"),
    "calibration_intercept": ("Calibration at large", "0 is right; above 0 risks are too low"),
    "observed_over_expected": ("Observed over expected", "1 is right; above 1 risks are too low"),
    "ici": ("Mean distance from the curve (ICI)", "0 is perfect"),
    "e50": ("Median distance (E50)", "half of the people are nearer"),
    "e90": ("90th percentile of distance (E90)", "nine of ten people are nearer"),
}
ELSEWHERE = (
    *("name", "title", "outcome", "reason", "metrics", "measured", "drawing", "worth", "limits"),
    *("calibration", "calibration_curve", "decision_curve", "subgroups", "groups", "gaps", "apart"),
    *("attrition", "concerns", "snapshot", "elsewhere", "study", "learning_curve", "learning"),
    *("importance", "goes_by", "statements", "horizons", "each", "levelled_by"),
    *("report", "chai_card", "monitoring", "reported", "moved"),
)
"""What the page shows outside of the list of all that the card says."""
OF_LATER_CARDS = ("concerns", "attrition", "limits")
"""What the card of an early model does not have."""
OF_SHIFT = {"values": "median", "coverage": "people with a value", "share": "people with the code"}
MOST_MOVED = 10
ANSWERS = (
    *("told", "told, and stated by authors", "told in part", "stated by authors"),
    *("yes", "probably yes", "probably no", "no"),
    *("missing", "not applicable"),
)
SHARES = ("ici", "e50", "e90")
MEASURES = {"auroc": "AUROC", "observed_over_expected": "observed over expected"}


def model_views(documents: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """`model_view` of each; where titles repeat, ``named`` is the name to tell them apart by, else None."""
    views = [model_view(document) for document in documents]
    times = Counter(view["title"] for view in views)
    return [{**view, "named": view["name"] if times[view["title"]] > 1 else None} for view in views]


def model_view(document: dict[str, Any]) -> dict[str, Any]:
    """A model's or an abstention's document with its calibration drawn and its metrics named."""
    title = document.get("title") or title_of_task(document["name"])
    groups = document.get("calibration")
    metrics = document.get("metrics", {})
    curve = document.get("calibration_curve", ())
    figure = calibration(groups, title=f"{title}, calibration", curve=curve) if groups else None
    curve_of_people = _learning(document.get("learning_curve"), title)
    goes_by = _importance(document.get("importance"), title, times="horizons" in document)
    worth = document.get("decision_curve")
    decision = decision_curve(worth, title=f"{title}, net benefit") if worth else None
    return {
        **dict.fromkeys(OF_LATER_CARDS, ()),
        **document,
        "title": title,
        "reason": document.get("reason"),
        "drawing": figure and {"svg": figure.svg, "rows": figure.rows},
        "worth": decision and {"svg": decision.svg, "rows": decision.rows},
        "learning": curve_of_people,
        "goes_by": goes_by,
        "each": horizons_view(document, title),
        "reported": [_reported(found) for found in _checklists(document.get("report"))],
        "moved": _moved(document.get("monitoring")),
        "groups": [_group(row) for row in document.get("subgroups", ())],
        "apart": [_apart(row) for row in document.get("gaps", ())],
        "elsewhere": ELSEWHERE,
        "measured": [_metric(name, metrics[name]) for name in METRICS if name in metrics],
    }


def _learning(curve: dict[str, Any] | None, title: str) -> dict[str, Any] | None:
    """The learning curve drawn, where it has two points at least."""
    known = [
        point
        for point in (curve or {}).get("points", ())
        if None not in (point["value"], point["low"], point["high"])
    ]
    if curve is None or len(known) < 2:
        return None
    judged = curve["held_out"]["people"]
    drawn = learning_curve(
        known, measure=curve["measure"], title=f"{title}, learning curve", judged=judged
    )
    return {"svg": drawn.svg, "rows": drawn.rows, "judged": judged}


def _importance(found: dict[str, Any] | None, title: str, *, times: bool) -> dict[str, Any] | None:
    """What the model goes by, drawn, where it goes by anything."""
    if not found or not found["facts"]:
        return None
    drawn = importance(
        [
            {**fact, "said": _named(fact.get("title") or title_of(fact["fact"]))}
            for fact in found["facts"]
        ],
        members=found["members"],
        rows=found["rows"],
        title=f"{title}, what the model goes by",
        unit="log hazard" if times else "log-odds",
    )
    return {
        "svg": drawn.svg,
        "rows": drawn.rows,
        "asked": found["rows"],
        "members": found["members"],
    }


def _named(title: str) -> str:
    return title[:1].upper() + title[1:]


def _checklists(report: dict[str, Any] | None) -> list[dict[str, Any]]:
    return [] if report is None else [report["tripod_ai"], report["probast_ai"]]


def _reported(checklist: dict[str, Any]) -> dict[str, Any]:
    """A filled checklist as headings with their rows."""
    sections: dict[str, list[dict[str, str]]] = {}
    for row in checklist["items"]:
        heading = row.get("section") or f"{row['part']}: {row['domain'].lower()}"
        owed = f"For its authors: {row['authors']}." if row["authors"] else ""
        sections.setdefault(heading, []).append(
            {
                "item": row["item"],
                "asks": row["asks"],
                "answer": row.get("status") or row["answer"],
                "says": row.get("says") or row.get("why") or "",
                "stated": row.get("stated") or "",
                "owed": owed,
            }
        )
    found = checklist["counts"]
    counts = ", ".join(f"{found[words]} {words}" for words in ANSWERS if words in found)
    return {**checklist, "sections": sections, "counted": counts}


def _moved(report: dict[str, Any] | None) -> dict[str, Any] | None:
    """What `monitor` found, the alarms and what moved farthest."""
    if report is None:
        return None
    alarming = sum(bool(shift["alarm"]) for shift in report["shifts"])
    rows = [
        {
            "what": shift["what"],
            "of": OF_SHIFT[shift["kind"]],
            "then": _of_kind(shift["then"], shift["kind"]),
            "now": _of_kind(shift["now"], shift["kind"]),
            "moved by": number(shift["stability"]),
            **({"alarm": "alarm" if shift["alarm"] else ""} if alarming else {}),
        }
        for shift in report["shifts"]
    ]
    ratio = {name: report["outcomes"].get(name) for name in ("low", "high")}
    ratio["value"] = report["outcomes"].get("observed_over_expected")
    return {**report, "rows": rows[: max(MOST_MOVED, alarming)], "ratio": _with_interval(ratio)}


def _of_kind(value: float | None, kind: str) -> str:
    if value is None:
        return "not known"
    return number(value) if kind == "values" else f"{value:.1%}"


def _metric(name: str, value: Any) -> dict[str, str]:
    title, meaning = METRICS.get(name, (capital(name), ""))
    write = share_said if name in SHARES else number
    return {"what": title, "value": _with_interval(value, write), "meaning": meaning}


def _with_interval(value: Any, write: Callable[[float], str] = number) -> str:
    """A number with its interval, however the evaluation writes the two."""
    if isinstance(value, dict):
        low, high = value.get("interval") or (value.get("low"), value.get("high"))
        point = value.get("value", value.get("estimate"))
        if point is None:
            return "not known"
        said = write(point)
        return said if low is None or high is None else f"{said} ({write(low)} to {write(high)})"
    return write(value) if isinstance(value, int | float) else "not known"


def _group(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "group": row["group"],
        "rows": row["rows"],
        "events": row["events"],
        "observed": f"{row['observed']:.1%}",
        "expected": f"{row['expected']:.1%}",
        **{words: _with_interval(row[name]) for name, words in MEASURES.items()},
    }


def _apart(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "between": row["between"],
        "measure": MEASURES[row["measure"]],
        "widest gap": _with_interval(row["gap"]),
        "highest": row["highest"].partition(": ")[2],
        "lowest": row["lowest"].partition(": ")[2],
    }
