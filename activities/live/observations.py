"""LIVE: reads a campaign's report, makes the agent's observation of it, and checks whether the campaign must halt.

Touch this to halt a campaign for another reason.
"""

from __future__ import annotations

import time as clock
from collections.abc import Callable

import numpy as np
from temporalio import activity

from activities.inputs import Inputs
from activities.live.campaign_days import campaign_clock
from activities.live.locating import Locating
from activities.live.monitoring import Detect, Monitoring, Terms
from activities.live.watching import Watched, Watching
from activities.made_for import marked
from gaelp.agents.contract import Observation, TickTime, Totals
from gaelp.domain.ad_accounts import Account
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.gates.criteria_live_test import loss_too_deep
from gaelp.domain.platform_records import MOST_REPORTED, CampaignReport, DayReport
from gaelp.domain.spending.campaign_clock import CampaignClock
from gaelp.evidence.monitoring.anomaly_detection import anomalies_of
from gaelp.evidence.profit import contribution_share, drawdown_micros, matured_of
from gaelp.ledger.ledger import Ledger
from gaelp.market.calibration.calibrate import click_value_micros
from gaelp.messages.live_campaign import Observe, Observed
from gaelp.platforms.protocol import PlatformError, ReadsCampaigns


class Observations:
    """Reads the platform; posts what it says was spent, which is a record and not an effect on it."""

    def __init__(
        self,
        ledger: Ledger,
        inputs: Inputs,
        open_platform: Callable[[Account], ReadsCampaigns],
        wait: Callable[[float], None] = clock.sleep,
        detect: Detect = anomalies_of,
    ) -> None:
        self._ledger = ledger
        self._locating = Locating(ledger, wait)
        self._watching = Watching(ledger)
        self._monitoring = Monitoring(ledger, detect, wait)
        self._inputs = inputs
        self._open_platform = open_platform

    @activity.defn(no_thread_cancel_exception=True)
    def observe(self, observe: Observe) -> Observed:
        """The tick's observation by digest, and any reason to halt."""
        campaign = observe.campaign
        config = self._inputs.config(campaign.context.config_digest)
        account = self._ledger.account(campaign.context.account)
        platform = self._open_platform(account)
        state = self._locating.find_created(platform, campaign)
        if state is None:
            return self._unknown(observe)
        report = platform.report(account.account, state.platform_id, observe.at)
        over = self._watching.post_days(Watched.of(campaign, account), report, account)
        changed = self._watching.compare(campaign, account, state, observe.at)
        over = "; ".join(reason for reason in (over, changed) if reason)
        if _asks_for_itself(observe):
            terms = Terms(config, self._inputs.market(campaign.context.market_digest))
            standing = self._monitoring.look(campaign, account, state, report, terms)
        else:
            standing = self._monitoring.standing(campaign.name)
        halt = over or standing.halt or _drawdown(standing.trusted(report.days), config)
        if report.disapproved:
            halt = halt or f"the platform disapproved {', '.join(report.disapproved)}"
        self._keep_halt(observe, halt)
        arrays = self._observation(observe, report, campaign_clock(campaign, account), config)
        if observe.at == campaign.at():  # a later reading is no tick's observation, and nothing is decided on it
            arrays = marked(arrays, campaign)
        return Observed(
            observation_digest=self._inputs.store.put_arrays(arrays),
            spend_micros=sum(max(d.cost_micros, d.served_micros) for d in report.days),
            enabled=state.enabled,
            days=report.days,
            halt=halt,
            stop_account=bool(over),
            held=standing.held,
            outside=standing.outside and halt == standing.halt,
        )

    def _keep_halt(self, observe: Observe, halt: str) -> None:
        """Keep a halt in the ledger: one that is not there was told by somebody who answers in our place."""
        if halt and _asks_for_itself(observe):
            self._ledger.keep_halt(observe.campaign.name, halt, observe.at)

    def _unknown(self, observe: Observe) -> Observed:
        """A campaign that was created and does not read back must halt, and its account with it."""
        if not self._locating.may_exist(observe.campaign):
            raise PlatformError(f"campaign {observe.campaign.name} is not on the platform", permanent=True)
        halt = self._locating.record_unknown(observe.campaign, observe.at)
        self._keep_halt(observe, halt)
        return Observed(
            observation_digest="",
            spend_micros=self._locating.spent_micros(observe.campaign),
            enabled=False,
            halt=halt,
            stop_account=True,
        )

    def _observation(
        self,
        observe: Observe,
        report: CampaignReport,
        clock: CampaignClock,
        config: TrainingConfiguration,
    ) -> dict[str, np.ndarray]:
        campaign, cells = observe.campaign, report.cells
        market = self._inputs.market(campaign.context.market_digest)
        local = clock.calendar.local(observe.at)
        today = next((day for day in report.days if day.day == local.date()), None)
        spent = max(today.cost_micros, today.served_micros) if today else 0
        time_left = 1.0 - campaign.progress.tick / campaign.ticks.ticks_in(campaign.order.plan.days)
        counts = (cells.impressions, cells.clicks, cells.conversions, cells.cost_micros)
        return Observation.build(
            TickTime(np.array([local.hour]), np.array([local.weekday()]), np.array([time_left])),
            Totals(*map(_counts, counts)),
            market.segment_features,
            market.candidate_features,
            np.array([max(campaign.progress.daily_budget_micros - spent, 0)]),
            click_value_micros(config.economics),
        ).to_arrays()


def _asks_for_itself(observe: Observe) -> bool:
    """Whether the campaign's own workflow reads it.

    What another one has read, as of another day or by other terms, neither halts the campaign nor takes a step in it.
    """
    return activity.info().workflow_id == observe.campaign.name


def _counts(cells: tuple[tuple[float, ...], ...]) -> np.ndarray:
    """Reported counts [1, S, K]; the rest of a count beyond what a platform may report is dropped.

    Agents count events: of conversions that a platform divides among ads they are shown the whole ones.
    """
    try:
        return np.array([cells], np.int64)
    except OverflowError:
        return np.array([[[min(max(count, 0), MOST_REPORTED) for count in row] for row in cells]], np.int64)


def _drawdown(days: tuple[DayReport, ...], config: TrainingConfiguration) -> str:
    """Matured days only, because an immature day never decides; measured and judged as in criterion 8."""
    loss = drawdown_micros(matured_of(days, contribution_share(config)))
    return f"drawdown: {reason}" if (reason := loss_too_deep(loss, config)) else ""
