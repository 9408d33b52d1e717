"""Auctions in which people or our own campaigns meet again, one by one. Touch this to change fatigue in the reference.

Who has seen what, and who of ours still bids, depends on all earlier auctions of the slot. Winners are therefore put
in the order of time, and resolved in at most as many rounds as campaigns bid together: a round ends for a group at the
first auction that one of its campaigns cannot pay; from there on its siblings bid without it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gaelp.arrays import B1, F8, I8
from gaelp.market.auctions import rival_draws
from gaelp.market.auctions.aggregate_auctions import PER_MILLE, Served, Slot, best_of_group
from gaelp.market.auctions.price_curves import PriceCurves
from gaelp.market.audience.impressions_per_person import Seen, rank, whole_people


@dataclass(frozen=True)
class Events:
    """N auctions that some campaign of ours would win, in the order of group and time."""

    group: I8  # [N]
    segment: I8  # [N]
    person: I8  # [N] index within the segment; 0 where it does not matter
    quantile: F8  # [N] of the highest rival
    rival: F8  # [N] its bid, micros CPM


@dataclass
class Sold:
    """What has become of the events so far."""

    campaign: I8  # [N] who shows, -1: nobody
    price: F8  # [N] whole micros CPM
    tried: B1  # [N] won, though perhaps for somebody at the cap
    pending: B1  # [N] not resolved yet


def resolve(
    curves: PriceCurves, slot: Slot, rivals: int, bits: np.random.SFC64, response: np.random.Generator
) -> Served:
    """As per_auction.per_auction, for slots with an audience or with campaigns that bid against each other."""
    events = _events(curves, slot, rivals, bits, response)
    sold = _sell(curves, slot, events, response)
    shown = sold.campaign >= 0
    cell = sold.campaign[shown] * slot.bid_micros.shape[1] + events.segment[shown]
    cell, counts = _creatives(slot, cell, response)
    cost = np.bincount(cell, sold.price[shown], counts.size).astype(np.int64).reshape(counts.shape) // PER_MILLE
    clicks = _clicks(slot, cell, events.person[shown], counts, response)
    return Served(counts, clicks, response.binomial(clicks, slot.cvr), cost, slot.auctions.sum(axis=1))


def _events(
    curves: PriceCurves, slot: Slot, rivals: int, bits: np.random.SFC64, response: np.random.Generator
) -> Events:
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
        person = (response.random(len(cell)) * whole_people(slot.audience)[segment]).astype(np.int64)
    return Events(group, segment, person, quantile, curves.highest_rival(segment, quantile) * level[group])


def _sell(curves: PriceCurves, slot: Slot, events: Events, response: np.random.Generator) -> Sold:
    """Who shows each event's ad, and what it costs."""
    count, together = len(events.group), slot.together
    sold = Sold(np.full(count, -1), np.zeros(count), np.zeros(count, bool), np.ones(count, bool))
    left = slot.budget_micros.astype(np.float64) * PER_MILLE
    active = np.ones(len(left), bool)
    seen = Seen(slot, events.group, events.segment, events.person, response)
    for _ in range(together):
        bid, floor = best_of_group(np.where(active[:, None], slot.bid_micros, 0.0), together)
        leader = (events.group * together) + _leader(bid, together)[events.group, events.segment]
        chance = curves.win_rate(bid / slot.price_level[:, None])
        won = sold.pending & (events.quantile < chance[leader, events.segment])
        met = won & seen.below_the_cap(sold.tried | won)
        lowest = np.maximum(floor, curves.reserve * slot.price_level[:, None])[leader, events.segment]
        paid = bid[leader, events.segment] if curves.first_price else np.maximum(events.rival, lowest)
        price = np.where(met, np.rint(paid), 0.0)
        stop = _first_unpaid(events.group, leader, price, met, left, together)
        accepted = sold.pending & (np.arange(count) < stop[events.group])
        taken = accepted & met
        sold.campaign[taken], sold.price[taken] = leader[taken], price[taken]
        sold.tried |= accepted & won
        sold.pending &= ~accepted
        left -= np.bincount(leader[taken], price[taken], len(left))
        if not sold.pending.any():
            break
        active[leader[stop[stop < count]]] = False
    return sold


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
    """Clicks i8[C, S, K] of people who tire with every view of the same creative."""
    audience = slot.audience
    if audience is None or audience.fatigue <= 0:
        return np.asarray(response.binomial(counts, slot.ctr))
    people = whole_people(audience)
    distinct, key = np.unique(cell * int(people.max()) + person, return_inverse=True)
    place = distinct // int(people.max())
    creatives = counts.shape[2]
    earlier = audience.exposures.ravel()[place] / people[place // creatives % len(people)]
    views = response.poisson(earlier)[key] + rank(key)
    chance = np.ascontiguousarray(slot.ctr).ravel()[cell] * (1.0 - audience.fatigue) ** views
    clicked = cell[response.random(len(cell)) < chance]
    return np.bincount(clicked, minlength=counts.size).reshape(counts.shape)
