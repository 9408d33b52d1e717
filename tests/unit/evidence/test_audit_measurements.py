"""From gains to the numbers of criterion 16: the worst decile, its bound, and how often it passes by chance."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.exploit_audit import OWN_MARKET, AuditMeasure, market_names
from gaelp.evidence.audit_measurements import measure_audit

REQUIRED = TrainingConfiguration.model_validate({"simulation": {"audit": "required"}})
ALPHA = 0.03


def measured(own: float = 0.8, other: float = 0.8, **worse: float) -> AuditMeasure:
    """Constant gains over 128 episodes; `worse` names markets with an underscore for each blank."""
    gains = dict.fromkeys(market_names(), (other,) * 128) | {OWN_MARKET: (own,) * 128}
    gains |= {name.replace("_", " "): (gain,) * 128 for name, gain in worse.items()}
    measure = measure_audit(gains, REQUIRED, ALPHA)
    assert measure is not None
    return measure


def passes(measure: AuditMeasure) -> bool:
    return measure.log_wealth >= -math.log(ALPHA)


def fails(measure: AuditMeasure) -> bool:
    return measure.log_wealth_against >= -math.log(ALPHA)


def test_the_worst_two_of_seventeen_decide() -> None:
    """The share kept is the mean of the two lowest gains over that in the own market, and its bound lies below it."""
    measure = measured(price_level_higher=0.4, lag_longer=0.6, drift_stronger=0.7)
    assert measure.worst == 2 and len(measure.markets) == 17
    assert measure.kept == pytest.approx(0.5 / 0.8)
    assert measure.low is not None and 0.3 < measure.low < 0.5 / 0.8


def test_what_is_lost_whole_in_one_market_does_not_pass() -> None:
    """An agent that keeps everything but in one market, where it earns nothing, does not pass."""
    assert passes(measured())
    assert not passes(measured(price_level_higher=0.0))


def test_what_becomes_a_loss_fails() -> None:
    """An agent whose gain becomes a loss in one market fails, and so does one that loses everywhere."""
    assert fails(measured(price_level_higher=-1.0))
    worse = measured(own=-0.5, other=-0.5)
    assert fails(worse) and worse.kept is None and worse.low is None


def test_the_bound_agrees_with_the_test() -> None:
    """The lower bound lies at LEAST_KEPT or above exactly where the test passes."""
    for gain in np.linspace(0.3, 0.8, 11):
        measure = measured(price_level_higher=float(gain), lag_longer=float(gain))
        assert passes(measure) is (measure.low is not None and measure.low >= 0.5)


def test_at_the_boundary_it_passes_no_more_often_than_alpha() -> None:
    """Where two markets keep half of the gain and all others keep it whole, at most alpha of the audits pass."""
    rng = np.random.default_rng(5)
    trials, found = 200, 0
    for _ in range(trials):
        gains = {name: np.full(32, 0.8) for name in market_names()}
        gains |= {name: rng.choice([-0.2, 1.0], size=32) for name in ("lag longer", "drift stronger")}
        measure = measure_audit({name: gain.tolist() for name, gain in gains.items()}, REQUIRED, ALPHA)
        assert measure is not None
        found += passes(measure)
    assert found <= ALPHA * trials


def test_what_was_not_played_is_measured_where_it_is_required() -> None:
    """Nothing is said where nobody asks; where it is required, an audit without episodes stands in the gate."""
    assert measure_audit({}, TrainingConfiguration(), ALPHA) is None
    for gains in ({}, dict.fromkeys(market_names(), ())):
        measure = measure_audit(gains, REQUIRED, ALPHA)
        assert measure is not None and measure.required and not measure.episodes
