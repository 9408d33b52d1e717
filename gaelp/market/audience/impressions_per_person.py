"""How many impressions each person has had today, for auctions that are resolved one by one.

A slot knows sums over people only. How many impressions the people of its auctions had before is drawn here, given
these sums.
Touch this to change how people are counted in the per-auction mode.
"""

from __future__ import annotations

import numpy as np

from gaelp.arrays import B1, F8, I8
from gaelp.market.auctions.aggregate_auctions import Slot
from gaelp.market.audience.fatigue import FiniteAudience
from gaelp.market.audience.frequency_cap import uncapped


class ImpressionsToday:
    """Impressions that the person of each of N auctions has had today from the auction's group of campaigns."""

    def __init__(self, slot: Slot, group: I8, segment: I8, person: I8, response: np.random.Generator) -> None:
        self.cap = 0 if slot.audience is None else slot.audience.audience.frequency_cap
        if slot.audience is None or not self.cap:
            return
        people = whole_people(slot.audience.audience)
        today = slot.audience.today.reshape(-1, slot.together, len(people)).sum(axis=1)
        level = uncapped(today / people, self.cap)
        place = group * len(people) + segment
        distinct, self.key = np.unique(place * int(people.max()) + person, return_inverse=True)
        place = distinct // int(people.max())
        mean = level.ravel()[place]
        drawn = np.minimum(response.poisson(np.where(np.isfinite(mean), mean, 0.0)), self.cap)
        drawn = np.where(np.isfinite(mean), drawn, self.cap)
        self.before = _summing_to(today / people, people, self.cap, (place, drawn), response)[self.key]

    def below_the_cap(self, tried: B1) -> B1:
        """Whether the person of an auction may get its impression, after all those that were `tried` before it."""
        if not self.cap:
            return np.ones(len(tried), bool)
        room = np.zeros(len(tried), bool)
        room[tried] = self.before[tried] + rank(self.key[tried]) < self.cap
        return room


def _summing_to(mean: F8, people: I8, cap: int, drawn: tuple[I8, I8], response: np.random.Generator) -> I8:
    """Impressions i8[N] of the people met, `drawn` for a place i8[N] each, moved by one for some of them.

    All people of a place have had `mean` f8[G, S] on average, exactly. The sum over those met therefore varies less
    than independent draws do, the less the more of all are met.
    """
    place, impressions = drawn
    met = np.bincount(place, minlength=mean.size)
    off = np.bincount(place, impressions, mean.size) - met * mean.ravel()
    shrink = np.sqrt(np.maximum(1.0 - met / np.tile(people, mean.shape[0]), 0.0))
    change = np.rint(off * (shrink - 1.0))[place]
    movable = np.flatnonzero(((change > 0) & (impressions < cap)) | ((change < 0) & (impressions > 0)))
    order = movable[np.argsort(place[movable] + response.random(len(movable)))]
    chosen = order[rank(place[order]) < np.abs(change[order])]
    moved = impressions.copy()
    moved[chosen] += np.sign(change[chosen]).astype(np.int64)
    return moved


def rank(key: I8) -> I8:
    """How many equal keys come before each, in the given order."""
    order = np.argsort(key, kind="stable")
    at = np.arange(len(key))
    new = np.concatenate([[True], np.diff(key[order]) != 0])[: len(key)]
    rank = np.empty(len(key), np.int64)
    rank[order] = at - np.maximum.accumulate(np.where(new, at, 0))
    return rank


def whole_people(audience: FiniteAudience) -> I8:
    """Whole people, at least one in each segment."""
    return np.maximum(audience.people.astype(np.int64), 1)
