"""What an exam fixes before its first episode. Touch with gaelp/domain/gates/exam_rules.py."""

from __future__ import annotations

import pytest
from scipy.stats import binom

from gaelp.domain.gates.exam_rules import COLLAPSE_RATE, allowed_collapses, anchor_for, block_episodes
from gaelp.domain.gates.judging import alpha_for
from gaelp.domain.gates.measurements import Anchor


@pytest.mark.parametrize(("attempt", "episodes", "allowed"), [(1, 50, 1), (2, 50, 0), (3, 50, 0), (4, 100, 2)])
def test_the_block_of_each_attempt(attempt: int, episodes: int, allowed: int) -> None:
    """One of 50 at the first attempt, none at the next two, then blocks of 100, as docs/gates.md says."""
    level = alpha_for(attempt)
    assert (block_episodes(50, level), allowed_collapses(episodes, level)) == (episodes, allowed)


@pytest.mark.parametrize("attempt", range(1, 30))
@pytest.mark.parametrize("unit", [1, 20, 50, 128])
def test_a_collapsing_agent_passes_the_block_at_most_at_the_level(attempt: int, unit: int) -> None:
    """The allowed number is the largest one that does, and every block that is announced can be passed."""
    level = alpha_for(attempt)
    episodes = block_episodes(unit, level)
    allowed = allowed_collapses(episodes, level)
    assert 0 <= allowed and episodes % unit == 0
    assert binom.cdf(allowed, episodes, COLLAPSE_RATE) <= level < binom.cdf(allowed + 1, episodes, COLLAPSE_RATE)


def test_a_block_that_is_too_small_allows_nothing() -> None:
    """Not even a block without any collapse refutes the rate."""
    assert allowed_collapses(10, alpha_for(1)) == -1


@pytest.mark.parametrize(
    ("trained", "graduated", "learned", "anchor"),
    [
        (False, False, True, Anchor.ENTRY),
        (False, False, False, Anchor.INCUMBENT),
        (True, False, True, Anchor.INCUMBENT),
        (True, True, True, Anchor.GRADUATED_ENTRY),
        (True, True, False, Anchor.GRADUATED_ENTRY),
    ],
)
def test_the_anchor_follows_how_the_agent_came(trained: bool, graduated: bool, learned: bool, anchor: Anchor) -> None:
    """An agent that learns from nothing has its beginning, one that passed before itself, all others the incumbent."""
    assert anchor_for(entered_trained=trained, entry_graduated=graduated, learned=learned) is anchor
