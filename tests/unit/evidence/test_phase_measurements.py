"""From results to the numbers that gates judge: phase measurements, efficiency and portfolio."""

from __future__ import annotations

import math
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest

from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.episodes import EpisodeState
from gaelp.domain.gates.judging import alpha_for
from gaelp.domain.gates.measurements import AudienceSplit, CampaignMeasures
from gaelp.domain.phases import Phase
from gaelp.domain.platform_records import DayReport
from gaelp.domain.spending.campaign_records import BudgetMove, CampaignResult
from gaelp.evidence.efficiency import pacing_score
from gaelp.evidence.phase_measurements import (
    SpendingEvidence,
    measure_campaigns,
    measure_historical,
    measure_simulation,
)
from gaelp.evidence.portfolio import effective_number
from gaelp.messages.episode_batch import BatchResult
from gaelp.messages.log_replay import Estimate, LogEvidence

CONFIG = TrainingConfiguration()
ALPHA = alpha_for(1)
FIRST = date(2026, 3, 2)
SPLIT = AudienceSplit(disjoint=True, candidate=5010, control=4990, planned_share=0.5)


def batch(index: int, values: list[float], **changes: object) -> BatchResult:
    known = {"index": index, "purpose": "exam", "state": EpisodeState.SETTLED, "trajectory_digest": None}
    rest = {"episodes": len(values), "rewards": values, "raw_rewards": values, "successes": [True] * len(values)}
    return BatchResult.model_validate(known | rest | changes)


def failed(index: int) -> BatchResult:
    return BatchResult(index=index, purpose="exam", state=EpisodeState.FAILED, trajectory_digest=None, episodes=0)


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


# ------------------------------------------------------------ simulation


def test_a_failed_batch_counts_as_failed_episodes():
    """A crash is a batch of episodes with reward 0, ratio -1 and no success, never a dropped one."""
    found = measure_simulation([batch(0, [0.9] * 32), failed(1)], CONFIG, ALPHA)
    assert found.reward.n == found.success.n == 32 + CONFIG.simulation.campaigns_per_batch
    assert found.reward.mean == pytest.approx(0.45)
    assert found.success.mean == 0.5
    assert found.cvar == -1.0


def test_a_failed_batch_has_as_many_episodes_as_a_settled_one() -> None:
    """Own campaigns that share an audience are one episode, whether their batch failed or not; a foreign world's are
    episodes by themselves."""
    for environment, episodes in (("gaelp/AdMarket-v0", 8), ("mine/World-v0", 32)):
        chosen = {"environment": environment, "market": {"own_campaigns": 4}}
        config = TrainingConfiguration.model_validate(chosen)
        found = measure_simulation([batch(0, [1.0] * episodes), failed(1)], config, ALPHA)
        assert (found.reward.n, found.seeds) == (2 * episodes, 2 * episodes)


def test_batches_are_read_in_index_order():
    """The order in which batches arrive changes nothing."""
    rng = np.random.default_rng(0)
    batches = [batch(i, rng.random(32).tolist()) for i in range(4)]
    assert measure_simulation(batches, CONFIG, ALPHA) == measure_simulation(batches[::-1], CONFIG, ALPHA)


def test_cvar_is_the_mean_of_the_worst_tenth():
    """Of 100 ratios the ten worst average, and the upper bound lies above."""
    ratios = [-0.5] * 5 + [0.1] * 5 + [0.9] * 90
    found = measure_simulation([batch(0, [0.9] * 100, raw_rewards=ratios)], CONFIG, ALPHA)
    assert found.cvar == pytest.approx(-0.2)
    assert found.cvar_high is not None and found.cvar_high > -0.2


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"rewards": [math.nan] * 4}, "not finite"),
        ({"raw_rewards": [-math.inf] * 4}, "not finite"),
        ({"rewards": [1.4] * 4}, "outside"),
        ({"successes": [True]}, "measures for its episodes"),
    ],
)
def test_broken_batches_become_problems(changes: dict[str, object], problem: str):
    """Numbers that cannot be are named by their batch."""
    found = measure_simulation([batch(3, [0.9] * 4, **changes)], CONFIG, ALPHA)
    assert problem in found.problems[0] and "exam batch 3" in found.problems[0]


def test_no_exam_measures_nothing():
    """Without batches there is no number, and no error."""
    found = measure_simulation((), CONFIG, ALPHA)
    assert (found.reward.n, found.cvar, found.seeds, found.problems) == (0, None, 0, ())


def test_replaced_seeds_are_counted_among_those_drawn():
    """32 episodes with 2 replaced are 34 seeds."""
    found = measure_simulation([batch(0, [0.9] * 32, replaced=2)], CONFIG, ALPHA)
    assert (found.replaced, found.seeds) == (2, 34)


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


def test_efficiency_of_full_and_of_half_spend():
    """Spending all of the plan scores 1, half of it 0.5, and over-delivery no more than 1."""
    for planned, value in ((20, 1.0), (40, 0.5), (10, 1.0)):
        found = live(*(campaign(i, start=7 * i, planned_micros=planned * 7_000_000) for i in range(6))).efficiency
        assert found.value == pytest.approx(value)
        assert found.low is not None and found.low <= value


def test_waste_is_spend_without_a_conversion():
    """A campaign beyond three target CPAs without a matured conversion is wasted whole."""
    found = live(campaign(0), campaign(1, conversions=0)).efficiency
    assert found.waste == pytest.approx(0.5)
    cheap = CONFIG.economics.model_copy(update={"target_cpa": Decimal("100.00")})
    assert live(campaign(1, conversions=0), config=CONFIG.model_copy(update={"economics": cheap})).efficiency.waste == 0


def test_uneven_campaigns_have_a_lower_bound_well_below_the_estimate():
    """Campaigns that spent all or a fifth of their plan leave much doubt; fewer than five have no bound at all."""
    uneven = [campaign(i, planned_micros=20_000_000 * 7 * (1 if i % 2 else 5)) for i in range(6)]
    found = live(*uneven).efficiency
    assert found.low is not None and found.value is not None and found.low < found.value - 0.1
    assert live(*uneven[:4]).efficiency.low is None


def test_a_perfect_pacer_scores_near_one_at_any_number_of_clicks():
    """The sampling floor is taken off: uncorrected, 25 clicks give about 0.64."""
    reference, rng = np.full(24, 1 / 24), np.random.default_rng(0)
    curves = rng.multinomial(25, reference, size=300) / 25
    raw = np.mean(1 - np.abs(curves - reference).sum(axis=1) / 2)
    assert 0.6 < raw < 0.68
    assert np.mean([pacing_score(curve, reference, 25) for curve in curves]) > 0.95


def test_pacing_needs_clicks_and_a_reference():
    """Below 350 clicks it is left out; above, without a reference curve, it is missing; with one, it is scored."""
    night = tuple(20_000_000 if hour == 3 else 0 for hour in range(24))
    few, many = campaign(0, 1, hourly_cost_micros=night), campaign(0, hourly_cost_micros=night)
    assert (live(few).efficiency.pacing, live(few).efficiency.pacing_missing) == (None, False)
    assert live(many).efficiency.pacing_missing
    scored = live(many, pacing_reference=[1.0] * 24).efficiency
    assert scored.pacing is not None and scored.pacing < 0.2 and not scored.pacing_missing


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
        (campaign(0, cost_micros=-1, spend_micros=0), "negative"),
        (campaign(0).model_copy(update={"days": (day(0), day(0))}), "twice"),
        (campaign(0).model_copy(update={"days": ()}), "reports no day"),
    ],
)
def test_impossible_reports_become_problems(broken: CampaignResult, problem: str):
    """Negative counts, a day twice, and spend without a day are named."""
    assert problem in live(broken).problems[0]


# ------------------------------------------------------------ scaled


def test_weekly_gains_against_the_control():
    """The gain is the ratio of revenue x margin / cost per matured week; an immature week ends the series."""
    candidate = campaign(0, 30, revenue_micros=90_000_000)
    control = campaign(1, 30, arm="control", revenue_micros=60_000_000)
    found = scaled(candidate, control).improvement
    assert found is not None and found.gains == pytest.approx([0.5] * 4) and found.longest_run == 4
    late = candidate.model_copy(update={"days": (*candidate.days[:20], day(20, matured=False), *candidate.days[21:])})
    cut = scaled(late, control).improvement
    assert cut is not None and cut.weeks == 2


def test_a_week_without_revenue_is_a_loss_and_not_a_gap():
    """The candidate's empty week counts against it."""
    days = tuple(day(i, revenue_micros=0 if 7 <= i < 14 else 90_000_000) for i in range(28))
    found = scaled(campaign(0).model_copy(update={"days": days}), campaign(1, 28, arm="control")).improvement
    assert found is not None and found.weeks == 4 and found.gains[1] < -0.99 and found.longest_run < 4


def test_without_a_split_the_audiences_are_not_disjoint():
    """Nothing is assumed of the audience."""
    found = scaled(campaign(0), split=None).improvement
    assert found is not None and not found.disjoint and found.split_p is None


def test_a_split_that_went_wrong_has_a_tiny_p():
    """60 to 40 where half and half was planned is no chance."""
    wrong = AudienceSplit(disjoint=True, candidate=6000, control=4000, planned_share=0.5)
    found = scaled(campaign(0), split=wrong).improvement
    assert found is not None and found.split_p is not None and found.split_p < 1e-6


def test_success_needs_profit_and_a_clean_matured_settled_campaign():
    """A violation, a loss and a halt are no success; an immature campaign is not counted; the control is nobody's."""
    found = scaled(
        campaign(0),
        campaign(1, violations=1),
        campaign(2, revenue_micros=1),
        campaign(3, reason="halted"),
        campaign(4, matured=False),
        campaign(5, arm="control"),
    ).portfolio
    assert found is not None and (found.campaigns, found.matured, found.successes) == (5, 4, 1)


def test_campaigns_of_one_product_count_as_fewer():
    """Twenty campaigns of twenty products are twenty, of one product fewer than five."""
    assert effective_number([str(i) for i in range(20)]) == 20
    assert effective_number(["p"] * 20) == pytest.approx(20 / (1 + 19 * 0.2))
