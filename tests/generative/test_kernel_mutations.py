"""A mistake at any window edge of the kernel makes an answer differ from the oracle's."""

from __future__ import annotations

import pytest
from mutants import EQUIVALENT, PLACES, is_killed, mutants, plain_python, questions

from lifecourse.timeline import bisection, kernel, sweep

QUICK = ((kernel, "window_bounds"), (kernel, "_bound"), (sweep, "_active"), (sweep, "_summarise"))


def test_the_kernel_as_plain_python_gives_the_oracles_answers() -> None:
    with plain_python():
        assert all(question.is_answered() for question in questions())
    assert len(questions()) > 200


def test_compiled_it_gives_the_same() -> None:
    assert all(question.is_answered() for question in questions())


@pytest.mark.parametrize(("module", "name"), QUICK, ids=[name for _, name in QUICK])
def test_no_wrong_edge_goes_unnoticed_in_the_quick_functions(module: object, name: str) -> None:
    found = mutants(module, name)  # type: ignore[arg-type]  # a module
    assert len(found) >= 5
    assert [str(mutant) for mutant in found if not is_killed(mutant)] == []


@pytest.mark.prove
def test_no_wrong_edge_goes_unnoticed() -> None:
    found = [mutant for module, name in PLACES for mutant in mutants(module, name)]
    alive = {str(mutant) for mutant in found if not is_killed(mutant)}
    assert len(found) > 110
    assert alive == set(EQUIVALENT)


def test_every_place_has_mutants() -> None:
    assert all(mutants(module, name) for module, name in PLACES)
    assert (bisection, "first_at_or_after") in PLACES
