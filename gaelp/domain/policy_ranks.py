"""What criterion 7 judges: how policies rank on a log by their predicted and their actual value.

It stands apart from the kinds of logs, which the command line names before it has pydantic. Touch this when criterion 7
needs another number.
"""

from __future__ import annotations

from gaelp.domain.frozen import Frozen


class RanksMeasure(Frozen):
    """Policies on a log by their predicted and their actual value; what does not vary is NaN."""

    policies: int
    clicks: int  # of the later part
    reliability: float  # of the actual values, by split halves
    correlation: float  # Spearman's
    correlation_low: float
    correlation_high: float
    most_carried: float  # by how much it changes where one policy is left out
    regret: float  # share of the best value that the policy predicted best misses
