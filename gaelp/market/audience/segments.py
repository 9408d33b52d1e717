"""Audience segments: one user feature's values become segments. Touch this to define segments otherwise."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from gaelp.arrays import I8, U1, Array


def choose(user_features: npt.NDArray[np.str_], segments: int) -> tuple[int, list[str]]:
    """The user feature whose values, folded into `segments`, are balanced best (largest entropy).

    Returns its column and the values that get a segment of their own, commonest first; every other value belongs to
    one more segment, the last. With no feature or a single value there is one segment and no named value.
    """
    best: tuple[float, int, list[str]] = (-1.0, 0, [])
    for column in range(user_features.shape[1]):
        values, counts = np.unique(user_features[:, column], return_counts=True)
        order = np.argsort(-counts, kind="stable")
        named = min(segments, len(values)) - 1
        folded = np.append(counts[order[:named]], counts[order[named:]].sum())
        entropy = _entropy(folded)
        if entropy > best[0]:
            best = (entropy, column, [str(values[i]) for i in order[:named]])
    return best[1], best[2]


def assign(market: Mapping[str, Array], user_features: npt.NDArray[np.str_]) -> I8:
    """Segment i8[N] of each row of `user_features` str[N, U]; an unknown value belongs to the last segment."""
    column = int(market["segment_feature_index"][0])
    if user_features.ndim != 2 or user_features.shape[1] <= column:
        named = len(market["segment_values"])
        if named == 0:
            return np.zeros(len(user_features), np.int64)
        raise ValueError(
            f"the market's segments come from user feature {column}, but these rows have shape {user_features.shape}: "
            "give str[N, U] with the user features the market was calibrated on"
        )
    named_values = decode_values(market["segment_values"])
    segment = np.full(len(user_features), len(named_values), np.int64)
    for index, value in enumerate(named_values):
        segment[user_features[:, column] == value] = index
    return segment


def encode_values(values: list[str]) -> U1:
    """UTF-8, zero-padded u1[V, L]: plain numbers, so that any array format keeps them."""
    raw = [value.encode() for value in values]
    width = max([1, *(len(value) for value in raw)])
    table = np.zeros((len(raw), width), np.uint8)
    for index, value in enumerate(raw):
        table[index, : len(value)] = np.frombuffer(value, np.uint8)
    return table


def decode_values(table: Array) -> list[str]:
    """The inverse of `encode_values`."""
    return [bytes(np.asarray(row, np.uint8)).rstrip(b"\0").decode() for row in table]


def _entropy(counts: I8) -> float:
    share = counts[counts > 0] / max(counts.sum(), 1)
    return float(-(share * np.log(share)).sum())
