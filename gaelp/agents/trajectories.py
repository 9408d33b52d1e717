"""The trajectories of a round for an agent to learn from, one in memory at a time. Touch this to keep more of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, overload

from gaelp.arrays import Array

if TYPE_CHECKING:
    from gaelp.agents.contract import State


class Trajectories(Sequence["State"]):
    """Reads like the list of all, and keeps the one last read; `read` gives the arrays of one by its number from 0."""

    def __init__(self, count: int, read: Callable[[int], State]) -> None:
        self._count, self._read, self._reading = count, read, threading.RLock()
        self._last: tuple[int, State | None] = (-1, None)  # number and arrays of the one last read

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, at: int) -> State: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[State]: ...
    def __getitem__(self, at: int | slice) -> State | Sequence[State]:
        if isinstance(at, slice):
            return [_Trajectory(self, number) for number in range(len(self))[at]]
        return _Trajectory(self, range(len(self))[at])

    def arrays(self, number: int) -> State:
        """The arrays of one trajectory; those of the one before are released first, as both may not fit into memory."""
        with self._reading:  # an agent may read in threads of its own
            last, arrays = self._last
            if last != number or arrays is None:
                self._last, arrays = (-1, None), None
                arrays = self._read(number)
                self._last = (number, arrays)
            return arrays


class _Trajectory(Mapping[str, Array]):
    """One trajectory: its arrays are read when one is first looked up, and again if another was read since."""

    def __init__(self, of: Trajectories, number: int) -> None:
        self._of, self._number = of, number

    def __getitem__(self, name: str) -> Array:
        return self._of.arrays(self._number)[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._of.arrays(self._number))

    def __len__(self) -> int:
        return len(self._of.arrays(self._number))
