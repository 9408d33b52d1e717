"""From results to the numbers that gates judge: phase measurements, efficiency and portfolio."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.episodes import EpisodeState
from gaelp.domain.gates.judging import alpha_for
from gaelp.domain.gates.measurements import AudienceSplit, CampaignMeasures
from gaelp.domain.phases import Phase
from gaelp.domain.platform_records import DayReport
from gaelp.domain.spending.campaign_records import BudgetMove, CampaignResult
from gaelp.evidence import profit
from gaelp.evidence.phase_measurements import SpendingEvidence, measure_campaigns, measure_historical
from gaelp.messages.log_replay import Estimate, LogEvidence

CONFIG = TrainingConfiguration()
ALPHA = alpha_for(1)
FIRST = date(2026, 3, 2)
SPLIT = AudienceSplit(disjoint=True, candidate=5010, control=4990, planned_share=0.5)


def day(offset: int, **changes: object) -> DayReport:
    known = {"day": FIRST + timedelta(days=offset), "impressions": 9000, "clicks": 90, "conversions": 3}
    money = {"cost_micros": 20_000_000, "served_micros": 20_000_000, "revenue_micros": 90_000_000}
    return DayReport.model_validate(known | money | {"final": True, "matured": True} | changes)


def campaign(index: int, length: int = 7, start: int = 0, **changes: object) -> CampaignResult:
    each = {k: changes.pop(k) for k in list(changes) if k in DayReport.model_fields}
    days = tuple(day(start + i, **each) for i in range(length))
    known = {"campaign": f"r/x/campaign-{index:02d}", "index": index, "product": f"p{index}", "arm": "candidate"}
    rest = {"state": EpisodeState.SETTLED, "days": days, "planned_micros": 20_000_000 * length, "actions": 100}
    spent = {"spend_micros": sum(d.cost_micros for d in days), "near_misses": 0}
    return CampaignResult.model_validate(known | rest | spent | changes)


def live(*campaigns: CampaignResult, config: TrainingConfiguration = CONFIG, **more: object) -> CampaignMeasures:
    evidence = SpendingEvidence(Phase.LIVE_TEST, campaigns, **more)  # type: ignore[arg-type]
    return measure_campaigns(evidence, config, ALPHA)


def scaled(*campaigns: CampaignResult, split: AudienceSplit | None = SPLIT) -> CampaignMeasures:
    return measure_campaigns(SpendingEvidence(Phase.SCALED, campaigns, split=split), CONFIG, ALPHA)


# ------------------------------------------------------------ history


def test_only_the_candidates_estimates_are_taken():
    """A baseline's estimate never stands in for the candidate's; the logging policy's stands beside it."""
    log = LogEvidence(
        log="l",
        kind="bandit",
        grade="A",
        rows=10,
        clicks=1,
        estimates=(
            Estimate(estimator="on-policy", policy="logging", value=0.004, low=0.003, high=0.005),
            Estimate(estimator="snips", policy="uniform", value=0.9, low=0.8, high=1.0, row_ess=9e9),
            Estimate(estimator="snips", policy="candidate", value=0.005, low=0.003, high=0.007, row_ess=300.0),
        ),
    )
    found = measure_historical([log], ALPHA).logs[0]
    assert (found.logging, found.row_ess, [p.value for p in found.points]) == (0.004, 300.0, [0.005])
    assert found.difference is None and found.log_wealth is None


# ------------------------------------------------------------ live test


def test_streak_counts_only_campaigns_that_count():
    """Immature and thin campaigns neither extend nor break the streak; a loss and a safety stop break it."""
    thin, raw = campaign(2, conversions=0), campaign(3, matured=False)
    loss, halted = campaign(2, revenue_micros=1), campaign(3, reason="CPA beyond its limit")
    assert live(campaign(0), campaign(1), thin, raw, campaign(4)).profit.streak == 3
    assert live(campaign(0), campaign(1), loss, campaign(4)).profit.streak == 2
    assert live(campaign(0), campaign(1), halted, campaign(4)).profit.streak == 2
    assert live(campaign(0), halted).profit.streak == 1


def test_streak_follows_the_index_and_not_the_order_of_arrival():
    """Order is fixed in advance."""
    ordered = [campaign(i, revenue_micros=1 if i == 2 else 90_000_000) for i in range(5)]
    assert live(*ordered).profit == live(*ordered[::-1]).profit


def test_refunds_and_margin_are_taken_off():
    """ROI is of revenue x margin less the refunds that are expected."""
    economics = CONFIG.economics.model_copy(update={"margin": 0.5, "refund_rate": 0.2})
    found = live(campaign(0), config=CONFIG.model_copy(update={"economics": economics}))
    assert found.profit.roi == pytest.approx(90 * 0.5 * 0.8 / 20 - 1)


def test_near_misses_that_nobody_counted_are_unknown():
    """One campaign without a count makes the sum unknown, not zero."""
    assert live(campaign(0, near_misses=2), campaign(1, near_misses=3)).conduct.near_misses == 5
    assert live(campaign(0, near_misses=2), campaign(1, near_misses=None)).conduct.near_misses is None


def test_raises_above_the_step_are_counted():
    """20 % is allowed, more is not, a cut always is."""
    moves = [
        BudgetMove(campaign="c", before_micros=10_000_000, after_micros=after, reason="")
        for after in (12_000_000, 12_000_001, 0)
    ]
    found = measure_campaigns(SpendingEvidence(Phase.SCALED, [campaign(0)], moves), CONFIG, ALPHA)
    assert found.conduct.oversized_raises == 1


@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        (campaign(0, revenue_micros=-1), "negative"),
        (campaign(0).model_copy(update={"days": (day(0), day(0))}), "twice"),
        (campaign(0).model_copy(update={"days": ()}), "reports no day"),
    ],
)
def test_impossible_reports_become_problems(broken: CampaignResult, problem: str):
    """Negative counts, a day twice, and spend without a day are named."""
    assert problem in live(broken).problems[0]


# ------------------------------------------------------------ boundaries and figures


def test_a_log_is_measured_in_full() -> None:
    """Weights of SNIPS, points of the four estimators, and the bet, each where the gate looks for it."""
    weights = {"row_ess": 1.0, "click_ess": 2.0, "largest_weight_share": 3.0, "mean_weight": 4.0}
    rest = {"mean_weight_error": 5.0}

    def estimate(name: str, value: float, **more: float) -> Estimate:
        known = {"estimator": name, "policy": "candidate", "value": value, "low": value - 1, "high": value + 1}
        return Estimate.model_validate(known | more)

    estimates = (
        estimate("ips", 10), estimate("snips", 11, **weights, **rest), estimate("dr", 12), estimate("switch-dr", 13),
        estimate("non-inferiority", 14, log_wealth=6.0, log_wealth_against=7.0),
    )  # fmt: skip
    log = LogEvidence(log="l", kind="bandit", grade="A", rows=10, clicks=1, estimates=estimates)
    (found,) = measure_historical([log], ALPHA).logs
    assert {name: getattr(found, name) for name in weights | rest} == weights | rest
    assert [(p.estimator, p.value, p.low, p.high) for p in found.points] == [
        ("ips", 10, 9, 11), ("snips", 11, 10, 12), ("dr", 12, 11, 13), ("switch-dr", 13, 12, 14),
    ]  # fmt: skip
    assert (found.difference, found.difference_low, found.log_wealth, found.log_wealth_against) == (14, 13, 6, 7)
    assert (found.log, found.kind, found.grade, found.rows, found.clicks) == ("l", "bandit", "A", 10, 1)


def test_a_log_that_could_not_be_read_has_no_numbers() -> None:
    """It is listed with its state and reason, and nothing is made up for it."""
    log = LogEvidence(log="l", kind=None, grade="C", rows=0, clicks=0, state=EpisodeState.FAILED, reason="no such log")
    (found,) = measure_historical([log], ALPHA).logs
    assert (found.kind, found.state, found.reason) == ("", EpisodeState.FAILED, "no such log")
    assert (found.logging, found.points, found.row_ess, found.difference) == (None, (), 0.0, None)


def economics(**changes: object) -> TrainingConfiguration:
    """Every unit of attributed revenue is kept, so that profit is revenue less cost."""
    kept = CONFIG.economics.model_copy(update={"margin": 1.0, "refund_rate": 0.0})
    return CONFIG.model_copy(update={"economics": kept, "live_test": CONFIG.live_test.model_copy(update=changes)})


def test_a_campaign_without_any_profit_breaks_the_streak() -> None:
    """Revenue of exactly the cost is no positive return, and one micro more is one."""
    config = economics(minimum_spend=Decimal(20))
    for revenue, streak in ((20_000_000, 1), (20_000_001, 3)):
        middle = campaign(1).model_copy(update={"days": (day(0, conversions=50, revenue_micros=revenue),)})
        assert live(campaign(0), middle, campaign(2), config=config).profit.streak == streak


@pytest.mark.parametrize(
    ("least", "conversions", "changes", "counted"),
    [
        ("20", 10, {}, 1),
        ("20.000001", 10, {}, 0),
        ("20", 9, {}, 0),
        ("20", 10, {"matured": False}, 0),
        ("0", 10, {"cost_micros": 1, "served_micros": 1}, 1),
        ("0", 10, {"cost_micros": 0, "served_micros": 0}, 0),
    ],
)
def test_what_makes_a_campaign_count(least: str, conversions: int, changes: dict[str, object], counted: int) -> None:
    """It spent the minimum, or anything where the minimum is 0, converted often enough, and has matured."""
    config = economics(minimum_spend=Decimal(least), minimum_conversions=10)
    found = live(campaign(0, 1, conversions=conversions, **changes), config=config).profit
    assert (found.counted, found.campaigns) == (counted, 1)


def test_a_campaign_without_days_does_not_count() -> None:
    """Nothing was reported of it, so that it neither extends nor breaks a streak."""
    silent = campaign(1).model_copy(update={"days": (), "spend_micros": 0})
    found = live(campaign(0), silent, campaign(2)).profit
    assert (found.counted, found.campaigns, found.streak) == (2, 3, 2)


def test_the_upper_bound_of_roi_is_made_at_the_attempts_level() -> None:
    """It is the one of gaelp/evidence/profit.py, and later attempts have wider ones."""
    uneven = [campaign(0, 20).model_copy(update={"days": tuple(
        day(i, revenue_micros=(i % 3) * 20_000_000) for i in range(20)
    )})]  # fmt: skip
    first, second = (
        measure_campaigns(SpendingEvidence(Phase.LIVE_TEST, uneven), economics(), alpha_for(k)) for k in (1, 2)
    )
    assert first.profit.roi_high == profit.roi_upper_bound(profit.matured_days(uneven, 1.0), alpha_for(1))
    assert first.profit.roi_high is not None and second.profit.roi_high is not None
    assert first.profit.roi_high < second.profit.roi_high


def test_the_profit_test_of_a_portfolio_is_under_its_own_cap() -> None:
    """In scaled deployment C_d is the portfolio's daily cap; arms and portfolio are measured there and nowhere else."""
    day_ = [campaign(0, 1)]
    config = economics(daily_cap=Decimal(50))
    config = config.model_copy(update={"scaled": config.scaled.model_copy(update={"daily_cap": Decimal(200)})})
    for phase, cap in ((Phase.LIVE_TEST, 50), (Phase.SCALED, 200)):
        found = measure_campaigns(SpendingEvidence(phase, day_), config, ALPHA)
        assert found.profit.wealth == pytest.approx(1 + 0.5 * (90 - 21) / (1.05 * cap))
        measured = (found.improvement is not None, found.portfolio is not None)
        assert measured == (phase is Phase.SCALED,) * 2


def test_the_bounds_of_arms_are_made_at_the_attempts_level() -> None:
    """A later attempt has a wider confidence sequence of the weekly gain."""
    candidate = campaign(0, 56).model_copy(
        update={"days": tuple(day(i, revenue_micros=(80 + i // 7) * 1_000_000) for i in range(56))}
    )
    arms = [candidate, campaign(1, 56, arm="control")]
    first, second = (
        measure_campaigns(SpendingEvidence(Phase.SCALED, arms), CONFIG, alpha_for(k)).improvement for k in (1, 2)
    )
    assert first is not None and second is not None and first.low is not None and second.low is not None
    assert second.low < first.low


def test_one_seed_gives_one_pair_of_bounds() -> None:
    """The resampling of efficiency follows the run's seed and nothing else."""
    uneven = [campaign(i, planned_micros=20_000_000 * (7 + i)) for i in range(6)]
    bounds = [live(*uneven, config=CONFIG.model_copy(update={"seed": seed})).efficiency.low for seed in (1, 1, 2)]
    assert bounds[0] == bounds[1] != bounds[2]


def test_every_impossible_report_is_named_once() -> None:
    """What cannot be is told in full sentences, and what can be is not: a day of nothing, a campaign of nothing."""
    empty = {"impressions": 0, "clicks": 0, "conversions": 0, "cost_micros": 0, "served_micros": 0, "revenue_micros": 0}
    unspent = campaign(1).model_copy(update={"days": (), "spend_micros": 0})
    assert live(campaign(0, **empty), unspent).problems == ()
    broken = (
        campaign(0, 2, revenue_micros=-1),
        campaign(1).model_copy(update={"days": (day(0), day(0), day(0))}),
        campaign(2).model_copy(update={"days": (), "spend_micros": 12_340_000}),
        campaign(3).model_copy(update={"days": (), "spend_micros": 1}),
    )
    assert live(*broken, problems=("seen elsewhere",)).problems == (
        "seen elsewhere",
        "r/x/campaign-00 reports a negative revenue on 2026-03-02",
        "r/x/campaign-01 reports 2 days twice",
        "r/x/campaign-02 spent 12.34 USD and reports no day",
        "r/x/campaign-03 spent 0.00 USD and reports no day",
    )


def test_a_campaign_that_ended_for_a_reason_was_broken_off():
    """Whichever of them it was, so that the gate tells a hard limit from a low ROI."""
    assert live(campaign(0), campaign(1, reason="its loss")).broken_off
    assert not live(campaign(0), campaign(1)).broken_off
