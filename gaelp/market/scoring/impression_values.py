"""What views of creatives that tire are worth, one creative or all of a segment's. Touch this with audience.py.

The j-th view of a creative in a segment of A people is worth v exp(-r j) with r = -log(1 - f / A) (audience.py), so its
first n views are worth v A / f (1 - exp(-r n)). Used in the best order (always the creative that is worth most at that
moment) the views of a segment have a falling marginal value u, and V(u) = sum_k max(0, log(v_k / u)) / r of them are
worth u or more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gaelp.arrays import F8

WORTHLESS = 1e-9  # of the segment's best creative


@dataclass(frozen=True)
class Reach:
    """The finite audience of an episode."""

    people: F8  # [S] that a campaign can reach, at least 1
    fatigue: float  # share of the click tendency lost with each earlier view of the same creative
    frequency_cap: int  # views per person and day at the most; 0: no cap

    @property
    def binds(self) -> bool:
        """Whether days hang together, or views are lost: else the audience is as good as endless."""
        return self.fatigue > 0 or self.frequency_cap > 0

    @property
    def lifetime(self) -> F8:
        """Views f8[S] over which the click tendency falls by the factor e; infinite where nothing tires."""
        lost = np.minimum(self.fatigue / self.people, 1 - 1e-12)
        return np.asarray(-1.0 / np.log1p(-lost) if self.fatigue > 0 else np.full(len(self.people), np.inf))

    def fresh(self, before: F8, views: F8) -> F8:
        """How many fresh views f8[...] are worth as much as `views` f8[...] that follow `before` f8[...] of the same
        creative; the last axes are [S, K]."""
        if self.fatigue <= 0:
            return views
        life, most = self.lifetime[:, None], (self.people / self.fatigue)[:, None]
        return np.asarray(-np.expm1(-views / life) * np.exp(-before / life) * most)


@dataclass(frozen=True)
class Freshness:
    """What the views of a segment are worth when they use its creatives in the best order."""

    start: F8  # [S, K] views before the k-th best creative is worth showing
    value: F8  # [S, K] worth of a view at that moment, falling
    total: F8  # [S, K] worth of all views before it
    lifetime: F8  # [S] 1 / r; infinite where nothing tires

    @classmethod
    def of(cls, value: F8, reach: Reach) -> Freshness:
        """From the worth f8[S, K] of a fresh view."""
        best = np.sort(value, axis=1)[:, ::-1]
        best = np.maximum(best, WORTHLESS * best[:, :1])
        life, count = reach.lifetime, np.arange(best.shape[1])
        if reach.fatigue <= 0:
            return cls(np.zeros((len(best), 1)), best[:, :1], np.zeros((len(best), 1)), life)
        # Views come one by one: a sum of steps is a little more than the integral under their envelope.
        best = best * (reach.people / reach.fatigue / life)[:, None]
        logs = np.log(np.maximum(best, np.finfo(float).tiny))
        start = life[:, None] * (np.cumsum(logs, axis=1) - logs - count * logs)
        total = life[:, None] * (np.cumsum(best, axis=1) - best - count * best)
        return cls(np.maximum.accumulate(start, axis=1), best, np.maximum.accumulate(total, axis=1), life)

    def worth(self, views: F8) -> F8:
        """Worth f8[..., S] of the first `views` f8[..., S] of each segment."""
        found = np.empty(views.shape)
        for index, life in enumerate(self.lifetime):
            at = np.searchsorted(self.start[index], views[..., index], side="right") - 1
            more = views[..., index] - self.start[index, at]
            if np.isfinite(life):
                together = (at + 1) * life  # views of the active creatives take turns
                more = -np.expm1(-more / together) * together
            found[..., index] = self.total[index, at] + self.value[index, at] * more
        return found
