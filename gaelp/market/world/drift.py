"""What changes in the market over the days of an episode: shocks, season, drift, a sudden change.

Touch this to add another way in which yesterday misleads about today. A factor multiplies a level of the market for one
campaign and day; no action moves it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gaelp.arrays import F8, I8
from gaelp.domain.config.market_sections import Market


@dataclass(frozen=True)
class Factors:
    """Multipliers of a campaign's day, f8[C, D] each. All but `traffic` are exactly 1 where nothing is configured.

    A factor knows no upper bound: whoever multiplies a rate with `click` or `conversion` cuts the product at 1.
    """

    traffic: F8  # auctions
    price: F8  # every price of the curves, reserve included
    click: F8  # click rates
    conversion: F8  # conversion rates


def draw(market: Market, campaigns: int, days: int, rng: np.random.Generator, day_shock: float) -> Factors:
    """The factors of `campaigns` episodes of `days` days, from the world stream.

    Consecutive `market.own_campaigns` campaigns share all of them. With z, y standard normal, per day d:

    - traffic = exp(day_shock z - day_shock^2 / 2), mean 1;
    - the season's wave w = season sin(2 pi (d / season_days + phase)), phase uniform, so the mean over worlds is 1;
      conversion = 1 + w, and price = (1 + w) exp(season day_shock z - (season day_shock)^2 / 2): rivals bid for the
      same buyers, and where there is a season, a busy day is a dear one, with elasticity `season`;
    - click = exp(sum over days 1 to d of (drift y - drift^2 / 2)): a random walk that begins at 1, of mean 1;
    - with probability change_chance, price is multiplied by exp(change) from a day on that is uniform over 1 to
      days - 1: the first day is always without it, and an episode of one day never has it. Its mean is not 1.

    The draws are the same in number whatever is configured, so that one option never moves what another one drew.
    """
    shock, walk = rng.standard_normal((2, campaigns, days))
    phase, happens, when = rng.random((3, campaigns))
    group = np.arange(campaigns) // market.own_campaigns * market.own_campaigns
    shock, walk = shock[group], walk[group]
    day = np.arange(days)
    wave = market.season * np.sin(2 * np.pi * (day / market.season_days + phase[group, None]))
    return Factors(
        traffic=_lognormal(day_shock, shock),
        price=(1.0 + wave) * _lognormal(market.season * day_shock, shock) * _changed(market, happens, when, day)[group],
        click=_walk(market.drift, walk),
        conversion=1.0 + wave,
    )


def _lognormal(spread: float, normal: F8) -> F8:
    """Of mean 1."""
    return np.asarray(np.exp(spread * normal - spread**2 / 2))


def _walk(spread: float, normal: F8) -> F8:
    steps = spread * normal - spread**2 / 2
    steps[:, :1] = 0.0
    return np.asarray(np.exp(np.cumsum(steps, axis=1)))


def _changed(market: Market, happens: F8, when: F8, day: I8) -> F8:
    first = 1 + np.floor(when * (len(day) - 1))
    after = (happens < market.change_chance)[:, None] & (day >= first[:, None])
    return np.where(after, np.exp(market.change), 1.0)
