"""Audience segments: the values of one user feature become segments. Touch this to define segments otherwise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gaelp.arrays import I8

UserFeatures = npt.NDArray[np.str_]


@dataclass(frozen=True)
class Segmentation:
    """Which user feature makes the segments: value i is segment i, and every other value is one more, the last."""

    feature_index: int  # column of the user features
    values: tuple[str, ...]

    def assign(self, user_features: UserFeatures) -> I8:
        """Segment i8[N] of each row of `user_features` str[N, U].

        Raises ValueError where the rows have no such column, unless there is only one segment.
        """
        if user_features.ndim != 2 or user_features.shape[1] <= self.feature_index:
            if not self.values:
                return np.zeros(len(user_features), np.int64)
            raise ValueError(
                f"the market's segments come from user feature {self.feature_index}, but these rows have shape "
                f"{user_features.shape}: give str[N, U] with the user features the market was calibrated on"
            )
        segment = np.full(len(user_features), len(self.values), np.int64)
        for index, value in enumerate(self.values):
            segment[user_features[:, self.feature_index] == value] = index
        return segment


def choose(user_features: UserFeatures, segments: int) -> Segmentation:
    """The user feature whose values, folded into `segments`, are balanced best (largest entropy).

    The commonest values get a segment of their own. With no feature or a single value there is one segment.
    """
    best: tuple[float, Segmentation] = (-1.0, Segmentation(0, ()))
    for column in range(user_features.shape[1]):
        values, counts = np.unique(user_features[:, column], return_counts=True)
        order = np.argsort(-counts, kind="stable")
        named = min(segments, len(values)) - 1
        folded = np.append(counts[order[:named]], counts[order[named:]].sum())
        entropy = _entropy(folded)
        if entropy > best[0]:
            best = (entropy, Segmentation(column, tuple(str(values[i]) for i in order[:named])))
    return best[1]


def _entropy(counts: I8) -> float:
    share = counts[counts > 0] / max(counts.sum(), 1)
    return float(-(share * np.log(share)).sum())
