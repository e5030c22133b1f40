"""People who are planned together have, byte for byte, the plans that each has alone."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from lifecourse.base.errors import UserError
from lifecourse.base.files import to_json
from lifecourse.care import plan
from lifecourse.care.assessment import assess
from lifecourse.care.careplan import plans
from lifecourse.care.gathering import score_covariates
from lifecourse.care.rules.evaluate import decide
from lifecourse.care.rules.gathering import ChartFacts, covariates_of
from lifecourse.care.rules.loading import library
from lifecourse.care.rules.memory import Memory
from lifecourse.care.rules.scores import score_facts
from lifecourse.care.worklist import entry_of
from lifecourse.cli.plan import plan_all, text
from lifecourse.schema.actor import Actor, Purpose
from lifecourse.schema.covariate import Covariate, Summary
from lifecourse.schema.window import before, static
from lifecourse.serve.panel import _by_gain
from lifecourse.serve.site import fired
from lifecourse.simulation.hospital import simulate
from lifecourse.timeline.access import Timeline, open_timeline
from lifecourse.timeline.ingestion import ingest
from lifecourse.vocab.codelists import codelist

TODAY = date(2026, 11, 25)
PEOPLE = 150
CHANGES = tuple(
    Covariate(name=f"{name}.change", codelist=codelist(name), window=window, summary=Summary.CHANGE)
    for name in ("sbp", "haemoglobin", "pm25")
    for window in (before(timedelta(days=1_000)), before(), static())
)


@pytest.fixture(scope="module", params=["synthea", "simulated"])
def timeline(
    request: pytest.FixtureRequest, shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Timeline:
    """People with FHIR's own richness, and people with genotypes, deaths and children among them."""
    folder = tmp_path_factory.mktemp(str(request.param))
    source = shared_data / "synthea-r4"
    if request.param == "simulated":
        source = folder / "source"
        simulate(PEOPLE, 11, "fhir", source, futures=0)
    ingest(source, folder / "store")
    if request.param == "simulated":
        ingest(source / "genome", folder / "store")
    return open_timeline(folder / "store", actor=Actor(name="ada"), purpose=Purpose.DIRECT_CARE)


def test_plans_made_together_are_the_plans_made_alone(timeline: Timeline) -> None:
    alone = {
        chart.subject_id: to_json(plan(chart, chart.as_of, today=TODAY).to_dict())
        for chart in timeline.charts()
        if chart.as_of is not None
    }
    together = {
        made.subject_id: to_json(made.to_dict())
        for group in timeline.together()
        for made in plans(group, today=TODAY)
    }
    assert len(alone) > 50
    assert together == alone


def test_charts_read_together_answer_as_alone(timeline: Timeline) -> None:
    asked = (*covariates_of(library().questions), *score_covariates(), *CHANGES)
    for group in timeline.together():
        for member in group.charts():
            chart = member.alone()
            assert (member.as_of, member.birth, member.death, member.sex) == (
                chart.as_of, chart.birth, chart.death, chart.sex,
            )  # fmt: skip
            if chart.as_of is None:
                continue
            for covariates in (covariates_of(library().questions), score_covariates()):
                np.testing.assert_equal(
                    member.ask(covariates, chart.as_of), chart.ask(covariates, chart.as_of)
                )
            if member.person % 10 == 0:
                for each in asked:
                    assert member.deciding(each, chart.as_of, 3) == chart.deciding(
                        each, chart.as_of, 3
                    ), each.name


def test_a_remembered_decision_is_the_decision(timeline: Timeline) -> None:
    rules = library()
    memory = Memory(rules.questions)
    for number, chart in enumerate(timeline.charts()):
        if chart.as_of is None or number % 5:
            continue
        facts = ChartFacts(
            chart=chart,
            at=chart.as_of,
            questions=rules.questions,
            scores=score_facts(assess(chart, chart.as_of)),
        )
        numbers = [memory.number(fact) for fact in facts.facts.values()]
        for rule in rules.rules:
            for _ in range(2):
                assert memory.decide(rule, numbers) == decide(rule, facts), rule.name


def test_an_earlier_moment_of_someone_read_with_others_is_not_answered_by_the_later(
    timeline: Timeline,
) -> None:
    member = next(
        each
        for group in timeline.together()
        for each in group.charts()
        if each.as_of is not None and each.shard.n_events > 20
    )
    dated = member.shard.time[member.shard.time > 0]
    earlier = int(dated[len(dated) // 2])
    chart = member.alone()
    assert to_json(plan(member, earlier, today=TODAY).to_dict()) == to_json(
        plan(chart, earlier, today=TODAY).to_dict()
    )
    assert to_json(plan(member.until(earlier), earlier, today=TODAY).to_dict()) == to_json(
        plan(chart.until(earlier), earlier, today=TODAY).to_dict()
    )


def test_the_genotypes_of_people_read_together_are_their_own(timeline: Timeline) -> None:
    genotyped = any(code.startswith("GENOTYPE//") for code in timeline.codes.codes)
    called = [
        {line.rule.name for line in made.recommendations if "makes them" in line.reason}
        for group in timeline.together()
        for made in plans(group, today=TODAY)
    ]
    assert any(called) == genotyped
    assert not all(called)


def test_the_worklist_has_those_who_gain_most_first(timeline: Timeline) -> None:
    told = plan_all(timeline, most=12)
    made = {
        each.subject_id: each
        for group in timeline.together()
        for each in plans(group)
        if each.age is not None and each.age >= 18
    }
    assert told["plans"] == len(made)
    listed = told["worklist"]
    assert len(listed) == 12
    for entry in listed:
        firing = [
            line
            for line in made[entry["subject_id"]].recommendations
            if line.answer == "fires" and line.same_as is None
        ]
        assert entry["gaps"] == len(firing)
        assert (entry["first"], entry["why"]) == (firing[0].rule.title, firing[0].reason)
    entries = [entry for entry in map(entry_of, made.values()) if entry is not None]
    assert listed == [entry.to_dict() for entry in sorted(entries, key=lambda one: one.order)[:12]]


def test_the_page_of_patients_has_the_order_of_the_command(
    timeline: Timeline, tmp_path: Path
) -> None:
    told = plan_all(timeline, tmp_path, most=PEOPLE)
    listed = [entry["subject_id"] for entry in told["worklist"]]
    people = timeline.persons().filter(pl.col("subject_id").is_in(listed))
    page = _by_gain(people, fired(tmp_path, timeline.derived))
    assert page["subject_id"].to_list() == listed


def test_nobody_can_be_listed_fewer_than_no_times(timeline: Timeline) -> None:
    with pytest.raises(UserError, match="--most"):
        plan_all(timeline, most=-1)


def test_the_command_lists_them_without_writing_a_plan(
    timeline: Timeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told = text(plan_all(timeline, most=3))
    assert "Who gains most" in told
    assert not list(tmp_path.iterdir())
