"""What incremental-thompson does better than linear-thompson where the numbers mislead."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gaelp.agents.contract import Agent
from gaelp.agents.policies.baselines import FixedBid
from gaelp.agents.policies.incremental_thompson import IncrementalThompson
from gaelp.agents.policies.linear_thompson import LinearThompson
from gaelp.market.calibration.calibrate import calibrate
from gaelp.market.traps.trap_exam import Examinee, losses
from gaelp.market.traps.trap_scenes import SCENES
from tests.support.markets import configured, regret, trained

LESSON = {"rounds": 4, "batches_per_round": 1, "campaigns_per_batch": 16, "days": 7}
BOTH: tuple[Agent, ...] = (IncrementalThompson(), LinearThompson())


@pytest.mark.parametrize("trap", ["organic-harvest", "coupon-returns", "immature-days", "average-cost"])
def test_it_avoids_the_traps_that_gate_and_the_coupons(trap: str) -> None:
    """Its mean loss is far below the tenth of the optimum from which an agent falls."""
    assert losses(SCENES[trap], Examinee(IncrementalThompson(), FixedBid()), (5, trap), 64).mean() < 0.05


def test_linear_thompson_falls_where_it_does_not() -> None:
    """The trap is one: who believes attribution loses more than half of the optimum."""
    assert losses(SCENES["organic-harvest"], Examinee(LinearThompson(), FixedBid()), (5, "organic"), 64).mean() > 0.5


@pytest.mark.parametrize(
    ("first_price", "own_campaigns", "most"), [(True, 1, 0.6), (False, 2, 0.85)], ids=["first price", "own campaigns"]
)
def test_it_sees_that_it_pays_what_it_bids(first_price: bool, own_campaigns: int, most: float) -> None:
    """Examined in an auction that it did not learn in, it misses far less than linear-thompson."""
    learned = configured(5, simulation=LESSON)
    examined = configured(5, simulation=LESSON, market={"own_campaigns": own_campaigns})
    market = calibrate([], learned)
    other = replace(market, first_price=first_price)
    missed = [regret(other, examined, agent, trained(market, learned, agent)[0]) for agent in BOTH]
    assert missed[0] < most * missed[1]


@pytest.mark.parametrize(
    ("market", "times", "more"),
    [({"audience": 3_000, "fatigue": 0.3}, 0.5, 0.0), ({}, 1.0, 0.02)],
    ids=["tiring", "plain"],
)
def test_it_spreads_impressions_only_where_creatives_tire(market: dict[str, float], times: float, more: float) -> None:
    """With few people it misses less than half of what linear-thompson does, and without fatigue hardly more."""
    config = configured(5, simulation=LESSON, market=market)
    drawn = calibrate([], config)
    missed = [regret(drawn, config, agent, trained(drawn, config, agent)[0]) for agent in BOTH]
    assert missed[0] < times * missed[1] + more
