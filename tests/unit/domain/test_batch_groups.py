"""How a round's batches are put together in child workflows."""

from __future__ import annotations

import pytest

from gaelp.domain.batch_groups import FILLED_SECONDS, MOST_TOGETHER, grouped


@pytest.mark.parametrize("seconds", [0.0, 1e-6, 0.01, 0.05, 0.3, 7.0])
@pytest.mark.parametrize("number", [1, 2, 3, 4, 7, 32, 1000])
def test_every_batch_is_in_one_group_in_order(number: int, seconds: float) -> None:
    """Nothing is left out or doubled, and no group is larger than a message may be."""
    numbers = range(40, 40 + number)
    groups = grouped(numbers, seconds)
    assert [each for group in groups for each in group] == list(numbers)
    assert max(map(len, groups)) <= MOST_TOGETHER


def test_a_round_never_waits_for_one_process_alone() -> None:
    """However little a batch takes, a round of several has two groups at the least, of about equal size."""
    assert [len(group) for group in grouped(range(4), 0.001)] == [2, 2]
    assert [len(group) for group in grouped(range(7), 0.001)] == [4, 3]
    assert [len(group) for group in grouped(range(1), 0.001)] == [1]


def test_a_group_fills_its_transport() -> None:
    """Batches together compute for as long as one child should; a long batch, or one of unknown length, is alone."""
    assert {len(group) for group in grouped(range(64), FILLED_SECONDS / 8)} == {8}
    assert {len(group) for group in grouped(range(64), FILLED_SECONDS * 2)} == {1}
    assert {len(group) for group in grouped(range(64), 0.0)} == {1}
