"""Replay of bids against a log's market prices, episode by episode, as the literature on real-time bidding does it.

Source: Cai et al., Real-Time Bidding by Reinforcement Learning in Display Advertising, WSDM 2017. An episode has a
number of auctions in the order of the log and a budget; a bid wins where it is at least the market price and the price
is still in the budget, and pays the price. All amounts are whole numbers in the log's own unit. The log has only
auctions that its logger won, so that a bid above the logger's wins no more than the logger did.

Touch this to replay bids otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gaelp.arrays import B1, F8, I8
from gaelp.errors import WRONG_USE, GaelpError

CHUNK = 1 << 17  # auctions whose bids are computed at once


class InvalidReplay(GaelpError, ValueError):
    """A log cannot be replayed as asked; the message names the column or the option and the remedy."""

    permanent = True
    exit_code = WRONG_USE


@dataclass(frozen=True)
class TrainingTotals:
    """What a training log sums up to; `cost` in the log's unit."""

    impressions: int
    clicks: int
    cost: int

    def __post_init__(self) -> None:
        if self.impressions < 1 or not 0 <= self.clicks <= self.impressions or self.cost < 0:
            raise InvalidReplay(
                f"the training log has {self.impressions} impressions, {self.clicks} clicks and cost {self.cost}: give "
                "at least one impression, no more clicks than impressions, and no negative cost"
            )

    @property
    def mean_price(self) -> float:
        """Cost of an impression."""
        return self.cost / self.impressions

    @property
    def mean_ctr(self) -> float:
        """Clicks of an impression. Raises InvalidReplay without clicks."""
        return self._clicked / self.impressions

    @property
    def cost_per_click(self) -> float:
        """Raises InvalidReplay without clicks."""
        return self.cost / self._clicked

    @property
    def _clicked(self) -> int:
        if not self.clicks:
            raise InvalidReplay("the training log has no click, from which the bid follows: give a longer one")
        return self.clicks


@dataclass(frozen=True)
class ReplayRules:
    """How a log is cut into episodes; the last one may be short and has the whole budget."""

    episode_length: int
    budget: int  # of an episode
    max_bid: int


@dataclass(frozen=True)
class BidRule:
    """A bid of `fixed`, or of `per_ctr` times the predicted click rate divided by `over`, truncated."""

    per_ctr: float = 0.0
    over: float = 1.0
    fixed: int | None = None

    def bids(self, pctr: F8, max_bid: int) -> I8 | int:
        """The bids of some auctions, in the log's unit."""
        if self.fixed is not None:
            return min(self.fixed, max_bid)
        return np.minimum(pctr * self.per_ctr / self.over, max_bid).astype(np.int32)


@dataclass(frozen=True)
class Replayed:
    """What the bids won, in whole numbers; `clicks` is None where the log does not know its clicks."""

    auctions: int
    episodes: int
    impressions: int
    clicks: int | None
    cost: int


def episode_budget(totals: TrainingTotals, fraction: float, episode_length: int) -> int:
    """The share `fraction` of what an episode's auctions would cost at the training log's mean price, truncated."""
    return int(totals.mean_price * fraction * episode_length)


def replay(rule: BidRule, price: I8, pctr: F8, click: I8, rules: ReplayRules) -> Replayed:
    """Bid on every auction in the log's order: price, click (-1: unknown) i8[N] and predicted click rate f8[N]."""
    if rule.fixed is None and not (np.isfinite(pctr).all() and (pctr >= 0).all()):
        row = int(np.flatnonzero(~(pctr >= 0))[0])
        raise InvalidReplay(f"auction {row} of the log has no predicted click rate, from which the bid follows")
    length = rules.episode_length
    size = max(1, CHUNK // length) * length
    clicks, impressions, cost = 0, 0, 0
    for start in range(0, price.size, size):
        part = slice(start, start + size)
        prices = price[part]
        candidate = np.flatnonzero(rule.bids(pctr[part], rules.max_bid) >= prices)
        won = candidate[affordable(prices[candidate], candidate // length, rules.budget)]
        impressions += won.size
        cost += int(prices[won].sum())
        clicks += int(click[part][won].sum())
    known = click.size == 0 or int(click.min()) >= 0
    return Replayed(price.size, -(-price.size // length), impressions, clicks if known else None, cost)


def affordable(price: I8, episode: I8, budget: int) -> B1:
    """Which of the auctions b1[M] that a bid would win the rest of its episode's budget can still pay, in their order.

    All episodes advance together: what is paid before the first auction that a budget cannot pay is certain, and what
    costs more than that budget's rest is lost from then on.
    """
    won = np.zeros(price.size, bool)
    left = np.full(int(episode[-1]) + 1 if episode.size else 0, budget, np.int64)
    open_ = np.arange(price.size)
    while open_.size:
        prices, episodes = price[open_], episode[open_]
        open_, prices, episodes = (each[prices <= left[episodes]] for each in (open_, prices, episodes))
        if not open_.size:
            break
        paid = np.cumsum(prices)
        begins = np.flatnonzero(np.diff(episodes, prepend=-1))
        counts = np.diff(np.append(begins, open_.size))
        paid -= np.repeat(paid[begins] - prices[begins], counts)
        within = paid <= left[episodes]  # paid rises within an episode, so these are its first ones
        won[open_[within]] = True
        last = begins + np.add.reduceat(within, begins) - 1
        left[episodes[begins]] -= paid[last]
        open_ = open_[~within]
    return won
