"""What a spending phase's campaigns did, on its way to the gate: violations, and the hurdle of the profit test."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.episodes import EpisodeState
from gaelp.domain.gates.judging import alpha_for, judge_live_test
from gaelp.domain.gates.measurements import CampaignMeasures
from gaelp.domain.gates.verdicts import Verdict
from gaelp.domain.phases import Phase
from gaelp.domain.platform_records import DayReport
from gaelp.domain.spending.campaign_records import CampaignResult
from gaelp.evidence.phase_measurements import SpendingEvidence, measure_campaigns

CONFIG = TrainingConfiguration()
UNIT = 1_000_000
FIRST = date(2026, 3, 2)


def days(length: int, earned: int, spent: int = 20 * UNIT) -> tuple[DayReport, ...]:
    """Matured days, one like the other."""
    return tuple(
        DayReport(
            day=FIRST + timedelta(days=offset), impressions=9000, clicks=90, conversions=3, cost_micros=spent,
            served_micros=spent, revenue_micros=earned, final=True, matured=True,
        )
        for offset in range(length)
    )  # fmt: skip


def campaign(index: int, length: int = 7, earned: int = 90 * UNIT, **changes: object) -> CampaignResult:
    known = {"campaign": f"r/live-test/campaign-{index:02d}", "index": index, "product": "p", "arm": "candidate"}
    rest = {"state": EpisodeState.SETTLED, "days": days(length, earned), "actions": 200, "near_misses": 0}
    return CampaignResult.model_validate(known | rest | {"planned_micros": 20 * UNIT * length} | changes)


def measured(*campaigns: CampaignResult, config: TrainingConfiguration = CONFIG) -> CampaignMeasures:
    return measure_campaigns(SpendingEvidence(Phase.LIVE_TEST, campaigns), config, alpha_for(1))


def configured(**changes: object) -> TrainingConfiguration:
    """The defaults, with every unit of attributed revenue kept, and the live test's changes."""
    economics = CONFIG.economics.model_copy(update={"margin": 1.0, "refund_rate": 0.0})
    live = CONFIG.live_test.model_copy(update=changes)
    return CONFIG.model_copy(update={"economics": economics, "live_test": live})


def test_the_violations_of_all_campaigns_reach_criterion_10() -> None:
    """They are added over the campaigns of both arms, and one alone fails the criterion."""
    clean = campaign(0)
    assert measured(clean, campaign(1, violations=1), campaign(2, violations=2, arm="control")).conduct.violations == 3
    for violations, verdict in ((0, Verdict.PASS), (1, Verdict.FAIL)):
        judged = judge_live_test(measured(clean, campaign(1, violations=violations)), CONFIG)
        assert [c.verdict for c in judged if c.id == "10"] == [verdict]


def test_the_actions_of_all_campaigns_are_what_the_bound_of_criterion_10_rests_on() -> None:
    """Two campaigns of 200 actions are 400 actions, and 0 of n bounds the rate by 3/n."""
    found = measured(campaign(0), campaign(1))
    assert found.conduct.actions == 400
    (judged,) = (c for c in judge_live_test(found, CONFIG) if c.id == "10")
    assert (judged.n, judged.bound) == (400, 3 / 400)


def test_a_violation_breaks_the_streak() -> None:
    """However well it earned, a campaign with a confirmed violation is none of the consecutive positive ones."""
    clean = [campaign(index) for index in range(3)]
    assert measured(*clean).profit.streak == 3
    assert measured(clean[0], campaign(1, violations=1), clean[2]).profit.streak == 1


def test_the_profit_test_asks_for_the_configured_return_and_not_for_any_profit() -> None:
    """An attributed ROI of 3 % speaks for the agent at a hurdle of 0 and against it at the usual 5 %."""
    three_percent = campaign(0, 30, earned=20_600_000)
    usual = measured(three_percent, config=configured())
    lowered = measured(three_percent, config=configured(roi=0.0))
    assert usual.profit.roi == lowered.profit.roi == pytest.approx(0.03)
    assert (usual.profit.h, lowered.profit.h) == (0.05, 0.0)
    assert usual.profit.wealth < 1 < lowered.profit.wealth


def test_the_hurdle_is_never_below_no_profit() -> None:
    """A configured return below 0 lets no losing campaign speak for the agent."""
    loses = measured(campaign(0, 30, earned=19 * UNIT), config=configured(roi=-0.5))
    assert loses.profit.h == 0.0
    assert loses.profit.wealth < 1


def test_what_a_day_may_cost_at_the_worst_is_the_live_tests_cap() -> None:
    """One day by hand: Y = (90 - 1.05 x 20) / (1.05 x cap), staked in full."""
    for cap in (50, 100):
        found = measured(campaign(0, 1), config=configured(daily_cap=Decimal(cap)))
        assert found.profit.wealth == pytest.approx(1 + 0.5 * (90 - 21) / (1.05 * cap))


def test_a_short_attribution_window_lets_losses_count_sooner() -> None:
    """A stake knows the days that have matured, and no day matures later than its attribution window."""
    losing = campaign(0, 40, earned=0)

    def wealth(window: int) -> float:
        config = configured()
        update = {"lag_days": 10.0, "attribution_window_days": window}
        changed = config.model_copy(update={"economics": config.economics.model_copy(update=update)})
        return measured(losing, config=changed).profit.wealth

    # The sooner the losses are known, the sooner the stakes fall, and the more is left.
    assert wealth(2) > wealth(30)
