"""Auctions in aggregate: what bids win and pay is drawn as counts and sums, without a loop over auctions.

A bid (micros per thousand impressions) is compared with the highest competing bid, a histogram per segment
(price_curves.py). Wins are binomial, the sum of the prices paid is drawn with its exact mean, variance and bounds,
creatives are multinomial, clicks and conversions binomial. per_auction.py resolves every auction instead and has the
same distribution; how the two differ where a budget binds is stated there. Touch this to change how ads are sold.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from gaelp.arrays import B1, F8, I8, Array
from gaelp.market.auctions import cost_draws
from gaelp.market.auctions.cost_draws import CostDraw, PriceMoments
from gaelp.market.auctions.price_curves import PER_MILLE, PriceCurves
from gaelp.market.audience.fatigue import AudienceState
from gaelp.market.audience.frequency_cap import below_cap
from gaelp.market.parameters import MarketParameters


@dataclass(frozen=True)
class Slot:
    """H hours under one decision and one budget: what C campaigns offer to S segments with K creatives.

    Campaigns c with equal c // together are a group: they take part in the same auctions (equal counts and price
    levels within the group) and bid against each other. The highest bid of those with budget left takes part for the
    group, of equal ones that of the lowest index, and the second highest is a floor under its price. Together they
    share a frequency cap. The hours of a slot belong to one day.
    """

    auctions: I8  # [C, H, S]
    bid_micros: I8  # [C, S] micros CPM; 0 is off
    creative_prob: F8  # [C, S, K]
    budget_micros: I8  # [C]
    ctr: F8  # [C, S, K] clicks per first impression; may be a broadcast view
    cvr: F8  # [C, S, K] conversions per click; may be a broadcast view
    price_level: F8  # [C] multiplies every price of the curves, the reserve included
    audience: AudienceState | None = None  # None: an audience without end
    together: int = 1

    @property
    def capped(self) -> bool:
        """Whether a frequency cap limits who may be shown an impression."""
        return self.audience is not None and self.audience.audience.frequency_cap > 0


@dataclass(frozen=True)
class SlotResult:
    """What happened, per campaign, segment and creative. Money is micros."""

    wins: I8  # [C, S, K] impressions
    clicks: I8  # [C, S, K]
    conversions: I8  # [C, S, K] that these clicks will ever have
    cost_micros: I8  # [C, S, K] the sum of the prices per thousand, divided once and rounded down
    auctions: I8  # [C, S] that took place, won or not, paid for or not

    def __add__(self, other: SlotResult) -> SlotResult:
        return SlotResult(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))


def traffic(market: MarketParameters, hour: I8, weekday: I8, shock: F8, world: np.random.Generator) -> I8:
    """Auctions i8[..., S] of the hours given by `hour` and `weekday` [...]; `shock` [...] multiplies their rate.

    The only draw from the world stream here, and it depends on no action.
    """
    weight = market.hourly[weekday * 24 + hour] * shock
    return np.asarray(world.poisson(weight[..., None] * market.auctions_per_hour))


def aggregate(
    curves: PriceCurves, slot: Slot, response: np.random.Generator, price: PriceMoments | None = None
) -> SlotResult:
    """The slot's counts and cost, drawn from their distributions; cost never exceeds the budget by a micro.

    `price` is what the slot's bids win and pay by `prices_of`, where it is known; the bids of groups are priced anew.
    Where the budget is used up within an hour, that hour is cut at a random moment, and own campaigns of its group
    take over for the rest of it. Hours are drawn one by one only where an hour depends on the one before: with a
    frequency cap or with own campaigns in groups.
    """
    draw = _wins_and_cost(curves, slot, response, price)
    probability = slot.creative_prob / slot.creative_prob.sum(axis=-1, keepdims=True)
    shown = response.multinomial(draw.wins, probability)
    cost = cost_draws.split(shown, draw, response)
    clicks = response.binomial(
        shown, slot.ctr if slot.audience is None else slot.ctr * slot.audience.fatigue_factor(shown)
    )
    conversions = response.binomial(clicks, slot.cvr)
    return SlotResult(
        shown, clicks, conversions, np.floor(cost / PER_MILLE).astype(np.int64), slot.auctions.sum(axis=1)
    )


def best_of_group(bid: F8, together: int) -> tuple[F8, F8]:
    """The bids f8[C, S] that take part, 0 for the others, and the floor f8[C, S] under the price of those that do."""
    if together == 1:
        return bid, np.zeros(bid.shape)
    grouped = bid.reshape(-1, together, bid.shape[1])
    leads = np.arange(together)[:, None] == grouped.argmax(axis=1)[:, None]
    second = np.sort(grouped, axis=1)[:, -2:-1]
    return np.where(leads, grouped, 0.0).reshape(bid.shape), np.where(leads, second, 0.0).reshape(bid.shape)


def prices_of(curves: PriceCurves, bid_micros: I8, price_level: F8) -> PriceMoments:
    """What bids i8[C, S] win and pay where no campaign of ours bids against another."""
    return cost_draws.prices(curves, _f8(bid_micros), None, price_level)


def _wins_and_cost(
    curves: PriceCurves, slot: Slot, response: np.random.Generator, price: PriceMoments | None
) -> CostDraw:
    """What the slot's hours bought within the budget, together or one by one."""
    budget = _f8(slot.budget_micros) * PER_MILLE
    if slot.together == 1 and not slot.capped:
        price = price or prices_of(curves, slot.bid_micros, slot.price_level)
        wins = cost_draws.wins(slot.auctions, price, response)
        return cost_draws.within_budget(wins, price, budget, response)
    return _by_hour(curves, slot, budget, response)


def _by_hour(curves: PriceCurves, slot: Slot, budget: F8, response: np.random.Generator) -> CostDraw:
    alone = prices_of(curves, slot.bid_micros, slot.price_level)
    cheapest = np.where(alone.win_rate > 0, alone.mean, np.inf).min(axis=1)
    total = cost_draws.nothing(slot.bid_micros.shape)
    for hour in range(slot.auctions.shape[1]):
        auctions = slot.auctions[:, hour]
        for _ in range(slot.together):
            left = budget - total.cost.sum(axis=1)
            # One who cannot pay for an average impression would only keep the others of his group from theirs.
            price = _prices_of_group(curves, slot, ~total.out & (left >= cheapest)) if slot.together > 1 else alone
            wins = cost_draws.wins(auctions[:, None], price, response)[:, 0]
            wins[total.out] = 0  # whose budget was used up takes part no more in this slot
            if slot.audience is not None and slot.capped:
                wins = _below_the_cap(slot.audience, slot.together, total.wins, wins, response)
            draw, done = cost_draws.until_one_is_out(wins, price, left, slot.together, response)
            total = total + draw
            if (done >= 1.0).all():
                break
            auctions = np.rint(auctions * (1.0 - done[:, None])).astype(np.int64)
    return total


def _prices_of_group(curves: PriceCurves, slot: Slot, active: B1) -> PriceMoments:
    """What the best bid of those campaigns of each group wins and pays; the others win nothing."""
    bid, floor = best_of_group(np.where(active[:, None], slot.bid_micros, 0.0), slot.together)
    return cost_draws.prices(curves, bid, floor, slot.price_level)


def _below_the_cap(state: AudienceState, together: int, so_far: I8, wins: I8, response: np.random.Generator) -> I8:
    """The wins i8[C, S] whose person has not reached the cap of the group today."""
    grouped = wins.reshape(-1, together, wins.shape[1])
    today = (state.today + so_far).reshape(grouped.shape).sum(axis=1)
    kept = below_cap(state.audience, today, grouped.sum(axis=1), response)
    # One campaign of a group takes part in a segment's hour, so that the group's wins are its own.
    return np.where(grouped > 0, kept[:, None], 0).reshape(wins.shape)


def _f8(array: Array) -> F8:
    return np.asarray(array, np.float64)
