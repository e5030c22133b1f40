"""What moves a model's risk for one person, as observations in the record and not as names of columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lifecourse.schema.code import codes
from lifecourse.schema.covariate import Covariate, Summary
from lifecourse.tasks.derived import TITLES
from lifecourse.vocab.codelists import describe, entries

if TYPE_CHECKING:
    from lifecourse.features import Recipe
    from lifecourse.features.recipe import NamedCovariate
    from lifecourse.models import RiskEstimate
    from lifecourse.timeline.chart import Chart

SAID = {
    Summary.LAST: "{title}, latest",
    Summary.SLOPE: "{title}, change in a year",
    Summary.CHANGE: "{title}, lately against before",
    Summary.EXISTS: "{title}",
    Summary.ACTIVE: "{title}, taken now",
    Summary.COUNT: "{title}, how often",
    Summary.TIME_SINCE: "{title}, days since the last",
}
YES_OR_NO = (Summary.EXISTS, Summary.ACTIVE)
ALWAYS_THERE = {"age": "Age", "female": "Sex"}


def observations(
    recipe: Recipe, chart: Chart, at: int, estimate: RiskEstimate
) -> list[dict[str, Any]]:
    """Each contribution with a name, a value, whether it raises or lowers the risk, and its events."""
    named = {each.column: each for each in recipe.covariates}
    compiled = {each.name: each for each in recipe.compiled()}
    found = []
    for part in estimate.contributions:
        row = {
            "value": part["value"],
            "note": "raises the risk" if part["log_odds"] > 0 else "lowers the risk",
        }
        column = part["name"]
        if column in ALWAYS_THERE:
            found.append({**row, **_always(column, part["value"])})
        elif column in named:
            found.append({**row, **_covariate(named[column], compiled[column], row, chart, at)})
        elif column in TITLES:
            found.append({**row, "name": TITLES[column], "events": []})
        else:
            found.append({**row, **_any_code(column, part["value"], recipe, chart, at)})
    return found


def title_of(fact: str) -> str:
    """What a fact that a model goes by is called: its codelist's title, or itself."""
    return describe(fact)["title"] if fact in entries() else fact.replace("_", " ")


def _always(column: str, value: float | None) -> dict[str, Any]:
    said: Any = value
    if column == "female" and value is not None:
        said = "female" if value else "male"
    return {"name": ALWAYS_THERE[column], "value": int(said) if column == "age" and said else said}


def _covariate(
    named: NamedCovariate, covariate: Covariate, row: dict[str, Any], chart: Chart, at: int
) -> dict[str, Any]:
    value = row["value"]
    summary = covariate.summary
    title = describe(named.codelist)["title"] if named.codelist else " or ".join(named.codes)
    said = SAID.get(summary, "{title}, " + str(summary).replace("_", " "))
    return {
        "name": said.format(title=title),
        "value": bool(value) if summary in YES_OR_NO and value is not None else value,
        "events": chart.trace(covariate, at).tail(3).to_dicts() if value else [],
    }


def _any_code(
    column: str, value: float | None, recipe: Recipe, chart: Chart, at: int
) -> dict[str, Any]:
    """A column of every code: ``CODE.count.365d``; codes may have dots themselves."""
    code, summary, span = column.rsplit(".", 2)
    window = (
        next(
            (
                window
                for days, window in zip(
                    recipe.every_code.days, recipe.every_code.windows(), strict=True
                )
                if span == ("all" if days is None else f"{days}d")
            ),
            None,
        )
        if recipe.every_code
        else None
    )
    events: list[dict[str, Any]] = []
    if window is not None and value:
        asked = Covariate(
            name=column, codelist=codes(code, code), window=window, summary=Summary.COUNT
        )
        events = chart.trace(asked, at).tail(3).to_dicts()
    when = "ever" if span == "all" else f"in {span.removesuffix('d')} days"
    times = "never" if not value else f"{value:.0f} time{'' if value == 1 else 's'}"
    return {
        "name": code,
        "code": code,
        "value": f"{times} {when}",
        "events": events,
        "summary": summary,
    }
