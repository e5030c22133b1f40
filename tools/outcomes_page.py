"""Write `docs/explanation/delphi-outcomes.md` from what `python -m benchmarks.outcomes FOLDER` measured.

``python tools/outcomes_page.py FOLDER``
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from markdown_table import table

PAGE = Path(__file__).resolve().parents[1] / "docs" / "explanation" / "delphi-outcomes.md"
MOST_ROWS = 30


def main(folder: Path) -> None:
    """Read ``outcomes.json``, write the page."""
    PAGE.write_text(page(json.loads((folder / "outcomes.json").read_bytes())), encoding="utf-8")


def page(told: dict[str, Any]) -> str:
    """The page of what was measured."""
    card, sequence, seconds = told["card"], told["sequence_card"], told["seconds"]
    main_line = next(line for line in told["horizons"] if "gain_over_age_sex" in line)
    judged = [one for one in told["each"] if one["hazards"] == one["hazards"]]
    better = sum(one["hazards"] > one["age_sex"] for one in judged)
    better_still = sum(one["sequence"] > one["hazards"] for one in judged)
    futures, raised = told["futures"], sequence["raised_for_what_comes_meanwhile"]
    return f"""# The risk of {card["outcomes"]} outcomes at once

*Audience: clinical data scientists. Kind: explanation. Written by `python tools/outcomes_page.py`.*

Delphi-2M asks what somebody will fall ill with next, of everything. `lifecourse train STORE --outcomes all` asks the
same of a store: every diagnosis of three characters, every phenotype and death that at least 25 people came to, not all
of them before they were followed, is an outcome of one model, and `lifecourse predict outcomes STORE --subject ID`
gives the risk of each beside that of everyone of the same age and sex. A person who already had an outcome has no line
for it.

## How

- **One matrix.** Each person is looked at every five years from the first record on; what was recorded in the last five
  years and ever, code by code and by the groups that codes lie in, age, sex and how many codes there are, is one
  sparse matrix: here {card["landmarks"]:,} moments of {card["subjects"]:,} people, {card["columns"]:,} columns.
- **Age and sex first.** Of each outcome new cases and person-years are counted by sex and year of age; a spline of the
  log rate in each sex says how many events to expect after each moment.
- **Then ratios.** A Poisson regression of what came within five years on the columns, with what is expected as
  the offset. All outcomes share one ridge penalty, chosen by the likelihood of a fifth of the training people
  (here {card["ridge"]:g}), and ten directions along which the coefficients of all outcomes vary most.
- **Death beside them.** The risk by a horizon is the cumulative incidence, in steps of a year: who dies first does not
  come to it.

## The sequence model

`lifecourse train STORE --outcomes all --model sequence` asks the order and the ages of events instead (extra `deep`:
`pip install 'lifecourse[deep]'`, PyTorch on the CPU). It starts from the same rates by age and sex; how far a person's
rates are from them is what a small transformer says, after Delphi-2M (Shmatko 2025, doi 10.1038/s41586-025-09529-3):

- **Tokens.** Sex and other facts without a time, and the first time of each diagnosis and phenotype, with the age
  in days. A diagnosis is also known by its letter and by its first two characters. Drugs, measurements and repeats are
  not read. Of somebody with more than {sequence["context"]} such events the latest count.
- **Attention** goes to what was known, and to how long ago it was. Events of one day foretell nothing of each other,
  and stand in one order however the records are ordered. Moments at which nothing happened are put in at random, one in
  five years in the mean, so that silence is learned as well; they are looked from, never at.
- **Loss.** Outcomes that a person is free of wait exponentially and compete; an end of records is no event.
- **Training** ends where a tenth of the training people, who teach nothing, are surprised least. One thread: the same
  seed gives the same bytes on one machine.

Here {sequence["parameters"]:,} numbers were learned in {_rounds(sequence)} rounds through the people, in
{seconds["sequence_training_cpu"] / 60:.0f} minutes of processor time.

Two kinds of risk come of it. *Analytic*: the ratios stay as they are now until the horizon, while the rates of age and
sex go on with age and death competes. New illness brings more illness, so ratios that are held are too low: they are
raised alike for everyone, by what that came to within five years in the tenth (here {raised["others"]:.2f} times, and
{raised["death"]:.2f} times for death), which assumes that it is the same for all. *Drawn*
(`predict sequence STORE --subject ID --futures 400`): what may come next is drawn, becomes a token, and changes what
may come after; the risk is the share of futures with the outcome. A drawn code brings no phenotype with it.

## What was measured

`python -m benchmarks.outcomes FOLDER`: the simulated lives that come with Delphi-2M (MIT licence), learned from their
published training half. Training the hazards took {seconds["training_cpu"]:.0f} s of processor time with everything
that it chooses ({seconds["training"]:.0f} s by the clock of a machine with two cores that others used too), the
sequence model {seconds["sequence_training_cpu"]:.0f} s in one thread. Its size was chosen on a tenth of the training
half. The held-out half ({told["people"]:,} people) was looked at once in each five years of age from 20 on, at a random
moment, {told["moments"]:,} in all, and is judged where the horizon ends before the lives do, at the age of 80.
Nothing was tuned on it. The area is the share of pairs of one age band and sex in which who came to the outcome had the
higher risk; the table has its mean over the outcomes that had pairs.

{_horizons(told["horizons"])}

At {main_line["years"]} years the hazards are {_interval(main_line["gain_over_age_sex"])} above age and sex, and
{_interval(main_line["gain_over_counts"])} above the regression on counts (95 % intervals, by leaving out a fifth of the
people at a time). Of {len(judged)} outcomes {better} are told better by the hazards than by age and sex.

*Age and sex* are the rates alone: within five years of age they still know who is older. *Counts* is a
Poisson regression on age, sex and how often each code was recorded, its penalty chosen in the same way, nothing shared
between outcomes. Observed over expected is of all outcomes together; ten years lie beyond the five that
the hazards' ratios were learned from.

The sequence model, by its analytic risks, is {_interval(main_line["sequence_over_age_sex"])} above age and sex, and
{_interval(main_line["sequence_over_hazards"])} {_verdict(main_line["sequence_over_hazards"])}; it tells
{better_still} of {len(judged)} outcomes better than they do. These lives were drawn by a model of its kind from codes
alone, which is the ground that suits it best; on records with measurements and drugs, which it does not read, nothing
of this is shown.

At {futures["moments"]} of the moments {futures["futures"]} futures each were drawn as well: the mean area of the
{futures["outcomes_judged"]} outcomes with at least 20 cases there is {futures["drawn"]:.3f} by drawn futures and
{futures["analytic"]:.3f} by analytic risks, observed over expected {futures["observed_over_expected_drawn"]:.3f} and
{futures["observed_over_expected_analytic"]:.3f}.

## The {MOST_ROWS} commonest

{_each(told["each"][:MOST_ROWS])}

## What this is not

Lives made by a model, not records: what a network learned from UK Biobank and gave back as draws. It cannot be told
from these lives alone how well their maker's own risks would do on them, and these areas stand beside no published
ones: other people, other moments, no year's gap before the outcome. Moments are followed from a person's first record,
so that what is in it is nobody's new illness.
"""


def _horizons(lines: list[dict[str, Any]]) -> str:
    columns = {
        "years": "horizon (years)",
        "outcomes_judged": "outcomes",
        "age_sex": "age and sex",
        "counts": "counts",
        "hazards": "hazards",
        "sequence": "sequence",
        "observed_over_expected": "observed over expected (hazards)",
        "observed_over_expected_sequence": "(sequence)",
    }
    return table(lines, columns, _said)


def _each(lines: list[dict[str, Any]]) -> str:
    columns = {
        "title": "outcome",
        "cases": "cases",
        "age_sex": "age and sex",
        "counts": "counts",
        "hazards": "hazards",
        "sequence": "sequence",
    }
    return table([{**one, "title": _called(one)} for one in lines], columns, _said)


def _rounds(card: dict[str, Any]) -> str:
    return f"{card['rounds']} (of at most {card['schedule']['rounds']})"


def _verdict(gain: list[float]) -> str:
    """What the interval of the gain over the hazards says."""
    if gain[1] > 0:
        return "above the hazards"
    return "below the hazards" if gain[2] < 0 else "beside the hazards, which is no difference"


def _called(one: dict[str, Any]) -> str:
    """A phenotype has the title of a condition that may also be a code."""
    mark = " (phenotype)" if one["outcome"].startswith("phenotype//") else ""
    return f"{one['title']}{mark}"


def _interval(gain: list[float]) -> str:
    return f"{gain[0]:.3f} ({gain[1]:.3f} to {gain[2]:.3f})"


def _said(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
