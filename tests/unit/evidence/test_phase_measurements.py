"""From results to the numbers that gates judge: phase measurements, efficiency and portfolio."""

from __future__ import annotations

import math
from datetime import date, timedelta

import numpy as np
import pytest

from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.episodes import EpisodeState
from gaelp.domain.gates.judging import alpha_for
from gaelp.domain.gates.measurements import AudienceSplit, CampaignMeasures
from gaelp.domain.phases import Phase
from gaelp.domain.platform_records import DayReport
from gaelp.domain.spending.campaign_records import BudgetMove, CampaignResult
from gaelp.evidence.phase_measurements import (
    SpendingEvidence,
    measure_campaigns,
    measure_historical,
    measure_simulation,
)
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
