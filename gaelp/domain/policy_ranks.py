"""What criteria 5b and 7 judge of policies on a log: an agent's bids beside the logger's, and how policies rank.

It stands apart from the kinds of logs, which the command line names before it has pydantic. Touch this when one of the
two criteria needs another number.
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


class PairedBids(Frozen):
    """An agent's bids beside the logger's purchases for the same money on a market log (docs/gates.md, 5b)."""

    episodes: int
    clicks: int  # of auctions that either of the two won
    agent: int  # clicks that the agent's bids won
    beyond: int  # of them, those won by a bid about which the log knows too little
    logger: int
    difference: float  # clicks an episode, less 95 % of the logger's and without those beyond
    difference_low: float
    log_wealth: float  # natural log of the bet on a difference above 0
    log_wealth_against: float  # and of the bet on one below 0, with the clicks beyond
