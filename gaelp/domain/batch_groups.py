"""How many batches of a round one child workflow is given, so that its transport costs little beside its computing.

A batch is reproduced by its own key, whichever child it is part of, so results do not depend on this. Touch this when
the cost of a child workflow was measured anew.
"""

from __future__ import annotations

from collections.abc import Sequence

# A child with its activity costs the server and the worker some 40 ms of processor time (docs/measurements.md).
FILLED_SECONDS = 0.4  # of computing in one child; more would leave processes idle at the end of a round
FEWEST_GROUPS = 2  # a round never waits for one process alone
MOST_TOGETHER = 64  # results of a batch are a kilobyte, and a message should stay far below Temporal's limit


def grouped(batches: Sequence[int], batch_seconds: float) -> list[tuple[int, ...]]:
    """A round's batches in groups, in order, given what one batch took; 0 where that is not known yet."""
    fill = int(FILLED_SECONDS / batch_seconds) if batch_seconds > 0 else 1
    groups = -(-len(batches) // FEWEST_GROUPS)
    together = max(1, min(fill, groups, MOST_TOGETHER))
    return [tuple(batches[first : first + together]) for first in range(0, len(batches), together)]
