"""Named random streams: every draw of the market comes from one of these. Touch this and every digest changes."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.random.bit_generator import ISeedSequence

from gaelp.domain.phases import Phase

# What a part of a key is hashed as, first match first. The tags are frozen: they enter every draw, so a class that is
# renamed here, or text that becomes an enumeration elsewhere, must keep the tag that it has.
TAGS: tuple[tuple[type, str], ...] = ((Phase, "Phase"), (bool, "bool"), (str, "str"), (int, "int"))


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """An independent Philox generator keyed by `seed` and `names`.

    The 128-bit key is a BLAKE2b digest of the names' tags and texts, so "1" and 1, or ("ab", "c") and ("a", "bc"),
    never share a stream. Equal arguments give bit-equal draws in any process. Raises TypeError for a name that is
    neither text nor an integer.
    """
    parts = [f"{_tag(part)}:{len(str(part))}:{part}" for part in (int(seed), *names)]
    key = hashlib.blake2b("\x1f".join(parts).encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(_Key(key)))  # type: ignore[arg-type]  # its stubs know no ISeedSequence


class _Key(ISeedSequence):
    """Gives Philox its key. Its argument `key` asks the system for entropy that it does not use, half its time."""

    def __init__(self, key: bytes) -> None:
        self._words = np.frombuffer(key[::-1], "<u8")

    def generate_state(self, n_words: int, dtype: npt.DTypeLike = np.uint32) -> np.ndarray[tuple[int], np.dtype[Any]]:
        """The two words of 64 bits that Philox asks for."""
        return self._words


def _tag(part: str | int) -> str:
    for kind, tag in TAGS:
        if isinstance(part, kind):
            return tag
    raise TypeError(f"a stream is named by text and integers, not by {part!r} of type {type(part).__name__}")
