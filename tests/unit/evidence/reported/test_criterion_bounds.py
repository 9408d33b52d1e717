"""A bound says on which side of its estimate it lies."""

from __future__ import annotations

import pytest

from gaelp.evidence.reported.criterion_bounds import bound_in_words


@pytest.mark.parametrize(("estimate", "bound", "words"), [
    (0.93, 0.892, "at least 0.892"), (0.0, 0.1071, "at most 0.1071"), (None, 25.44, "25.44"), (0.0, 0.0, "0"),
    (0.5, None, "–"),
])  # fmt: skip
def test_a_bound_names_its_side(estimate: float | None, bound: float | None, words: str) -> None:
    """A lower bound is at least, an upper one at most; without an estimate, or at it, it is a figure."""
    assert bound_in_words(estimate, bound) == words
