"""Frames arrive as they were sent, and what is no frame is refused before anything is allocated for it."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gaelp.confinement.frames import BrokenFrame, Closed, Pipe, generator_state, set_generator
from gaelp.market.streams import stream

MOST = 2**20


class Stuck(Exception):
    """The pipe would wait: in one process that is for ever."""


def _stuck(_: bool) -> None:
    raise Stuck


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, Pipe]]:
    """A raw end, and the pipe that reads from it."""
    raw, other = socket.socketpair()
    with raw, other:
        yield raw, Pipe(other, _stuck)


TYPES = st.one_of(
    hnp.boolean_dtypes(), hnp.integer_dtypes(), hnp.floating_dtypes(sizes=(16, 32, 64)), hnp.unicode_string_dtypes()
)


@given(st.lists(hnp.arrays(TYPES, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)), max_size=4))
def test_arrays_arrive_as_they_were_sent(arrays: list[npt.NDArray[np.generic]]) -> None:
    """Every type, shape and bit of what the store takes crosses the pipe."""
    one, other = socket.socketpair()
    with one, other:
        given_ = {f"array {number}": array for number, array in enumerate(arrays)}
        Pipe(one, _stuck).send({"verb": "act"}, given_)
        head, got = Pipe(other, _stuck).receive(MOST)
    assert head == {"verb": "act"} and got.keys() == given_.keys()
    for name, array in given_.items():
        assert (got[name].dtype, got[name].shape) == (array.dtype, array.shape)
        assert got[name].tobytes() == array.tobytes()


def test_rows_that_are_alike_are_sent_once(ends: tuple[socket.socket, Pipe]) -> None:
    """Features that all campaigns share arrive whole, and weigh one row on the way."""
    raw, pipe = ends
    shared = np.broadcast_to(np.arange(5000.0), (1000, 5000))
    Pipe(raw, _stuck).send({}, {"features": shared})  # 40 MB would not fit on the way
    features = pipe.receive(shared.nbytes)[1]["features"]
    assert features.shape == (1000, 5000) and (features == shared).all()


def test_what_is_received_is_not_overwritten(ends: tuple[socket.socket, Pipe]) -> None:
    """Arrays that are kept stay as they are when more arrives; once they are gone their memory is used again."""
    raw, pipe = ends
    sender = Pipe(raw, _stuck)
    kept = []
    for number in range(5):
        sender.send({}, {"a": np.full(100, number)})
        kept.append(pipe.receive(MOST)[1]["a"])
    assert [int(array[0]) for array in kept] == [0, 1, 2, 3, 4]
    del kept
    place = None
    for number in range(3):
        sender.send({}, {"a": np.full(100, number)})
        array = pipe.receive(MOST)[1]["a"]
        address = array.__array_interface__["data"][0]
        assert place in (None, address)
        place = address
        del array


def frame(arrays: object, **head: object) -> bytes:
    """A frame as a hostile child would write it."""
    text = json.dumps({**head, "arrays": arrays if isinstance(arrays, str) else json.dumps(arrays)}).encode()
    return len(text).to_bytes(4, "little") + text


BROKEN = {
    "a huge head": (2**31).to_bytes(4, "little"),
    "no JSON": (3).to_bytes(4, "little") + b"{a}",
    "nested JSON": (200_000).to_bytes(4, "little") + b"[" * 200_000,
    "no object": (2).to_bytes(4, "little") + b"[]",
    "no list": frame({"a": 1}),
    "no text": (13).to_bytes(4, "little") + b'{"arrays": 1}',
    "too many": frame([["a", "<i8", [0], 1]] * 1001),
    "objects": frame([["a", "|O", [1], 1]]),
    "a record": frame([["a", "<i8,<f8", [1], 1]]),
    "a date": frame([["a", "<M8[s]", [1], 1]]),
    "a negative size": frame([["a", "<i8", [-1], 1]]),
    "a product that wraps": frame([["a", "<i8", [2**32, 2**32], 1]]),
    "too large": frame([["a", "<i8", [2**20], 1]]),
    "too large by its rows": frame([["a", "<i8", [1], 2**40]]),
    "too large by their sum": frame([["a", "|u1", [2**19], 1], ["b", "|u1", [2**19 + 1], 1]]),
    "no rows": frame([["a", "<i8", [1], 0]]),
    "a truth as size": frame([["a", "<i8", [True], 1]]),
    "too many axes": frame([["a", "<i8", [1] * 17, 1]]),
    "a long name": frame([["a" * 201, "<i8", [1], 1]]),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_no_frame_is_refused(ends: tuple[socket.socket, Pipe], case: str) -> None:
    """The first thing that is wrong ends the reading, whatever is announced or follows."""
    raw, pipe = ends
    raw.settimeout(1)
    raw.sendall(BROKEN[case])
    with pytest.raises(BrokenFrame):
        pipe.receive(MOST)


def test_a_truth_value_is_true_or_false(ends: tuple[socket.socket, Pipe]) -> None:
    """Bytes other than 0 and 1, which numpy would count wrongly, are made true."""
    raw, pipe = ends
    raw.sendall(frame([["a", "|b1", [4], 1]]) + bytes([0, 1, 2, 255]) + bytes(4))
    array = pipe.receive(MOST)[1]["a"]
    assert array.tolist() == [False, True, True, True] and array.sum() == 3


def test_an_end_is_told_from_a_frame(ends: tuple[socket.socket, Pipe]) -> None:
    """A closed pipe is Closed at once, in the middle of a frame too; an unfinished one waits."""
    raw, pipe = ends
    raw.sendall(frame([["a", "<i8", [4], 1]]) + bytes(8))
    with pytest.raises(Stuck):
        pipe.receive(MOST)
    raw.close()
    with pytest.raises(Closed):
        pipe.receive(MOST)


def test_a_generator_goes_on_where_it_stood() -> None:
    """Its state crosses as JSON, half-used words and buffers included."""
    rng, again = stream(7, "a"), stream(1, "b")
    rng.integers(2**31, size=3, dtype=np.uint32)
    set_generator(again, json.loads(json.dumps(generator_state(rng))))
    assert again.random(9).tolist() == rng.random(9).tolist()


@pytest.mark.parametrize(
    "change",
    [
        {"buffer_pos": -1000}, {"buffer_pos": 5}, {"buffer_pos": 2**70}, {"buffer_pos": "1"}, {"state": {}},
        {"bit_generator": "PCG64"}, {"buffer": [-1]}, {"state": {"counter": [1], "key": [2**70, 1]}},
    ],
)  # fmt: skip
def test_a_forged_generator_is_refused(change: dict[str, object]) -> None:
    """A state that numpy would read past its memory with, or cannot read, is no generator's."""
    rng = stream(7, "a")
    with pytest.raises(BrokenFrame):
        set_generator(rng, {**generator_state(rng), **change})
