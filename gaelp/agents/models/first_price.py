"""Bid shading for first-price auctions: how far below its value an agent bids, by a fitted model of the rivals' bids.

A lost auction shows nothing of its price, so the highest rival bid is known only by how the number of wins rises with
the bid: wins of hour h at bid b are Poisson with mean A_h F(b), where F is lognormal and A_h, the number of auctions in
hour h, is replaced by its best fit. Touch this for another model of the rivals than the lognormal.
"""

from __future__ import annotations

import numpy as np
from scipy.special import log_ndtr

from gaelp.arrays import F8

TYPICAL_SPREAD = 0.5  # of the highest rival's log bid, where bids were too alike to tell
PRIOR_LOG_SPREAD = 0.5  # how far from it the spread may lie: standard deviation of its log
PRIOR_MEDIAN = 2.0  # and the log median from the middle of its grid, which is the mean log bid that won
SHOCK = 0.2  # log standard deviation of a tick's traffic: wins of one tick are no more certain than this
REACH = np.linspace(-8.0, 6.0, 561)  # bids that shading looks at, in standard deviations from the median


def fitted(won: F8, ticks: F8, log_bid: F8, medians: F8, spreads: F8) -> tuple[float, float]:
    """Median (log micros) and log spread of the highest rival bid, the likeliest of a grid; its middle where every tick
    was cut.

    won, ticks f8[24, B]: impressions won, and ticks that no budget cut, by the hour they began at and bin of the bid;
    log_bid f8[B] is that of the bin. The likelihood is tempered to what traffic that varies lets be known.
    """
    used, centre = ticks.sum(axis=0) > 0, float(np.mean(medians))
    if not used.any():
        return centre, TYPICAL_SPREAD
    won, ticks, log_bid = won[:, used], ticks[:, used], log_bid[used]
    m, s = np.meshgrid(medians, spreads, indexing="ij")
    log_chance = log_ndtr((log_bid - m[..., None]) / s[..., None])
    expected = np.exp(log_chance) @ ticks.T  # [M, P, 24] wins, were there one auction a tick
    volume = won.sum(axis=1)
    likelihood = log_chance @ won.sum(axis=0) - np.log(np.maximum(expected, 1e-300)) @ volume
    a_tick = volume.sum() / max(ticks.sum(), 1.0)
    likelihood /= 1.0 + SHOCK**2 * a_tick
    likelihood -= (np.log(s / TYPICAL_SPREAD) / PRIOR_LOG_SPREAD) ** 2 / 2
    likelihood -= ((m - centre) / PRIOR_MEDIAN) ** 2 / 2
    i, j = np.unravel_index(int(likelihood.argmax()), likelihood.shape)
    return float(medians[i]), float(spreads[j])


def shaded(value: F8, median: F8, spread: F8) -> F8:
    """The bids f8[..., S] that maximise F(b) (value - b), F lognormal of `median` (log micros) and `spread` f8[S].

    The maximum lies where value = b + F(b) / f(b), which rises with b since F is log-concave.
    """
    inverse_hazard = np.exp(log_ndtr(REACH) + REACH**2 / 2) * np.sqrt(2 * np.pi)
    bids = np.empty(value.shape)
    for index, (centre, width) in enumerate(zip(median, spread, strict=True)):
        log_value = width * REACH + np.log1p(width * inverse_hazard)
        above = np.log(np.maximum(value[..., index], 1.0)) - centre
        bids[..., index] = np.exp(centre + width * np.interp(above, log_value, REACH))
    return np.minimum(bids, value)
