"""Many people's histories as columns, one person at a time: microseconds each once their shard is in memory.

For learning and analysis, not for looking at someone: a reader is opened for operations or research, and its one
audit entry says that everyone was read. Care opens a `Chart`, and each of those looks is audited by itself.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from lifecourse.base.errors import UserError
from lifecourse.timeline.sharding import shard_of_one

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    import numpy.typing as npt

    from lifecourse.timeline.shard import Shard

    EventTuple = tuple[datetime | None, str, float | None]

DEFAULT_BYTES = 512 * 2**20
BYTES_PER_EVENT = 24
BYTES_PER_SUBJECT = 200
LARGE_SHARD_EVENTS = 262_144
EVENTS_AT_ONCE = 4_096
"""So few that the objects made of them stay in the processor's cache: twice as fast as a shard at once."""


class History:
    """One subject's events as columns: views of a shard's arrays, made when asked for.

    Not a dataclass: it is made in a third of a microsecond, a frozen dataclass in two.
    """

    __slots__ = ("_shard", "_start", "_stop", "subject_id")

    def __init__(self, subject_id: int, shard: Shard, start: int, stop: int) -> None:
        self.subject_id = subject_id
        self._shard = shard
        self._start = start
        self._stop = stop

    def __len__(self) -> int:
        """The number of events, static ones included."""
        return self._stop - self._start

    def __repr__(self) -> str:
        """Whose it is and how long, and no value of it."""
        return f"History(subject_id={self.subject_id}, events={len(self)})"

    @property
    def time(self) -> npt.NDArray[np.int64]:
        """int64 microseconds UTC, ascending; STATIC (first) where an event has no time."""
        return self._shard.time[self._start : self._stop]

    @property
    def code(self) -> npt.NDArray[np.int32]:
        """int32 ids in the timeline's `codes`."""
        return self._shard.code[self._start : self._stop]

    @property
    def value(self) -> npt.NDArray[np.float32]:
        """float32 in the code's canonical unit; NaN where there is no number."""
        return self._shard.value[self._start : self._stop]

    @property
    def end(self) -> npt.NDArray[np.int64]:
        """int64 microseconds UTC when it stopped being so; NO_END where none is stated."""
        return self._shard.end[self._start : self._stop]

    def columns(
        self,
    ) -> tuple[
        npt.NDArray[np.int64],
        npt.NDArray[np.int32],
        npt.NDArray[np.float32],
        npt.NDArray[np.int64],
    ]:
        """`time`, `code`, `value` and `end` at once."""
        shard, here = self._shard, slice(self._start, self._stop)
        return shard.time[here], shard.code[here], shard.value[here], shard.end[here]

    def codes(self) -> list[str]:
        """Each event's code in words."""
        words: list[str] = self._shard.codes.words[self.code].tolist()
        return words

    def tuples(self) -> list[EventTuple]:
        """Each event as (time, code, value); None for no time and no number; times are naive UTC, as MEDS has them."""
        return list(zip(*_lists(self._shard, self._start, self._stop), strict=True))


class Reader:
    """Histories by subject id, with the shards they lie in kept in memory up to a bound.

    Made by `Timeline.reader`; safe for several threads. The arrays it gives are read-only views: one that is
    kept holds its shard in memory beyond the bound.
    """

    def __init__(
        self,
        *,
        n_shards: int,
        shard: Callable[[int], Shard],
        events_in: Callable[[int], int],
        one_subject: Callable[[int, int], Shard],
        max_bytes: int = DEFAULT_BYTES,
    ) -> None:
        self._n_shards = n_shards
        self._read_shard = shard
        self._events_in = events_in
        self._read_subject = one_subject
        self._max_bytes = max_bytes
        self._places: dict[int, tuple[Shard, int, int, _Held]] = {}
        self._held: OrderedDict[tuple[int, int | None], _Held] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    @property
    def held_bytes(self) -> int:
        """About how much memory the held shards take."""
        return self._bytes

    def subject(self, subject_id: int) -> History:
        """The history of one subject.

        Raises
        ------
        UserError
            No such subject.
        """
        place = self._places.get(subject_id)
        if place is None:
            place = self._fetch(int(subject_id))
        place[3].is_used = True
        return History(subject_id, place[0], place[1], place[2])

    def histories(self, shards: Iterable[int] | None = None) -> Iterator[History]:
        """Everyone's history, shard by shard, one shard in memory at a time.

        `shards` narrows it to the people of some shards, so that several processes share the work.
        """
        for shard in self._each(shards):
            stops = shard.offsets.tolist()
            for place, subject in enumerate(shard.subject_ids.tolist()):
                yield History(subject, shard, stops[place], stops[place + 1])

    def tuples(self, shards: Iterable[int] | None = None) -> Iterator[tuple[int, list[EventTuple]]]:
        """Everyone's subject id and events as `History.tuples` has them, in the order of `histories`."""
        for shard in self._each(shards):
            stops, subjects = shard.offsets.tolist(), shard.subject_ids.tolist()
            for first, last in _together(stops, EVENTS_AT_ONCE):
                columns = _lists(shard, stops[first], stops[last])
                events = zip(*columns, strict=True)
                for place in range(first, last):
                    yield subjects[place], list(islice(events, stops[place + 1] - stops[place]))

    def _each(self, shards: Iterable[int] | None) -> Iterator[Shard]:
        for number in range(self._n_shards) if shards is None else shards:
            yield _read_only(self._read_shard(number))

    def _fetch(self, subject_id: int) -> tuple[Shard, int, int, _Held]:
        if self._n_shards == 0:
            raise _absent(subject_id)
        number = shard_of_one(subject_id, self._n_shards)
        with self._lock:
            place = self._places.get(subject_id)
            if place is None and self._events_in(number) > LARGE_SHARD_EVENTS:
                # Reading it whole for one person would take longer than anyone waits.
                self._hold((number, subject_id), self._read_subject(number, subject_id))
            elif place is None and (number, None) not in self._held:
                self._hold((number, None), self._read_shard(number))
            place = place or self._places.get(subject_id)
        if place is None:
            raise _absent(subject_id)
        return place

    def _hold(self, name: tuple[int, int | None], shard: Shard) -> None:
        size = shard.n_events * BYTES_PER_EVENT + shard.n_subjects * BYTES_PER_SUBJECT
        self._make_room(size)
        subjects, stops = shard.subject_ids.tolist(), shard.offsets.tolist()
        if not subjects:
            return
        held, shard = _Held(subjects, size), _read_only(shard)
        for place, subject in enumerate(subjects):
            self._places[subject] = (shard, stops[place], stops[place + 1], held)
        self._held[name] = held
        self._bytes += size

    def _make_room(self, size: int) -> None:
        """Let go of what was not used since the last round, oldest first: a clock, so that a look costs no lock."""
        while self._held and self._bytes + size > self._max_bytes:
            name, held = self._held.popitem(last=False)
            if held.is_used:
                held.is_used = False
                self._held[name] = held
                continue
            for subject in held.subjects:
                self._places.pop(subject, None)
            self._bytes -= held.size


class _Held:
    """A shard in memory: whose, how large, and whether anyone looked at it since the last round."""

    __slots__ = ("is_used", "size", "subjects")

    def __init__(self, subjects: list[int], size: int) -> None:
        self.subjects = subjects
        self.size = size
        self.is_used = False


def _lists(
    shard: Shard, start: int, stop: int
) -> tuple[list[datetime | None], list[str], list[float | None]]:
    time, value = shard.time[start:stop], shard.value[start:stop]
    # The smallest int64, STATIC, is what numpy calls "not a time", which becomes None.
    times = time.view("datetime64[us]").tolist()
    codes = shard.codes.words[shard.code[start:stop]].tolist()
    values = value.astype(np.object_)
    values[np.isnan(value)] = None
    return times, codes, values.tolist()


def _together(stops: list[int], events: int) -> Iterator[tuple[int, int]]:
    """Runs of subjects (first, one past the last) with about `events` events, at least one subject in each."""
    first = 0
    for place in range(1, len(stops)):
        if stops[place] - stops[first] >= events or place == len(stops) - 1:
            yield first, place
            first = place


def _read_only(shard: Shard) -> Shard:
    """The shard behind views that no one can write through: many people's histories share its arrays."""

    def closed(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        view = array[:]
        view.flags.writeable = False
        return view

    return replace(
        shard,
        time=closed(shard.time),
        code=closed(shard.code),
        value=closed(shard.value),
        end=closed(shard.end),
    )


def _absent(subject_id: int) -> UserError:
    return UserError(f"the store has no subject {subject_id}.")
