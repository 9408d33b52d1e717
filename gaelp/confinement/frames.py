"""What crosses the pipe to a confined process: a JSON head and arrays as raw bytes, never pickled.

A frame is the length of the head (4 bytes), the head, and the arrays' bytes one after another; the head lists each
array's name, type and shape. Whoever receives says how many bytes the arrays may have, and allocates nothing before
that is checked. Touch this when another kind of value must cross.
"""

from __future__ import annotations

import json
import math
import re
import socket
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from gaelp.arrays import Array
from gaelp.errors import GaelpError

Head = dict[str, Any]
Arrays = dict[str, Array]
Wait = Callable[[bool], None]
"""Returns when the pipe may be written to (True) or read from (False); raises what ends the waiting."""

LARGEST_HEAD = 2**20  # bytes
BUFFER = 4 * 2**20  # bytes on the way, as far as the kernel allows it: less waiting for the other side
MOST_AT_ONCE = 64  # pieces in one call of the kernel
MOST_ARRAYS, MOST_AXES, LONGEST_NAME = 1000, 16, 200
PHILOX_BUFFER = 4  # numbers that a Philox generator holds ready
LONGEST_KNOWN = 4096  # characters of a list of arrays that is remembered
# The store's types: bool, integers and floats of at most 8 bytes, text.
_TYPE = re.compile(r"\|b1|[<>|][iu]1|[<>][iu][248]|[<>]f[248]|[<>]U[1-9][0-9]{0,5}")


class BrokenFrame(GaelpError, ValueError):
    """The other side sent something that is no frame, or more than it may."""


class Closed(GaelpError, EOFError):
    """The other side has ended."""


class Pipe:
    """Frames over a stream socket."""

    def __init__(self, connection: socket.socket, wait: Wait) -> None:
        connection.setblocking(False)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
        self._connection, self._wait = connection, wait
        self._reused = np.empty(BUFFER, np.uint8)

    def send(self, head: Mapping[str, Any], arrays: Mapping[str, Array] | None = None) -> None:
        """Send one frame. Raises Closed, ValueError for an array of another type, and what `wait` raises."""
        described, contents = [], []
        for name, array in (arrays or {}).items():
            rows, values = _rows(array)
            if not _TYPE.fullmatch(values.dtype.str):
                raise ValueError(f"{name!r} has type {values.dtype}: bool, integers, floats and text can be sent")
            described.append([name, values.dtype.str, list(values.shape), rows])
            contents += [values.reshape(-1).view(np.uint8).data, memoryview(bytes(_padding(values.nbytes)))]
        text = json.dumps({**head, "arrays": json.dumps(described)}, allow_nan=False).encode()
        if len(text) > LARGEST_HEAD:
            raise ValueError(f"a head of {len(text)} bytes is too long to send: at most {LARGEST_HEAD}")
        self._write([memoryview(len(text).to_bytes(4, "little") + text), *contents])

    def receive(self, most: int) -> tuple[Head, Arrays]:
        """One frame, whose arrays have at most `most` bytes. Raises Closed, BrokenFrame, and what `wait` raises."""
        length = int.from_bytes(self._read(4), "little")
        if length > LARGEST_HEAD:
            raise BrokenFrame(f"a head of {length} bytes, and at most {LARGEST_HEAD} are read")
        head = _parsed(bytes(self._read(length)))
        layout = _layout(head.pop("arrays", None))
        if sum(array.size * array.rows for array in layout) > most:
            raise BrokenFrame("its arrays are larger than an answer may be")
        return head, _cut(self._read(sum(array.size + _padding(array.size) for array in layout)), layout)

    def _write(self, contents: list[memoryview]) -> None:
        rest = [content for content in contents if content.nbytes]
        while rest:
            try:
                sent = self._connection.sendmsg(rest[:MOST_AT_ONCE])
            except (BlockingIOError, InterruptedError):
                self._wait(True)
                continue
            except OSError as error:
                raise Closed("the other side has ended") from error
            while rest and sent >= rest[0].nbytes:
                sent -= rest.pop(0).nbytes
            if sent:
                rest[0] = rest[0][sent:]

    def _room(self, size: int) -> npt.NDArray[np.uint8]:
        """Memory for an answer; that of an earlier one, if nothing refers to its arrays any more."""
        if size > BUFFER:
            return np.empty(size, np.uint8)
        if sys.getrefcount(self._reused) > 2:  # this call's own reference is one of the two
            self._reused = np.empty(BUFFER, np.uint8)
        return self._reused[:size]

    def _read(self, size: int) -> npt.NDArray[np.uint8]:
        content = self._room(size)
        rest = content.data
        while rest:
            try:
                count = self._connection.recv_into(rest)
            except (BlockingIOError, InterruptedError):
                self._wait(False)
                continue
            except OSError as error:
                raise Closed("the other side has ended") from error
            if not count:
                raise Closed("the other side has ended")
            rest = rest[count:]
        return content


@dataclass(frozen=True)
class _Described:
    """An array as a head describes it: its first row stands `rows` times where that is more than one."""

    name: str
    kind: np.dtype[Any]
    shape: tuple[int, ...]
    rows: int
    size: int  # bytes that are sent


def _cut(content: npt.NDArray[np.uint8], arrays: Iterable[_Described]) -> Arrays:
    """The arrays that stand in the content one after another."""
    cut: Arrays = {}
    start = 0
    for array in arrays:
        part = content[start : start + array.size]
        start += array.size + _padding(array.size)
        # A byte that is neither 0 nor 1 makes a bool that numpy counts wrongly.
        values = part != 0 if array.kind.kind == "b" else part.view(array.kind)
        values = values.reshape(array.shape)
        cut[array.name] = np.broadcast_to(values[None], (array.rows, *array.shape)) if array.rows > 1 else values
    return cut


def _padding(size: int) -> int:
    """Bytes after an array, so that the next one begins where numpy reads fast."""
    return -size % 8


def _rows(array: Array) -> tuple[int, Array]:
    """(how often the first row stands there, what is sent): features that all campaigns share are sent once."""
    values = np.asarray(array)
    if values.ndim > 1 and len(values) > 1 and values.strides[0] == 0 and values.size:
        return len(values), np.ascontiguousarray(values[0])
    return 1, values if values.flags.c_contiguous else np.ascontiguousarray(values)


def _parsed(text: bytes) -> Head:
    head = _json(text)
    if not isinstance(head, dict):
        raise BrokenFrame("a head that is no object")
    return head


def _layout(text: object) -> tuple[_Described, ...]:
    """What stands in a frame; that of the calls of a batch is always the same, and read once."""
    if not isinstance(text, str):
        raise BrokenFrame("a head that lists no arrays")
    return _known_layout(text) if len(text) <= LONGEST_KNOWN else _described(text)


@lru_cache(maxsize=64)
def _known_layout(text: str) -> tuple[_Described, ...]:
    return _described(text)


def _described(text: str) -> tuple[_Described, ...]:
    given = _json(text)
    if not isinstance(given, list) or len(given) > MOST_ARRAYS:
        raise BrokenFrame("no list of arrays, or a longer one than is read")
    return tuple(map(_one_described, given))


def _one_described(given: object) -> _Described:
    match given:
        case [str(name), str(kind), list(shape), int(rows)] if (
            len(name) <= LONGEST_NAME
            and _TYPE.fullmatch(kind)
            and len(shape) <= MOST_AXES
            and all(type(size) is int and 0 <= size < 2**48 for size in shape)
            and 1 <= rows < 2**48
        ):
            dtype = np.dtype(kind)
            return _Described(name, dtype, tuple(shape), rows, dtype.itemsize * math.prod(shape))
    raise BrokenFrame("an array whose name, type or shape cannot be read")


def _json(text: str | bytes) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BrokenFrame("a head that is not JSON") from error


def generator_state(rng: np.random.Generator) -> dict[str, Any]:
    """Where a generator stands, as JSON takes it."""
    state: dict[str, Any] = _plain(rng.bit_generator.state)
    return state


def set_generator(rng: np.random.Generator, state: object) -> None:
    """Set a generator to where `generator_state` found one of its kind. Raises BrokenFrame."""
    try:
        restored = _restored(state)
        if not 0 <= restored.get("buffer_pos", 0) <= PHILOX_BUFFER:  # numpy takes any, and reads there
            raise ValueError
        rng.bit_generator.state = restored
    except (TypeError, ValueError, KeyError, OverflowError, AttributeError, RecursionError) as error:
        raise BrokenFrame("a random generator that is none") from error


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return value.tolist() if isinstance(value, np.ndarray) else value


def _restored(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _restored(each) for name, each in value.items()}
    return np.array(value, np.uint64) if isinstance(value, list) else value
