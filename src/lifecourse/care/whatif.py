"""What if: this person's own risk, and what it would be with a treatment.

The default is baseline risk x trial effect: what was seen when people were randomised. The same equation with changed
inputs (`reassess`) says how people with other values fare, which is an association and is called one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lifecourse.base.errors import UserError
from lifecourse.care.assessment import assess, columns_at
from lifecourse.care.benefit import Benefit, benefit_between, benefit_of
from lifecourse.care.gathering import assessed_models, fixed_columns
from lifecourse.care.interventions import interventions
from lifecourse.care.relative_effects import Relative, combined
from lifecourse.care.risk.evaluate import columns_of, evaluate_columns
from lifecourse.care.rules.gathering import ChartFacts
from lifecourse.care.rules.questions import Kind, Question
from lifecourse.care.rules.scores import score_facts
from lifecourse.vocab.units import between

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lifecourse.care.interventions import Amount, Intervention
    from lifecourse.care.rules.definition import Baseline
    from lifecourse.care.rules.gathering import ScoreFact
    from lifecourse.care.scored import Assessment
    from lifecourse.timeline.chart import Chart

CAUSES = {
    "trial": "trial effect on this person's baseline risk",
    "cohort": "association seen in a cohort, nobody was randomised; taken as if it were an effect",
    "equation": "association: the same equation with other inputs; changing them need not change the risk",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One intervention for one person.

    status : ``possible``, ``taken``, ``not_applicable`` or ``not_known``; only what is possible has a benefit
    amount, most : how much of it, and the most of it that this person is offered, in the intervention's unit
    """

    intervention: Intervention
    status: str
    reason: str
    amount: float | None = None
    most: float | None = None
    effect: Relative | None = None
    benefit: Benefit | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        each = self.intervention
        return {
            "name": each.name,
            "title": each.title,
            "kind": each.kind,
            "label": CAUSES[each.kind],
            "status": self.status,
            "reason": self.reason,
            "amount": None
            if each.amount is None
            else {
                "value": self.amount,
                "most": self.most,
                "unit": each.amount.unit,
                "what": each.amount.what,
                "step": each.amount.step,
                "each": each.amount.each,
                "relative_of_each": None if each.effect is None else each.effect.value,
            },
            "benefit": None if self.benefit is None else self.benefit.to_dict(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """What could be done about a person's risks at one moment.

    options : every intervention of the library, each alone
    together : all that were chosen (or all that are possible) and act on one risk; None where fewer than two do
    """

    subject_id: int
    as_of: str
    options: tuple[Option, ...]
    together: Benefit | None
    of: tuple[str, ...]
    capped: bool

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        cap = interventions().cap
        return {
            "subject_id": self.subject_id,
            "as_of": self.as_of,
            "options": [each.to_dict() for each in self.options],
            "together": None
            if self.together is None
            else {
                "of": list(self.of),
                "benefit": self.together.to_dict(),
                "capped": self.capped,
                "assumes": "the effects multiply (logarithms add up), as if each were independent of the others",
                "cap": {"relative": cap.relative, "source": cap.citation, "doi": cap.doi},
            },
        }


def what_if(
    chart: Chart,
    at: int,
    *,
    give: Mapping[str, float | None] | None = None,
    assessment: Assessment | None = None,
) -> WhatIf:
    """What each intervention, and those of `give` together, would do to this person's risks at `at` (microseconds UTC).

    Parameters
    ----------
    give : names of interventions, with an amount in their unit or None for the usual one; all that are possible if None
    assessment : the scores at `at`, where they were computed before

    Raises
    ------
    UserError
        There is no such intervention, it has no amounts, or more was asked than this person is offered.
    """
    asked = dict(give or {})
    _check(asked)
    scored = assess(chart, at) if assessment is None else assessment
    facts = _facts(chart, at, score_facts(scored))
    options = tuple(
        _option(each, facts, asked.get(each.name)) for each in interventions().interventions
    )
    chosen = [o for o in options if o.benefit and (give is None or o.intervention.name in asked)]
    together, of, capped = _together(chosen, facts)
    return WhatIf(
        subject_id=chart.subject_id,
        as_of=scored.as_of,
        options=options,
        together=together,
        of=of,
        capped=capped,
    )


def _check(asked: Mapping[str, float | None]) -> None:
    for name, amount in asked.items():
        each = interventions().named(name)
        if each is None:
            known = ", ".join(e.name for e in interventions().interventions)
            raise UserError(f"there is no intervention '{name}'. There are: {known}.")
        if amount is not None and each.amount is None:
            raise UserError(f"'{name}' has no amount: it is done or not. Give its name alone.")
        if amount is not None and not amount > 0:
            raise UserError(f"the amount of '{name}' must be above 0.")


def _facts(chart: Chart, at: int, scores: Mapping[str, ScoreFact]) -> ChartFacts:
    known = interventions().interventions
    asked = [question for each in known for question in each.questions]
    asked += [_value_of(each.amount) for each in known if each.amount is not None]
    return ChartFacts(chart=chart, at=at, questions=tuple(dict.fromkeys(asked)), scores=scores)


def _value_of(amount: Amount) -> Question:
    return Question(kind=Kind.LAB, name=amount.measured, within_days=1826)


def _option(each: Intervention, facts: ChartFacts, asked: float | None) -> Option:
    barrier = _barrier(each, facts)
    if barrier is not None:
        return Option(intervention=each, status=barrier[0], reason=barrier[1])
    if each.source_rule is not None:
        benefit = benefit_of(each.source_rule, facts)
        return _found(each, benefit, None, None, None)
    assert each.effect is not None  # noqa: S101 -- checked when the file was read
    amount, most = _amount(each, facts, asked)
    if amount is not None and amount <= 0:
        return Option(intervention=each, status="not_applicable", reason="nothing left to lower")
    effect = Relative(value=each.effect.value, low=each.effect.ci[0], high=each.effect.ci[1])
    if amount is not None and each.amount is not None:
        effect = effect.times(amount / each.amount.each)
    if each.control is not None:
        baseline, years = each.control.probability, each.control.years
        named = "the control arm of the trial: this person's own risk is not known"
    else:
        value = _risk(each.on[0], facts)
        if value is None:
            return Option(intervention=each, status="not_known", reason=_unknown(each.on[0], facts))
        baseline, years, named = value, each.on[0].years, _named(each.on[0])
    benefit = _benefit(each, effect, baseline, years, named, amount)
    return _found(each, benefit, amount, most, effect)


def _found(
    each: Intervention,
    benefit: Benefit | None,
    amount: float | None,
    most: float | None,
    effect: Relative | None,
) -> Option:
    if benefit is None:
        return Option(
            intervention=each, status="not_known", reason="the baseline risk is not known"
        )
    return Option(
        intervention=each,
        status="possible",
        reason=CAUSES[each.kind],
        amount=amount,
        most=most,
        effect=effect,
        benefit=benefit,
    )


def _barrier(each: Intervention, facts: ChartFacts) -> tuple[str, str] | None:
    applies = each.applies.judge(facts, {})
    said = "; ".join(reason.text for reason in applies.because)
    if applies.truth is False:
        return "not_applicable", said
    if each.is_taken is not None and each.is_taken.judge(facts, {}).truth is True:
        return "taken", "taken already: the baseline holds its effect"
    if applies.truth is None:
        return "not_known", f"not known: {', '.join(applies.missing)}".replace("_", " ")
    return None


def _amount(
    each: Intervention, facts: ChartFacts, asked: float | None
) -> tuple[float | None, float | None]:
    """How much is given, and the most that is offered: no more than the value measured leaves room for."""
    amount = each.amount
    if amount is None:
        return None, None
    value = facts[_value_of(amount)].value
    most = amount.usual if value is None else amount.most
    if isinstance(value, float):
        in_unit = value * between(amount.measured, amount.unit)
        rooms = [most]
        rooms += [] if amount.share is None else [in_unit * amount.share]
        rooms += [] if amount.floor is None else [in_unit - amount.floor]
        most = max(0.0, math.floor(min(rooms) / amount.step + 1e-9) * amount.step)
    if asked is not None and asked > most + 1e-9:
        raise UserError(
            f"'{each.name}' is offered up to {most:g} {amount.unit} for this person. Ask for less."
        )
    return (min(amount.usual, most) if asked is None else asked), round(most, 6)


def _benefit(
    each: Intervention,
    effect: Relative,
    baseline: float,
    years: float,
    named: str,
    amount: float | None,
) -> Benefit | None:
    assert each.effect is not None  # noqa: S101 -- checked when the file was read
    per = None
    if amount is not None and each.amount is not None:
        per = f"{amount:g} {each.amount.unit.replace('[', ' ').replace(']', '')} {each.amount.what}"
    return benefit_between(
        baseline=baseline,
        years=years,
        outcome=each.effect.outcome,
        measure=each.effect.measure,
        relative=effect.value,
        interval=(effect.low, effect.high),
        per=per,
        source=each.citation or "",
        doi=each.doi,
        baseline_source=named,
    )


def _risk(on: Baseline, facts: ChartFacts) -> float | None:
    question = on.question
    value = None if question is None else facts[question].value
    return value if isinstance(value, float) and 0 < value < 1 else None


def _unknown(on: Baseline, facts: ChartFacts) -> str:
    assert on.question is not None  # noqa: S101 -- a baseline of a score
    fact = facts[on.question]
    if fact.inapplicable is not None:
        return f"no baseline risk: {fact.inapplicable}"
    return f"no baseline risk, not known: {', '.join(fact.missing)}".replace("_", " ")


def _named(on: Baseline) -> str:
    return f"{on.model}.{on.outcome}"


def _together(
    chosen: Sequence[Option], facts: ChartFacts
) -> tuple[Benefit | None, tuple[str, ...], bool]:
    """The chosen that act on one score's risk, together; held at the cap."""
    on = _shared(chosen)
    acting = [
        o for o in chosen if o.effect is not None and on is not None and on in o.intervention.on
    ]
    risk = None if on is None else _risk(on, facts)
    if on is None or risk is None or len(acting) < 2:
        return None, (), False
    cap = interventions().cap
    product = combined([o.effect for o in acting if o.effect is not None])
    held = product.at_least(cap.relative)
    benefit = benefit_between(
        baseline=risk,
        years=on.years,
        outcome={"ascvd": "atherosclerotic disease", "total_cvd": "cardiovascular disease"}.get(
            str(on.outcome), str(on.outcome)
        ),
        measure="HR",
        relative=held.value,
        interval=(held.low, held.high),
        per=None,
        source="; ".join(o.intervention.citation or "" for o in acting),
        doi=None,
        baseline_source=_named(on),
    )
    return benefit, tuple(o.intervention.name for o in acting), held.value != product.value


def _shared(chosen: Iterable[Option]) -> Baseline | None:
    """The risk that most of the chosen act on; of equals the one named first."""
    counts: dict[Baseline, int] = {}
    for option in chosen:
        for on in option.intervention.on:
            counts[on] = counts.get(on, 0) + 1
    return max(counts, key=lambda on: counts[on]) if counts else None


def reassess(
    chart: Chart, at: int, model_name: str, changes: Mapping[str, float | str]
) -> list[dict[str, Any]]:
    """The outputs of one score as they are and with other inputs: an association, and labelled so.

    Parameters
    ----------
    changes : inputs of the score by name, in its units

    Raises
    ------
    UserError
        No such score is assessed, or it has no such input.
    """
    model = next((each for each in assessed_models() if each.id == model_name), None)
    if model is None:
        known = ", ".join(each.id for each in assessed_models())
        raise UserError(f"there is no score '{model_name}' to ask again. There are: {known}.")
    changed = {k: v for k, v in columns_of(model, [changes]).items() if k in changes}
    as_is = columns_at(chart, at, model)
    found = []
    for run in model.runs:
        fixed = fixed_columns(model, run.set)
        before = evaluate_columns(model, {**as_is, **fixed}, 1)
        after = evaluate_columns(model, {**as_is, **changed, **fixed}, 1)
        for name, output in model.outputs.items():
            found.append(
                {
                    "score": model.id,
                    "outcome": name,
                    "horizon_years": run.horizon_years or output.horizon_years,
                    "unit": output.unit,
                    "before": _number(before.outputs[name][0]),
                    "after": _number(after.outputs[name][0]),
                    "changed": dict(changes),
                    "label": CAUSES["equation"],
                    "equation": model.equation_name,
                }
            )
    return found


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
