from __future__ import annotations

import threading
from functools import partial

import pytest

from lifecourse.base.beside import beside, both


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_answers_come_in_the_order_of_the_calls(workers: int) -> None:
    assert beside(workers, *(partial(pow, n, 2) for n in range(20))) == [n**2 for n in range(20)]
    assert both(workers, lambda: "one", lambda: 2) == ("one", 2)


def test_one_worker_is_the_thread_that_asks() -> None:
    here = threading.get_ident()
    assert set(beside(1, threading.get_ident, threading.get_ident)) == {here}
    assert both(1, threading.get_ident, threading.get_ident) == (here, here)
    assert here not in beside(2, threading.get_ident, threading.get_ident)


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_is_that_of_the_call(workers: int) -> None:
    with pytest.raises(ZeroDivisionError):
        beside(workers, lambda: 1, lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        both(workers, lambda: 1, lambda: 1 // 0)
