"""A market's first segments and creatives."""

from __future__ import annotations

import numpy as np

from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.market.calibration.calibrate import calibrate
from gaelp.market.parameters import MarketParameters


def test_the_first_of_a_market_are_its_own_with_all_of_its_traffic() -> None:
    """Rates, prices and features are those of the first; the traffic of the whole market falls on them."""
    market = calibrate([], TrainingConfiguration())
    part = market.first_of(2, 5)
    assert np.array_equal(part.ctr, market.ctr[:2, :5])
    assert np.array_equal(part.cvr, market.cvr[:2, :5])
    assert np.array_equal(part.prices.cdf, market.prices.cdf[:2])
    assert np.array_equal(part.candidate_features, market.candidate_features[:5])
    assert part.segment_features.shape[1] == market.segment_features.shape[1]
    assert part.auctions_per_hour.sum() == market.auctions_per_hour.sum()


def test_without_sizes_nothing_is_left_out() -> None:
    """The whole market comes back, digest and all."""
    market = calibrate([], TrainingConfiguration())
    whole, kept = market.to_arrays(), market.first_of(None, None).to_arrays()
    assert all(np.allclose(whole[name], kept[name]) for name in whole)
    assert isinstance(MarketParameters.from_arrays(kept), MarketParameters)
