"""What to do, ready to be read: the plan's recommendations, and why the others are not among them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lifecourse.care.safety.overrides import LASTING
from lifecourse.serve.feedback import REASONS
from lifecourse.serve.likely import deciding

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lifecourse.serve.record import Record

# The order in which a reader wants them, and what each answer is called on the page.
ANSWERS = {
    "fires": "Recommended",
    "missing_data": "Cannot tell: data missing",
    "already_done": "Already done",
    "excluded": "Not advised here",
    "not_applicable": "Does not apply",
}


def advice(
    plan: dict[str, Any], record: Record, answers: Mapping[str, Mapping[str, Any]] | None = None
) -> dict[str, Any]:
    """``fires``, in the order of the plan, and ``others`` by answer; each with its deciding events.

    What was answered by a reason that lasts (`answers`, by the name of the recommendation) is ``put_aside``; what
    proposes the same drug as an earlier line stands ``also`` with that line.
    """
    rows = [_recommendation(row, record) for row in plan.get("recommendations", ())]
    fires = [row for row in rows if row["answer"] == "fires"]
    aside = [row for row in fires if is_put_aside(row, answers)]
    others = [
        {"answer": answer, "title": title, "rows": [r for r in rows if r["answer"] == answer]}
        for answer, title in ANSWERS.items()
        if answer != "fires"
    ]
    return {
        "fires": [
            {**row, "also": _also(row["name"], fires)}
            for row in fires
            if row not in aside and row["same_as"] is None
        ],
        "put_aside": aside,
        "most_shown": plan.get("most_shown", len(fires)),
        "others": [group for group in others if group["rows"]],
        "reason": plan.get("reason"),
        "switched_off": [
            {"title": row["title"], "reason": row["reason"]} for row in plan.get("switched_off", ())
        ],
        "counts": {answer: sum(r["answer"] == answer for r in rows) for answer in ANSWERS},
    }


def is_put_aside(row: Mapping[str, Any], answers: Mapping[str, Mapping[str, Any]] | None) -> bool:
    """Whether the same line was overridden for good: of the same version, about the same drugs."""
    given = (answers or {}).get(row["name"])
    return (
        given is not None
        and given["outcome"] == "overridden"
        and given.get("reason") in LASTING
        and row["key"] is not None
        and given.get("key") == row["key"]
    )


def _also(name: str, fires: list[dict[str, Any]]) -> list[str]:
    return [row["title"] for row in fires if row["same_as"] == name]


def _recommendation(row: dict[str, Any], record: Record) -> dict[str, Any]:
    events = row.get("events") or row.get("deciding_events") or []
    evidence = row.get("evidence")
    return {
        "name": row["name"],
        "key": row.get("key"),
        "urgent": bool(row.get("urgent")),
        "same_as": row.get("same_as"),
        "title": row.get("title") or row["name"].replace("_", " "),
        "answer": str(row["answer"]),
        "said": ANSWERS.get(str(row["answer"]), str(row["answer"])),
        "action": _text(row.get("action") or row.get("advice")),
        "reason": _text(row.get("reason")),
        "rationale": _text(row.get("rationale")),
        "override_reasons": list(row.get("override_reasons") or REASONS),
        "grade": _text(row.get("grade")),
        "strength": _text(row.get("strength")),
        "benefit": _text(row.get("benefit")),
        "cautions": [str(_text(item)).rstrip(".") for item in _list(row.get("cautions"))],
        "missing": list(dict.fromkeys(str(_text(item)) for item in _list(row.get("missing")))),
        "source": _source(row.get("source") or evidence),
        "review_by": _text(row.get("review_by")),
        "version": _text(row.get("version")),
        "who": row.get("who"),
        "due": row.get("due"),
        "goal": _text(row.get("goal")),
        "patient": row.get("patient"),
        "events": deciding(events, record),
    }


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, dict):
        return str(value.get("text") or value.get("title") or value.get("name") or "") or None
    return str(value)


def _source(source: Any) -> dict[str, str | None] | None:
    """A title and, where the source has one, an https address."""
    if isinstance(source, list | tuple):
        source = source[0] if source else None
    if source is None:
        return None
    if isinstance(source, dict):
        title = source.get("title") or source.get("name") or source.get("citation")
        address = source.get("url") or source.get("doi")
    else:
        title, address = str(source), None
    if address and str(address).startswith("10."):
        address = f"https://doi.org/{address}"
    safe = str(address) if address and str(address).startswith("https://") else None
    return {"title": str(title or address), "address": safe}
