"""Many live tests of stated sales by the gate itself. Touch with gaelp/evidence/certification/live_trials.py."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.gates.judging import alpha_for
from gaelp.evidence.certification.live_trials import (
    ALL_CRITERIA,
    CONDITIONS,
    CRITERION_8,
    LivePower,
    StatedSales,
    days_for_conversions,
    live_powers,
)

CONFIG = TrainingConfiguration()
SALES = StatedSales(cpa_micros=20_000_000, daily_micros=25_000_000, roi=0.5, order_spread=0.5)
TRIALS = 150


@cache
def power(sales: StatedSales, days: int, *sizes: int) -> tuple[LivePower, ...]:
    return tuple(live_powers(sales, CONFIG, days, (sizes, alpha_for(1), TRIALS), 7))


def test_the_default_live_test_hardly_ever_passes_a_good_agent_at_a_cpa_of_20() -> None:
    """Six campaigns of seven days pass +50 % in about 3 % of tests, ten in about 30 %: docs/gates.md, criterion 8."""
    six, ten = power(SALES, 7, 6, 10)
    assert six.shares[CRITERION_8] < 0.09
    assert 0.2 < ten.shares[CRITERION_8] < 0.42
    assert ten.calendar_days == 150 and ten.spend_micros == 1_750_000_000


def test_campaigns_of_20_conversions_give_better_than_even_odds() -> None:
    """At the same CPA ten campaigns that are long enough pass nearly three times as often."""
    days = days_for_conversions(SALES.cpa_micros, SALES.daily_micros)
    assert days == 16
    assert power(SALES, days, 10)[0].shares[ALL_CRITERIA] > 0.75


def test_an_agent_without_profit_does_not_pass() -> None:
    """At a true ROI of exactly the 5 % that is to be exceeded, and below it, no more pass than the level allows."""
    for roi in (0.05, -0.2):
        assert power(replace(SALES, cpa_micros=5_000_000, roi=roi), 7, 10)[0].shares[CRITERION_8] <= 0.08


def test_the_joint_power_is_never_above_that_of_a_part() -> None:
    """All conditions together pass at most as often as each, and at CPA 300 waste takes the efficiency away."""
    for each in (*power(SALES, 7, 6, 10), *power(replace(SALES, cpa_micros=300_000_000), 7, 10)):
        assert len(each.shares) == len(CONDITIONS)
        assert each.shares[ALL_CRITERIA] <= min(each.shares[:ALL_CRITERIA])
    assert power(replace(SALES, cpa_micros=300_000_000), 7, 10)[0].shares[3] < 0.1


def test_too_few_actions_never_pass() -> None:
    """With one decision a day ten campaigns of seven days have 70 of the 300 actions of criterion 10."""
    daily = CONFIG.model_copy(update={"clock": CONFIG.clock.model_copy(update={"tick_hours": 24})})
    found = live_powers(SALES, daily, 7, ((10,), alpha_for(1), 20), 7)[0]
    assert found.shares[CONDITIONS.index("10 conduct")] == 0 and found.shares[ALL_CRITERIA] == 0


@pytest.mark.parametrize(("cpa", "budget", "days"), [(10, 25, 8), (10, 12.5, 16), (20, 25, 16), (1, 1000, 1)])
def test_a_campaign_is_as_long_as_20_conversions_take(cpa: float, budget: float, days: int) -> None:
    """By cost per conversion and daily budget, a day at the least."""
    assert days_for_conversions(int(cpa * 10**6), int(budget * 10**6)) == days
