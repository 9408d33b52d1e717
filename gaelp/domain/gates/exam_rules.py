"""What an exam fixes before its first episode: the size of the announced block, and what criterion 3 compares with.

Touch this only together with docs/gates.md, criteria 3 and 4.
"""

from __future__ import annotations

import math

from gaelp.domain.gates.measurements import Anchor

COLLAPSE_RATE = 0.11
"""An agent that collapses in this share of its episodes, or in more, passes the block with at most the level."""


def block_episodes(unit: int, alpha: float) -> int:
    """The size of the block: the smallest multiple of `unit` that can refute COLLAPSE_RATE at level `alpha` at all."""
    needed = math.ceil(math.log(alpha) / math.log1p(-COLLAPSE_RATE))
    return unit * math.ceil(needed / unit)


def allowed_collapses(episodes: int, alpha: float) -> int:
    """The most collapses in a block that refute COLLAPSE_RATE at level `alpha` (binomial); -1 where none would do."""
    allowed, chance = -1, 0.0
    while allowed < episodes:
        count = allowed + 1
        chance += math.comb(episodes, count) * COLLAPSE_RATE**count * (1 - COLLAPSE_RATE) ** (episodes - count)
        if chance > alpha:
            break
        allowed = count
    return allowed


def anchor_for(*, entered_trained: bool, entry_graduated: bool, learned: bool) -> Anchor:
    """What criterion 3 compares with: an agent that entered trained, or never learns here, has the incumbent.

    `entry_graduated`: this gate has passed the very checkpoint with which the agent entered the phase.
    """
    if entry_graduated:
        return Anchor.GRADUATED_ENTRY
    return Anchor.INCUMBENT if entered_trained or not learned else Anchor.ENTRY
