"""Named random streams: every draw of the market comes from one of these. Touch this and every digest changes."""

from __future__ import annotations

import hashlib

import numpy as np

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
    return np.random.Generator(np.random.Philox(key=int.from_bytes(key, "big")))


def _tag(part: str | int) -> str:
    for kind, tag in TAGS:
        if isinstance(part, kind):
            return tag
    raise TypeError(f"a stream is named by text and integers, not by {part!r} of type {type(part).__name__}")
