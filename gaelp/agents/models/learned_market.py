"""What every learning agent here keeps of a market, and the round of learning that they share.

Counts per cell (counts.py) and the bid landscape (bid_landscape.py), with the number of rounds. An agent adds arrays of
its own. Touch this to let all of them learn another quantity.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gaelp.agents.contract import State, WorldShape
from gaelp.agents.models import bid_landscape, counts
from gaelp.arrays import Array


def nothing(shape: WorldShape) -> dict[str, Array]:
    """The arrays before any trajectory."""
    return {"rounds": np.zeros(1, np.int64), **counts.nothing(shape), **bid_landscape.nothing(shape)}


def learned(state: State, trajectories: Sequence[State]) -> dict[str, Array]:
    """These arrays of `state` after one more round, whose trajectories are read in the order given."""
    return {
        "rounds": np.asarray(state["rounds"]) + 1,
        **counts.added(state, trajectories),
        **bid_landscape.added(state, trajectories),
    }
