"""Whether an agent's bids win as many clicks as the logger did for the same money: criterion 5b on a market log.

Both are replayed on the same auctions in the log's order, episode by episode (bid_replay.py). The agent bids as it
bids, and the logger takes what comes until the budget is out. The bet is on episodes and not on auctions: within an
episode the logger wins first and the agent may win later, so that no auction's mean difference is that of the episode.
What the log does not know counts against whom it would help. Touch this only together with docs/gates.md.
"""

from __future__ import annotations

import numpy as np

from gaelp.arrays import B1, F8, I8
from gaelp.domain.log_evidence import BUDGET_FRACTION, EPISODE_AUCTIONS
from gaelp.domain.policy_ranks import PairedBids
from gaelp.evidence.history.bid_replay import TrainingTotals, affordable, episode_budget
from gaelp.evidence.history.policy_panel import Auctions
from gaelp.evidence.history.sparse_bets import MARGIN, SparseValues, paired_bet

TAIL = 0.05  # of the bound that is shown
HEADROOM = 2.0  # an episode may have as many times the most clicks that were seen in one


def pair_bids(parts: tuple[Auctions, Auctions], bids: F8, logged: I8) -> PairedBids:
    """The agent's bids f8[N] on the later part, and the logger's i8[N] (-1: unknown), in the log's unit.

    Of the earlier part only the mean price is used, for the budget. A bid above the logger's, or where that is unknown
    above every price of the log, would win auctions too that the logger lost, and the log says nothing of those: its
    clicks do not count for the agent, and what it pays does. They count where the bet is on the agent's being worse.
    """
    before, after = parts
    totals = TrainingTotals(before.price.size, int(before.click.sum()), int(before.price.sum()))
    budget = episode_budget(totals, BUDGET_FRACTION, EPISODE_AUCTIONS)
    agent, logger, earlier = _won(bids, after, budget), _won(np.inf, after, budget), _won(np.inf, before, budget)
    known = agent & (bids <= np.where(logged >= 0, logged, max(before.price.max(), after.price.max())))
    least, most = (_differences(after, each, logger) for each in (known, agent))
    bounds = MARGIN * _most_clicks((before, earlier), (after, logger)), _most_clicks((after, agent))
    bet = paired_bet(least, most, bounds, TAIL)
    won = {"clicks": agent | logger, "agent": agent, "beyond": agent & ~known, "logger": logger}
    return PairedBids(
        episodes=least.rows,
        **{name: int(after.click[each].sum()) for name, each in won.items()},
        difference=bet.value,
        difference_low=bet.low,
        log_wealth=bet.log_wealth,
        log_wealth_against=bet.log_wealth_against,
    )


def _won(bids: F8 | float, auctions: Auctions, budget: int) -> B1:
    """Which auctions some bids win and can pay."""
    won = np.zeros(auctions.price.size, bool)
    candidate = np.flatnonzero(bids >= auctions.price)
    won[candidate[affordable(auctions.price[candidate], _episodes(auctions)[candidate], budget)]] = True
    return won


def _episodes(auctions: Auctions) -> I8:
    return np.arange(auctions.price.size) // EPISODE_AUCTIONS


def _most_clicks(*replayed: tuple[Auctions, B1]) -> float:
    """HEADROOM times the most clicks that were won in an episode."""
    most = max(float(np.bincount(_episodes(auctions), auctions.click * won).max()) for auctions, won in replayed)
    return HEADROOM * max(most, 1.0)


def _differences(auctions: Auctions, agent: B1, logger: B1) -> SparseValues:
    """By episode the agent's clicks less 95 % of the logger's."""
    values = np.asarray(np.bincount(_episodes(auctions), auctions.click * (agent - MARGIN * logger)), np.float64)
    place = np.flatnonzero(values)
    return SparseValues(values.size, place, values[place])
