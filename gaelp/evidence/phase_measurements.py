"""From the results of a phase to the raw numbers that its gate judges. Nothing is decided here.

Broken data become `problems` or NaN, which the gate judges as INVALID. Touch this when a criterion needs a new number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.episodes import EpisodeState
from gaelp.domain.gates.measurements import (
    AudienceSplit,
    CampaignMeasures,
    ConductMeasure,
    HistoricalMeasures,
    LogMeasures,
    PointMeasure,
    ProfitMeasure,
)
from gaelp.domain.phases import Phase
from gaelp.domain.spending.campaign_records import Arm, BudgetMove, CampaignResult
from gaelp.evidence import profit
from gaelp.evidence.efficiency import measure_efficiency
from gaelp.evidence.history.off_policy import LOGGING, TESTED
from gaelp.evidence.history.panel_measurements import (
    measure_forecast,
    measure_panel_evidence,
    measure_ranks,
)
from gaelp.evidence.portfolio import longest_run, measure_improvement, measure_portfolio
from gaelp.messages.log_replay import Estimate, LogEvidence
from gaelp.money import micros, rounded_money

_POINTS = ("ips", "snips", "dr", "switch-dr")


def measure_historical(logs: Sequence[LogEvidence], alpha: float) -> HistoricalMeasures:
    """What each log says of the agent under test, side by side."""
    return HistoricalMeasures(logs=tuple(_log(log, alpha) for log in logs), alpha=alpha)


@dataclass(frozen=True)
class SpendingEvidence:
    """What a spending phase left behind for its gate, in any order of campaigns."""

    phase: Phase
    campaigns: Sequence[CampaignResult]
    moves: Sequence[BudgetMove] = ()
    stopped: str = ""  # why the phase was stopped; empty where it was not
    pacing_reference: Sequence[float] | None = None  # [24]: the market's curve of traffic by hour of day; none: unknown
    split: AudienceSplit | None = None  # how the audience was divided between the arms; none: it was not
    problems: Sequence[str] = ()  # what cannot be, beside what is found in the reports themselves


def measure_campaigns(evidence: SpendingEvidence, config: TrainingConfiguration, alpha: float) -> CampaignMeasures:
    """The measures of a spending phase, with bounds at level `alpha`."""
    ordered = sorted(evidence.campaigns, key=lambda campaign: campaign.index)
    tested = [campaign for campaign in ordered if campaign.arm is Arm.CANDIDATE]
    scaled = evidence.phase == Phase.SCALED
    cap = micros(config.scaled.daily_cap if scaled else config.live_test.daily_cap)
    rng = np.random.Generator(np.random.Philox(config.seed))
    return CampaignMeasures(
        phase=evidence.phase,
        alpha=alpha,
        stopped=evidence.stopped,
        broken_off=any(campaign.reason for campaign in ordered),
        conduct=_conduct(ordered, evidence.moves, config),
        profit=_profit(tested, config, alpha, cap),
        efficiency=measure_efficiency(tested, config, alpha, evidence.pacing_reference, rng),
        improvement=measure_improvement(ordered, config, alpha, evidence.split) if scaled else None,
        portfolio=measure_portfolio(ordered, config, alpha) if scaled else None,
        problems=(
            *evidence.problems,
            *(problem for campaign in ordered for problem in _impossible(campaign, config.currency)),
        ),
    )


# ------------------------------------------------------------ history


def _log(log: LogEvidence, alpha: float) -> LogMeasures:
    tested = {e.estimator: e for e in log.estimates if e.policy == TESTED}
    logging = next((e.value for e in log.estimates if e.policy == LOGGING), None)
    known = {"log": log.log, "kind": log.kind or "", "grade": log.grade, "rows": log.rows, "clicks": log.clicks}
    panel = measure_panel_evidence(log.panel, alpha) if log.panel else None
    rest = {
        "state": log.state,
        "reason": log.reason,
        "logging": logging,
        "no_forecast": log.no_forecast,
        "no_bids": log.no_bids,
    }
    more: dict[str, object] = {"panel": panel, "randomised_p": log.randomised_p, "bids": log.bids}
    more["arms"] = measure_ranks(log.arms, alpha) if log.arms else None
    more["forecasts"] = tuple(measure_forecast(each, alpha) for each in log.forecasts)
    points = tuple(
        PointMeasure(estimator=key, value=e.value, low=e.low, high=e.high)
        for key in _POINTS
        if (e := tested.get(key)) is not None
    )
    return LogMeasures.model_validate(
        known
        | rest
        | more
        | {"points": points}
        | _weights(tested.get("snips"))
        | _paired(tested.get("non-inferiority"))
    )


def _weights(estimate: Estimate | None) -> dict[str, float]:
    names = ("row_ess", "click_ess", "largest_weight_share", "mean_weight", "mean_weight_error")
    return {} if estimate is None else {name: getattr(estimate, name) for name in names}


def _paired(estimate: Estimate | None) -> dict[str, float | None]:
    if estimate is None:
        return {}
    return {
        "difference": estimate.value,
        "difference_low": estimate.low,
        "log_wealth": estimate.log_wealth,
        "log_wealth_against": estimate.log_wealth_against,
    }


# ------------------------------------------------------------ spending phases


def _conduct(
    campaigns: Sequence[CampaignResult], moves: Sequence[BudgetMove], config: TrainingConfiguration
) -> ConductMeasure:
    counted = [c.near_misses for c in campaigns if c.near_misses is not None]
    step = 1 + config.scaled.raise_step
    return ConductMeasure(
        actions=sum(c.actions for c in campaigns),
        violations=sum(c.violations for c in campaigns),
        near_misses=sum(counted) if len(counted) == len(campaigns) else None,
        oversized_raises=sum(move.after_micros > math.ceil(move.before_micros * step) for move in moves),
    )


def _profit(
    campaigns: Sequence[CampaignResult], config: TrainingConfiguration, alpha: float, cap: int
) -> ProfitMeasure:
    days = profit.matured_days(campaigns, profit.contribution_share(config))
    h = max(config.live_test.roi, 0.0)
    lag, window = config.economics.lag_days, config.economics.attribution_window_days
    test = profit.profit_test(days, worst_day_micros=cap, h=h, lag_days=lag, window_days=window)
    positive = [success for c in campaigns if (success := _positive(c, config)) is not None]
    return ProfitMeasure(
        days=days.cost.size,
        wealth=test.final,
        h=h,
        roi=profit.roi(days),
        roi_high=profit.roi_upper_bound(days, alpha),
        drawdown_micros=profit.drawdown_micros(days),
        streak=longest_run(positive),
        counted=sum(_counts(c, config) for c in campaigns),
        campaigns=len(campaigns),
    )


def _stopped_for_safety(campaign: CampaignResult) -> bool:
    """A settled campaign with a reason was halted; a person's cancellation is not a safety stop."""
    halted = campaign.state == EpisodeState.SETTLED and bool(campaign.reason)
    return halted or campaign.state == EpisodeState.FAILED or campaign.violations > 0


def _counts(campaign: CampaignResult, config: TrainingConfiguration) -> bool:
    matured = bool(campaign.days) and all(day.matured for day in campaign.days)
    spent = sum(map(profit.day_cost, campaign.days)) >= max(micros(config.live_test.minimum_spend), 1)
    converted = sum(day.conversions for day in campaign.days) >= config.live_test.minimum_conversions
    return matured and spent and converted


def _positive(campaign: CampaignResult, config: TrainingConfiguration) -> bool | None:
    """Whether the campaign extends the streak; None where it neither extends nor breaks it."""
    if _stopped_for_safety(campaign):
        return False
    if not _counts(campaign, config):
        return None
    return bool(profit.matured_days([campaign], profit.contribution_share(config)).profit.sum() > 0)


def _impossible(campaign: CampaignResult, currency: str) -> list[str]:
    """Reported numbers that cannot be."""
    negative = [day.day for day in campaign.days if day.revenue_micros < 0]
    twice = len(campaign.days) - len({d.day for d in campaign.days})
    problems = [f"{campaign.campaign} reports a negative revenue on {negative[0]}"] if negative else []
    problems += [f"{campaign.campaign} reports {twice} days twice"] if twice else []
    if campaign.spend_micros > 0 and not campaign.days:
        problems.append(
            f"{campaign.campaign} spent {rounded_money(campaign.spend_micros, currency)} and reports no day"
        )
    return problems
