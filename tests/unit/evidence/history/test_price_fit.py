"""The fit of prices to won auctions. Touch with gaelp/evidence/history/price_fit.py."""

from __future__ import annotations

import numpy as np
import pytest

from gaelp.evidence.history.price_fit import PriceFit, fit_prices


def fitted(prices: object, seed: int = 1) -> PriceFit:
    return fit_prices(np.asarray(prices, np.int64), np.random.default_rng(seed))


def test_whole_number_prices_are_not_smeared_and_a_price_of_0_is_a_price() -> None:
    """Two 0, four 5, one 6, three 9: a bid of 5 wins the zeros for certain and the fives perhaps; a bid of 0 none."""
    fit = fitted([5, 9, 0, 5, 6, 9, 5, 0, 5, 9])
    shares = {each.bid: (each.below, each.not_above, each.ties) for each in fit.wins}
    assert shares == {
        0: (0.0, pytest.approx(0.2), 2),
        5: (pytest.approx(0.2), pytest.approx(0.6), 4),
        9: (pytest.approx(0.7), pytest.approx(1.0), 3),
    }
    assert dict(fit.histogram) == {0: 2, 5: 4, 6: 1, 9: 3}
    assert (fit.mean[0], fit.median[0]) == (pytest.approx(5.3), 5.0)
    assert all(each.low <= each.below <= each.not_above <= each.high for each in fit.wins)


def test_the_median_and_spread_of_a_known_market_are_found() -> None:
    """Of 30 logs of rounded lognormal prices around 60 with spread 0.7, the intervals hold the truth in most."""
    fits = [fitted(np.rint(60 * np.exp(np.random.default_rng(k).normal(0, 0.7, 2000))), k) for k in range(30)]
    assert np.mean([fit.median[0] for fit in fits]) == pytest.approx(60, rel=0.02)
    assert np.mean([fit.spread[0] for fit in fits if fit.spread]) == pytest.approx(0.7, rel=0.02)
    # The chance of fewer than 22 of 30 at 90 % is under 1 %.
    assert sum(bool(fit.spread and fit.spread[1] <= 0.7 <= fit.spread[2]) for fit in fits) >= 22
    assert sum(fit.median[1] <= 60 <= fit.median[2] for fit in fits) >= 22


def test_rows_that_come_in_clusters_have_wider_intervals() -> None:
    """The same prices sorted by day, as a market that moves has them, say less of the mean than shuffled ones."""
    prices = np.repeat([20, 60, 100, 140], 500)
    shuffled = np.random.default_rng(2).permutation(prices)
    clustered, mixed = (fit.mean[2] - fit.mean[1] for fit in (fitted(prices), fitted(shuffled)))
    assert clustered > 2 * mixed


def test_prices_whose_logarithm_does_not_exist_have_no_spread() -> None:
    """Where a sixth of the prices are 0, or so nearly that a redrawn log has them, no spread is told."""
    assert fitted([0] * 20 + [5] * 80).spread is None
    assert fitted([0] * 155 + [5] * 845).spread is None
    assert fitted([0] * 5 + [5, 9] * 48).spread is not None
