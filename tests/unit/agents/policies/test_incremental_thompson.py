"""What incremental-thompson does better than linear-thompson where the numbers mislead."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gaelp.agents.contract import Agent
from gaelp.agents.policies.baselines import FixedBid
from gaelp.agents.policies.incremental_thompson import IncrementalThompson
from gaelp.agents.policies.linear_thompson import LinearThompson
from gaelp.market.calibration.calibrate import calibrate
from gaelp.market.traps.trap_exam import Examinee, losses
from gaelp.market.traps.trap_scenes import SCENES
from tests.support.markets import configured, regret, trained

LESSON = {"rounds": 4, "batches_per_round": 2, "campaigns_per_batch": 16, "days": 7}


@pytest.mark.parametrize("trap", ["organic-harvest", "coupon-returns", "immature-days", "average-cost"])
def test_it_avoids_the_traps_that_gate_and_the_coupons(trap: str) -> None:
    """Its mean loss is far below the tenth of the optimum from which an agent falls."""
    assert losses(SCENES[trap], Examinee(IncrementalThompson(), FixedBid()), (5, trap), 64).mean() < 0.05


def test_linear_thompson_falls_where_it_does_not() -> None:
    """The trap is one: who believes attribution loses more than half of the optimum."""
    assert losses(SCENES["organic-harvest"], Examinee(LinearThompson(), FixedBid()), (5, "organic"), 64).mean() > 0.5


@pytest.mark.parametrize(
    "changed", [{"first_price": True}, {"market": {"own_campaigns": 2}}], ids=["first price", "own campaigns together"]
)
def test_it_sees_that_it_pays_what_it_bids(changed: dict[str, object]) -> None:
    """Examined in an auction that it did not learn in, it misses far less than linear-thompson."""
    settings = {"audience": 0}
    config = configured(5, simulation=LESSON, market=settings)
    market = calibrate([], config)
    examined = configured(5, simulation=LESSON, market={**settings, **changed.get("market", {})})  # type: ignore[dict-item]
    other = replace(market, first_price=bool(changed.get("first_price", False)))

    def missed(agent: Agent) -> float:
        return regret(other, examined, agent, trained(market, config, agent)[0])

    assert missed(IncrementalThompson()) < 0.6 * missed(LinearThompson())


def test_it_spreads_impressions_over_creatives_that_tire() -> None:
    """With few people it misses less than half of what linear-thompson does."""
    config = configured(5, simulation=LESSON, market={"audience": 4_000, "fatigue": 0.3})
    market = calibrate([], config)
    missed = [
        regret(market, config, agent, trained(market, config, agent)[0])
        for agent in (IncrementalThompson(), LinearThompson())
    ]
    assert missed[0] < 0.5 * missed[1]


def test_it_pays_its_way_where_nothing_misleads() -> None:
    """In the plain market it misses hardly more than linear-thompson does."""
    config = configured(5, simulation=LESSON)
    market = calibrate([], config)
    missed = [
        regret(market, config, agent, trained(market, config, agent)[0])
        for agent in (IncrementalThompson(), LinearThompson())
    ]
    assert missed[0] < missed[1] + 0.02
    assert np.isfinite(missed).all()
