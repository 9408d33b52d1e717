"""Auctions resolved in the order of time, where each depends on the earlier ones of the slot.

With fatigue or a frequency cap, which impressions a person has had depends on all earlier auctions; with own campaigns
in groups, so does which of them still has a budget. Auctions are put in the order of time, and resolved in at most as
many rounds as campaigns bid together: a round ends for a group at the first auction that one of its campaigns cannot
pay; from there on the others bid without it. Touch this to change fatigue or own campaigns in the per-auction mode.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gaelp.arrays import B1, F8, I8
from gaelp.market.auctions import rival_draws
from gaelp.market.auctions.aggregate_auctions import Slot, SlotResult, best_of_group
from gaelp.market.auctions.price_curves import PER_MILLE, PriceCurves
from gaelp.market.audience.impressions_per_person import ImpressionsToday, rank, whole_people


@dataclass(frozen=True)
class AuctionEvents:
    """N auctions that some campaign of ours would win, in the order of group and time."""

    group: I8  # [N]
    segment: I8  # [N]
    person: I8  # [N] index within the segment; 0 where it does not matter
    quantile: F8  # [N] of the highest rival
    rival: F8  # [N] its bid, micros CPM


@dataclass
class Sales:
    """What has become of the events so far."""

    campaign: I8  # [N] who shows, -1: nobody
    price: F8  # [N] whole micros CPM
    tried: B1  # [N] won, though perhaps for somebody at the cap
    pending: B1  # [N] not resolved yet


def resolve(
    curves: PriceCurves, slot: Slot, rivals: int, bits: np.random.SFC64, response: np.random.Generator
) -> SlotResult:
    """As per_auction.per_auction, for slots with an audience or with campaigns that bid against each other."""
    events = _events(curves, slot, rivals, bits, response)
    sales = _sell(curves, slot, events, response)
    shown = sales.campaign >= 0
    cell = sales.campaign[shown] * slot.bid_micros.shape[1] + events.segment[shown]
    cell, counts = _creatives(slot, cell, response)
    cost = np.bincount(cell, sales.price[shown], counts.size).astype(np.int64).reshape(counts.shape) // PER_MILLE
    clicks = _clicks(slot, cell, events.person[shown], counts, response)
    return SlotResult(counts, clicks, response.binomial(clicks, slot.cvr), cost, slot.auctions.sum(axis=1))


def _events(
    curves: PriceCurves, slot: Slot, rivals: int, bits: np.random.SFC64, response: np.random.Generator
) -> AuctionEvents:
    auctions = slot.auctions[:: slot.together].transpose(0, 2, 1)
    groups, segments, hours = auctions.shape
    level = slot.price_level[:: slot.together]
    highest = slot.bid_micros.reshape(groups, slot.together, segments).max(axis=1)
    chance = np.repeat(curves.win_rate(highest / level[:, None]).ravel(), hours)
    cells, quantiles = [np.zeros(0, np.int64)], [np.zeros(0)]
    for run in rival_draws.winners(bits, auctions.ravel(), chance, rivals):
        cells.append(np.repeat(np.arange(run.cells.start, run.cells.stop), run.wins))
        quantiles.append(rival_draws.quantile(run.highest, rivals))
    cell, quantile = np.concatenate(cells), np.concatenate(quantiles)
    group, segment = cell // (segments * hours), cell // hours % segments
    order = np.argsort(group * hours + cell % hours + response.random(len(cell)))
    group, segment, quantile = group[order], segment[order], quantile[order]
    person = np.zeros(len(cell), np.int64)
    if slot.audience is not None:
        person = (response.random(len(cell)) * whole_people(slot.audience.audience)[segment]).astype(np.int64)
    return AuctionEvents(group, segment, person, quantile, curves.highest_rival(segment, quantile) * level[group])


def _sell(curves: PriceCurves, slot: Slot, events: AuctionEvents, response: np.random.Generator) -> Sales:
    """Who shows each event's ad, and what it costs."""
    count, together = len(events.group), slot.together
    sales = Sales(np.full(count, -1), np.zeros(count), np.zeros(count, bool), np.ones(count, bool))
    left = slot.budget_micros.astype(np.float64) * PER_MILLE
    active = np.ones(len(left), bool)
    today = ImpressionsToday(slot, events.group, events.segment, events.person, response)
    for _ in range(together):
        bid, floor = best_of_group(np.where(active[:, None], slot.bid_micros, 0.0), together)
        leader = (events.group * together) + _leader(bid, together)[events.group, events.segment]
        chance = curves.win_rate(bid / slot.price_level[:, None])
        won = sales.pending & (events.quantile < chance[leader, events.segment])
        met = won & today.below_the_cap(sales.tried | won)
        lowest = np.maximum(floor, curves.reserve * slot.price_level[:, None])[leader, events.segment]
        paid = bid[leader, events.segment] if curves.first_price else np.maximum(events.rival, lowest)
        price = np.where(met, np.rint(paid), 0.0)
        stop = _first_unpaid(events.group, leader, price, met, left, together)
        accepted = sales.pending & (np.arange(count) < stop[events.group])
        taken = accepted & met
        sales.campaign[taken], sales.price[taken] = leader[taken], price[taken]
        sales.tried |= accepted & won
        sales.pending &= ~accepted
        left -= np.bincount(leader[taken], price[taken], len(left))
        if not sales.pending.any():
            break
        active[leader[stop[stop < count]]] = False
    return sales


def _leader(bid: F8, together: int) -> I8:
    """Index within its group i8[G, S] of the campaign that takes part."""
    return np.asarray(bid.reshape(-1, together, bid.shape[1]).argmax(axis=1))


def _first_unpaid(group: I8, leader: I8, price: F8, met: B1, left: F8, together: int) -> I8:
    """Index i8[G] of the first event of each group that its campaign cannot pay; the number of events where none."""
    begins = np.searchsorted(group, np.arange(len(left) // together))
    over = np.zeros(len(group), bool)
    for member in range(together):
        mine = met & (leader % together == member)
        running = np.concatenate([[0.0], np.cumsum(np.where(mine, price, 0.0))])
        over |= mine & (running[1:] - running[begins][group] > left[leader])
    first = np.full(len(begins), len(group))
    at = np.flatnonzero(over)
    np.minimum.at(first, group[at], at)
    return first


def _creatives(slot: Slot, cell: I8, response: np.random.Generator) -> tuple[I8, I8]:
    """Each impression's cell with its creative, (campaign, segment, creative), and the counts i8[C, S, K]."""
    campaigns, segments, _ = slot.creative_prob.shape
    probability = slot.creative_prob / slot.creative_prob.sum(axis=-1, keepdims=True)
    counts = response.multinomial(
        np.bincount(cell, minlength=campaigns * segments).reshape(probability.shape[:2]), probability
    )
    chosen = np.empty(len(cell), np.int64)
    chosen[np.argsort(cell + response.random(len(cell)))] = np.repeat(np.arange(counts.size), counts.ravel())
    return chosen, counts


def _clicks(slot: Slot, cell: I8, person: I8, counts: I8, response: np.random.Generator) -> I8:
    """Clicks i8[C, S, K] of people whose click tendency falls with every impression of the same creative."""
    state = slot.audience
    if state is None or state.audience.fatigue <= 0:
        return np.asarray(response.binomial(counts, slot.ctr))
    people = whole_people(state.audience)
    distinct, key = np.unique(cell * int(people.max()) + person, return_inverse=True)
    place = distinct // int(people.max())
    creatives = counts.shape[2]
    mean = state.impressions.ravel()[place] / people[place // creatives % len(people)]
    earlier = response.poisson(mean)[key] + rank(key)
    chance = np.ascontiguousarray(slot.ctr).ravel()[cell] * state.audience.person_factor(earlier)
    clicked = cell[response.random(len(cell)) < chance]
    return np.bincount(clicked, minlength=counts.size).reshape(counts.shape)
