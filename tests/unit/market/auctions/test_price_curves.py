"""Win-price curves: moments against formulas and sums, the inverse, and what a log must hold."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr

from gaelp.market.auctions import price_curves
from gaelp.market.auctions.price_curves import PriceCurves
from gaelp.market.parameters import PriceHistograms
from gaelp.market.streams import stream

MEDIAN, SPREAD = np.array([3e6, 5e6]), np.array([0.6, 0.3])


LOGNORMAL = price_curves.lognormal(MEDIAN, SPREAD)


def curves(reserve: float = 0.0, first_price: bool = False, prices: PriceHistograms = LOGNORMAL) -> PriceCurves:
    """Lognormal curves of two segments, or those of `prices`."""
    return PriceCurves.from_histograms(prices, reserve, first_price)


def lumpy() -> PriceHistograms:
    """A tenth of the rivals below the histogram, an empty bin, and a tenth above it."""
    cdf = np.array([[0.1, 0.1, 0.4, 0.4, 0.7, 0.9]])
    return PriceHistograms(np.array([1e6]), np.array([4e6]), cdf)


def test_a_lognormal_curve_has_the_moments_of_the_formula() -> None:
    """P(win) is Phi(z), and the n-th moment of the price exp(n mu + n^2 s^2 / 2) Phi(z - n s)."""
    bids = np.array([[1e6, 2e6], [3e6, 5e6], [9e6, 9e6]])
    z, made = (np.log(bids) - np.log(MEDIAN)) / SPREAD, curves()
    assert np.allclose(made.win_rate(bids), ndtr(z), atol=5e-5)
    mean = np.exp(np.log(MEDIAN) + SPREAD**2 / 2) * ndtr(z - SPREAD)
    square = np.exp(2 * np.log(MEDIAN) + 2 * SPREAD**2) * ndtr(z - 2 * SPREAD)
    assert np.allclose(made.spend(bids), mean, rtol=5e-4, atol=20)
    assert np.allclose(made.paid(bids).square, square, rtol=1e-3, atol=1e8)


@pytest.mark.parametrize("reserve", [0.0, 2_000_000.0])
@pytest.mark.parametrize("floor", [0.0, 900_000.0, 2_400_000.0])
@pytest.mark.parametrize("prices", [LOGNORMAL, lumpy()])
def test_every_moment_is_that_of_the_prices_drawn(reserve: float, floor: float, prices: PriceHistograms) -> None:
    """Wins, mean and mean square agree with those of rivals drawn by the inverse, under any reserve and floor."""
    made = curves(reserve, prices=prices)
    quantile = (np.arange(200_000) + 0.5) / 200_000
    for segment in range(len(made.low)):
        reach = quantile < made.cdf[segment, -1]
        rival = np.where(reach, made.highest_rival(np.full(len(quantile), segment), quantile), np.inf)
        for bid in (900_000.0, 2_500_000.0, 6_000_000.0):
            won = (rival <= bid) & (bid >= reserve)
            paid = np.where(won, np.maximum(np.where(won, rival, 0.0), max(reserve, floor)), 0.0)
            seen = made.paid(np.full(len(made.low), bid), np.full(len(made.low), min(floor, bid)))
            if floor <= bid:
                assert seen.win_rate[segment] == pytest.approx(won.mean(), abs=2e-5)
                assert seen.spend[segment] == pytest.approx(paid.mean(), rel=1e-4, abs=50)
                assert seen.square[segment] == pytest.approx((paid**2).mean(), rel=1e-4, abs=1e8)


def test_the_first_price_is_the_bid() -> None:
    """Without a second price a winner pays what it bid, and wins as often."""
    bid = np.array([2e6, 6e6])
    made = curves(first_price=True)
    assert np.array_equal(made.win_rate(bid), curves().win_rate(bid))
    assert np.allclose(made.spend(bid), made.win_rate(bid) * bid)
    assert np.allclose(made.paid(bid).square, made.win_rate(bid) * bid**2)


def test_nothing_is_won_below_the_reserve_or_the_lowest_edge_or_for_nothing() -> None:
    """The bounds are where they are said to be, also for a bid far beyond the highest edge."""
    made = curves(2e6)
    assert np.all(made.win_rate(np.array([1_999_999.0, 0.0])) == 0) and np.all(made.spend(np.zeros(2)) == 0)
    assert np.all(made.win_rate(np.array([2e6, 2e6])) > 0)
    assert np.all(curves().win_rate(made.low * 0.999) == 0)
    assert np.allclose(made.win_rate(np.full(2, 1e15)), 1.0)


def test_the_inverse_is_that_of_the_cumulated_histogram() -> None:
    """Prices at any quantile are those of a linear interpolation, in tails, empty bins and atoms too."""
    for made in (curves(), curves(prices=lumpy())):
        for segment in range(len(made.low)):
            top = made.cdf[segment, -1]
            quantile = top * np.concatenate([stream(1, "q").random(50_000), np.geomspace(1e-12, 0.5, 2000)])
            seen = made.highest_rival(np.full(len(quantile), segment), quantile)
            assert np.allclose(seen, np.interp(quantile, made.cdf[segment], made.edges[segment]), rtol=1e-8)


def test_whole_prices_of_a_log_are_not_smeared() -> None:
    """At every whole bid the share won lies between the shares of prices below and not above it, in each segment, and
    halfway between two whole numbers it is exact; a segment without prices has those of all."""
    rng = stream(2, "prices")
    segment = np.repeat([0, 1], 5_000)
    seen = np.where(segment == 0, rng.poisson(3.0, 10_000), rng.integers(0, 301, 10_000))
    for least in (0, 1):  # with prices of 0, and without
        prices = np.maximum(seen, least)
        made = curves(prices=price_curves.observed(prices, segment, 3, 1000.0))
        for bid in (*range(1, 12), 57, 150, 299, 300, 301):
            won = made.win_rate(np.full(3, bid * 1000.0))
            between = made.win_rate(np.full(3, (bid + 0.5) * 1000.0))
            for share, exact, here in zip(won, between, (segment == 0, segment == 1, segment >= 0), strict=True):
                assert (prices[here] < bid).mean() - 1e-12 <= share <= (prices[here] <= bid).mean() + 1e-12
                assert exact == pytest.approx((prices[here] <= bid).mean(), abs=1e-12)


def test_a_price_of_zero_is_a_price() -> None:
    """A fifth of the auctions cost nothing: the lowest bid wins them, and pays next to nothing."""
    prices = np.repeat([0, 0, 10, 20, 30, 40, 50, 60, 70, 80], 10)
    made = curves(prices=price_curves.observed(prices, np.zeros(100, np.int64), 1, 1000.0))
    assert made.win_rate(np.array([5_000.0])) == pytest.approx(0.2)
    assert made.spend(np.array([5_000.0])) < 1.0
    assert made.spend(np.array([90_000.0])) == pytest.approx(prices.mean() * 1000, rel=0.002)


@pytest.mark.parametrize("seen", [[], [-1, 5], [0, 0]])
def test_a_log_without_usable_prices_is_refused(seen: list[int]) -> None:
    """No prices, negative ones, or none above 0 are refused with the remedy."""
    with pytest.raises(ValueError, match="check the log's price column"):
        price_curves.observed(np.array(seen, np.int64), np.zeros(len(seen), np.int64), 1, 1.0)
