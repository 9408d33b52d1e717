"""The exploit audit refuses who lives off one assumption of the market, and nobody who leaves room."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from gaelp.agents.contract import Agent, InvalidDecision
from gaelp.agents.policies.baselines import FixedBid
from gaelp.arrays import F8
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.exploit_audit import OWN_MARKET, market_names
from gaelp.domain.gates.criteria_traps import judge_audit
from gaelp.domain.gates.judging import alpha_for
from gaelp.domain.gates.verdicts import CriterionVerdict, Verdict
from gaelp.evidence.audit_measurements import measure_audit
from gaelp.market.audit import audit_exam
from gaelp.market.audit.audit_exam import EPISODES, gains
from gaelp.market.audit.moved_markets import AuditMarket, moved_markets
from gaelp.market.calibration.calibrate import calibrate
from gaelp.market.episodes.batch import DecidingAgent
from tests.support.audit_policies import BidsPrice

CONFIG = TrainingConfiguration.model_validate(
    {
        "market": {"click_rate": 0.012, "price_spread": 0.04, "hourly_auctions": 200, "segments": 2, "creatives": 4},
        "simulation": {"days": 2, "daily_budget": 100, "audit": "required"},
        "clock": {"tick_hours": 24},
    }
)
"""All rivals bid nearly the same, and an impression is worth more than that."""
OWN = AuditMarket(calibrate((), CONFIG), CONFIG)
PRICES_MICROS = np.sqrt(OWN.market.prices.low * OWN.market.prices.high)  # of each segment, the median


def bidding(factor: float) -> Agent:
    return BidsPrice(OWN.market.ctr * OWN.market.cvr, PRICES_MICROS, factor)


def gained(agent: Agent, episodes: int = EPISODES) -> Mapping[str, F8]:
    deciding = DecidingAgent(agent, {}, FixedBid(), {})
    return gains(OWN, lambda name: deciding, (1, "test"), episodes)


def judged(by_market: Mapping[str, F8]) -> CriterionVerdict:
    """At the level of a first attempt, where the audit is required."""
    measure = measure_audit({name: gain.tolist() for name, gain in by_market.items()}, CONFIG, alpha_for(1))
    assert measure is not None
    return judge_audit(measure)


def test_who_lives_off_one_assumption_scores_high_and_is_refused() -> None:
    """A bid just above the price that it learned earns nearly all there, and nothing where prices are 20 % higher."""
    memorised = gained(bidding(1.1))
    assert memorised[OWN_MARKET].mean() > 0.9
    assert memorised["price level higher"].mean() < 0.05
    verdict = judged(memorised)
    assert verdict.verdict is not Verdict.PASS
    assert "the structure changes: price level higher 9" in verdict.reason


def test_who_bids_whatever_it_costs_lives_off_the_second_price() -> None:
    """A bid of ten times the price earns nearly all where the second price is paid, and fails for sure elsewhere."""
    careless = gained(bidding(10.0))
    assert careless[OWN_MARKET].mean() > 0.9
    assert judged(careless).verdict is Verdict.FAIL


def test_who_leaves_room_passes() -> None:
    """A bid half above the price that it learned keeps most of its gain in every market."""
    assert judged(gained(bidding(1.4))).verdict is Verdict.PASS


def test_every_named_market_is_played_on_the_same_seeds() -> None:
    """The markets are those that are named, and one whose moved assumption does nothing here has the same gains."""
    by_market = gained(bidding(1.4), 4)
    assert tuple(by_market) == market_names() == tuple(moved_markets(OWN))
    assert len(by_market[OWN_MARKET]) == 4
    assert np.array_equal(by_market["lag longer"], by_market[OWN_MARKET])


def test_every_moved_market_differs_from_the_own_one() -> None:
    """No assumption is moved in name only: parameters or settings differ, and rates and curves stay what they are."""
    for name, each in list(moved_markets(OWN).items())[1:]:
        arrays, own = each.market.to_arrays(), OWN.market.to_arrays()
        same = all(np.array_equal(arrays[key], own[key]) for key in own)
        assert not same or each.config != OWN.config, name
        assert each.market.ctr.max() <= 1 and each.market.hourly.mean() == pytest.approx(1.0)


def test_a_market_whose_own_campaigns_are_together_is_moved_apart() -> None:
    """Structure moves in either direction, and so do shares that are not 0."""
    config = CONFIG.model_copy(
        update={"market": CONFIG.market.model_copy(update={"own_campaigns": 4, "fatigue": 0.5, "audience": 1000})}
    )
    first = replace(OWN.market, first_price=True, organic_share=0.5)
    markets = moved_markets(AuditMarket(first, config))
    assert markets["own campaigns otherwise together"].config.market.own_campaigns == 1
    assert not markets["auction of the other kind"].market.first_price
    assert markets["organic share higher"].market.organic_share == pytest.approx(0.6)
    assert markets["fatigue stronger"].config.market.fatigue == pytest.approx(0.6)
    assert markets["fatigue stronger"].config.market.audience == 1000


class Broken(BidsPrice):
    """Gives no bid that could be carried out."""

    name = "broken"

    def __init__(self) -> None:
        super().__init__(OWN.market.ctr, PRICES_MICROS, 1.0)
        self.bid = -self.bid


def test_who_fails_loses_everything() -> None:
    """Every episode of an agent whose decisions cannot be carried out is a whole loss, in every market."""
    assert {value for gain in gained(Broken(), 4).values() for value in gain.tolist()} == {-audit_exam.LARGEST}


def test_an_incumbent_that_fails_is_no_gain_of_the_agent() -> None:
    """Nothing is compared with an incumbent whose decisions cannot be carried out."""
    deciding = DecidingAgent(bidding(1.4), {}, Broken(), {})
    with pytest.raises(InvalidDecision, match="the incumbent failed"):
        gains(OWN, lambda name: deciding, (1, "test"), 4)
