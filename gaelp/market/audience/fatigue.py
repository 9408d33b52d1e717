"""Fatigue: how the clicks of a finite audience fall with every earlier impression of the same creative.

Each impression of a creative takes the share f of a person's tendency to click on it. Impressions fall on A people at
random, so that N earlier ones leave a mean tendency of E[(1 - f)^n] = exp(-f N / A), n ~ Poisson(N / A): exact for many
people. Touch this to change how fatigue lowers clicks; the frequency cap is in frequency_cap.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gaelp.arrays import F8, I8


@dataclass(frozen=True)
class FiniteAudience:
    """The people that a group of own campaigns can reach, and what makes more impressions on them worth less."""

    people: F8  # [S] reachable per segment, at least 1
    fatigue: float  # share of the click tendency lost with each earlier impression of the same creative
    frequency_cap: int  # impressions of all own campaigns that share the audience, per person and day; 0: no cap

    @property
    def limits_delivery(self) -> bool:
        """Whether one day's impressions lower the value or the number of others; else it is as good as endless."""
        return self.fatigue > 0 or self.frequency_cap > 0

    @property
    def rate(self) -> F8:
        """Fall f8[S] of the log click tendency of a segment with each impression of a creative."""
        return np.asarray(-np.log1p(-np.minimum(self.fatigue / self.people, 1 - 1e-12)))

    @property
    def lifetime(self) -> F8:
        """Impressions f8[S] over which the click tendency falls by the factor e; infinite without fatigue."""
        return np.asarray(1.0 / self.rate if self.fatigue > 0 else np.full(len(self.people), np.inf))

    def person_factor(self, earlier: I8) -> F8:
        """Factor f8[...] of CTR of a person who has had `earlier` i8[...] impressions of the creative."""
        return np.asarray((1.0 - self.fatigue) ** earlier)

    def first_impressions(self, before: F8, impressions: F8) -> F8:
        """How many first impressions f8[...] bring as many clicks as `impressions` f8[...] of a creative that follow
        `before` f8[...] of it; the last axes are [S, K]."""
        if self.fatigue <= 0:
            return impressions
        life, most = self.lifetime[:, None], (self.people / self.fatigue)[:, None]
        return np.asarray(-np.expm1(-impressions / life) * np.exp(-before / life) * most)


@dataclass(frozen=True)
class AudienceState:
    """What an audience has been shown so far by C campaigns. Own campaigns of one group share their people."""

    audience: FiniteAudience
    impressions: I8  # [C, S, K] so far in the episode
    today: I8  # [C, S] impressions so far this day

    def fatigue_factor(self, shown: I8) -> F8:
        """Factor f8[C, S, K] of CTR, averaged over the impressions i8[C, S, K] that come now.

        The j-th of them meets a person with N + j earlier ones in expectation, and the sum over j is geometric.
        """
        if self.audience.fatigue <= 0:
            return np.ones(shown.shape)
        rate = self.audience.rate[:, None]
        count = np.maximum(shown, 1)
        return np.asarray(np.exp(-rate * self.impressions) * np.expm1(-rate * count) / np.expm1(-rate) / count)
