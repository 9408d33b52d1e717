"""Every auction resolved one by one: the reference that aggregate_auctions.py must agree with.

Each rival of each auction is drawn; the auctions of an hour come in random order over segments; a winner pays the
higher of the highest rival, the reserve and our own second bid (or, first price, its bid) in whole micros CPM; and a
campaign stops for the rest of the slot at the first auction whose price its budget cannot pay any more. Cost is the
exact sum of these prices, divided by a thousand once for each campaign, segment and creative, and rounded down, as in
the aggregate: the mean cost of both modes is the same.

Where the budget binds, the aggregate draws the moment at which the hour ends from a normal distribution; how close it
comes is in docs/market.md. Touch this to say what an auction is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from itertools import pairwise

import numpy as np

from gaelp.arrays import F8, I8
from gaelp.market.auctions import rival_draws, sequential_auctions
from gaelp.market.auctions.aggregate_auctions import Slot, SlotResult
from gaelp.market.auctions.price_curves import PER_MILLE, PriceCurves

BATCH = 1 << 19  # auctions of whole campaigns that are held in memory at once, about, by their winners


def per_auction(curves: PriceCurves, slot: Slot, rivals: int, response: np.random.Generator) -> SlotResult:
    """The slot's counts and cost with every auction drawn against `rivals` competing bidders.

    Memory grows with the winners of BATCH auctions, or of the largest group of campaigns if that has more.
    """
    if rivals < 1:
        raise ValueError(f"an auction needs at least one rival, not {rivals}: set market.rivals")
    bits = rival_draws.fast(response)
    parts = [_batch(curves, _part(slot, rows), rivals, bits, response) for rows in _batches(slot)]
    return SlotResult(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(SlotResult)))


def _batch(
    curves: PriceCurves, slot: Slot, rivals: int, bits: np.random.SFC64, response: np.random.Generator
) -> SlotResult:
    if slot.together > 1 or (slot.audience is not None and slot.audience.audience.limits_delivery):
        return sequential_auctions.resolve(curves, slot, rivals, bits, response)
    wins, price = _won(curves, slot, rivals, bits)
    wins, price = _until_the_budget_ends(wins, price, np.asarray(slot.budget_micros, np.float64) * PER_MILLE, response)
    probability = slot.creative_prob / slot.creative_prob.sum(axis=-1, keepdims=True)
    shown = response.multinomial(wins.sum(axis=2), probability)
    # A segment's prices are exchangeable, so that the first of them may be the first creative's.
    cost = _sums(shown, price).astype(np.int64) // PER_MILLE
    clicks = response.binomial(shown, slot.ctr)
    return SlotResult(shown, clicks, response.binomial(clicks, slot.cvr), cost, slot.auctions.sum(axis=1))


def _batches(slot: Slot) -> Iterator[slice]:
    """Runs of whole groups of campaigns with about BATCH auctions each; at least one run, though it be empty."""
    groups = slot.auctions.sum(axis=(1, 2)).reshape(-1, slot.together)[:, 0]
    number = (np.cumsum(groups) - groups) // BATCH
    starts = np.concatenate([[0], np.flatnonzero(np.diff(number)) + 1, [len(groups)]]) * slot.together
    for first, last in pairwise(starts.tolist()):
        yield slice(first, last)


def _part(slot: Slot, rows: slice) -> Slot:
    """The slot of some of its campaigns."""
    audience = slot.audience
    if audience is not None:
        audience = replace(audience, impressions=audience.impressions[rows], today=audience.today[rows])
    own = {f.name: getattr(slot, f.name)[rows] for f in fields(slot) if f.name not in ("audience", "together")}
    return replace(slot, **own, audience=audience)


def _won(curves: PriceCurves, slot: Slot, rivals: int, bits: np.random.SFC64) -> tuple[I8, F8]:
    """Wins i8[C, S, H] and the price of each of them in whole micros CPM, in that order."""
    auctions = slot.auctions.transpose(0, 2, 1)
    bid = slot.bid_micros / slot.price_level[:, None]
    chance = np.repeat(curves.win_rate(bid).ravel(), auctions.shape[2])
    wins, prices = np.zeros(auctions.size, np.int64), []
    segment = np.tile(np.repeat(np.arange(bid.shape[1]), auctions.shape[2]), len(bid))
    level = np.repeat(slot.price_level, segment.size // max(len(bid), 1))
    paid = np.repeat(slot.bid_micros.ravel(), auctions.shape[2]).astype(np.float64)
    for run in rival_draws.winners(bits, auctions.ravel(), chance, rivals):
        wins[run.cells] += run.wins
        if curves.first_price:
            prices.append(np.repeat(paid[run.cells], run.wins))
            continue
        rival = curves.highest_rival(np.repeat(segment[run.cells], run.wins), rival_draws.quantile(run.highest, rivals))
        prices.append(np.rint(np.maximum(rival, curves.reserve) * np.repeat(level[run.cells], run.wins)))
    return wins.reshape(auctions.shape), np.concatenate(prices) if prices else np.zeros(0)


def _until_the_budget_ends(wins: I8, price: F8, budget: F8, response: np.random.Generator) -> tuple[I8, F8]:
    """What is left of wins i8[C, S, H] and prices under a budget f8[C] in micros CPM."""
    spent = np.cumsum(_sums(wins, price).sum(axis=1), axis=1)
    over = spent > budget[:, None]
    stopped = np.flatnonzero(over.any(axis=1))
    if not len(stopped):
        return wins, price
    hour = over[stopped].argmax(axis=1)
    before = np.where(hour > 0, spent[stopped, np.maximum(hour - 1, 0)], 0.0)
    keep = np.repeat(~np.repeat(over[:, None], wins.shape[1], axis=1).ravel(), wins.ravel())
    cells = (stopped[:, None] * wins.shape[1] + np.arange(wins.shape[1])) * wins.shape[2] + hour[:, None]
    keep[_payable(cells, wins, price, budget[stopped] - before, response)] = True
    return _sums(wins, keep.astype(np.float64)).astype(np.int64), price[keep]


def _payable(cells: I8, wins: I8, price: F8, left: F8, response: np.random.Generator) -> I8:
    """Positions of the prices in the stopping hours (cells i8[N, S]) that come before what `left` f8[N] cannot pay."""
    count = wins.ravel()[cells.ravel()]
    first = (np.cumsum(wins.ravel()) - wins.ravel())[cells.ravel()]
    at = np.repeat(first - (np.cumsum(count) - count), count) + np.arange(count.sum())
    owner = np.repeat(np.arange(len(cells)), count.reshape(cells.shape).sum(axis=1))
    at = at[np.argsort(owner + response.random(len(at)))]
    running = np.cumsum(price[at])
    ends = np.concatenate([[0.0], running])[np.searchsorted(owner, np.arange(len(cells)))]
    return np.asarray(at[running - ends[owner] <= left[owner]])


def _sums(counts: I8, values: F8) -> F8:
    """Sums of consecutive values, `counts` at a time; exact for whole numbers."""
    flat, total = counts.ravel(), np.zeros(counts.size)
    some = np.flatnonzero(flat)
    if len(some):
        total[some] = np.add.reduceat(values, (np.cumsum(flat) - flat)[some])
    return total.reshape(counts.shape)
